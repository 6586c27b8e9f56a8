"""Selection, suppression, baselines, fixes, fingerprints, findings about proof."""

import json

import pytest

from planproof.errors import ConfigError, EditError
from planproof.plan.lint import Fix, Hit, Level, Splice, lint, worst
from planproof.plan.lint.baseline import read_baseline, without_known, write_baseline
from planproof.plan.lint.fixing import apply_fixes
from planproof.plan.lint.rules.proof import BoundCheck, proof_findings
from planproof.plan.reading import read_bytes


BAD = "# Tasks\n\n- [ x] T001 Write the parser\n- [ ] T002 Write the printer\n"


def read(text, name="plan.md"):
    return read_bytes(text.encode() if isinstance(text, str) else text, name)


def codes(text, **options):
    return [(found.code, found.line) for found in lint([read(text)], **options).findings]


def test_a_family_can_be_selected_and_a_rule_ignored():
    assert codes(BAD, select=["PP1"], ignore=["PP104"]) == [("PP102", 3)]
    assert codes(BAD, select=["PP2"]) == []
    assert codes(BAD, ignore=["PP102"]) == []
    assert codes(BAD, select=["malformed-box"]) == [("PP102", 3)]


@pytest.mark.parametrize("code", ["PP9", "PP", "X", ""])
def test_a_code_of_no_rule_is_refused(code):
    if code == "PP":
        assert codes(BAD, select=[code])
        return
    with pytest.raises(ConfigError, match="no rule has the code"):
        codes(BAD, select=[code])


@pytest.mark.parametrize(
    "comment",
    [
        "<!-- planproof: ignore PP102 because the exporter writes so -->",
        "<!-- planproof: ignore=PP102 reason: the exporter writes so -->",
        "<!-- planproof: ignore[PP102] the exporter writes so -->",
        '<!-- planproof: ignore PP1 reason="the exporter writes so" -->',
        "<!-- planproof: ignore-file PP102 - the exporter writes so -->",
    ],
)
def test_a_comment_with_a_reason_silences_the_next_line(comment):
    text = BAD.replace("- [ x]", f"{comment}\n- [ x]")
    report = lint([read(text)])

    assert report.findings == ()
    assert [found.code for found in report.suppressed] == ["PP102"]


def test_a_comment_behind_a_line_silences_that_line():
    assert codes(BAD.replace("parser", "parser <!-- planproof: ignore PP102 because so -->")) == []


def test_a_comment_speaks_for_its_place_only():
    text = BAD + "\n<!-- planproof: ignore PP102 because so -->\n- [x ] T003 Write the manual\n"

    assert codes(text) == [("PP102", 3)]


def test_a_comment_without_a_reason_or_use_is_a_finding():
    assert codes(BAD.replace("- [ x]", "<!-- planproof: ignore PP102 -->\n- [ x]")) == [("PP112", 3)]
    assert codes(BAD.replace("[ x]", "[x]") + "<!-- planproof: ignore PP102 because so -->\n") == [
        ("PP113", 5)
    ]


def test_a_comment_for_a_rule_that_did_not_run_is_no_finding():
    text = BAD.replace("[ x]", "[x]") + "<!-- planproof: ignore PP506 because so -->\n"

    assert codes(text) == []


def test_a_comment_in_a_fence_is_text():
    text = BAD + "\n```\n<!-- planproof: ignore PP102 -->\n```\n"

    assert codes(text) == [("PP102", 3)]


def test_a_baseline_holds_old_findings_only(tmp_path):
    path = tmp_path / "baseline.json"
    old = lint([read(BAD)]).findings
    write_baseline(path, old)
    moved = lint([read("\n\n" + BAD.replace("[ ] T002", "[x] T002"))]).findings
    more = lint([read(BAD + "- [x ] T003 Write the manual\n")]).findings

    assert without_known(moved, read_baseline(path)) == []
    assert [found.line for found in without_known(more, read_baseline(path))] == [5]


