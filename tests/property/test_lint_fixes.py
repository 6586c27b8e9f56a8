"""Laws of the fixes: a fixed plan is not fixed again, and nothing but the finding goes away."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planproof.plan.lint import RULES, lint
from planproof.plan.lint.fixing import apply_fixes
from planproof.plan.reading import read_bytes


CODES = ["PP102", "PP122", "PP202", "PP204", "PP215", "PP501", "PP502", "PP550", "PP551"]

BOX = st.sampled_from(["[ ]", "[x]", "[X]", "[]", "[ x]", "[~]"])
LISTED = st.lists(st.sampled_from(["T001", "T002", "T003", "T004", "T002"]), min_size=1, max_size=4)
ENDING = st.sampled_from(["\n", "\r\n"])


@st.composite
def plans(draw):
    count = draw(st.integers(2, 5))
    names = [f"T{number:03}" for number in range(1, count + 1)]
    some = st.integers(0, 7)
    lines = ["# Plan ✅", "", f"**Total tasks:** {draw(some)}"]
    lines += [
        f"**Progress:** {draw(some)}/{draw(st.sampled_from([count, 7]))} tasks done ({draw(some)}0%)",
        "",
    ]
    lines += [f"## Phase 1: Base ({draw(some)}/{count})", ""]
    for name in names:
        lines.append(f"- {draw(BOX)} {name} Write é {name.lower()}")
        if draw(st.booleans()):
            lines.append(f"  - **Dependencies**: {', '.join(draw(LISTED))}")
    lines += [
        "",
        "## Task summary",
        "",
        f"- {', '.join(draw(st.permutations(names))[: draw(st.integers(2, 5))])}",
    ]
    lines += ["", "## Dependencies", "", f"- {names[0]} -> {names[1]}", ""]
    return draw(ENDING).join(lines).encode()


def findings(data):
    return lint([read_bytes(data, "plan.md")], select=CODES).findings


@given(plans())
@settings(max_examples=150)
def test_fixes_come_to_an_end_and_change_no_item(data):
    before = read_bytes(data, "plan.md")
    again = data
    for _ in range(8):
        again, fixed = apply_fixes(again, findings(again), "plan.md")
        if not fixed:
            break
    assert all(one.fix is None for one in findings(again))
    after = read_bytes(again, "plan.md")
    assert {item.local for item in before.items} <= {item.local for item in after.items}
    assert again.count(b"\n") == data.count(b"\n")


@given(plans())
@settings(max_examples=100)
def test_a_fix_takes_its_finding_away(data):
    for one in findings(data):
        if one.fix is None:
            continue
        fixed, done = apply_fixes(data, [one], "plan.md")
        assert done == [one]
        assert len(findings(fixed)) <= len(findings(data)) or one.code in {"PP102", "PP204"}
        assert (one.code, one.line, one.message) not in {(f.code, f.line, f.message) for f in findings(fixed)}


@given(plans())
@settings(max_examples=60)
def test_bytes_outside_the_splices_stay(data):
    for one in findings(data):
        if one.fix is None:
            continue
        fixed, _ = apply_fixes(data, [one], "plan.md")
        start, end = one.fix.splices[0].start, one.fix.splices[-1].end
        assert fixed.startswith(data[:start])
        assert fixed.endswith(data[end:])


EXAMPLES = {
    "PP102": ("- [ x] T001 a\n- [ ] T002 b\n", "- [x] T001 a\n- [ ] T002 b\n"),
    "PP122": ("- [X] T001 a\n- [x] T002 b\n", "- [x] T001 a\n- [x] T002 b\n"),
    "PP202": (
        "### T001: a\n\n**Dependencies:** T001\n\n### T002: b\n\n**Dependencies:** T001, T002\n",
        "### T001: a\n\n**Dependencies:** None\n\n### T002: b\n\n**Dependencies:** T001\n",
    ),
    "PP215": (
        "### T001: a\n\n### T002: b\n\n**Depends on**: T001, T001\n",
        "### T001: a\n\n### T002: b\n\n**Depends on**: T001\n",
    ),
    "PP501": (
        "# P\n\n**Total tasks:** 3\n\n- [ ] T001 a\n- [ ] T002 b\n",
        "# P\n\n**Total tasks:** 2\n\n- [ ] T001 a\n- [ ] T002 b\n",
    ),
    "PP502": (
        "# P\n\n- [ ] T001 a\n- [ ] T002 b\n- [ ] T003 c\n\n## Task summary\n\n- T001, T002\n",
        "# P\n\n- [ ] T001 a\n- [ ] T002 b\n- [ ] T003 c\n\n## Task summary\n\n- T001, T002, T003\n",
    ),
    "PP550": ("# P\n\nProgress: 1/2 tasks done (10%)\n", "# P\n\nProgress: 1/2 tasks done (50%)\n"),
    "PP551": (
        "# P\n\n## Base (2/2)\n\n- [x] T001 a\n- [ ] T002 b\n",
        "# P\n\n## Base (1/2)\n\n- [x] T001 a\n- [ ] T002 b\n",
    ),
}


@pytest.mark.parametrize("code", EXAMPLES)
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_what_a_fix_writes(code, ending):
    bad, good = (text.replace("\n", ending).encode() for text in EXAMPLES[code])
    data = bad
    for _ in range(3):
        data, _ = apply_fixes(data, lint([read_bytes(data, "plan.md")], select=[code]).findings, "plan.md")
    assert data == good
    assert code in {rule.code for rule in RULES}
