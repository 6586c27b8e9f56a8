r"""A kit for authors of dialects: check a dialect of yours in three lines.

    from planproof.testing import check_dialect
    read = check_dialect(MyDialect(), "- <> T-1 write it\n", items=["T-1"])
    assert read.items[0].claim == "done"

What is checked are the promises of ``docs/dialects.md``: nothing is lost, every item lies inside the
file, ids are unique and stay when lines are inserted above, and reading keeps no state.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from planproof.plan.reading import read_bytes
from planproof.plan.reading.blocks import Block, Form, Line
from planproof.plan.reading.context import Context, Section, Statement
from planproof.plan.reading.dialect import Dialect
from planproof.plan.reading.registry import built_in


if TYPE_CHECKING:
    from collections.abc import Sequence

    from planproof.plan.model import Plan


class PromiseBrokenError(AssertionError):
    """A dialect does not keep what every dialect promises; the message says which and where."""


def check_dialect(
    dialect: Dialect,
    text: str | bytes,
    *,
    items: Sequence[str] | None = None,
    edges: Sequence[tuple[str, str]] | None = None,
) -> Plan:
    """Read a text with a dialect before the built-in ones, and hold it to its promises.

    Args:
        dialect: the dialect.
        text: a plan.
        items: local ids that must be read, in order.
        edges: (before, after) as local ids that must be read, in order.

    Returns:
        The plan, for further checks.

    Raises:
        PromiseBrokenError: a promise is broken.
    """
    data = text.encode() if isinstance(text, str) else text
    if not dialect.name:
        raise PromiseBrokenError("a dialect needs a name")
    plan = _read(dialect, data)
    _whole(plan, data)
    if _read(dialect, data) != plan:
        raise PromiseBrokenError(f"{dialect.name}: the second reading of one file differs from the first")
    moved = _read(dialect, b"A line above that says nothing.\n\n" + data)
    if [item.id for item in moved.items] != [item.id for item in plan.items]:
        raise PromiseBrokenError(f"{dialect.name}: ids change when lines are inserted above")
    if items is not None and [item.local for item in plan.items] != list(items):
        raise PromiseBrokenError(f"{dialect.name}: read {[item.local for item in plan.items]}, not {items}")
    found = [(edge.before.partition(":")[2], edge.after.partition(":")[2]) for edge in plan.edges]
    if edges is not None and found != list(edges):
        raise PromiseBrokenError(f"{dialect.name}: read the edges {found}, not {edges}")
    return plan


def _read(dialect: Dialect, data: bytes) -> Plan:
    return read_bytes(data, "plan.md", dialects=(dialect, *built_in()))


def _whole(plan: Plan, data: bytes) -> None:
    if plan.source != data:
        raise PromiseBrokenError("bytes were lost")
    ids = [item.id for item in plan.items]
    if len(ids) != len(set(ids)):
        raise PromiseBrokenError(f"ids are not unique: {ids}")
    for item in plan.items:
        if not 0 <= item.span.start < item.span.end <= len(data):
            raise PromiseBrokenError(f"{item.id} has a span outside the file: {item.span}")
        if item.box is not None and not item.span.start <= item.box < item.span.end:
            raise PromiseBrokenError(f"{item.id} has its box outside its span")


__all__ = [
    "Block",
    "Context",
    "Dialect",
    "Form",
    "Line",
    "PromiseBrokenError",
    "Section",
    "Statement",
    "check_dialect",
]
