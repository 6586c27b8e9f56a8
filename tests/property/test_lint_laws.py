"""Laws of the linter: it takes any text, and what it says does not depend on where the text stands."""

from hypothesis import given, settings
from hypothesis import strategies as st

from planproof.plan.lint import RULES, lint
from planproof.plan.lint.fixing import apply_fixes
from planproof.plan.reading import read_bytes


PIECES = st.sampled_from(
    [
        "# Tasks",
        "## Phase 1: Core (P1)",
        "### T003: Parse",
        "- [ ] T001 Parse in `src/a.py`",
        "- [x] T002 [P] Print (depends on T001)",
        "  - [ ] a step",
        "  - [x] read `b.py` (pending)",
        "- **Status**: complete",
        "**Dependencies:** T001, T009",
        "```",
        "T001 -> T002 -> T001",
        "T003, T004 can run in parallel (independent files)",
        "**Priority:** P1",
        "**Total tasks:** 7",
        "| T001 | Race in parse | Locks |",
        "- [ ] All unit tests pass",
        "## Completion Criteria",
        "## Deferred",
        "<!-- planproof: ignore PP401 because -->",
        "- `NotFound` → 404",
        "- (matches lease)",
        "- [] what",
        "- AC-1: on each call (not every call)",
        "**Remaining:**",
        "- left: T001-T004",
        "",
        "\t",
        "É🎯 text",
        "- [ x] T005",
    ]
)
TEXTS = st.lists(PIECES | st.text(max_size=30), max_size=40).map("\n".join)


def found(text):
    plan = read_bytes(text.encode("utf-8", "replace"), "plan.md")
    return plan, lint([plan], select=["ALL"]).findings


@given(TEXTS)
@settings(max_examples=150)
def test_any_text_is_taken_and_every_finding_points_into_it(text):
    plan, findings = found(text.replace("\x00", ""))
    lines = plan.source.replace(b"\r\n", b"\n").replace(b"\r", b"\n").count(b"\n") + 1
    codes = {rule.code for rule in RULES}

    for finding in findings:
        assert finding.code in codes
        assert finding.message
        assert 1 <= finding.line <= lines
        assert all(1 <= place.line <= lines and place.path == "plan.md" for place in finding.related)
        assert finding.related == tuple(sorted(set(finding.related)))
    assert len({finding.fingerprint for finding in findings}) >= len({(f.code, f.line) for f in findings})


@given(TEXTS, st.integers(1, 9))
@settings(max_examples=80)
def test_empty_lines_above_move_findings_and_change_nothing(text, count):
    text = "# Plan\n\n" + "".join(sign for sign in text if sign.isprintable() or sign == "\n")
    _, first = found(text)
    _, second = found("\n" * count + text)

    assert [(f.code, f.line + count, f.fingerprint) for f in first] == [
        (f.code, f.line, f.fingerprint) for f in second
    ]


@given(TEXTS)
@settings(max_examples=80)
def test_a_second_run_of_the_fixes_finds_nothing_to_fix(text):
    plan, findings = found("".join(sign for sign in text if sign.isprintable() or sign == "\n"))
    data = plan.source
    for _ in range(12):
        data, fixed = apply_fixes(data, findings, "plan.md")
        if not fixed:
            break
        findings = lint([read_bytes(data, "plan.md")], select=["ALL"]).findings
    else:
        raise AssertionError("the fixes never come to an end")


@given(st.lists(TEXTS, min_size=1, max_size=3))
@settings(max_examples=40)
def test_the_order_of_the_plans_does_not_matter(texts):
    plans = [
        read_bytes(text.encode("utf-8", "replace").replace(b"\0", b""), f"{n}.md")
        for n, text in enumerate(texts)
    ]
    only = ["PP1", "PP2", "PP3", "PP4", "PP5"]
    first = lint(plans, select=only, ignore=["PP110", "PP111", "PP535"]).findings
    second = lint(plans[::-1], select=only, ignore=["PP110", "PP111", "PP535"]).findings

    assert sorted(first, key=repr) == sorted(second, key=repr)
