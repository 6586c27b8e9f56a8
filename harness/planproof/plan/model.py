"""The nouns of a plan: frozen, slotted, without I/O.

Spans are half-open byte ranges in the file as it lies on disk; lines count from 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, NamedTuple, Self


class Span(NamedTuple):
    """A half-open range of bytes in the plan's file."""

    start: int
    end: int


class Claim(StrEnum):
    """What a plan says of an item."""

    DONE = "done"
    OPEN = "open"
    IN_PROGRESS = "in_progress"
    PARTIAL = "partial"
    BLOCKED = "blocked"
    DEFERRED = "deferred"
    SKIPPED = "skipped"
    OPTIONAL = "optional"
    NONE = "none"


class Kind(StrEnum):
    """What sort of statement an item is."""

    TASK = "task"
    STEP = "step"
    CRITERION = "criterion"
    ACCEPTANCE = "acceptance_criterion"
    SCENARIO = "scenario"
    COVERAGE = "coverage_target"
    CONTRACT = "contract"
    INVARIANT = "invariant"
    DELIVERABLE = "deliverable"
    REQUIREMENT = "requirement"
    STORY = "story"
    INDEPENDENT_TEST = "independent_test"
    RISK = "risk"
    DETAIL = "detail"
    NOTE = "note"
    META = "meta"


class Origin(StrEnum):
    """Where an edge was said."""

    HEADER = "header"
    ARROWS = "arrows"
    TREE = "tree"
    PROSE = "prose"
    MERMAID = "mermaid"
    TABLE = "table"
    WAVES = "waves"
    FRONT_MATTER = "front_matter"
    PHASES = "phases"


class Field(NamedTuple):
    """A labelled value that belongs to an item or to the plan, e.g. ``**Status**: complete``."""

    name: str
    value: str
    line: int
    span: Span


class Place(NamedTuple):
    """What many items of a plan share, so that it is held once for all of them.

    Attributes:
        local: how many letters of the id stand before the local name; the name itself where the id does
            not end with it.
        labels, phase, story, priority, effort_hours: see :class:`Item`.
    """

    local: int | str
    labels: tuple[str, ...]
    phase: str | None
    story: str | None
    priority: str | None
    effort_hours: float | None


class _Packed(NamedTuple):
    """An item as it is held; a plan has many, and offsets told from the item's start are small numbers."""

    id: str
    kind: Kind
    claim: Claim
    text: str
    line: int
    start: int
    size: int
    status: int | None
    parent: str | None
    place: Place
    paths: str | tuple[str, ...]
    fields: tuple[Field, ...]


