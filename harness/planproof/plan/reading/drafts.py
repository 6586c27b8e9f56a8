"""What dialects write while a file is read; becomes items and edges at the end."""

from __future__ import annotations

from functools import partial
from itertools import islice
from operator import le
from typing import TYPE_CHECKING, Final, Generic, NamedTuple, Self, TypeVar, overload

from planproof.plan.model import Claim, Edge, Kind, Origin


if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from planproof.plan.model import Field


_Value = TypeVar("_Value")
_NONE: Final = Claim.NONE
"""Asked of the class it costs ten times as much, and there is one in every item."""


class _Aside:
    """What few drafts have; the others need no room for it."""

    __slots__ = ("boxes", "effort", "fields", "first", "pin", "said", "ticked")

    def __init__(self) -> None:
        self.effort: float | None = None
        self.fields: list[Field] | None = None
        self.said: Claim | None = None
        self.boxes = self.ticked = 0
        self.first = self.pin = ""


_NOTHING: Final = _Aside()


class _Seldom(Generic[_Value]):
    """An attribute of a draft that is held aside."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, draft: None, owner: type) -> _Seldom[_Value]: ...

    @overload
    def __get__(self, draft: Draft, owner: type) -> _Value: ...

    def __get__(self, draft: Draft | None, owner: type) -> _Value | _Seldom[_Value]:
        if draft is None:
            return self
        found: _Value = getattr(draft.aside or _NOTHING, self.name)
        return found

    def __set__(self, draft: Draft, value: _Value) -> None:
        if draft.aside is not None or value != getattr(_NOTHING, self.name):
            setattr(draft.apart(), self.name, value)


class Draft:
    """An item in the making; attributes as in :class:`planproof.plan.model.Item` unless said here.

    A big plan has many, so that what few of them have is held aside.

    Attributes:
        start, end: its span in bytes.
        parent: another draft.
        paths: its files; one stands alone.
        name: the id as written, or "".
        scope: see :class:`planproof.plan.reading.leads.Lead`; "" where there is no name.
        heading: slugs of the headings above it, outermost first, without the title.
        first: text of its first child, which tells apart items of equal text.
        pin: the id that its author pinned.
        said: claims besides its own box: of the status field, of the emoji.
        boxes, ticked: number of boxes directly below it, and how many are ticked.
        dialect: who made it.
        aside: what few drafts have, None where it has nothing of it.
    """

    __slots__ = (
        "aside",
        "box",
        "claim",
        "dialect",
        "end",
        "heading",
        "id",
        "kind",
        "labels",
        "line",
        "local",
        "name",
        "parent",
        "paths",
        "phase",
        "priority",
        "scope",
        "start",
        "story",
        "text",
    )

    effort = _Seldom[float | None]()
    fields = _Seldom[list["Field"] | None]()
    first = _Seldom[str]()
    pin = _Seldom[str]()
    said = _Seldom[Claim | None]()
    boxes = _Seldom[int]()
    ticked = _Seldom[int]()

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
        self.paths: str | tuple[str, ...] = ()
        self.heading: tuple[str, ...] = ()
        self.aside: _Aside | None = None
        self.name = self.scope = self.dialect = self.local = self.id = ""

    def apart(self) -> _Aside:
        """What few drafts have, for writing."""
        if self.aside is None:
            self.aside = _Aside()
        return self.aside

    @property
    def files(self) -> tuple[str, ...]:
        """Its paths, in order, once each."""
        paths = self.paths
        return (paths,) if isinstance(paths, str) else paths

    @files.setter
    def files(self, paths: tuple[str, ...]) -> None:
        self.paths = paths[0] if len(paths) == 1 else paths

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


_ORIGINS: Final = tuple(Origin)
_PLACES: Final = {origin: 2 * number for number, origin in enumerate(_ORIGINS)}


class EdgeDrafts:
    """Edges in the making, in order; held in columns, for a big plan has many.

    Args:
        edges: those to begin with.
    """

    def __init__(self, edges: Iterable[EdgeDraft] = ()) -> None:
        self.befores: list[Draft | str] = []
        self.afters: list[Draft | str] = []
        self.lines: list[int] = []
        self.kinds = bytearray()
        self += edges

    def append(self, edge: EdgeDraft) -> None:
        """Add one."""
        before, after, line, origin, certain = edge
        self.add(before, after, line, origin, certain=certain)

    def add(
        self, before: Draft | str, after: Draft | str, line: int, origin: Origin, *, certain: bool
    ) -> None:
        """Add one in its parts."""
        self.befores.append(before)
        self.afters.append(after)
        self.lines.append(line)
        self.kinds.append(_PLACES[origin] + certain)

    def __len__(self) -> int:
        """How many there are."""
        return len(self.lines)

    def certain(self, at: int) -> bool:
        """Whether the one at an index is certain."""
        return bool(self.kinds[at] & 1)

    def extend(self, other: EdgeDrafts) -> None:
        """Add all of another collection."""
        self.befores += other.befores
        self.afters += other.afters
        self.lines += other.lines
        self.kinds += other.kinds

    def cut(self, size: int) -> None:
        """Keep so many, from the front."""
        for column in (self.befores, self.afters, self.lines, self.kinds):
            del column[size:]

    def __iadd__(self, edges: Iterable[EdgeDraft]) -> Self:
        """Add several."""
        for edge in edges:
            self.append(edge)
        return self

    def __iter__(self) -> Iterator[EdgeDraft]:
        """Each edge."""
        for before, after, line, kind in zip(self.befores, self.afters, self.lines, self.kinds, strict=True):
            yield EdgeDraft(before, after, line, _ORIGINS[kind >> 1], bool(kind & 1))

    def settle(self, resolve: Callable[[Draft | str], str]) -> None:
        """Put ids in the place of drafts and names, so that those can be let go."""
        for column in (self.befores, self.afters):
            for at, end in enumerate(column):
                column[at] = resolve(end)

    def edges(self) -> tuple[Edge, ...]:
        """The edges, once their ends are ids."""
        new = partial(tuple.__new__, Edge)  # as its class does, in half the time
        kinds = [(origin, certain) for origin in _ORIGINS for certain in (False, True)]
        rows = zip(self.befores, self.afters, self.lines, self.kinds, strict=True)
        return tuple([new((before, after, line, *kinds[kind])) for before, after, line, kind in rows])

    def sort(self) -> None:
        """Put them into the order of their lines; those of one line stay as they are."""
        lines = self.lines
        if all(map(le, lines, islice(lines, 1, None))):
            return
        order = sorted(range(len(lines)), key=lines.__getitem__)
        self.befores = [self.befores[at] for at in order]
        self.afters = [self.afters[at] for at in order]
        self.kinds = bytearray(self.kinds[at] for at in order)
        self.lines = [lines[at] for at in order]


class GroupDraft(NamedTuple):
    """A parallel group of names as written."""

    members: tuple[str, ...]
    line: int
    after: tuple[str, ...]
    reason: str
