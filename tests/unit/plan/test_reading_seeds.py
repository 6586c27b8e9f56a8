"""The five documents that this project started from, read completely."""

import json
import os
import re
from collections import Counter
from pathlib import Path

import pytest

from planproof.plan.model import Claim, Kind, Origin
from planproof.plan.reading import read_bytes


SHARED = Path(os.environ.get("PLANPROOF_SHARED", Path(__file__).resolve().parents[4] / "shared"))
SEEDS = sorted((SHARED / "seeds").glob("*.txt"))
pytestmark = pytest.mark.skipif(len(SEEDS) != 5, reason="the five documents are not here")


@pytest.fixture(scope="module")
def plans():
    return [read_bytes(path.read_bytes(), path.name, plan_id=f"S{index}") for index, path in enumerate(SEEDS)]


def edge_set(plan, *origins):
    return {
        (edge.before.partition(":")[2], edge.after.partition(":")[2])
        for edge in plan.edges
        if not origins or edge.origin in origins
    }


def of(plan, kind):
    return [item for item in plan.items if item.kind is kind]


def item(plan, local):
    return next(one for one in plan.items if one.local == local)


def test_boxes_are_counted(plans):
    assert [sum(one.box is not None for one in plan.items) for plan in plans] == [25, 0, 67, 52, 0]


def test_dialects_are_recognised(plans):
    assert [plan.dialects[0] for plan in plans] == [
        "tasks",
        "work-plan",
        "module-todo",
        "task-headings",
        "summary",
    ]


def test_nothing_is_unread(plans):
    assert [plan.unread for plan in plans] == [()] * 5


def test_no_bytes_are_lost(plans):
    assert [plan.source for plan in plans] == [path.read_bytes() for path in SEEDS]


class TestTasks:
    def test_counts(self, plans):
        plan = plans[0]
        tasks, criteria = of(plan, Kind.TASK), of(plan, Kind.CRITERION)
        boxes = [one for one in plan.items if one.box is not None]
        assert [one.local for one in tasks] == [f"T{number:03d}" for number in range(1, 20)]
        assert len(criteria) == 6
        assert sum(one.claim is Claim.DONE for one in boxes) == 14

    def test_25_arrow_edges(self, plans):
        assert len(plans[0].edges) == 25
        assert {edge.origin for edge in plans[0].edges} == {Origin.ARROWS}
        assert ("T012", "T012") in edge_set(plans[0])
        assert {("T014", "T017"), ("T015", "T017"), ("T016", "T017")} <= edge_set(plans[0])

    def test_labels_phases_stories_files(self, plans):
        one = item(plans[0], "T007")
        assert (one.labels, one.phase, one.story, one.priority) == (("P", "US1"), "Phase 3", "US1", "P1")
        assert one.files == ("tests/unit/dashboard/test_session_eviction.py",)

    def test_parallel_groups(self, plans):
        groups = plans[0].parallel
        assert [[name[3:] for name in group.members] for group in groups] == [
            ["T003", "T004", "T009"],
            ["T007", "T008"],
            ["T011", "T012"],
            ["T017", "T019"],
        ]
        assert [group.after for group in groups] == [("S0:T002",), ("S0:T005",), ("S0:T010",), ("S0:T016",)]
        assert groups[0].reason == "independent files"

    def test_a_box_is_a_byte(self, plans):
        source = plans[0].source
        for one in of(plans[0], Kind.TASK):
            assert source[one.box - 1 : one.box + 2] in {b"[x]", b"[ ]"}


class TestWorkPlan:
    def test_nine_marker_tasks(self, plans):
        assert [one.local for one in of(plans[1], Kind.TASK)] == [
            *(f"IMPL_00{number}" for number in range(1, 6)),
            *(f"TEST_00{number}" for number in range(1, 4)),
            "DOC_001",
        ]

    def test_counts_by_kind(self, plans):
        counts = Counter(one.kind for one in plans[1].items)
        assert counts[Kind.ACCEPTANCE] == 16
        assert counts[Kind.SCENARIO] == 11
        assert counts[Kind.COVERAGE] == 4
        assert counts[Kind.CONTRACT] == 1
        assert counts[Kind.RISK] == 3

    def test_both_sources_of_edges(self, plans):
        header, tree = edge_set(plans[1], Origin.HEADER), edge_set(plans[1], Origin.TREE)
        assert sum(edge.origin is Origin.HEADER for edge in plans[1].edges) == len(header) == 12
        assert sum(edge.origin is Origin.TREE for edge in plans[1].edges) == len(tree) == 10
        assert len(header | tree) == 13
        assert {("TEST_001", "TEST_003"), ("TEST_002", "TEST_003"), ("IMPL_005", "IMPL_003")} <= tree

    def test_qualified_criteria(self, plans):
        one = item(plans[1], "IMPL_003/AC-2")
        assert (one.id, one.parent) == ("S1:IMPL_003/AC-2", "S1:IMPL_003")
        assert item(plans[1], "SC-004").parent == "S1:TEST_001"

    def test_header_fields(self, plans):
        one = item(plans[1], "IMPL_003")
        assert (one.priority, one.effort_hours) == ("P0", 4.0)
        assert {field.name for field in one.fields} >= {
            "Priority",
            "Estimated effort",
            "Dependencies",
            "Hotspot",
        }

    def test_declared_totals_are_fields(self, plans):
        fields = {field.name: field.value for field in plans[1].fields}
        assert fields["Total subtasks"] == "8"
        assert fields["Estimated effort"] == "2-3 days"
        assert fields["Implementation markers"].count("IMPL_") == 5


