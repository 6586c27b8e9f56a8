"""Each dialect and each notation on small plans; what looks alike and is none."""

from pathlib import Path

import pytest

from planproof.plan.model import Claim, Kind, Origin
from planproof.plan.reading import read_bytes
from planproof.plan.reading.dialect import Dialect
from planproof.testing import PromiseBrokenError, check_dialect


FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "plans"


def read(text, **more):
    return read_bytes(text.encode(), "p.md", **more)


def item(plan, local):
    return next(one for one in plan.items if one.local == local)


def pairs(plan, origin=None):
    return [
        (edge.before.partition(":")[2], edge.after.partition(":")[2])
        for edge in plan.edges
        if origin is None or edge.origin is origin
    ]


@pytest.fixture(scope="module")
def spec():
    return read_bytes((FIXTURES / "spec-list.md").read_bytes(), "spec-list.md")


@pytest.fixture(scope="module")
def mixed():
    return read_bytes((FIXTURES / "mixed.md").read_bytes(), "mixed.md")


class TestSpecLists:
    def test_claims(self, spec):
        claims = {one.local: one.claim for one in spec.items}
        assert claims == {
            "1": Claim.DONE,
            "2": Claim.IN_PROGRESS,
            "2.1": Claim.DONE,
            "2.2": Claim.OPTIONAL,
            "2.3": Claim.SKIPPED,
            "3": Claim.OPEN,
            "4": Claim.BLOCKED,
            "5": Claim.PARTIAL,
            "6": Claim.IN_PROGRESS,
        }

    def test_parents_and_fields(self, spec):
        one = item(spec, "2.1")
        assert one.parent == "spec-list:2"
        assert one.files == ("src/store/base.py",)
        assert [(field.name, field.value) for field in one.fields] == [("Requirements", "2.1")]

    def test_waves_are_uncertain_and_parallel(self, spec):
        assert pairs(spec, Origin.WAVES) == [("1", "2.1"), ("1", "2.2"), ("2.1", "3"), ("2.2", "3")]
        assert not any(edge.certain for edge in spec.edges if edge.origin is Origin.WAVES)
        assert [group.members for group in spec.parallel] == [
            ("spec-list:1",), ("spec-list:2.1", "spec-list:2.2"), ("spec-list:3",),
        ]  # fmt: skip

    def test_depends_field_and_front_matter(self, spec):
        assert pairs(spec, Origin.HEADER) == [("2.1", "3"), ("2.2", "3")]
        assert pairs(spec, Origin.FRONT_MATTER) == [("feature-3", "feature-7"), ("feature-5", "feature-7")]
        assert {field.name: field.value for field in spec.fields}["status"] == "in progress"

    def test_dialect(self, spec):
        assert spec.dialects[0] == "spec-lists"


class TestMixed:
    def test_every_box_and_no_other(self, mixed):
        names = [one.local for one in mixed.items if one.box is not None]
        assert names == [f"T{number:03d}" for number in range(1, 12)]

    def test_malformed_boxes_are_reported(self, mixed):
        assert [(one.text[:12], one.reason) for one in mixed.unread if "malformed" in one.reason] == [
            ("[] T081 empt", "a malformed box"),
            ("[ x] T082 pa", "a malformed box"),
            ("[WIP] T083 a", "a malformed box"),
            ("[x]T084 no s", "a malformed box"),
        ]
        assert any("table cell" in one.reason for one in mixed.unread)

    def test_waits_in_brackets(self, mixed):
        assert pairs(mixed, Origin.PROSE) == [
            ("T001", "T002"),
            ("T001", "T003"), ("T002", "T003"),
            ("T001", "T004"), ("T002", "T004"), ("T003", "T004"),
            ("T004", "T005"),
            ("T006", "T005"),
        ]  # fmt: skip

    def test_mermaid(self, mixed):
        assert pairs(mixed, Origin.MERMAID) == [
            ("T001", "T002"), ("T001", "T003"), ("T002", "T004"), ("T004", "T005"), ("T005", "T006"),
        ]  # fmt: skip

    def test_table(self, mixed):
        assert pairs(mixed, Origin.TABLE) == [("T020", "T021"), ("T020", "T011"), ("T021", "T011")]
        first, second = item(mixed, "T020"), item(mixed, "T021")
        assert (first.claim, first.text, first.priority, first.effort_hours) == (
            Claim.DONE,
            "First",
            "P0",
            8.0,
        )
        assert (second.claim, second.effort_hours) == (Claim.OPEN, 0.5)

    def test_a_picture_keeps_its_certainty(self, mixed):
        found = [(*one, edge.certain) for edge in mixed.edges if edge.origin is Origin.TREE
                 for one in [(edge.before[6:], edge.after[6:])]]  # fmt: skip
        assert found == [
            ("T001", "T002", True), ("T001", "T003", True), ("T020", "T021", False), ("T020", "T011", True),
        ]  # fmt: skip

    def test_continuation_lines_belong_to_the_item(self, mixed):
        one = item(mixed, "T001")
        assert one.text.endswith("names `src/a.py`")
        assert one.files == ("src/a.py",)
        assert mixed.source[one.span.start : one.span.end].count(b"\n") == 2


