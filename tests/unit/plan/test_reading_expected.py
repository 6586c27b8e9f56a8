"""Plans of many styles with what a careful reader sees in them, both as Markdown.

``tests/fixtures/plans/expected/NAME.md`` says what is to be read from ``tests/fixtures/plans/NAME.md``; a
table that is missing there means that there is nothing of the kind.
"""

from pathlib import Path

import pytest
from tests.unit.plan.markdown_oracle import task_lines

from planproof.plan.lint import lint
from planproof.plan.reading import read_bytes


FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "plans"
EXPECTED = sorted((FIXTURES / "expected").glob("*.md"))


def tables(path):
    """Rows of each table by the heading above it."""
    found = {}
    heading = ""
    for line in path.read_text().splitlines():
        if line.startswith("#"):
            heading = line.lstrip("# ")
        elif line.startswith("|"):
            cells = line.replace("\\|", "\0").strip().strip("|").split("|")
            found.setdefault(heading, []).append(tuple(cell.strip().replace("\0", "|") for cell in cells))
    return {name: rows[2:] for name, rows in found.items()}


def plan_of(path):
    return read_bytes((FIXTURES / path.name).read_bytes(), path.name)


@pytest.fixture(params=EXPECTED, ids=lambda path: path.stem, scope="module")
def case(request):
    return plan_of(request.param), tables(request.param)


def short(plan, name):
    return (name or "").removeprefix(f"{plan.id}:")


def test_there_are_many():
    assert len(EXPECTED) >= 40


def test_items(case):
    plan, expected = case
    seen = [
        (str(item.line), item.local, item.kind.value, item.claim.value, short(plan, item.parent))
        for item in plan.items
    ]
    assert seen == expected.get("Items", [])


def test_edges(case):
    plan, expected = case
    seen = [
        (
            str(edge.line),
            short(plan, edge.before),
            short(plan, edge.after),
            edge.origin.value,
            "yes" if edge.certain else "no",
        )
        for edge in plan.edges
    ]
    assert sorted(seen) == sorted(expected.get("Edges", []))


def test_what_runs_side_by_side(case):
    plan, expected = case
    seen = [
        (
            str(group.line),
            ", ".join(short(plan, name) for name in group.members),
            ", ".join(short(plan, name) for name in group.after),
        )
        for group in plan.parallel
    ]
    assert seen == expected.get("Side by side", [])


def test_what_is_not_understood(case):
    plan, expected = case
    assert [(str(one.line), one.reason) for one in plan.unread] == expected.get("Not understood", [])


def test_findings(case):
    plan, expected = case
    seen = [(str(found.line), found.code) for found in lint([plan]).findings]
    assert seen == expected.get("Findings", [])


@pytest.mark.parametrize("path", EXPECTED, ids=lambda path: path.stem)
def test_boxes_are_those_of_a_markdown_parser(path):
    plan = plan_of(path)
    data = plan.source.replace(b"\r\n", b" \n")
    ours = sorted(data[: item.box].count(b"\n") + 1 for item in plan.items if item.box is not None)
    assert ours == task_lines(plan.source)
