"""Ids survive: ticking a box, inserting lines, and moving a section change no other item's id."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planproof.plan.reading import read_bytes


FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "plans"
OWN = Path(__file__).resolve().parents[2] / "plans"
SEEDS = Path(__file__).resolve().parents[3] / "shared" / "seeds"
FILES = [*sorted(FIXTURES.glob("*.md")), *sorted(OWN.glob("*.md")), *sorted(SEEDS.glob("*.txt"))]

WORD = st.sampled_from(
    ["write", "test", "store", "limit", "login", "token", "Enforce:", "check", "naïve", "✅", "読む"]
)
TEXT = st.lists(WORD, min_size=1, max_size=3).map(" ".join)
NAME = st.sampled_from(["", "", "", "T001 ", "T002 ", "T003 ", "1.1 ", "2. ", "AC-1: ", "Step 1: ", "#1 "])
TASK = st.tuples(st.sampled_from([" ", "x"]), NAME, TEXT).map(lambda one: f"- [{one[0]}] {one[1]}{one[2]}")
CHILD = st.tuples(st.sampled_from(["- ", "- [ ] ", "- [x] "]), TEXT).map(lambda one: f"  {one[0]}{one[1]}")
LIST = st.lists(st.tuples(TASK, st.lists(CHILD, max_size=2)), min_size=1, max_size=5)
SECTION = st.tuples(
    st.sampled_from(["Tests", "Phase 1: Base", "Completion Criteria", "Code", "T007: A task"]), LIST
)
SECTIONS = st.lists(SECTION, min_size=1, max_size=4)


def written(sections):
    lines = ["# A plan", ""]
    for title, tasks in sections:
        lines += [f"## {title}", ""]
        for task, children in tasks:
            lines += [task, *children]
        lines.append("")
    return "\n".join(lines).encode()


def identities(data):
    """Ids with what they stand for, as far as it does not move."""
    return sorted((item.local, item.text) for item in read_bytes(data, "plan.md").items)


@given(SECTIONS, st.integers(min_value=0))
@settings(max_examples=200)
def test_ticking_a_box_changes_no_id(sections, pick):
    data = written(sections)
    plan = read_bytes(data, "plan.md")
    boxes = [item for item in plan.items if item.box is not None]
    if not boxes:
        return
    at = boxes[pick % len(boxes)].box
    other = b"x" if data[at : at + 1] == b" " else b" "
    after = read_bytes(data[:at] + other + data[at + 1 :], "plan.md")
    assert [item.id for item in after.items] == [item.id for item in plan.items]


@given(SECTIONS, st.integers(min_value=0))
@settings(max_examples=200)
def test_inserted_lines_change_no_id(sections, pick):
    lines = written(sections).split(b"\n")
    places = [index for index, line in enumerate(lines) if line.startswith(b"## ")]
    at = places[pick % len(places)]
    new = [b"", b"A paragraph that says nothing.", b""]
    assert identities(b"\n".join([*lines[:at], *new, *lines[at:]])) == identities(b"\n".join(lines))


def sections_of(data):
    """The head of a file and its second-level sections."""
    parts = re.split(rb"(?m)^(?=## )", data if data.endswith(b"\n") else data + b"\n")
    return parts[0], parts[1:]


@given(
    st.lists(SECTION, min_size=2, max_size=4, unique_by=lambda one: one[0]), st.randoms(use_true_random=False)
)
@settings(max_examples=200)
def test_moving_a_section_changes_no_id(sections, random):
    head, parts = sections_of(written(sections))
    moved = list(parts)
    random.shuffle(moved)
    assert identities(head + b"".join(moved)) == identities(head + b"".join(parts))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_real_plans_keep_their_ids_when_a_section_moves(path):
    head, parts = sections_of(path.read_bytes())
    before = identities(head + b"".join(parts))
    for index in range(len(parts)):
        moved = [*parts[:index], *parts[index + 1 :], parts[index]]
        assert identities(head + b"".join(moved)) == before


@given(SECTIONS)
@settings(max_examples=100)
def test_ids_are_unique(sections):
    ids = [item.id for item in read_bytes(written(sections), "plan.md").items]
    assert len(ids) == len(set(ids))
