"""Ids in running text: single ones, lists, ranges."""

from __future__ import annotations

import re
from typing import Final


MAX_RANGE: Final = 500

_REST: Final = (
    r"(?:[-_][A-Z]{1,8}[0-9]{0,3}){0,3}[-_]?[0-9]{1,7}[a-z]?(?:\.[0-9]{1,4}){0,3}"
    r"(?:_[A-Za-z0-9]{1,12}|-[A-Z](?![A-Za-z0-9])|-[A-Z]{2,12}(?![\w-])){0,3}"
)
# It begins with a letter and looks behind that: so it is found far sooner.
_REFERENCE: Final = re.compile(
    rf"([A-Z](?<![\w.\-/#][A-Z])[A-Z]{{0,9}}{_REST})(?![\w])(?:\s?(?:-|–|—|\.\.\.?|…|through|to)\s?((?:[A-Z]{{1,10}}[-_]?)?[0-9]{{1,7}})(?![\w.]|-[A-Z]{{2}}))?"
)
_DIGIT: Final = re.compile(r"[0-9]")
_SINGLE: Final = re.compile(r"[ \t]*[A-Z]{1,8}[-_]?[0-9]{1,7}[ \t]*$")
_SPEECH: Final = re.compile(r"[a-z]{4}")
_ADDED: Final = re.compile(rf"(?<=/)([A-Z]{{1,10}}{_REST})(?![\w])")
_WORDED_NUMBER: Final = r"[0-9]{1,4}(?:\.[0-9]{1,4}){0,3}[a-z]?(?![\w.]*\w)"
_WORDED: Final = re.compile(
    rf"\b(Task|Step|Story|Task Group|Subtask)(s?)\s+#?({_WORDED_NUMBER}"
    rf"(?:(?:\s?(?:,|&|\band\b|-|–)\s?){{1,2}}#?{_WORDED_NUMBER}){{0,40}})",
    re.IGNORECASE,
)
_NUMBER: Final = re.compile(
    r"(?<![\w.\-/])([0-9]{1,4}(?:\.[0-9]{1,4}){0,4})(?:\s?(?:-|–)\s?([0-9]{1,4}(?:\.[0-9]{1,4}){0,4}))?(?![\w\-/]|\.\w)"
)
_PARTS: Final = re.compile(
    r"[\s,;+&/*`_.#\[\]:–—-]|\b(?:and|or|to|through|tasks?|steps?|items?|only|all|of)\b", re.IGNORECASE
)
_BETWEEN: Final = re.compile(r"[\s,;+&/*`_.]|\band\b")
_CAPITALS: Final = re.compile(r"[A-Z]{2,10}(?:_[A-Z0-9]{1,20}){1,6}")
_FIRST: Final = re.compile(r"[0-9.]+[a-z]?")
_TAIL: Final = re.compile(r"^(.*?)([0-9]+)$", re.DOTALL)
NOTE: Final = re.compile(r"\([^()]*\)")


def references(text: str, *, numbers: bool = False) -> list[str]:
    """Ids that a text names, in order, ranges written out.

    Args:
        text: running text.
        numbers: take bare numbers such as ``2.1`` for ids as well.
    """
    if _DIGIT.search(text) is None:  # there is one in every id
        return []
    if _SINGLE.match(text):
        return [text.strip()]
    found: dict[str, None] = {}
    for match in _REFERENCE.finditer(text):
        for name in _expand(match[1], match[2]):
            found[name] = None
        _slashed(text, match.end(), found)
    if not found and ("ask" in text or "tep" in text or "tory" in text or "TASK" in text):
        for match in _WORDED.finditer(text):
            word = match[1].title().replace(" ", "-")
            for number in _counted(match[3]) if match[2] else [_FIRST.match(match[3])[0]]:  # type: ignore[index]
                found[f"{word}-{number}"] = None
    return list(found) if found or not numbers else _numbers(text)


def _numbers(text: str) -> list[str]:
    """Bare numbers as ids."""
    found: dict[str, None] = {}
    for match in _NUMBER.finditer(text):
        names = _expand(match[1], match[2])
        if match[2] is None or len(names) > 1:  # "115-01" is no range, so that neither half is an id
            found.update(dict.fromkeys(names))
    return list(found)


def only_numbers(text: str) -> bool:
    """Whether a text holds bare numbers and nothing but what parts them: ``1.1, 2-3 and task 4``."""
    return _PARTS.sub("", _NUMBER.sub(" ", text)) == ""


def _counted(text: str) -> list[str]:
    """``1-3, 5`` as four numbers."""
    return [
        name
        for match in _NUMBER.finditer(text)
        for name in (_expand(match[1], match[2]) if "." not in match[0] else filter(None, match.groups()))
    ]


def _slashed(text: str, end: int, found: dict[str, None]) -> None:
    """``T012/T013``: the ids behind slashes."""
    while text[end : end + 1] == "/":
        more = _ADDED.match(text, end + 1)
        if more is None:
            return
        found[more[1]] = None
        end = more.end()


def _expand(first: str, last: str | None) -> list[str]:
    """``T014`` to ``T016``: the ids between, both ends included."""
    if last is None:
        return [first]
    left, right = _TAIL.match(first), _TAIL.match(last)
    if left is None or right is None:
        return [first]
    if right[1] not in {"", left[1]}:
        return [first, last]
    low, high = int(left[2]), int(right[2])
    if not low < high <= low + MAX_RANGE:
        return [first]
    width = len(left[2])
    return [f"{left[1]}{number:0{width}d}" for number in range(low, high + 1)]


def only_references(text: str) -> list[str]:
    """Ids of a text that holds nothing but ids and what parts them; empty where it says more."""
    note = text.find("(")
    if _SPEECH.search(text, 0, note if note >= 0 else len(text)):
        return []
    bare = text
    if note >= 0:
        bare = NOTE.sub(" ", text)
        if _SPEECH.search(bare):
            return []
    rest = _REFERENCE.sub(" ", bare)
    rest = _BETWEEN.sub("", rest)
    names = references(bare)
    if names and not rest:
        return names
    parts = [part.strip(" `*_") for part in bare.split(",")]
    return parts if all(map(_CAPITALS.fullmatch, parts)) else []
