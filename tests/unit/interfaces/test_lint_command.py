"""``lint`` and ``rule`` from the outside: formats, exit codes, fixes, baselines."""

import json
import xml.etree.ElementTree as ET
from importlib.resources import files

import jsonschema
import pytest

from planproof.interfaces.cli.main import run
from planproof.plan.lint import RULES


BAD = """# Tasks

- [ x] T001 Write the parser | "quick" <b>
- [x] T002 Write the printer (pending)
- [ ] T003 Write the manual

```
T003 -> T002
```
"""
GOOD = "# Tasks\n\n- [x] T001 Write the parser\n"


@pytest.fixture
def place(tmp_path, monkeypatch):
    (tmp_path / "plans").mkdir()
    (tmp_path / "plans" / "bad.md").write_text(BAD)
    (tmp_path / "plans" / "good.md").write_text(GOOD)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    return tmp_path


def said(capsys, *words, code=1):
    assert run(["lint", *words]) == code
    return capsys.readouterr().out


def test_json_follows_its_schema_and_keeps_the_keys_of_old(place, capsys):
    data = json.loads(said(capsys, "--output-format", "json"))
    schema = json.loads((files("planproof") / "schemas" / "lint.schema.json").read_text())

    jsonschema.validate(data, schema)
    assert data["schema"] == 1
    assert [(row["code"], row["path"], row["line"]) for row in data["findings"]] == [
        ("PP102", "plans/bad.md", 3),
        ("PP401", "plans/bad.md", 4),
        ("PP404", "plans/bad.md", 4),
    ]
    assert data["findings"][1]["items"] == ["bad:T002", "bad:T003"]
    assert data["findings"][1]["related"] == [
        {"path": "plans/bad.md", "line": 5},
        {"path": "plans/bad.md", "line": 8},
    ]
    assert {"code", "level", "message", "path", "line", "items", "related", "confidence", "fix"} <= data[
        "findings"
    ][0].keys()


def test_the_full_text_quotes_every_line(place, capsys):
    text = said(capsys)

    assert "plans/bad.md:4  PP401 done-before-dependency" in text
    for line in ("  4 │ - [x] T002 Write", "  5 │ - [ ] T003 Write", "  8 │ T003 -> T002"):
        assert line in text
    assert "fix: write [x] (planproof lint --fix)" in text
    assert text.endswith("1 error, 2 warnings in 2 plans\n")
    assert all(len(line) <= 80 for line in text.splitlines())


