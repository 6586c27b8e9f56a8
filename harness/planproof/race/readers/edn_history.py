"""Histories of EDN maps: Porcupine's key-value files, Knossos' and Jepsen's ``history.edn``.

Here ``:fail`` means that the operation did not happen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from planproof.errors import HistoryError
from planproof.race.history.operation import Outcome, show
from planproof.race.history.plain_forms import ANSWERS
from planproof.race.history.values import frozen
from planproof.race.readers.edn import Keyword, read_forms
from planproof.race.readers.pairing import Pairing


if TYPE_CHECKING:
    from collections.abc import Iterator

    from planproof.race.history.operation import History


REPEATING: Final = frozenset({"write", "put", "append", "enqueue"})
"""Operations whose reply, where it has a value, repeats the call's."""


def read_maps(text: str, path: str) -> History:
    """Read maps with ``:process``, ``:type``, ``:f``, ``:value``, and ``:key`` where there are keys.

    Args:
        text: maps one after the other, or vectors of maps.
        path: for messages.

    Raises:
        HistoryError: with file and line.
    """
    pairing = Pairing(path)
    events = list(_maps(text, path))
    if _independent([event for event, _ in events]):
        pairing.meta["keyed"] = True
        for event, _ in events:
            value = event.get("value")
            if isinstance(value, tuple) and len(value) == 2 and event.get("process") != "nemesis":  # noqa: PLR2004 - key and value
                event["key"], event["value"] = value
    for event, line in events:
        _take(pairing, event, path, line)
    return pairing.history()


def _independent(events: list[dict[Any, Any]]) -> bool:
    """Whether values are ``[key value]``, as ``jepsen.independent`` has them: reads ask for ``[key nil]``."""
    asked = [
        event.get("value")
        for event in events
        if event.get("type") == "invoke" and event.get("f") == "read" and "key" not in event
    ]
    return bool(asked) and all(isinstance(value, tuple) and value[1:] == (None,) for value in asked)


def _maps(text: str, path: str) -> Iterator[tuple[dict[Any, Any], int]]:
    for form, line in read_forms(text, path):
        for event in form if isinstance(form, tuple) else (form,):
            if not isinstance(event, dict):
                raise HistoryError(f"{show(event)} is no event", path=path, line=line)
            yield event, line


def _take(pairing: Pairing, event: dict[Any, Any], path: str, line: int) -> None:
    process = event.get("process")
    value = frozen(event.get("value"))
    if isinstance(process, Keyword) or process == "nemesis":
        pairing.note("fault" if process == "nemesis" else str(process), f"{event.get('f')} {show(value)}")
        return
    missing = [name for name in ("process", "type", "f") if event.get(name) is None]
    if missing:
        raise HistoryError(f"an event has no :{missing[0]}", path=path, line=line)
    kind, op = event["type"], str(event["f"])
    if event.get("index") is not None:
        pairing.once(event["index"], line)
    if kind == "invoke":
        pairing.call(process, op, _arguments(event, op, value, process), line)
        return
    try:
        outcome = Outcome(kind)
    except ValueError:
        raise HistoryError(
            f":{kind} is none of :invoke, :ok, :fail and :info", path=path, line=line
        ) from None
    if outcome is Outcome.OK and op in REPEATING and value is not None:
        pairing.repeats(process, op, _arguments(event, op, value, process), line)
    error = event.get("error")
    if error is None and outcome is not Outcome.OK and isinstance(event.get("value"), Keyword):
        error = value
    pairing.reply(
        process,
        op,
        outcome,
        line,
        result=value if outcome is Outcome.OK and op in ANSWERS else None,
        error=None if error is None else show(frozen(error)).strip("'"),
    )


def _arguments(event: dict[Any, Any], op: str, value: Any, process: Any) -> tuple[Any, ...]:
    """What the operation takes; a lock's owner is its process where nothing else is said."""
    if op in {"acquire", "release"} and value is None:
        return (process,)
    if "key" in event:
        key = frozen(event["key"])
        if op == "cas" and isinstance(value, tuple):
            return (key, *value)
        return (key,) if value is None and op in ANSWERS else (key, value)
    if value is None and op != "write":
        return ()
    return value if op == "cas" and isinstance(value, tuple) else (value,)