@pytest.mark.parametrize(
    ("text", "name", "kind"),
    [
        ("- [ ] WP01 make", "WP01", Kind.TASK),
        ("- [ ] **TASK-001**: make", "TASK-001", Kind.TASK),
        ("- [ ] T012.5 make", "T012.5", Kind.TASK),
        ("- [ ] T029_new make", "T029_new", Kind.TASK),
        ("- [ ] T-US1-03 make", "T-US1-03", Kind.TASK),
        ("- [ ] PH10-T04-P0-1 make", "PH10-T04-P0-1", Kind.TASK),
        ("- [ ] t123.1 make", "t123.1", Kind.TASK),
        ("- [ ] CHK001 check", "CHK001", Kind.CRITERION),
        ("- [ ] ~~T006~~ dropped", "T006", Kind.TASK),
        ("- [~] T062-T067 DROPPED", "T062-T067", Kind.TASK),
        ("- [ ] Task 3: make", "Task-3", Kind.TASK),
        ("- [ ] 1.2.3 make", "1.2.3", Kind.TASK),
        ("- [ ] FR-001: must", "FR-001", Kind.REQUIREMENT),
    ],
)
def test_ids(text, name, kind):
    plan = read(text + "\n")
    assert [(one.local, one.kind) for one in plan.items] == [(name, kind)]


@pytest.mark.parametrize(
    "text",
    ["SHA-256 sums", "UTF-8 only", "HTTP2 push", "E2E tests: all", "S3 bucket", "3 retries", "P1 bugs fixed"],
)
def test_words_of_the_trade_are_no_ids(text):
    (one,) = read(f"# T\n\n## Work\n\n- [ ] {text}\n").items
    assert one.local.startswith("work/")


def test_a_pinned_id():
    plan = read(
        "- [ ] make it <!-- planproof: id=the-store -->\n<!-- planproof: id=next-one -->\n- [ ] other\n"
    )
    assert [(one.local, one.text) for one in plan.items] == [("the-store", "make it"), ("next-one", "other")]


def test_an_unclosed_fence_says_what_it_hides():
    plan = read("- [ ] T001 a\n\n```py\n- [ ] T002 b\n- [x] T003 c\n")
    assert [one.local for one in plan.items] == ["T001"]
    assert [(one.line, one.reason) for one in plan.unread] == [
        (3, "a code fence that nothing closes hides 2 boxes")
    ]


def test_a_status_field_says_more_of_an_open_box():
    plan = read("- [ ] T001 a\n  - **Status**: in progress\n- [x] T002 b\n  - **Status**: deferred\n")
    assert [one.claim for one in plan.items] == [Claim.IN_PROGRESS, Claim.DONE]
    assert plan.items[1].fields[0].value == "deferred"


def test_heading_tasks_without_a_status_claim_by_their_steps():
    plan = read(
        "# P\n\n### T001: a\n- [x] one\n- [x] two\n\n### T002: b\n- [x] one\n- [ ] two\n\n"
        "### T003: c\n- [ ] one\n"
    )
    assert [one.claim for one in plan.items if one.kind is Kind.TASK] == [
        Claim.DONE,
        Claim.IN_PROGRESS,
        Claim.OPEN,
    ]


