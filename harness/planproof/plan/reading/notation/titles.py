"""Dependencies on items that have no id: ``Depends on: the login page``.

A name counts where exactly one item is called so; what names nothing is reported, never dropped.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from planproof.plan.model import Kind, Origin
from planproof.plan.reading.drafts import Draft, EdgeDraft, EdgeDrafts
from planproof.plan.reading.words import plain, slug


if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from planproof.plan.reading.context import Context

MAX_NAME: Final = 200
_CALLED: Final = frozenset({Kind.TASK, Kind.STEP, Kind.STORY, Kind.DELIVERABLE, Kind.REQUIREMENT, Kind.META})
_BOLD: Final = re.compile(r"(?:\*\*|__)(.{1,200}?)(?:\*\*|__)")
_NOTE: Final = re.compile(r"\([^()]*\)")
_CUT: Final = re.compile(r":[ \t]|[ \t][—–-][ \t]")
_ARTICLE: Final = re.compile(r"^(?:the|a|an)-(?=.)")
_TAIL: Final = re.compile(
    r"-(?:task|tasks|section|step|item|phase)$|-(?:is-|being-|be-)?(?:complete|completed|completion|done|finished|ready)$"
)
_NOTHING: Final = re.compile(
    r"\W*(?:$|none\b|nothing\b|no\b|n/?a\b|nil\b|null\b|not applicable|-+$|tbd\b|tba\b|\?"
    r"|无|нет|ningun|keine|なし)",
    re.IGNORECASE,
)
_PARTS: Final = re.compile(r"[,;、，；]|\s&\s|\s\+\s")
_AND: Final = re.compile(r"\s(?:and|und|et|y|и)\s", re.IGNORECASE)


_SPOKEN: Final = re.compile(r"[a-z][a-z]|[A-Z]{3}[^A-Z0-9_-]")
"""Two small letters, or a word in capitals: a value without them holds names only."""
# Only these let a value say of a task that it is not waited for.
_ASIDE_SIGN: Final = re.compile(
    r"\b(?:none|nothing|independent|not|parallel|unlike|disjoint|but|so|though|although|while)\b",
    re.IGNORECASE,
)
_UNTIED: Final = re.compile(
    r"(?:^|[.;,—–]|[ \t]-{1,2}[ \t])[ \t]*(?:(?:fully|otherwise|also|but|and) )*"
    r"(?:independent|not|no longer|in parallel|parallel|unlike|disjoint)\b.*"
    r"|[,;][ \t]*(?:but|so|though|although|while)\b.*",
    re.IGNORECASE | re.DOTALL,
)
_NONE: Final = re.compile(
    r"([*_`\s]*(?:none|nothing)\b)(?![ \t]*(?:beyond|except|besides|but|other than|apart|further))",
    re.IGNORECASE,
)


_SAYING_ENDS: Final = re.compile(r"\.(?=\s+[A-Z*_])|\s[·|]\s|\bblock(?:s|ing)?\b", re.IGNORECASE)
_OUGHT: Final = re.compile(
    r"→|->|\b(?:must|should|cannot|can't|until|before|unless|neither|coordinate|superseded|soft|optional(?:ly)?)\b",
    re.IGNORECASE,
)


class Wanted(NamedTuple):
    """A name as written, where an id could stand.

    Attributes:
        text: the name, or several.
        draft: the item that waits, or that is waited for; the id of one where it is not made yet.
        line: where it is said.
        origin: in which form.
        waits: ``draft`` is the one that waits.
        loud: what names nothing is reported.
    """

    text: str
    draft: Draft | str
    line: int
    origin: Origin
    waits: bool
    loud: bool


def says_nothing(value: str) -> bool:
    """Whether the value of a dependency field says that there is none."""
    return _NOTHING.match(value) is not None


def waited_for(value: str) -> str:
    """The value of a dependency field without what it says of tasks that are *not* waited for.

    ``None - independent of T005`` names nothing, ``T001; not T002`` names one task, ``None beyond T001`` too.
    """
    if _SPOKEN.search(value) is None or _ASIDE_SIGN.search(value) is None:
        return value
    kept = _UNTIED.sub("", value)
    none = _NONE.match(kept)
    return kept[: none.end(1)] if none is not None else kept


def first_saying(value: str) -> str:
    """What a dependency field says first; behind it stand remarks: "T001. T002 goes on beside it"."""
    if "." not in value and "·" not in value and "|" not in value and "lock" not in value:
        return value
    found = _SAYING_ENDS.search(value)
    return value[: found.start()] if found is not None and value[: found.start()].strip() else value


def is_clear(value: str) -> bool:
    """Whether a dependency field lists what is waited for, and does not tell of an order in a sentence."""
    if _SPOKEN.search(value) is None:
        return "→" not in value and "->" not in value
    return _OUGHT.search(value) is None


def resolve_titles(context: Context) -> None:
    """Edges for names that exactly one item has; the others are reported."""
    if not (context.wanted or context.nicknames):
        return
    called = _called(context.drafts)
    if context.nicknames:
        _rename(context, called)
    for one in context.wanted:
        found, missing = _found(one, called)
        for other in found:
            if other is not one.draft:
                before, after = (other, one.draft) if one.waits else (one.draft, other)
                context.edges.append(EdgeDraft(before, after, one.line, one.origin, certain=True))
        if missing and one.loud:
            context.report(one.line, one.text, f"no item, or more than one, is called {', '.join(missing)}")


def _rename(context: Context, called: dict[str, Draft | None]) -> None:
    """Nodes of a chart whose labels are the names of items."""
    known = {draft.name for draft in context.drafts if draft.name}
    named = {
        node: draft
        for node, text in context.nicknames.items()
        if node not in known and (draft := _look(text, called)) is not None
    }
    context.edges = EdgeDrafts(
        edge._replace(before=_end(edge.before, named), after=_end(edge.after, named))
        if edge.origin is Origin.MERMAID
        else edge
        for edge in context.edges
    )


def _end(end: Draft | str, named: dict[str, Draft]) -> Draft | str:
    return named.get(end, end) if isinstance(end, str) else end


def _called(drafts: Sequence[Draft]) -> dict[str, Draft | None]:
    """Items by what people call them; None where several are called so."""
    found: dict[str, Draft | None] = {}
    for draft in drafts:
        if draft.kind in _CALLED or draft.box is not None:
            for name in dict.fromkeys(_names(draft.text)):
                found[name] = draft if name not in found or found[name] is draft else None
    return found


def _names(text: str) -> Iterator[str]:
    """What an item may be called: its text, that without notes, its words in bold, those before a colon."""
    if len(text) > 4 * MAX_NAME:
        return
    bare = plain(text)
    bold = _BOLD.match(bare)
    noted = _NOTE.sub(" ", bare) if "(" in bare else bare
    for words in dict.fromkeys((bare, noted, bold[1] if bold else "", _CUT.split(bare, maxsplit=1)[0])):
        name = slug(words.strip(" *_`:"))
        if name:
            yield _ARTICLE.sub("", name) if name[0] in "at" else name


def _found(one: Wanted, called: dict[str, Draft | None]) -> tuple[list[Draft], list[str]]:
    """The items that a value names, as a whole or in its parts, and the parts that name none."""
    whole = _look(one.text, called)
    if whole is not None:
        return [whole], []
    found: list[Draft] = []
    missing: list[str] = []
    for part in _PARTS.split(one.text):
        item = _look(part, called)
        halves = [part] if item is not None else _AND.split(part)
        for half in halves:
            item = _look(half, called)
            if item is not None:
                found.append(item)
            elif not says_nothing(half):
                missing.append(half.strip(" *_`\"'“”"))
    return found, missing


def _look(text: str, called: dict[str, Draft | None]) -> Draft | None:
    name = _ARTICLE.sub("", slug(text.strip(" *_`\"'“”.:")))
    if not name:
        return None
    known = called.get(name)
    return known if known is not None else called.get(_TAIL.sub("", name))
