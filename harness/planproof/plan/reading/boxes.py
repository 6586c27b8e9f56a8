"""The box grammar: what stands between the brackets at the start of a list item."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from planproof.plan.model import Claim


class Box(NamedTuple):
    """A status box at the start of an item's text.

    Attributes:
        status: the character between the brackets.
        optional: a star follows the box.
        rest: the text after it.
    """

    status: str
    optional: bool
    rest: str


_STATES: Final = frozenset(" \txX~->!?")
_BOX: Final = re.compile(r"\[([ \txX~\->!?])\](\\?\*)?(?:[ \t]+|$)")
_WORDS: Final = (
    r"wip|done|todo|to do|blocked|in[ -]progress|pending|skip(?:ped)?|deferred|cancell?ed|partial"
    r"|completed?|n/?a"
)
_MALFORMED: Final = re.compile(
    rf"\[(?:\s*|\s+[xX]\s*|[xX]\s+|[/*oO✓✔✅☑]|[xX]{{2,3}}|[yvV√✘+]|(?:{_WORDS}))\](?=\s)(?!\s+(?:=|tasks?\b|means\b))|"
    r"\[[ xX~\-]\](?=[^\s(\[:*\\])",
    re.IGNORECASE,
)

_CLAIMS: Final = {
    " ": Claim.OPEN,
    "\t": Claim.OPEN,
    "x": Claim.DONE,
    "X": Claim.DONE,
    "~": Claim.PARTIAL,
    "-": Claim.IN_PROGRESS,
    ">": Claim.IN_PROGRESS,
    "!": Claim.BLOCKED,
    "?": Claim.PARTIAL,
}
_OPEN: Final = Claim.OPEN
_DROPPED: Final = re.compile(
    r"~~|\b(?:dropped|cancell?ed|skipped|removed|obsolete|superseded|reverted|won'?t (?:do|fix)"
    r"|not needed|not applicable|n/a)\b",
    re.IGNORECASE,
)
_STRUCK: Final = re.compile(r"(?:[*_]{2})?~~[^~]+~~[*_]{0,2}[ \t]*(?:[(\[—–:-]|$)")
"""A statement that is struck through as a whole."""
_DEFERRED: Final = re.compile(r"\b(?:deferred|postponed|moved to|follow[- ]?up)\b", re.IGNORECASE)
_RUNNING: Final = re.compile(r"\b(?:wip|in[ -]progress|started|ongoing)\b", re.IGNORECASE)


def parse_box(text: str) -> Box | None:
    """The box that an item's text starts with, or None."""
    if text[2:4] == "] " and text[1] in _STATES and text[0] == "[":
        return tuple.__new__(Box, (text[1], False, text[4:].lstrip(" \t")))  # as its class does, sooner
    found = _BOX.match(text)
    if found is None:
        return None
    return Box(found[1], found[2] is not None, text[found.end() :])


def is_malformed(text: str) -> bool:
    """Whether a text starts with something that its author meant as a box, and that is none."""
    return _MALFORMED.match(text) is not None


def box_claim(box: Box) -> Claim:
    """What a box claims; a tilde is read by the words beside it."""
    claim = _CLAIMS[box.status]
    if claim is _OPEN:
        if "~~" in box.rest and _STRUCK.match(box.rest):
            return Claim.SKIPPED
        return Claim.OPTIONAL if box.optional else claim
    if box.status == "~":
        if _DROPPED.search(box.rest):
            return Claim.SKIPPED
        if _DEFERRED.search(box.rest):
            return Claim.DEFERRED
        if _RUNNING.search(box.rest):
            return Claim.IN_PROGRESS
    return claim
