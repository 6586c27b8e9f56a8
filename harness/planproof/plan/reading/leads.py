"""What an item's text begins with: its id and its labels."""

from __future__ import annotations

import re
from functools import lru_cache, partial
from string import ascii_letters, ascii_lowercase
from typing import TYPE_CHECKING, Final, NamedTuple


if TYPE_CHECKING:
    from collections.abc import Callable


class Lead(NamedTuple):
    """An item's text taken apart.

    Attributes:
        name: the id as written, or "".
        scope: ``global`` for ids that count in the whole plan (``T005``), ``local`` for those that
            count below their parent (``AC-1``, ``#2``, ``Step 3``, ``1.``).
        labels: ``P``, ``US1``; without brackets.
        text: what is left.
    """

    name: str
    scope: str
    labels: tuple[str, ...]
    text: str


_made: Final[Callable[[tuple[str, str, tuple[str, ...], str]], Lead]] = partial(tuple.__new__, Lead)
"""Makes a lead of its parts in half the time that its class takes."""

MAX_LABELS: Final = 12
ENOUGH_DIGITS: Final = 2
"""So many digits make letters and digits an id; fewer need a separator or a sign behind them."""
MAX_PRIORITY: Final = 3
"""``P10`` and shorter ones are priorities."""

_PLAIN_NUMBER: Final = re.compile(r"([0-9]{1,4}(?:\.[0-9]{1,4}){1,4}) (?=[A-Za-z])")
_OPEN_MARKS: Final = re.compile(r"[ \t]*(?:\*\*|__|~~|`)*")
_BEHIND: Final = (
    r"(?:[*_~`]{1,4}(?=[ \t:.\-–—]|$)|(?:\*\*|__|~~|`)*)[ \t]*"
    r"(?:(?:[:.)]|[-–—](?=[ \t]))(?:\*\*|__|~~|`)*)?[ \t]*"
)
"""What parts an id from the words behind it; marks behind a blank open something and are left alone."""
_AFTER: Final = re.compile(_BEHIND)
# A name of letters and digits; the last part may be a suffix, never another number range.
_STRONG: Final = re.compile(
    r"(?>((?:([A-Z]{1,10})(?:[-_][A-Z]{1,8}[0-9]{0,3}){0,3}[-_]?[0-9]{1,6}[a-z]?(?:\.[0-9]{1,4}){0,3}"
    r"(?:[-_](?:[A-Z][A-Z0-9]{0,11}|[0-9]{1,4}|[a-z]{1,12})){0,4}"
    r"|t[0-9]{2,6}(?:\.[0-9]{1,4}){0,3})))(?=[ \t:.,)\]*_~`–—(\[]|$)" + _BEHIND
)
_RANGE: Final = re.compile(r"([A-Z]{1,10}[-_]?)([0-9]{1,6})\s?[-–]\s?(?:\1)?([0-9]{1,6})(?![\w.])")
_CAPITALS: Final = re.compile(r"(?:COV|CE|OQ|REQ|CON|CT)(?:[-_][A-Z0-9]{1,20}){1,6}")
_DOTTED: Final = re.compile(r"[0-9]{1,4}(?:\.[0-9]{1,4}){1,4}[a-z]?\.?(?=[ \t]|$|[:)*_~])")
_NUMBER: Final = re.compile(r"[0-9]{1,4}[.):](?=[ \t]|$|[*_~])")
_HASH: Final = re.compile(r"#[0-9]{1,6}(?=[ \t:.)]|$)")
_PAIR: Final = re.compile(r"[0-9]{2}(?:\.[0-9]{1,2})?-[0-9]{2}(?=[ \t:*]|-PLAN\.md)(?:-PLAN\.md)?")
_CALLED: Final = re.compile(
    r"(?:Work Package|Task|Story|Ticket|Subtask)[ \t]*:?[ \t]+(?=[A-Z]{1,10}[-_]?[0-9])"
)
"""A word before an id that says what it is the id of."""
_WORDED: Final = re.compile(
    r"(Task Group|Task|Step|Requirement|Phase|Milestone|Subtask|Story|Item|Track|Batch|Slice"
    r"|Part|Wave)[ \t]+#?"
    r"([0-9]{1,4}(?:\.[0-9]{1,4}){0,3}[a-z]?|[A-Z])(?=[ \t]*(?:[:.)*_~–—]|$|[ \t]-[ \t]))",
    re.IGNORECASE,
)
_CLEAR: Final = r"(?:(?![(\[:])|(?=\[[A-Z][A-Z0-9-]{0,11}\](?![(\[:])))"
"""What may not stand behind a label: a link's target; another label may."""
_LABEL: Final = re.compile(rf"\[([^\[\]\n]{{1,60}})\]{_CLEAR}[ \t]*|\((P|S|M|L|XL|XS)\)[ \t]*")
_RUN: Final = re.compile(rf"(?:\[[^\[\]\n]{{1,60}}\]{_CLEAR}[ \t]*|\((?:P|S|M|L|XL|XS)\)[ \t]*){{1,12}}")
_PLAIN_TASK: Final = re.compile(rf"(T[0-9]{{3,7}}[a-z]?) (?=[A-Z`a-z\[])({_RUN.pattern})?")
_LABELLED: Final = frozenset("[(*")
"""What a label can begin with."""
_BOLD_LABEL: Final = re.compile(r"\*\*\[([^\[\]\n]{1,60})\]\*\*[ \t]*")

