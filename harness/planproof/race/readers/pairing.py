"""Calls and replies that follow one another in a file, put together into operations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from planproof.errors import HistoryError
from planproof.race.history.operation import History, Note, Operation, Outcome, show


if TYPE_CHECKING:
    from collections.abc import Iterable


class Pairing:
    """Takes events in the order of the file; an event's place in it is its time.

    Args:
        path: for messages.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._now = 0
        self._calls: dict[Any, tuple[int, int, str, tuple[Any, ...], int]] = {}
        self._indices: dict[Any, int] = {}
        self._done: list[Operation] = []
        self._notes: list[Note] = []
        self._next = 0
        self.meta: dict[str, Any] = {}

    def once(self, index: object, line: int) -> None:
        """Refuse an event whose number occurred before.

        Raises:
            HistoryError: it did.
        """
        if index in self._indices:
            raise HistoryError(
                f"event {index} occurs twice, first in line {self._indices[index]}",
                path=self._path,
                line=line,
            )
        self._indices[index] = line

    def call(self, client: Any, op: str, args: Iterable[Any], line: int) -> None:
        """A client calls.

        Raises:
            HistoryError: its last call is still open.
        """
        if client in self._calls:
            raise HistoryError(
                f"client {client} calls {op} while its call in line {self._calls[client][4]} is still open",
                path=self._path,
                line=line,
            )
        self._now += 1
        self._calls[client] = (self._next, self._now, op, tuple(args), line)
        self._next += 1

    def reply(
        self,
        client: Any,
        op: str,
        outcome: Outcome,
        line: int,
        *,
        result: Any = None,
        error: str | None = None,
    ) -> None:
        """The client's call is answered.

        Raises:
            HistoryError: it has not called, or something else.
        """
        call = self._calls.pop(client, None)
        if call is None:
            raise HistoryError(f"client {client} returns without having called", path=self._path, line=line)
        number, began, called, args, at = call
        if called != op:
            raise HistoryError(
                f"client {client} returns from {op}, but called {called} in line {at}",
                path=self._path,
                line=line,
            )
        self._now += 1
        self._done.append(
            Operation(number, client, op, args, began, self._now, outcome, result, error, line=at)
        )

    def repeats(self, client: Any, op: str, args: tuple[Any, ...], line: int) -> None:
        """A reply repeats what was called; another value is a file that was cut or mixed up.

        Raises:
            HistoryError: it does not.
        """
        called = self.args_of(client)
        if called and args != called and args[-1:] != called[-1:]:
            raise HistoryError(
                f"{op} returns {show(args[-1])}, but was called with {show(called[-1])}",
                path=self._path,
                line=line,
            )

    def args_of(self, client: Any) -> tuple[Any, ...]:
        """The arguments of a client's open call; none where there is no call."""
        call = self._calls.get(client)
        return call[3] if call else ()

    def note(self, kind: str, text: str) -> None:
        """Something that is no operation."""
        self._now += 1
        self._notes.append(Note(self._now, kind, text))

    def history(self) -> History:
        """All operations; those without a reply are open to the end.

        Raises:
            HistoryError: not well formed.
        """
        still_open = [
            Operation(number, client, op, args, began, None, line=line)
            for client, (number, began, op, args, line) in self._calls.items()
        ]
        return History.of(
            [*self._done, *still_open], notes=tuple(self._notes), path=self._path, meta=self.meta
        )