class Item(_Packed):
    """Anything in a plan that can be true or not.

    Attributes:
        id: ``PLAN:LOCAL``, unique over all plans.
        local: unique in the plan, e.g. ``T005`` or ``IMPL_003/AC-2``.
        kind: what sort of statement it is.
        claim: what the plan says of it, after box, status field and emoji were weighed.
        text: the statement in one line, without box, id and labels.
        line: where it starts.
        span: the bytes of the whole item's own lines, children not included.
        box: offset of the status byte (the character between the brackets), or None.
        parent: id of the item that this one belongs to.
        labels: bracketed and other short marks, without brackets, in order: ``P``, ``US1``.
        phase: heading that it stands under, e.g. ``Phase 3``.
        story: e.g. ``US1``.
        priority: e.g. ``P0``.
        files: paths that the item names, in order, once each.
        effort_hours: estimate in hours.
        fields: labelled values that stand in the item's block.
    """

    __slots__ = ()

    def __new__(  # noqa: PLR0917 - one argument an attribute
        cls,
        id: str,  # noqa: A002 - the attribute's name
        local: str,
        kind: Kind,
        claim: Claim,
        text: str,
        line: int,
        span: Span,
        box: int | None = None,
        parent: str | None = None,
        labels: tuple[str, ...] = (),
        phase: str | None = None,
        story: str | None = None,
        priority: str | None = None,
        files: tuple[str, ...] = (),
        effort_hours: float | None = None,
        fields: tuple[Field, ...] = (),
    ) -> Self:
        """An item from its attributes."""
        start, end = span
        cut = len(id) - len(local) if id.endswith(local) else local
        place = Place(cut, labels, phase, story, priority, effort_hours)
        return cls.packed(
            (
                id,
                kind,
                claim,
                text,
                line,
                start,
                end - start,
                None if box is None else box - start,
                parent,
                place,
                files[0] if len(files) == 1 else files,
                fields,
            )
        )

    @classmethod
    def packed(
        cls,
        row: tuple[
            str,
            Kind,
            Claim,
            str,
            int,
            int,
            int,
            int | None,
            str | None,
            Place,
            str | tuple[str, ...],
            tuple[Field, ...],
        ],
    ) -> Self:
        """An item from what is held of it, for readers that share places between items."""
        return tuple.__new__(cls, row)

    @property
    def local(self) -> str:
        """Its name in the plan."""
        cut = self.place.local
        return self.id[cut:] if isinstance(cut, int) else cut

    @property
    def span(self) -> Span:
        """The bytes of its own lines."""
        return Span(self.start, self.start + self.size)

    @property
    def box(self) -> int | None:
        """Offset of the status byte, or None."""
        status = self.status
        return None if status is None else self.start + status

    @property
    def files(self) -> tuple[str, ...]:
        """Paths that it names."""
        paths = self.paths
        return (paths,) if isinstance(paths, str) else paths

    @property
    def labels(self) -> tuple[str, ...]:
        """Short marks, without brackets."""
        return self.place.labels

    @property
    def phase(self) -> str | None:
        """Heading that it stands under."""
        return self.place.phase

    @property
    def story(self) -> str | None:
        """Story that it belongs to."""
        return self.place.story

    @property
    def priority(self) -> str | None:
        """Priority as written."""
        return self.place.priority

    @property
    def effort_hours(self) -> float | None:
        """Estimate in hours."""
        return self.place.effort_hours

    def _replace(self, **changes: Any) -> Self:
        """Another item that differs in the attributes named."""
        return type(self)(**{name: getattr(self, name) for name in _ITEM} | changes)

    def __getnewargs__(self) -> tuple[object, ...]:
        """What copies and pickles are made of."""
        return tuple(getattr(self, name) for name in _ITEM)

    def __repr__(self) -> str:
        """As it is written in Python."""
        return f"Item({', '.join(f'{name}={getattr(self, name)!r}' for name in _ITEM)})"


_ITEM: Final = (
    "id",
    "local",
    "kind",
    "claim",
    "text",
    "line",
    "span",
    "box",
    "parent",
    "labels",
    "phase",
    "story",
    "priority",
    "files",
    "effort_hours",
    "fields",
)


class Edge(NamedTuple):
    """``after`` waits for ``before``; said on ``line`` of the plan.

    ``before`` and ``after`` are item ids where the plan has such items, else ``PLAN:NAME`` as written.
    Only a certain edge may cause an error.
    """

    before: str
    after: str
    line: int
    origin: Origin
    certain: bool = True


@dataclass(frozen=True, slots=True)
class ParallelGroup:
    """Items that the plan says can run side by side, and after which one, if it says so."""

    members: tuple[str, ...]
    line: int
    after: tuple[str, ...] = ()
    reason: str = ""


class Heading(NamedTuple):
    """One heading: its level (1 to 6), text without marks, and line."""

    level: int
    text: str
    line: int


@dataclass(frozen=True, slots=True)
class Unread:
    """A line that looks like part of a plan and was not understood."""

    line: int
    text: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """One plan file, read.

    Attributes:
        id: file name without suffix, made unique by its folder where two plans share it.
        path: relative to the workspace, with forward slashes.
        title: first heading, or the file's name.
        dialects: names of the dialects that were recognised, most items first.
        items: in the order of the file.
        edges: in the order of the file, every origin kept.
        parallel: groups that the plan declares parallel.
        headings: all headings outside fences.
        fields: labelled values of the plan itself (front matter, header lines, declared totals).
        unread: what was not understood.
        source: the bytes that were read.
    """

    id: str
    path: str
    title: str
    dialects: tuple[str, ...]
    items: tuple[Item, ...]
    edges: tuple[Edge, ...]
    parallel: tuple[ParallelGroup, ...] = ()
    headings: tuple[Heading, ...] = ()
    fields: tuple[Field, ...] = ()
    unread: tuple[Unread, ...] = ()
    source: bytes = b""