# Words of the trade that look like ids.
_TRADE: Final = frozenset(
    [
        "SHA",
        "UTF",
        "HTTP",
        "IPV",
        "ISO",
        "RFC",
        "ES",
        "MD",
        "AES",
        "RSA",
        "OAUTH",
        "EC",
        "H",
        "TLS",
        "SSL",
        "CSS",
        "HTML",
        "WCAG",
        "K",
        "X",
        "BASE",
        "INT",
        "FLOAT",
        "UINT",
        "MP",
        "GPT",
        "PY",
        "NODE",
        "WIN",
        "CVE",
        "PEP",
        "UTC",
        "COVID",
        "Q",
        "S",
        "N",
        "V",
        "VT",
        "CP",
        "EN",
        "AZ",
        "ARM",
        "AMD",
        "RS",
        "HS",
        "PBKDF",
        "ED",
        "CRC",
        "MQTT",
        "COM",
        "PORT",
        "TCP",
        "USB",
        "GB",
        "MB",
        "KB",
        "PYTHON",
        "ANSI",
        "IEEE",
        "RP",
        "CO",
    ]
)
_ENOUGH_LETTERS: Final = frozenset({"US", "FR", "AC"})
"""Letters that make an id with one digit."""
_CAPITAL: Final = frozenset("COR")
"""What ``_CAPITALS`` can begin with."""
_LOCAL: Final = frozenset({"AC"})
_LOCAL_WORDS: Final = frozenset({"step", "item", "subtask"})


def lead(text: str) -> Lead:
    """Take an item's text apart into id, labels and statement."""
    if text[:2] in _PLAIN_HEADS and text[-1] not in "])":
        return _made(("", "", (), text))
    first = text[:1]
    if first == "T":
        found = _PLAIN_TASK.match(text)
        if found is not None:
            name, run = found.groups()
            return _made((name, "global", _split(run) if run else (), text[found.end() :]))
    elif first.isdigit():
        found = _PLAIN_NUMBER.match(text)
        if found is not None:
            return _made((found[1], "number", (), text[found.end() :].rstrip()))
        return _apart(text)
    if text[-3:] in {"(P)", "[P]"} and text[:3] not in {"(P)", "[P]"}:
        said = _general(text[:-3].rstrip())
        return said._replace(labels=(*said.labels, "P")) if said.text else _general(text)
    return _general(text)


@lru_cache(maxsize=1024)
def _split(run: str) -> tuple[str, ...]:
    """The labels of a run of brackets; most plans use few, so that they are shared."""
    return _labels(run, 0)[0]


# What a text must look like to begin with an id or a label; cheap, and lets more pass than is one.
_MAYBE: Final = re.compile(
    r"[*_~`(]*+(?:\[|[0-9#]|[A-Z][A-Z0-9_-]*[0-9]|t[0-9]|(?:COV|CE|OQ|REQ|CON|CT)[-_]"
    r"|(?:[Tt]ask|TASK|[Ss]tep|STEP|[Rr]equirement|[Pp]hase|[Mm]ilestone|[Ss]ubtask|[Ss]tory"
    r"|[Ii]tem|[Tt]rack|[Bb]atch|Work Package|Ticket|Task:"
    r"|[Ss]lice|[Pp]art|[Ww]ave)[ \t])"
)

_OPENERS: Final = frozenset("*_~`([#0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZtsrpmiwb")
"""What ``_MAYBE`` can begin with."""
_WORD_HEADS: Final = frozenset(
    head
    for word in ("Ta", "St", "Re", "Ph", "Mi", "Su", "It", "Tr", "Ba", "Sl", "Pa", "Wa", "Wo", "Ti")
    for head in (word, word.lower())
)
"""What the words that ``_MAYBE`` knows begin with; a small letter follows in no other id."""
_PLAIN_HEADS: Final = (
    frozenset(first + second for first in ascii_letters for second in ascii_lowercase) - _WORD_HEADS
)
"""Two letters that no id and no label begins with."""


def nameless(text: str) -> bool:
    """Whether a text surely starts with no id and no label; cheap."""
    head = text[:2]
    if head == "**":
        head = text[2:4]
    return head in _PLAIN_HEADS or head[:1] not in _OPENERS or _MAYBE.match(text) is None


def _general(text: str) -> Lead:
    if text[:4] == "(P) ":
        said = _general(text[4:].lstrip())
        return said._replace(labels=("P", *said.labels))
    return _made(("", "", (), text)) if nameless(text) else _apart(text)


