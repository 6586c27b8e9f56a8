"""What every kind of check has in common: where it runs, and the one method it has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol


if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from planproof.proof.model import Check, Result


def silent(_message: str) -> None:
    """Progress for nobody."""


@dataclass(frozen=True, slots=True)
class Context:
    """Where and how checks run.

    Attributes:
        root: the workspace.
        scratch: an empty folder outside the workspace; removed afterwards.
        python: interpreter for pytest, coverage and races.
        env: the environment of the children.
        timeout: seconds that one check or test may take where it says nothing itself.
        workers: processes for pytest; 0 means as many as pay.
        expected_seconds: how long the pytest checks took last time; decides whether workers pay.
        tests: folders that hold the tests, relative to the root.
        prepare: told the file of a test that ended while others run, so that it can be read meanwhile.
        progress: told one short line whenever something was done.
        race: runs a workload in this process instead of a child; for tests.
    """

    root: Path
    scratch: Path
    python: str
    env: Mapping[str, str]
    timeout: float = 300.0
    workers: int = 0
    expected_seconds: float = 0.0
    tests: tuple[str, ...] = ()
    prepare: Callable[[str], None] = silent
    progress: Callable[[str], None] = silent
    race: Callable[..., Any] | None = None


class Runner(Protocol):
    """Runs all checks of one or more kinds."""

    def run(self, checks: Sequence[Check], context: Context) -> Iterator[Result]:
        """Run them and give each one's result as soon as it is known.

        On KeyboardInterrupt a runner first gives what is finished, then lets it through.
        """
        ...
