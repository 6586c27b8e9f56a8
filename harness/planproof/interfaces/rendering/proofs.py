"""What tests proved, item by item, for the summary of ``pytest --planproof``."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from .paint import WIDTH, clip


if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Row(NamedTuple):
    """One line of the summary and its colour."""

    text: str
    colour: str


def summary_rows(
    bindings: Mapping[str, Sequence[tuple[Sequence[str], bool]]],
    outcomes: Mapping[str, str],
    names: Mapping[str, str],
) -> list[Row]:
    """One row for each item.

    Args:
        bindings: markers of each test, as ids and whether they prove a part only.
        outcomes: one word for each test that ran.
        names: the full id of each name in a marker.

    Returns:
        Refuted items first, then those for which nothing was checked, then the proved ones.
    """
    tests: dict[str, Counter[str]] = {}
    partial: dict[str, bool] = {}
    for node, marks in bindings.items():
        for ids, part in marks:
            for name in ids:
                item = names.get(name, name)
                tests.setdefault(item, Counter())[outcomes.get(node, "")] += 1
                partial[item] = partial.get(item, True) and part
    ranked = sorted((_rank(counts), item) for item, counts in tests.items())
    return [_row(item, tests[item], partial=partial[item]) for _, item in ranked]


def _rank(counts: Counter[str]) -> int:
    if counts["failed"] or counts["error"]:
        return 0
    return 2 if counts["passed"] else 1


def _row(item: str, counts: Counter[str], *, partial: bool) -> Row:
    word, colour = (("refuted", "red"), ("nothing", "yellow"), ("proved", "green"))[_rank(counts)]
    if word == "proved" and partial:
        word, colour = "in part", "yellow"
    said = ", ".join(f"{count} {name or 'not run'}" for name, count in sorted(counts.items()) if count)
    return Row(clip(f"{word:<8} {item}  {said}", WIDTH), colour)
