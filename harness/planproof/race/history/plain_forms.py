"""Two plain forms for other tools: an object for an event, as Jepsen names them, or for a whole operation."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from planproof.errors import HistoryError
from planproof.race.history.operation import Note, Operation, Outcome
from planproof.race.history.values import frozen


if TYPE_CHECKING:
    from collections.abc import Iterator


ANSWERS: Final = frozenset({"read", "get", "dequeue", "contains", "list", "holder", "level", "login"})
"""Operations whose reply's value is their result; the reply of others may repeat the call's value."""

_OUTCOMES: Final = {"ok": Outcome.OK, "fail": Outcome.FAIL, "info": Outcome.INFO}
_CALLS: Final = frozenset({"invoke", "call"})


class PlainForms:
    """Takes objects in the order of the file.

    Events are in the order of their times, and where they have none, or the same, in that of the file.

    Args:
        path: for messages.
    """

    def __init__(self, path: str | None) -> None:
        self._path = path
        self._events: list[tuple[Any, int, dict[str, Any]]] = []
        self._operations: list[Operation] = []
        self.notes: list[Note] = []

    def take(self, value: dict[str, Any], line: int) -> bool:
        """Take an event or an operation; False where it is neither.

        Raises:
            HistoryError: it lacks something.
        """
        if "type" in value and ("process" in value or "client" in value):
            self._events.append((self._time(value, line), line, value))
        elif "op" in value and "call" in value:
            self._operations.append(self._operation(value, line))
        else:
            return False
        return True

    def operations(self) -> Iterator[Operation]:
        """Every operation; those without a reply are open.

        Raises:
            HistoryError: a reply without a call, or two calls open at once.
        """
        yield from self._counted()
        timed = [at for at, _, _ in self._events]
        if timed and None not in timed:
            self._events.sort(key=lambda event: event[0])
        # Equal times would make neighbours overlap whose order the file tells.
        own = all(type(at) is int for at in timed) and len(set(timed)) == len(timed)
        calls: dict[Any, tuple[Any, int, dict[str, Any]]] = {}
        for place, (at, line, value) in enumerate(self._events, 1):
            process, kind = value.get("process", value.get("client")), value["type"]
            when = at if own else place
            if process in {"nemesis", ":nemesis"}:
                self.notes.append(Note(place, "fault", f"{_name(value)} {value.get('value')}"))
            elif kind in _CALLS:
                if process in calls:
                    raise self._error(f"client {process} calls while its last call is still open", line)
                calls[process] = (when, line, value)
            elif process not in calls:
                raise self._error(f"client {process} returns without having called", line)
            else:
                yield self._paired(calls.pop(process), when, value, line)
        for call in calls.values():
            yield self._paired(call, None, {"type": "info"}, call[1])

    def _counted(self) -> list[Operation]:
        """The whole operations; where some times are fractions, with places among all times instead."""
        times = {at for op in self._operations for at in (op.call, op.ret) if at is not None}
        if all(type(at) is int for at in times):
            return self._operations
        place = {at: number for number, at in enumerate(sorted(times))}
        return [
            replace(op, call=place[op.call], ret=None if op.ret is None else place[op.ret])
            for op in self._operations
        ]

    def _time(self, value: dict[str, Any], line: int) -> Any:
        process, kind, at = value.get("process", value.get("client")), value["type"], value.get("time")
        if not isinstance(process, int | str) or not (at is None or _is_number(at)):
            raise self._error("process must be a number or text, and time a number", line)
        if kind not in _CALLS and kind not in _OUTCOMES:
            raise self._error(f"{kind!r} is none of invoke, ok, fail and info", line)
        return at

    def _paired(
        self, call: tuple[Any, int, dict[str, Any]], ret: Any, reply: dict[str, Any], line: int
    ) -> Operation:
        began, number, value = call
        op, outcome = _name(value), _OUTCOMES[reply["type"]]
        if _name(reply) not in {op, "None"}:
            raise self._error(f"returns from {_name(reply)}, but {op} was called in line {number}", line)
        given = value.get("value", value.get("args"))
        args = _arguments(given)
        if "key" in value:
            args = (frozen(value["key"]), *args)
        answer = reply.get("value")  # false is no repetition of 0, though Python calls them equal
        repeats = op not in ANSWERS and answer == given and json.dumps(answer) == json.dumps(given)
        error = reply.get("error")
        return Operation(
            -number,
            value["process"] if "process" in value else value["client"],
            op,
            args,
            began,
            ret,
            outcome,
            None if repeats or outcome is not Outcome.OK else frozen(answer),
            None if error is None else str(error),
            line=number,
        )

    def _operation(self, value: dict[str, Any], line: int) -> Operation:
        outcome = _OUTCOMES.get(str(value.get("outcome", "ok" if "return" in value else "info")))
        call, ret = value["call"], value.get("return", value.get("ret"))
        if outcome is None or not _is_number(call) or not (ret is None or _is_number(ret)):
            raise self._error(
                'an operation needs "call" and "return" in numbers, and an outcome of ok, fail or info', line
            )
        if ret is None and "outcome" in value:
            ret = call  # its client knows how it ended, only not when; an unknown one stays open all the same
        error = value.get("error")
        return Operation(
            value.get("id", -line),
            value.get("client", value.get("process", 0)),
            str(value["op"]),
            _arguments(value.get("args")),
            call,
            ret,
            outcome,
            frozen(value.get("result")),
            None if error is None else str(error),
            line=line,
        )

    def _error(self, message: str, line: int) -> HistoryError:
        return HistoryError(message, path=self._path, line=line)


def _name(value: dict[str, Any]) -> str:
    return str(value.get("f", value.get("op")))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value == value  # noqa: PLR0124 - not NaN


def _arguments(value: Any) -> tuple[Any, ...]:
    if value is None:
        return ()
    return tuple(frozen(value)) if isinstance(value, list) else (frozen(value),)