def _apart(text: str) -> Lead:
    """The parts of a text that may begin with an id or a label."""
    labels: tuple[str, ...] = ()
    begin = at = 0
    if text[0] in "*_~`[":
        if text[0] == "[" or text[:3] == "**[":
            labels, begin = _labels(text, 0)
        opened = _OPEN_MARKS.match(text, begin)
        at = opened.end() if opened else begin
    name, scope, end = _name(text, at)
    if not name:
        return _made(("", "", labels, text[begin:].strip() if labels else text.strip()))
    more, end = _labels(text, end) if text[end : end + 1] in _LABELLED else ((), end)
    rest = text[end:].strip()
    return _made((name, scope, labels + more, _unmark(text[begin:at], rest) if at > begin else rest))


def _unmark(opened: str, rest: str) -> str:
    """Drop the closing mark of a pair that was opened before the id."""
    for mark in ("**", "__", "~~"):
        if mark in opened and rest.count(mark) % 2:
            head, _, tail = rest.partition(mark)
            rest = head + tail
    return rest.strip()


def _labels(text: str, begin: int) -> tuple[tuple[str, ...], int]:
    labels: list[str] = []
    while text[begin : begin + 1] in "[(*":
        found = _LABEL.match(text, begin) or _BOLD_LABEL.match(text, begin)
        if found is None or len(labels) >= MAX_LABELS:
            break
        labels.append(found[1] or found[2])
        begin = found.end()
    return tuple(labels), begin


def _name(text: str, at: int) -> tuple[str, str, int]:
    """The id at a place: name, scope, where the words behind it begin; ("", "", at) where there is none."""
    first = text[at : at + 1]
    if first.isdigit():
        name, scope, end = _numeric(text, at)
    elif first == "#":
        found = _HASH.match(text, at)
        name, scope, end = (found[0], "local", found.end()) if found else ("", "", at)
    else:
        if first and not text[at + 1 : at + 2].islower():
            lettered = _lettered(text, at)
            if lettered is not None:
                return lettered
        if text[at : at + 2].lower() not in _WORD_HEADS:
            return "", "", at
        found = _CALLED.match(text, at)
        if found is not None:
            return _name(text, found.end())
        name, scope, end = _worded(text, at)
    return (name, scope, _behind(text, end)) if name else ("", "", at)


def _behind(text: str, end: int) -> int:
    """Where the words behind an id begin."""
    found = _AFTER.match(text, end)
    return found.end() if found else end


def _lettered(text: str, at: int) -> tuple[str, str, int] | None:
    """``T001``, ``AC-1``, ``T001-T003``, ``COV_LOGIN``."""
    if "-" in text or "–" in text:
        found = _RANGE.match(text, at)
        if found is not None and int(found[3]) > int(found[2]):
            name = found[0].replace(" ", "").replace("–", "-")
            return name, "global", _behind(text, found.end())
    found = _STRONG.match(text, at)
    if found is not None:
        name, letters = found[1], found[2] or "t"
        if _is_id(name, letters, text, found.end(1), at):
            local = letters in _LOCAL and name.count("-") <= 1
            return name, "local" if local else "global", found.end()
    found = _CAPITALS.match(text, at) if text[at] in _CAPITAL else None
    if found is not None and text[found.end() : found.end() + 1] in {":", "*", "`", ""}:
        return found[0], "global", _behind(text, found.end())
    return None


def _worded(text: str, at: int) -> tuple[str, str, int]:
    """``Step 3``."""
    found = _WORDED.match(text, at)
    if found is None:
        return "", "", at
    word = found[1].replace(" ", "-")
    scope = "local" if word.lower() in _LOCAL_WORDS else "worded"
    return f"{word}-{found[2]}", scope, found.end()


def _numeric(text: str, at: int) -> tuple[str, str, int]:
    """``3.``, ``2.1``, ``01-02-PLAN.md``."""
    found = _PAIR.match(text, at) if "-" in text else None
    if found is not None:
        return found[0].removesuffix("-PLAN.md"), "number", found.end()
    found = _DOTTED.match(text, at)
    if found is not None:
        return found[0].rstrip("."), "number", found.end() - found[0].endswith(".")
    found = _NUMBER.match(text, at)
    if found is not None:
        return found[0][:-1], "number", found.end() - 1
    return "", "", at


def _is_id(name: str, letters: str, text: str, end: int, at: int) -> bool:
    """Whether letters and digits are an id, and not a word of the trade such as ``SHA-256`` or ``S3``."""
    if letters in _TRADE or (letters == "P" and len(name) <= MAX_PRIORITY and name[1:].isdigit()):
        return False
    if "-" in name or "_" in name or name[-ENOUGH_DIGITS:].isdigit() or letters in _ENOUGH_LETTERS:
        return True
    if sum(map(str.isdigit, name)) >= ENOUGH_DIGITS:
        return True
    follows = text[end : end + 2]
    return follows[:1] in {":", ")", ".", "*", "_", "`"} or follows in {" -", " –", " —", " ["} or at > 0
