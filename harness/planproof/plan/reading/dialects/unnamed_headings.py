"""Headings without an id that are tasks, because they have a status or dependencies like those beside them.

``## Login page`` with ``**Status**: done`` below it is taken for a task at once, so that its fields and its
boxes are its own; at the end of the file one that stands alone becomes a plain heading again.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from planproof.plan.model import Kind
from planproof.plan.reading import words
from planproof.plan.reading.fields import Role, role_of
from planproof.plan.reading.leads import Lead, lead


if TYPE_CHECKING:
    from planproof.plan.reading.context import Context
    from planproof.plan.reading.drafts import Draft

_OPENS: Final = frozenset({Role.STATUS, Role.WAITS, Role.BLOCKS, Role.PRIORITY, Role.EFFORT})
_PROVES: Final = frozenset({Role.STATUS, Role.WAITS})
LEAST: Final = 2
"""So many headings of one list must be alike."""


def promote(context: Context, name: str, value: str) -> Draft | None:
    """The heading above a labelled value as a task, if it may be one."""
    section = context.section
    role = role_of(name)
    block = section.block
    if role not in _OPENS or block is None or section.level < LEAST or not section.slugs:
        return None
    if section.topic and section.lead.scope != "number":
        return None
    if section.task is not None or section.staged or section.own_story:
        return None
    if context.drafts and context.drafts[-1].start >= block.start:
        return None
    if role is Role.STATUS and words.status_claim(value) is None:
        return None
    label = context.label, context.label_topic, context.label_speaks
    text = words.without_emoji(section.text)
    said = lead(text)
    if said.scope != "number" or not said.text:
        said = Lead("", "", (), text)
    draft = context.add("task-headings", Kind.TASK, block, said.text, said=said)
    draft.heading = section.slugs[:-1]
    if not section.text.isascii():
        context.take_emoji(draft, block, section.text)
    context.label, context.label_topic, context.label_speaks = label
    section.task, section.headed = draft, True
    context.promoted.append((draft, section.slugs[:-1], section.level))
    return draft


def settle(context: Context) -> None:
    """Take back the headings that stand alone, or of which nothing says how far they are."""
    groups: dict[tuple[tuple[str, ...], int], list[Draft]] = {}
    for draft, path, level in context.promoted:
        if any(role_of(field.name) in _PROVES for field in draft.fields or ()):
            groups.setdefault((path, level), []).append(draft)
    kept = {id(draft) for group in groups.values() if len(group) >= LEAST for draft in group}
    dropped = {id(draft): draft for draft, _, _ in context.promoted if id(draft) not in kept}
    if not dropped:
        return
    for draft in dropped.values():
        context.fields += draft.fields or ()
    context.fields.sort(key=lambda field: field.span)
    context.drafts = [draft for draft in context.drafts if id(draft) not in dropped]
    for draft in context.drafts:
        if draft.parent is not None and id(draft.parent) in dropped:
            draft.parent = None
            if draft.kind is Kind.STEP:
                draft.kind, draft.dialect = Kind.TASK, "plain"
    from planproof.plan.reading.context import EVERYWHERE
    from planproof.plan.reading.drafts import EdgeDrafts

    context.counts = Counter(draft.dialect for draft in context.drafts if draft.kind not in EVERYWHERE)
    context.edges = EdgeDrafts(
        edge for edge in context.edges if not {id(edge.before), id(edge.after)} & dropped.keys()
    )
    context.wanted = [one for one in context.wanted if id(one.draft) not in dropped]
