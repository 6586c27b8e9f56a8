"""A running server and one try at getting it: the nouns that finding, keeping and the doctor share."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol


if TYPE_CHECKING:
    from pathlib import Path

    from planproof.backends.model import BackendKind
    from planproof.backends.settings import Settings
    from planproof.backends.waiting import Clock


class Attempt(NamedTuple):
    """One way in which a store was looked for.

    Attributes:
        source: ``environment``, ``container`` or ``program``.
        found: whether it can be had that way.
        message: what was found, or why not; one sentence.
        remedy: what to set or install, where it cannot be had.
    """

    source: str
    found: bool
    message: str
    remedy: str = ""


class Server(Protocol):
    """A server that this run started and has to stop.

    Attributes:
        url: how an owner of the whole server reaches it.
        version: what it says of itself.
        source: ``container`` or ``program``.
    """

    url: str
    version: str
    source: str

    def failure(self) -> str | None:
        """Why it is no longer running, in one sentence; None while it runs."""

    def stop(self) -> None:
        """Stop it and remove what it left. Never raises for a server that is already gone."""

    def bury(self) -> None:
        """The same from a process that did not start it, whose owner was killed; at once, by force."""


class Starter(Protocol):
    """A function that starts a server of one kind in one way."""

    def __call__(self, kind: BackendKind, settings: Settings, directory: Path, clock: Clock) -> Server:
        """Start it with its files in ``directory`` and return when it has answered a real query.

        Raises:
            BackendUnavailableError: it cannot be had that way; one sentence.
        """


class Told(NamedTuple):
    """What a server said when it was asked what it is."""

    version: str
    emulated: bool = False