def test_equal_items_are_told_apart_by_their_children():
    plan = read("## S\n\n- [ ] Hold:\n  - one\n- [ ] Hold:\n  - two\n- [ ] Hold\n- [ ] Hold\n")
    boxes = [one.local for one in plan.items if one.box is not None]
    assert boxes == ["s/hold~one", "s/hold~two", "s/hold", "s/hold~2"]


def test_one_of_two_equal_ids_keeps_it_wherever_it_stands():
    first = "## A\n\n- [ ] T001 one\n\n"
    second = "## B\n\n- [ ] T001 two\n\n"
    names = {(one.local, one.text) for one in read(first + second).items}
    assert (
        names
        == {(one.local, one.text) for one in read(second + first).items}
        == {("T001", "one"), ("T001~b", "two")}
    )


@pytest.mark.parametrize(
    ("text", "edges"),
    [
        ("A1 -> B2 -> C3, D4", [("A1", "B2"), ("B2", "C3"), ("B2", "D4")]),
        ("T1 + T2 --> T3", [("T1", "T3"), ("T2", "T3")]),
        ("T014-T016 → T017 (all of T099)", [("T014", "T017"), ("T015", "T017"), ("T016", "T017")]),
        ("T001..T003 => T004", [("T001", "T004"), ("T002", "T004"), ("T003", "T004")]),
        ("T001/T002 -> T003; T004 -> T005", [("T001", "T003"), ("T002", "T003"), ("T004", "T005")]),
    ],
)
def test_arrows(text, edges):
    plan = read(f"# P\n\n## Dependencies\n\n```\n{text}\n```\n")
    assert pairs(plan) == edges
    assert all(edge.certain for edge in plan.edges)


def test_words_in_a_chain_make_it_uncertain():
    plan = read("# P\n\n## Dependencies\n\n- All but T001 -> T002\n- everything -> T003\n")
    assert [(*pairs(plan)[0], plan.edges[0].certain)] == [("T001", "T002", False)]


def test_arrows_that_point_down():
    plan = read("# P\n\n## Dependencies\n\n```\nT001\n  |\n  v\nT002, T003\n  ↓\nT004\n```\n")
    assert pairs(plan) == [("T001", "T002"), ("T001", "T003"), ("T002", "T004"), ("T003", "T004")]


class Angle(Dialect):
    """``- <x> T-01 text``."""

    name = "angle"

    def bullet(self, statement, context):
        text = statement.text
        if not text.startswith(("<x> ", "< > ")):
            return False
        name, _, words = text[4:].partition(" ")
        said = statement.lead._replace(name=name, scope="global")
        draft = context.add(self.name, Kind.TASK, statement.block, words, said=said)
        draft.claim = Claim.DONE if text[1] == "x" else Claim.OPEN
        return True


class TestOtherDialects:
    def test_three_lines_check_one(self):
        plan = check_dialect(
            Angle(), "- <x> T-01 made\n- < > T-02 open\n- [ ] T-03 ours\n", items=["T-01", "T-02", "T-03"]
        )
        assert [one.claim for one in plan.items] == [Claim.DONE, Claim.OPEN, Claim.OPEN]
        assert plan.dialects[0] == "angle"

    def test_a_broken_promise_is_told(self):
        class Stateful(Angle):
            count = 0

            def bullet(self, statement, context):
                self.count += 1
                statement.text = f"<x> T-{self.count} {statement.text}"
                return super().bullet(statement, context)

        with pytest.raises(PromiseBrokenError, match="second reading"):
            check_dialect(Stateful(), "- one\n")
        with pytest.raises(PromiseBrokenError, match="not \\['T-9'\\]"):
            check_dialect(Angle(), "- <x> T-01 made\n", items=["T-9"])

    def test_installed_dialects_come_through_the_entry_point(self, monkeypatch):
        from importlib import metadata

        from planproof.plan.reading import registry

        class Entry:
            name = "angle"

            @staticmethod
            def load():
                return Angle

        monkeypatch.setattr(
            metadata, "entry_points", lambda group: [Entry] if group == registry.GROUP else []
        )
        registry.installed.cache_clear()
        try:
            assert [one.local for one in read("- <x> T-01 made\n").items] == ["T-01"]
        finally:
            registry.installed.cache_clear()
