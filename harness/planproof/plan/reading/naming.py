"""Identity: a local id for every item that survives moved sections, inserted lines and ticked boxes.

An id of its own wins. Without one an item is named by the heading it stands under (or the item it
belongs to) and its words. Where two would share a name they are told apart by what does not move with
the lines: the headings further out, then the first child's words, then their order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from planproof.plan.reading.kinds import INDEPENDENT_TEST, TASK
from planproof.plan.reading.words import slug


if TYPE_CHECKING:
    from collections.abc import Iterable

    from planproof.plan.reading.drafts import Draft


_OWN = frozenset({"global", "worded", "number"})


def name_all(drafts: list[Draft]) -> None:
    """Give each draft its ``local``; parents are named before their children."""
    used: set[str] = set()
    pinned = [draft for draft in drafts if draft.aside is not None and draft.aside.pin]
    for draft in pinned:
        _take(draft, draft.pin, used)
    if pinned:
        drafts = [draft for draft in drafts if not draft.pin]
    _group(((draft, draft.name) for draft in drafts if draft.scope in _OWN), used)
    rest = [draft for draft in drafts if draft.scope not in _OWN]
    while rest:
        ready = [draft for draft in rest if draft.parent is None or draft.parent.local]
        if not ready:
            for draft in rest:
                draft.parent = None
            continue
        _group(((draft, _base(draft)) for draft in ready), used)
        rest = [draft for draft in rest if not draft.local]


def _group(named: Iterable[tuple[Draft, str]], used: set[str]) -> None:
    """Give a name to each that wants it alone; where more than one want it, tell them apart."""
    first: dict[str, Draft] = {}
    clashes: dict[str, list[Draft]] = {}
    for draft, name in named:
        other = first.setdefault(name, draft)
        if other is not draft:
            clashes.setdefault(name, [other]).append(draft)
    if not clashes and used.isdisjoint(first):
        for name, draft in first.items():
            draft.local = name
        used.update(first)
        return
    for name, draft in first.items():
        if name not in clashes:
            _take(draft, name, used)
    for name, members in clashes.items():
        _tell_apart(name, members, used)


def _base(draft: Draft) -> str:
    """The name that an item would have if it were alone."""
    if draft.name:
        words = draft.name
    elif draft.kind is INDEPENDENT_TEST:
        words = "independent-test"
    else:
        words = slug(draft.text)
        if draft.aside is not None and draft.first and draft.text.rstrip(" *_").endswith(":"):
            words = f"{words}~{slug(draft.first)}"
    if not words:
        words = draft.kind.value
    if draft.parent is not None:
        return f"{draft.parent.local}/{words}"
    return f"{draft.heading[-1]}/{words}" if draft.heading else words


def _tell_apart(name: str, members: list[Draft], used: set[str]) -> None:
    if members[0].scope == "global":
        members = sorted(members, key=_rank)
        _take(members[0], name, used)
        for draft in members[1:]:
            _take(draft, f"{name}~{draft.heading[-1] if draft.heading else slug(draft.text)}", used)
        return
    own = members[0].scope in _OWN
    if len({draft.heading for draft in members}) > 1 and (
        own or all(draft.parent is None for draft in members)
    ):
        for path, group in _by_heading(members).items():
            whole = "/".join((*path[:-1], name)) if not members[0].name else "/".join((*path[-1:], name))
            _by_child(whole, group, used)
        return
    _by_child(name, members, used)


def _rank(draft: Draft) -> tuple[bool, bool, tuple[str, ...], str]:
    """Of several items with one id the one that looks most like its definition keeps it."""
    return draft.kind is not TASK, draft.box is None and not draft.fields, draft.heading, draft.text


def _by_heading(members: list[Draft]) -> dict[tuple[str, ...], list[Draft]]:
    groups: dict[tuple[str, ...], list[Draft]] = {}
    for draft in members:
        groups.setdefault(draft.heading, []).append(draft)
    return groups


def _by_child(name: str, members: list[Draft], used: set[str]) -> None:
    if len(members) == 1:
        _take(members[0], name, used)
        return
    for draft in members:
        _take(draft, f"{name}~{slug(draft.first)}" if draft.first else name, used)


def _take(draft: Draft, name: str, used: set[str]) -> None:
    local, count = name, 1
    while local in used:
        count += 1
        local = f"{name}~{count}"
    used.add(local)
    draft.local = local
