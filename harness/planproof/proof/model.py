"""The nouns of proof: check, binding, outcome, control, result. Frozen, slotted, without I/O."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple


if TYPE_CHECKING:
    from collections.abc import Mapping


class CheckKind(StrEnum):
    """What sort of thing runs."""

    PYTEST = "pytest"
    COMMAND = "command"
    COVERAGE = "coverage"
    CODE = "code"
    CALLS = "calls"
    RACE = "race"


class BoundBy(StrEnum):
    """Who said that a check proves an item, strongest first."""

    MARKER = "marker"
    SIDECAR = "sidecar"
    INFERRED = "inferred"


class Outcome(StrEnum):
    """What came of a check.

    ``nothing`` means that nothing was checked (zero collected, all skipped, cannot fail); ``undecided``
    that it ran and cannot be judged (hung, died, flaky); ``unavailable`` that a backend or a tool is not
    to be had here. Only ``passed`` can prove, only ``failed`` can refute.
    """

    PASSED = "passed"
    FAILED = "failed"
    NOTHING = "nothing"
    UNDECIDED = "undecided"
    UNAVAILABLE = "unavailable"


class ControlOutcome(StrEnum):
    """What a check did on a broken variant (or on the placebo, where ``passed`` is what is wanted)."""

    KILLED = "killed"
    SURVIVED = "survived"
    UNDECIDED = "undecided"
    PASSED = "passed"
    FAILED = "failed"


class Variant(NamedTuple):
    """A broken variant: ``target`` is swapped for ``replacement``.

    For a race check ``replacement`` is the reference of a whole workload and ``target`` is empty. An empty
    ``replacement`` guts the target: functions return None.
    """

    name: str
    target: str
    replacement: str


@dataclass(frozen=True, slots=True)
class Controls:
    """The broken variants that a check must fail on, and the placebo that it must pass on.

    Attributes:
        variants: named broken variants.
        placebo: workload reference of a race check's placebo; empty means the check's own subject.
    """

    variants: tuple[Variant, ...] = ()
    placebo: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """Something that runs and can fail.

    Attributes:
        kind: what sort of thing runs.
        target: what it is about, in one short line.
        name: its name in the spec, or the node id of a marked test.
        params: all that its kind needs, JSON-able.
        backend: the store that it runs on, or None.
        inputs: globs of further files that the outcome depends on.
        timeout: seconds that it may take; None means the workspace's default.
        controls: its negative controls, or None.
        subjects: functions and classes that the claims it proves are about.
        sources: files of the workspace that the claims name and tests would import.
        path: file that declares it, relative to the workspace.
        line: line in that file.
    """

    kind: CheckKind
    target: str
    name: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    backend: str | None = None
    inputs: tuple[str, ...] = ()
    timeout: float | None = None
    controls: Controls | None = None
    subjects: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    path: str = ""
    line: int = 0

    @property
    def key(self) -> str:
        """Names what is run, whatever it is called and wherever it is declared."""
        return digest([self.kind, self.target, dict(self.params), self.backend])[:32]


@dataclass(frozen=True, slots=True)
class Binding:
    """An item and a check that would prove it.

    Attributes:
        item: id of the item.
        check: what proves it.
        bound_by: who said so.
        partial: True where the check proves only a part of the item.
        path: file that says so, relative to the workspace.
        line: line in that file.
        reason: why, for an inferred binding.
    """

    item: str
    check: Check
    bound_by: BoundBy
    partial: bool = False
    path: str = ""
    line: int = 0
    reason: str = ""


class ControlResult(NamedTuple):
    """What a check did on one variant; ``variant`` is ``placebo`` for the placebo."""

    variant: str
    outcome: ControlOutcome
    detail: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Footprint:
    """What an outcome rested on: digests by name, grouped by what goes stale when they change.

    Attributes:
        check: the test's own code, its fixtures, conftest files, spec entry, pytest configuration.
        code: the code and the files that it rests on.
        environment: Python, tools, lock file.

    ``check`` and ``code`` map a file to ``{function: digest}``, where ``<module>`` is what stands outside
    functions and ``<raw>`` the whole file's bytes; a file that is not Python has ``<raw>`` alone.
    """

    check: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    code: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of one check, once.

    Attributes:
        check: what ran.
        outcome: what came of it.
        reason: one sentence; empty where it simply passed.
        seconds: how long it took, controls not included.
        nodes: outcome by test node id, where there are tests.
        controls: what it did on the broken variants and the placebo.
        notes: what else is worth saying: skipped tests, changes to the working tree.
        entered: functions that it entered, by file, where they were seen; None where only files are known.
        opened: files of the workspace that it read.
        roots: files of the workspace that it starts from (test files, workload files, queried files).
        certificate: what a race run measured.
    """

    check: Check
    outcome: Outcome
    reason: str = ""
    seconds: float = 0.0
    nodes: Mapping[str, str] = field(default_factory=dict)
    controls: tuple[ControlResult, ...] = ()
    notes: tuple[str, ...] = ()
    entered: Mapping[str, tuple[str, ...]] | None = None
    opened: tuple[str, ...] = ()
    roots: tuple[str, ...] = ()
    certificate: Mapping[str, Any] = field(default_factory=dict)


def digest(value: Any) -> str:
    """SHA-256 of a JSON-able value in canonical form, or of bytes, in hex."""
    data = (
        value
        if isinstance(value, bytes)
        else json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
    )
    return hashlib.sha256(data).hexdigest()