@pytest.mark.parametrize("text", ["", "[]", '{"schema": 2, "findings": []}', '{"schema": 1}', "\x00"])
def test_a_broken_baseline_is_refused(tmp_path, text):
    path = tmp_path / "baseline.json"
    path.write_text(text)

    with pytest.raises(ConfigError):
        read_baseline(path)
    with pytest.raises(ConfigError, match="no such baseline"):
        read_baseline(tmp_path / "none.json")


def test_the_same_finding_twice_has_two_fingerprints():
    text = "# Tasks\n\n- [ x] Write it\n\n## Again\n\n- [ x] Write it\n"
    marks = {found.fingerprint for found in lint([read(text)]).findings}

    assert len(marks) == 2


def test_a_fix_changes_its_bytes_and_nothing_else():
    source = b"\xef\xbb\xbf# T\xc3\xa4sks\r\n\r\n- [ x] T001 \xf0\x9f\x8e\xaf Write\t \r\n- [] T002 Print"
    found = lint([read(source)]).findings
    data, fixed = apply_fixes(source, found, "plan.md")

    assert len(fixed) == 2
    assert data == source.replace(b"[ x]", b"[x]").replace(b"[]", b"[ ]")
    assert lint([read(data)]).findings == ()


def test_fixes_that_touch_wait_and_fixes_outside_are_refused():
    def finding(start, end):
        hit = Hit(1, "m", fix=Fix("f", (Splice(start, end, "x"),)))
        report = lint([read(BAD)]).findings[0]
        return type(report)("PP102", "n", Level.INFO, "m", "p", 1, fix=hit.fix)

    assert apply_fixes(b"abcd", [finding(0, 2), finding(1, 3)], "p") == (b"xcd", [finding(0, 2)])
    with pytest.raises(EditError):
        apply_fixes(b"abcd", [finding(3, 9)], "p")


def test_the_worst_level_wins():
    assert worst([]) is None
    assert worst(lint([read(BAD)]).findings) is Level.WARNING


def test_an_uncertain_edge_makes_no_error():
    text = "# Tasks\n\n- [x] T002 Print (maybe after T001)\n- [ ] T001 Parse\n"
    plan = read(text)
    assert all(not edge.certain for edge in plan.edges) or plan.edges == ()
    assert codes(text) == []


def check(**more):
    fields = {"item": "plan:T001", "check": "unit", "path": "specs/plan.yaml", "line": 3}
    return BoundCheck(**(fields | more))


def test_findings_about_proof_come_from_what_is_handed_in():
    plan = read("# Tasks\n\n- [x] T001 Parse\n- [x] T002 Print\n- [ ] T003 Tell\n")
    cases = [
        ([check()], [("PP601", "plan.md", 4)]),
        ([check(), check(item="plan:T002")], []),
        ([check(), check(item="plan:T009")], [("PP601", "plan.md", 4), ("PP602", "specs/plan.yaml", 3)]),
        ([check(collected=0)], [("PP601", "plan.md", 4), ("PP603", "specs/plan.yaml", 3)]),
        ([check(can_fail=False)], [("PP601", "plan.md", 4), ("PP604", "specs/plan.yaml", 3)]),
        ([check(stale="src/a.py changed")], [("PP605", "plan.md", 3), ("PP601", "plan.md", 4)]),
    ]
    for checks, expected in cases:
        found = proof_findings([plan], checks)
        assert sorted((one.code, one.path, one.line) for one in found) == sorted(expected)


def test_a_baseline_is_json_of_a_known_form(tmp_path):
    path = tmp_path / "baseline.json"
    write_baseline(path, lint([read(BAD)]).findings)
    data = json.loads(path.read_text())

    assert data["schema"] == 1
    assert list(data["findings"][0]) == ["fingerprint", "code", "path", "message"]


def test_files_are_asked_for_only_where_the_plan_is_of_this_place():
    boxes = "".join(f"- [x] T{n:03} Write it in `src/{name}.py`\n" for n, name in enumerate("abc"))
    text = f"# Tasks\n\n{boxes}"

    def missing(there):
        report = lint([read(text)], exists=lambda path: path in there)
        return [found.line for found in report.findings if found.code == "PP424"]

    assert missing({"src/a.py", "src/b.py"}) == [5]
    assert missing({"src/a.py"}) == []
    assert missing(set()) == []
    assert codes(text) == []
