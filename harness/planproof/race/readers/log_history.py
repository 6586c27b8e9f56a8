"""Histories as Jepsen prints them: log lines of its etcd tests, and ``history.txt``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from planproof.errors import HistoryError
from planproof.race.history.operation import Outcome, show
from planproof.race.history.plain_forms import ANSWERS
from planproof.race.history.values import frozen
from planproof.race.readers.edn import Keyword, read_forms
from planproof.race.readers.pairing import Pairing


if TYPE_CHECKING:
    from planproof.race.history.operation import History


# The oldest logs begin with the level; later ones with the time, and name the thread.
_LOG: Final = re.compile(
    r"(?:\d[^\n]*?\s)??(?P<level>INFO|WARN|DEBUG|ERROR)\s+(?:\[[^\]]*\]\s+)?"
    r"(?P<source>\S+?)(?: -|:) (?P<text>.*)"
)
_EVENT: Final = re.compile(
    r"(?P<process>\d+|:\w+)\s+:(?P<type>invoke|ok|fail|info)\s+:(?P<op>[\w-]+)\s+(?P<value>\S.*)"
)


def read_log(text: str, path: str) -> History:
    """Read the log of a compare-and-set register in etcd, as Porcupine's test data has it.

    A compare-and-set that fails ran and compared unequal: it happened, and says what the register was not.
    A read that fails, and whatever failed by timing out, has an unknown result.

    Args:
        text: lines of ``INFO  jepsen.util - PROCESS :TYPE :OP VALUE``; lines of other loggers are skipped.
        path: for messages.

    Raises:
        HistoryError: with file and line.
    """
    pairing = Pairing(path)
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.strip()
        if not line:
            continue
        log = _LOG.fullmatch(line)
        if log is None:
            raise HistoryError("is no line of a Jepsen log; was it cut?", path=path, line=number)
        if log["source"] == "jepsen.util":
            event = _EVENT.fullmatch(log["text"])
            if event is None:
                raise HistoryError("is no event of a history; was it cut?", path=path, line=number)
            _take(pairing, event, path, number, ran_unequal=True)
    return pairing.history()


def read_table(text: str, path: str) -> History:
    """Read Jepsen's ``history.txt``: process, type, operation, value, perhaps an error, between tabs.

    A failed operation did not happen.

    Args:
        text: the file.
        path: for messages.

    Raises:
        HistoryError: with file and line.
    """
    pairing = Pairing(path)
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        event = _EVENT.fullmatch(line.strip())
        if event is None:
            raise HistoryError("is no event of a history; was it cut?", path=path, line=number)
        _take(pairing, event, path, number, ran_unequal=False)
    return pairing.history()


def _take(pairing: Pairing, event: re.Match[str], path: str, line: int, *, ran_unequal: bool) -> None:
    process, kind, op = event["process"], event["type"], event["op"]
    value, error = _value(event["value"], path, line)
    if process.startswith(":"):
        pairing.note("fault" if process == ":nemesis" else process[1:], f"{op} {show(value)}")
        return
    client = int(process)
    if kind == "invoke":
        _check(op, value, path, line)
        if op in {"acquire", "release"} and value is None:
            args: tuple[Any, ...] = (client,)
        elif value is None and op != "write":
            args = ()
        else:
            args = value if op == "cas" else (value,)
        pairing.call(client, op, args, line)
        return
    outcome = Outcome(kind)
    result = value if outcome is Outcome.OK and op in ANSWERS else None
    if ran_unequal and outcome is Outcome.FAIL:
        if op == "cas" and error is None:
            outcome, result = Outcome.OK, False
        else:
            outcome = Outcome.INFO
    elif outcome is Outcome.OK:
        _check(op, value, path, line)
        if op not in ANSWERS and value is not None and error is None:
            _same(pairing.args_of(client), op, value, path, line)
    pairing.reply(client, op, outcome, line, result=result, error=error)


def _check(op: str, value: Any, path: str, line: int) -> None:
    if op == "cas" and not (isinstance(value, tuple) and len(value) == 2):  # noqa: PLR2004 - old and new
        raise HistoryError("a cas needs [old new]", path=path, line=line)


def _same(args: tuple[Any, ...], op: str, value: Any, path: str, line: int) -> None:
    """A reply repeats what was called; another value is a file that was cut or mixed up."""
    if args and value not in {args, args[0]}:
        raise HistoryError(
            f"{op} returns {show(value)}, but was called with {show(args)}", path=path, line=line
        )


def _value(text: str, path: str, line: int) -> tuple[Any, str | None]:
    """The value, and what went wrong where a keyword or a second value says so."""
    try:
        forms = [form for form, _ in read_forms(text)]
    except HistoryError as error:
        raise HistoryError(error.message, path=path, line=line) from None
    first = forms[0] if forms else None
    words = [show(frozen(form)).strip("'") for form in forms[1:]]
    if isinstance(first, Keyword):
        return None, " ".join([str(first), *words])
    return frozen(first), " ".join(words) or None