class TestTaskHeadings:
    def test_fifteen_tasks_with_steps_file_and_status(self, plans):
        tasks = of(plans[3], Kind.TASK)
        assert [one.local for one in tasks] == [f"T{number:03d}" for number in range(1, 16)]
        assert sum(one.parent == "S3:T002" for one in of(plans[3], Kind.STEP)) == 4
        assert item(plans[3], "T002").files == ("src/lambdas/shared/retry.py",)

    def test_status_decides(self, plans):
        claims = {one.local: one.claim for one in of(plans[3], Kind.TASK)}
        assert claims["T001"] is Claim.DONE
        assert claims["T006"] is claims["T009"] is claims["T010"] is Claim.DEFERRED
        assert claims["T012"] is Claim.OPEN

    def test_the_picture(self, plans):
        assert edge_set(plans[3]) == {
            ("T001", "T002"), ("T002", "T003"), ("T003", "T004"), ("T002", "T012"), ("T001", "T007"),
            ("T007", "T008"), ("T008", "T009"), ("T008", "T012"), ("T005", "T006"), ("T006", "T013"),
            ("T013", "T014"), ("T010", "T011"), ("T003", "T015"), ("T006", "T015"), ("T008", "T015"),
            ("T011", "T015"),
        }  # fmt: skip
        assert len(plans[3].edges) == 16


class TestSummary:
    def test_claims_by_emoji(self, plans):
        claimed = [one for one in plans[4].items if one.claim is Claim.DONE]
        assert len(claimed) == 18
        assert [one.local for one in claimed if one.kind is Kind.TASK] == ["2.1", "2.2"]
        assert len([one for one in claimed if one.kind is Kind.REQUIREMENT]) == 3

    def test_next_steps(self, plans):
        assert [one.local for one in of(plans[4], Kind.TASK)][2:] == [
            f"Task-{number}" for number in range(3, 10)
        ]


# -- every row of the requirements ----------------------------------------------------------------

ROWS = (
    [json.loads(line) for line in (SHARED / "requirements.jsonl").read_text().splitlines()] if SEEDS else []
)
# Rows that no reader could take from the text, each with the reason.
OUT_OF_REACH: dict[str, str] = {}


def span(row):
    first, _, last = row["line"].partition("-")
    return int(first), int(last or first)


def by_local(row):
    """The local id that a row's own id names, where it names one."""
    name = row["id"].split(".", 1)[1]
    task, _, rest = name.partition(".")
    if re.fullmatch(r"T\d{3}|SC-\d{3}|COV_\w+|US\d|2\.\d", name):
        return name
    if re.fullmatch(r"(IMPL|TEST|DOC)_\d{3}", task):
        found = re.fullmatch(r"AC(\d)", rest)
        return f"{task}/AC-{found[1]}" if found else (task if not rest else None)
    if rest == "IT":
        return f"{task}/independent-test"
    return None


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["id"])
def test_every_row_has_its_item_edge_or_field(plans, row):
    plan = plans[int(row["id"][1])]
    local = by_local(row)
    first, last = span(row)
    if row["kind"] == "parallel claim":
        last += 1  # the row names the label line, the list stands below it
    if local is not None:
        assert any(one.local == local for one in plan.items)
        return
    lines = Counter(one.line for one in plan.items)
    lines.update(edge.line for edge in plan.edges)
    lines.update(group.line for group in plan.parallel)
    lines.update(field.line for field in plan.fields)
    lines.update(field.line for one in plan.items for field in one.fields)
    if row["id"].endswith("META"):
        lines.update(heading.line for heading in plan.headings)
    taken = row["id"] in OUT_OF_REACH or any(lines[number] for number in range(first, last + 1))
    assert taken


def test_rows_that_share_lines_have_as_many_items(plans):
    """Rows whose lines are given as a range: no fewer things were read there than rows ask for."""
    for (seed, place), rows in Counter((row["id"][:2], row["line"]) for row in ROWS).items():
        plan = plans[int(seed[1])]
        first, _, last = place.partition("-")
        inside = range(int(first), int(last or first) + 1)
        read = sum(one.line in inside for one in plan.items) + sum(edge.line in inside for edge in plan.edges)
        read += sum(one.line in inside for one in plan.fields)
        read += sum(field.line in inside for one in plan.items for field in one.fields)
        if last:
            assert read >= rows, (seed, place)
