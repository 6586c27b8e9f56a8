"""Real plans: no crash, no loss, and the boxes are those of a GFM parser plus the forms it does not know.

Each difference is explained by a rule below, never by a file's name.
"""

import os
import re
from pathlib import Path

import pytest
from tests.unit.plan.markdown_oracle import GFM_BOX, OUR_BOX, item_paragraphs, normal

from planproof.plan.reading import read_bytes


SHARED = Path(os.environ.get("PLANPROOF_SHARED", Path(__file__).resolve().parents[4] / "shared"))
ROOT = Path(__file__).resolve().parents[3]
FILES = [
    *sorted((SHARED / "corpus").glob("*.md")),
    *sorted((SHARED / "seeds").glob("*.txt")),
    *sorted((ROOT / "plans").glob("*.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "tests/fixtures/plans").glob("*.md")),
]

# Why a box of ours is none of GFM's.
RULES = {
    "another state than open and done": re.compile(r"\[[~\->!?\t]\]"),
    "a star that makes it optional": re.compile(r"\[[ xX]\]\\?\*"),
    "nothing behind the box": re.compile(r"\[[ xX]\]$"),
}


def lines_of(data, items):
    starts = [0]
    for part in re.split(rb"(?<=\n)|(?<=\r)(?!\n)", data):
        starts.append(starts[-1] + len(part))
    return sorted(next(n for n, start in enumerate(starts) if start > item.box) for item in items)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_boxes_are_those_of_a_gfm_parser_and_our_forms(path):
    data = path.read_bytes()
    plan = read_bytes(data, path.name)
    assert plan.source == data
    ours = lines_of(data, [item for item in plan.items if item.box is not None])
    seen = list(item_paragraphs(normal(data)))
    assert ours == sorted(line for line, words in seen if OUR_BOX.match(words))
    for line, words in seen:
        if OUR_BOX.match(words) and not GFM_BOX.match(words):
            first = words.split("\n")[0]
            assert any(rule.match(first) for rule in RULES.values()), (line, first)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_items_and_edges_lie_in_the_file(path):
    data = path.read_bytes()
    plan = read_bytes(data, path.name)
    count = data.count(b"\n") + 1
    ids = [item.id for item in plan.items]
    assert len(ids) == len(set(ids))
    for item in plan.items:
        assert 0 <= item.span.start < item.span.end <= len(data)
        assert item.parent is None or item.parent in ids
        assert 1 <= item.line <= count
        for field in item.fields:
            assert data[field.span.start : field.span.end] == field.value.encode()
    assert all(1 <= edge.line <= count for edge in plan.edges)
