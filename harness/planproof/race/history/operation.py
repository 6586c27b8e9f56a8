"""Operations, notes and histories: frozen data, no input or output."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from planproof.errors import HistoryError


if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Outcome(enum.StrEnum):
    """What the client knows of an operation: it happened, it did not, or nobody can tell."""

    OK = "ok"
    FAIL = "fail"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class SubOperation:
    """One SQL statement or HTTP request that an operation sent, retries of the SDK included.

    Attributes:
        kind: ``sql``, ``http`` or whatever the recorder was told.
        text: the statement or request, for people.
        begin: monotonic nanoseconds.
        end: monotonic nanoseconds; None where it never came back.
        note: the reply in a few words, such as an SQLSTATE.
    """

    kind: str
    text: str
    begin: int
    end: int | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Operation:
    """One call of one client, from before it was sent until its reply was there.

    Attributes:
        id: unique in its history.
        client: who called; each client has at most one operation open.
        op: name of the operation, as the model knows it.
        args: positional arguments, frozen (see :func:`planproof.race.history.frozen`).
        call: monotonic nanoseconds before it was sent.
        ret: monotonic nanoseconds after its reply; None where there never was one.
        outcome: ok, fail (did not happen) or info (unknown).
        result: what an ok operation returned; of no meaning for the others.
        error: what went wrong, in a few words.
        subs: what it sent to the store.
        line: where its call stands in the file that it was read from.
    """

    id: int
    client: int | str
    op: str
    args: tuple[Any, ...]
    call: int
    ret: int | None = None
    outcome: Outcome = Outcome.INFO
    result: Any = None
    error: str | None = None
    subs: tuple[SubOperation, ...] = ()
    line: int | None = None

    @property
    def text(self) -> str:
        """The call as people write it: ``cas(3, 0)``."""
        return f"{self.op}({', '.join(show(arg) for arg in self.args)})"

    @property
    def reply(self) -> str:
        """The reply as people write it: ``ok 3``, ``fail``, ``info: timed out``."""
        if self.outcome is Outcome.OK:
            return "ok" if self.result is None else f"ok {show(self.result)}"
        return f"{self.outcome}: {self.error}" if self.error else str(self.outcome)


@dataclass(frozen=True, slots=True)
class Note:
    """Something on the time line that is no operation: a fault, a clock that went back, a phase.

    Attributes:
        at: monotonic nanoseconds.
        kind: ``fault``, ``phase`` or a word of the recorder's own.
        text: for people.
        client: whom it hit; None where it hit all.
        end: monotonic nanoseconds; None for a point in time.
    """

    at: int
    kind: str
    text: str
    client: int | str | None = None
    end: int | None = None


@dataclass(frozen=True, slots=True)
class History:
    """What clients did, in the order of their calls.

    Attributes:
        operations: ordered by call time.
        notes: ordered by time.
        meta: what the recorder was told: seed, workload, backend, replay command.
        path: the file that it was read from.
        cut: the line in which the file breaks off; what stands before it was read.
        ended: False where the file holds no end mark (the run was killed).
    """

    operations: tuple[Operation, ...]
    notes: tuple[Note, ...] = ()
    meta: Mapping[str, Any] = field(default_factory=dict)
    path: str | None = None
    cut: int | None = None
    ended: bool = True

    @classmethod
    def of(cls, operations: Iterable[Operation], **rest: Any) -> History:
        """A well-formed history of these operations, sorted by call time.

        Args:
            operations: in any order.
            rest: the other attributes.

        Raises:
            HistoryError: two operations have one id, or a client has two operations open at once.
        """
        history = cls(tuple(sorted(operations, key=lambda op: op.call)), **rest)
        history.verify()
        return history

    def verify(self) -> None:
        """Refuse what no run can have produced.

        Raises:
            HistoryError: duplicate id, reply before the call, two calls of one client open at once.
        """
        seen: set[int] = set()
        open_until: dict[int | str, Operation] = {}
        for op in self.operations:
            if op.id in seen:
                raise HistoryError(f"operation {op.id} occurs twice", path=self.path, line=op.line)
            seen.add(op.id)
            if op.ret is not None and op.ret < op.call:
                raise HistoryError(
                    f"operation {op.id} returned before it was called", path=self.path, line=op.line
                )
            before = open_until.get(op.client)
            if before is not None and (before.ret is None or before.ret > op.call):
                raise HistoryError(
                    f"client {op.client} calls {op.text} while its {before.text} is still open",
                    path=self.path,
                    line=op.line,
                )
            open_until[op.client] = op

    @property
    def clients(self) -> tuple[int | str, ...]:
        """Every client, in the order of its first call."""
        return tuple(dict.fromkeys(op.client for op in self.operations))


def merged(histories: Iterable[History]) -> History:
    """One history of several processes that share the machine's monotonic clock; ids are dealt anew.

    Args:
        histories: each with clients of its own.

    Raises:
        HistoryError: the whole is not well formed.
    """
    parts = list(histories)
    calls = sorted((op for part in parts for op in part.operations), key=lambda op: op.call)
    notes = sorted((note for part in parts for note in part.notes), key=lambda note: note.at)
    meta: dict[str, Any] = {}
    for part in parts:
        meta.update(part.meta)
    return History.of(
        (replace(op, id=number) for number, op in enumerate(calls)),
        notes=tuple(notes),
        meta=meta,
        ended=all(part.ended for part in parts),
        cut=next((part.cut for part in parts if part.cut is not None), None),
    )


def show(value: Any) -> str:
    """A value for people: text is quoted, nothing is ``nil``, tuples look like lists."""
    if value is None:
        return "nil"
    if isinstance(value, tuple):
        return f"[{' '.join(show(item) for item in value)}]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value)