def test_exit_codes(place, capsys):
    assert run(["lint", "plans/good.md"]) == 0
    assert run(["lint", "plans/bad.md"]) == 1
    assert run(["lint", "plans/bad.md", "--exit-zero"]) == 0
    assert run(["lint", "plans/bad.md", "--select", "PP3"]) == 0
    assert run(["lint", "plans/bad.md", "--select", "PP119"]) == 0
    assert run(["lint", "plans/none.md"]) == 2
    assert run(["lint", "plans/bad.md", "--select", "PP999"]) == 2
    assert run(["lint", "plans/bad.md", "--output-format", "nothing"]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_commas_part_codes(place, capsys):
    data = json.loads(said(capsys, "--select", "PP102,PP404", "--ignore", "PP404", "--output-format", "json"))

    assert [row["code"] for row in data["findings"]] == ["PP102"]


def test_fix_splices_and_leaves_the_rest(place, capsys):
    text = said(capsys, "--fix")

    assert (place / "plans" / "bad.md").read_text() == BAD.replace("[ x]", "[x]")
    assert (place / "plans" / "good.md").read_text() == GOOD
    assert "(1 fixed)" in text
    assert sorted(path.name for path in (place / "plans").iterdir()) == ["bad.md", "good.md"]


def test_a_baseline_counts_only_what_is_new(place, capsys):
    said(capsys, "--write-baseline", "known.json", code=0)
    assert "no findings in 2 plans (3 in the baseline)" in said(capsys, "--baseline", "known.json", code=0)
    (place / "plans" / "good.md").write_text(GOOD + "- [x ] T002 Write the printer\n")
    assert "1 warning in 2 plans (3 in the baseline)" in said(capsys, "--baseline", "known.json")
    assert run(["lint", "--baseline", "none.json"]) == 2


def test_suppressed_findings_are_told(place, capsys):
    (place / "plans" / "bad.md").write_text(
        BAD.replace("# Tasks", "# Tasks\n<!-- planproof: ignore-file PP because old -->")
    )
    comment = BAD.replace("# Tasks", "# Tasks\n<!-- planproof: ignore-file PP1 PP4 because old -->")
    (place / "plans" / "bad.md").write_text(comment)

    assert "no findings in 2 plans (3 suppressed)" in said(capsys, code=0)


def test_sarif_has_rules_places_and_fingerprints(place, capsys):
    log = json.loads(said(capsys, "--output-format", "sarif"))
    (found,) = log["runs"]

    assert log["version"] == "2.1.0"
    assert [rule["id"] for rule in found["tool"]["driver"]["rules"]] == ["PP102", "PP401", "PP404"]
    result = found["results"][1]
    assert result["ruleId"] == found["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == "PP401"
    assert result["level"] == "error"
    assert result["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "plans/bad.md"},
        "region": {"startLine": 4},
    }
    assert [place["physicalLocation"]["region"]["startLine"] for place in result["relatedLocations"]] == [
        5,
        8,
    ]
    assert len({row["partialFingerprints"]["planproof/v1"] for row in found["results"]}) == 3


def test_github_ranks_and_tells_what_overflows(place, capsys):
    lines = said(capsys, "--output-format", "github").splitlines()
    assert lines[0].startswith(
        "::error file=plans/bad.md,line=4,title=PP401 done-before-dependency::T002 is done"
    )
    (place / "plans" / "bad.md").write_text(
        "# Tasks\n\n" + "".join(f"- [x ] T{n:03} Do it\n" for n in range(14))
    )
    lines = said(capsys, "--output-format", "github").splitlines()
    assert lines[-1] == "::notice title=planproof::4 more findings of level warning are not shown by GitHub"


def test_other_formats(place, capsys):
    rows = [json.loads(line) for line in said(capsys, "--output-format", "json-lines").splitlines()]
    assert [row["code"] for row in rows] == ["PP102", "PP401", "PP404"]
    report = json.loads(said(capsys, "--output-format", "gitlab"))
    assert report[1]["severity"] == "major"
    assert report[1]["location"] == {"path": "plans/bad.md", "lines": {"begin": 4}}
    root = ET.fromstring(said(capsys, "--output-format", "junit"))
    assert (root[0].get("tests"), root[0].get("failures")) == ("4", "3")
    assert (
        said(capsys, "--output-format", "markdown").splitlines()[3].startswith("| `plans/bad.md:4` | PP401 ")
    )
    assert said(capsys, "--output-format", "concise").splitlines()[0].startswith("plans/bad.md:3: PP102 ")


def test_rule_explains_and_lists(capsys):
    assert run(["rule", "pp401"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("PP401 done-before-dependency  (error, claims)")
    assert "Bad" in text
    assert "    - [x] T002 Write the printer" in text
    assert run(["rule", "done-before-dependency", "--output-format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["code"] == "PP401"
    assert run(["rule"]) == 0
    listed = capsys.readouterr().out
    assert all(rule.code in listed for rule in RULES)
    assert run(["rule", "PP000"]) == 2


def test_a_ticked_file_that_is_missing_is_found_and_nothing_outside_is_looked_at(place, capsys):
    for name in ("src/a.py", "src/b.py", "../secret.py"):
        (place / name).parent.mkdir(exist_ok=True)
        (place / name).write_text("")
    files = ("src/a.py", "src/b.py", "src/c.py", "src/../../secret.py")
    boxes = "".join(f"- [x] T{n:03} Write it in `{name}`\n" for n, name in enumerate(files))
    (place / "plans" / "bad.md").write_text(f"# Tasks\n\n{boxes}")

    data = json.loads(said(capsys, "plans/bad.md", "--select", "PP424", "--output-format", "json"))
    assert 5 in [row["line"] for row in data["findings"]]
    assert {3, 4} & {row["line"] for row in data["findings"]} == set()


def test_rules_about_proof_run_when_they_are_selected(place, capsys):
    (place / "specs").mkdir()
    (place / "specs" / "good.yaml").write_text("schema: 1\nplan: good\n")

    data = json.loads(said(capsys, "plans/good.md", "--select", "PP6", "--output-format", "json"))
    assert [(row["code"], row["line"], row["items"]) for row in data["findings"]] == [
        ("PP601", 3, ["good:T001"])
    ]
    assert run(["lint", "plans/good.md"]) == 0
