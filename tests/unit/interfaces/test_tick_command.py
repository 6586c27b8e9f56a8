"""``planproof tick`` and ``planproof report`` in a small repository, from outside."""

import json
from pathlib import Path

import jsonschema
import pytest
from tests.unit.proof.workshop import Repo

import planproof
from planproof.interfaces.cli.main import run


SCHEMA = Path(planproof.__file__).parent / "schemas" / "tick.schema.json"
PLAN = """\
# Tasks: demo

- [ ] T001 Add
- [x] T002 Subtract
- [ ] T003 Multiply

### T004: Divide
- **Status**: pending
"""
TESTS = """
    import pytest

    from maths import add, subtract, divide

    @pytest.mark.proves("demo:T001")
    def test_add():
        assert add(1, 2) == 3

    @pytest.mark.proves("demo:T002")
    def test_subtract():
        assert subtract(3, 2) == 1

    @pytest.mark.proves("demo:T004")
    def test_divide():
        assert divide(6, 2) == 3
"""
CODE = """
    def add(a, b):
        return a + b

    def subtract(a, b):
        return b - a

    def divide(a, b):
        return a / b
"""


@pytest.fixture
def repo(tmp_path, monkeypatch, capsys):
    made = Repo(tmp_path)
    made.write("plans/demo.md", PLAN)
    made.write("tests/test_maths.py", TESTS)
    made.write("maths.py", CODE)
    monkeypatch.chdir(tmp_path)
    assert run(["verify", "--exit-zero"]) == 0
    capsys.readouterr()
    return made


def test_what_is_proved_is_ticked_and_only_its_status_changes(repo, capsys):
    assert run(["tick"]) == 0

    said = capsys.readouterr().out
    assert "ticked T001" in said
    assert "ticked T004" in said
    expected = PLAN.replace("[ ] T001", "[x] T001").replace("pending", "complete")
    assert (repo.root / "plans/demo.md").read_text() == expected


def test_untick_takes_back_what_is_refuted(repo):
    assert run(["tick", "--untick"]) == 0

    assert "- [ ] T002 Subtract" in (repo.root / "plans/demo.md").read_text()


def test_a_dry_run_prints_a_diff_and_writes_nothing(repo, capsys):
    assert run(["tick", "--dry-run"]) == 0

    assert "+- [x] T001 Add" in capsys.readouterr().out
    assert (repo.root / "plans/demo.md").read_text() == PLAN


def test_a_dry_run_with_nothing_to_do_says_so_beside_its_empty_diff(repo, capsys):
    assert run(["tick"]) == 0
    capsys.readouterr()
    assert run(["tick", "--dry-run"]) == 0

    said = capsys.readouterr()
    assert said.out == ""
    assert "nothing to tick" in said.err


@pytest.mark.parametrize(
    ("item", "said"),
    [
        ("T003", "is not proved: bound to no check"),
        ("T002", "--untick takes it back"),
        ("T009", "has an item"),
    ],
)
def test_a_named_item_without_evidence_is_refused(repo, capsys, item, said):
    assert run(["tick", "--item", item]) == 2

    assert said in capsys.readouterr().err
    assert (repo.root / "plans/demo.md").read_text() == PLAN


def test_json(repo, capsys):
    assert run(["tick", "--dry-run", "--untick", "--output-format", "json"]) == 0

    document = json.loads(capsys.readouterr().out)
    jsonschema.validate(document, json.loads(SCHEMA.read_text()))
    assert [(one["item"], one["done"]) for one in document["changes"]] == [
        ("demo:T001", True),
        ("demo:T002", False),
        ("demo:T004", True),
    ]


def test_the_report_is_written_checked_and_refused_when_edited(repo, capsys):
    assert run(["report", "-o", "REPORT.md"]) == 0
    assert run(["report", "-o", "REPORT.md", "--check"]) == 0
    page = repo.root / "REPORT.md"
    assert "T002 Subtract" in page.read_text("utf-8")

    repo.write("plans/demo.md", PLAN.replace("[x] T002", "[ ] T002"))
    assert run(["report", "-o", "REPORT.md", "--check"]) == 1
    page.write_text(page.read_text().replace("Subtract", "Take away"))
    assert run(["report", "-o", "REPORT.md"]) == 2
    assert "edited by hand" in capsys.readouterr().err
