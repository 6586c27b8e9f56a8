"""What dialects write while a file is read; becomes items and edges at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from planproof.plan.model import Claim, Kind, Origin


if TYPE_CHECKING:
    from planproof.plan.model import Field


_NONE: Final = Claim.NONE
"""Asked of the class it costs ten times as much, and there is one in every item."""


class Draft:
    """An item in the making; attributes as in :class:`planproof.plan.model.Item` unless said here.

    Attributes:
        start, end: its span in bytes.
        parent: another draft.
        name: the id as written, or "".
        scope: see :class:`planproof.plan.reading.leads.Lead`; "" where there is no name.
        heading: slugs of the headings above it, outermost first, without the title.
        first: text of its first child, which tells apart items of equal text.
        pin: the id that its author pinned.
        said: claims besides its own box: of the status field, of the emoji.
        boxes, ticked: number of boxes directly below it, and how many are ticked.
        dialect: who made it.
    """

    __slots__ = (
        "box",
        "boxes",
        "claim",
        "dialect",
        "effort",
        "end",
        "fields",
        "files",
        "first",
        "heading",
        "id",
        "kind",
        "labels",
        "line",
        "local",
        "name",
        "parent",
        "phase",
        "pin",
        "priority",
        "said",
        "scope",
        "start",
        "story",
        "text",
        "ticked",
    )

    def __init__(self, kind: Kind, text: str, line: int, start: int, end: int) -> None:
        self.kind = kind
        self.text = text
        self.line = line
        self.start = start
        self.end = end
        self.claim: Claim = _NONE
        self.box: int | None = None
        self.parent: Draft | None = None
        self.labels: tuple[str, ...] = ()
        self.phase: str | None = None
        self.story: str | None = None
        self.priority: str | None = None
        self.files: tuple[str, ...] = ()
        self.effort: float | None = None
        self.fields: list[Field] | None = None
        self.heading: tuple[str, ...] = ()
        self.said: Claim | None = None
        self.boxes = self.ticked = 0
        self.name = self.scope = self.first = self.pin = self.dialect = self.local = self.id = ""

    def add_files(self, paths: tuple[str, ...]) -> None:
        """Add paths that are not there yet."""
        if paths:
            self.files = tuple(dict.fromkeys((*self.files, *paths)))


class EdgeDraft(NamedTuple):
    """An edge between drafts or names as written."""

    before: Draft | str
    after: Draft | str
    line: int
    origin: Origin
    certain: bool


class GroupDraft(NamedTuple):
    """A parallel group of names as written."""

    members: tuple[str, ...]
    line: int
    after: tuple[str, ...]
    reason: str
