"""Bindings read off a plan's words: labelled, counted only by policy, never running what a plan says."""

import pytest
from tests.unit.proof.workshop import Repo

from planproof.proof.binding.inferred import argv_of


@pytest.fixture
def repo(tmp_path):
    repo = Repo(tmp_path)
    repo.write("app/__init__.py", "")
    repo.write("app/calc.py", "def add(a, b):\n    return a + b\n")
    repo.write(
        "tests/test_calc.py",
        '''
        from app.calc import add


        def test_add():
            assert add(1, 2) == 3


        def test_t005_by_name():
            assert add(2, 2) == 4


        def test_in_the_docstring():
            """Shows demo:T006."""
            assert add(3, 3) == 6
        ''',
    )
    repo.plan(
        "[x] T001 Add `add()` to `app/calc.py`",
        "[x] T002 Unit tests in `tests/test_calc.py`",
        "[x] T003 Run `touch ran-by-the-plan`",
        "[x] T004 Run `python -m compileall -q app`",
        "[x] T005 Named by a test",
        "[x] T006 Named in a docstring",
        "[x] T007 Coverage of `app/calc.py` is at least 90%",
        "[x] T008 Nothing to go by",
        "[x] T009 Tests in `../outside/test_evil.py` and `tests/test_gone.py`",
    )
    return repo


def test_inferred_evidence_is_labelled_and_does_not_count_by_default(repo):
    found = repo.verify()

    for local in ("T001", "T002", "T005", "T006", "T007"):
        one = found.judged[local]
        assert one.verdict.value == "unproved_claim"
        assert one.reason.startswith("only inferred: "), local
        assert {view.binding.bound_by.value for view in one.checks} == {"inferred"}
    assert found.judged["T008"].checks == ()
    assert found.judged["T009"].checks == ()


def test_policy_can_let_it_count(repo):
    found = repo.verify(asked={"inferred": True})

    assert found.verdict("T002") == "verified"
    assert found.verdict("T005") == "verified"
    assert found.verdict("T006") == "verified"
    assert found.verdict("T007") == "verified"
    assert found.verdict("T001") == "unproved_claim"
    assert "only a part" in found.reason("T001")


def test_a_command_in_a_plan_never_runs_without_an_allow_list(repo):
    found = repo.verify(asked={"inferred": True})

    assert not (repo.root / "ran-by-the-plan").exists()
    assert found.judged["T003"].checks == ()
    assert found.judged["T004"].checks == ()


def test_an_allowed_beginning_lets_it_run(repo):
    repo.write(
        "planproof.toml",
        """
        allow-commands = ["python -m compileall"]
        """,
    )
    found = repo.verify(asked={"inferred": True})

    assert found.verdict("T004") == "verified"
    assert found.judged["T003"].checks == ()


def test_a_stronger_rung_replaces_it(repo):
    repo.spec("""
        checks: {limit: {code: {file: app/calc.py, defines: [add]}}}
        items: {T001: limit}
    """)
    one = repo.verify().judged["T001"]

    assert one.verdict.value == "verified"
    assert [view.binding.bound_by.value for view in one.checks] == ["sidecar"]


def test_bind_writes_a_proposal_that_is_no_spec_until_it_is_renamed(repo):
    said = repo.cli("bind", "--write")
    assert said.returncode == 0, said.stderr
    assert "none is accepted" in said.stdout

    proposed = repo.root / "specs/demo.yaml.proposed"
    assert repo.judge().verdict("T002") == "unproved_claim"

    proposed.rename(repo.root / "specs/demo.yaml")
    found = repo.verify()
    assert found.verdict("T002") == "verified"
    assert found.verdict("T004") == "verified"
    assert found.verdict("T005") == "verified"


@pytest.mark.parametrize(
    ("text", "argv"),
    [
        ("ruff check src", ["ruff", "check", "src"]),
        ("pytest -q; rm -rf /", None),
        ("pytest $(reboot)", None),
        ("rm -rf /", None),
        ("pytest", None),
        ("create_session()", None),
        ("python 'unclosed", None),
    ],
)
def test_what_is_a_command(text, argv):
    assert argv_of(text) == argv


@pytest.mark.parametrize(
    "box",
    [
        "[x] T001 Delete `app/calc.py`",
        "[x] T001 Remove `add()` from `app/calc.py`",
        "[x] T001 Rename `app/calc.py`",
        "[x] T001 Put samples into `app/`",
        "[x] T001 Write `tests/samples/service.py`",
        "[x] T001 Look at `../../etc/passwd` and `/etc/passwd`",
    ],
)
def test_words_that_ask_for_something_else_propose_nothing(repo, box):
    repo.write("tests/samples/service.py", "x = 1\n")
    repo.plan(box)

    assert repo.judge().judged["T001"].checks == ()


@pytest.mark.parametrize(
    "text",
    [
        "Review the current `app/calc.py`",
        "Verify that all shapes match `app/calc.py`",
        "Write unit tests for `app/calc.py`",
        "The page contains no mention of `app/calc.py`",
        "Show the sum in `app/calc.py` (superseded by T076)",
        "Print what was read from `app/calc.py`",
        "Sort the rows as per `app/calc.py`",
    ],
)
def test_a_file_that_is_only_looked_at_is_no_deliverable(repo, text):
    repo.plan(f"[x] T001 {text}")

    assert repo.judge().judged["T001"].checks == ()


@pytest.mark.parametrize(
    "text",
    ["Add `add()` to `app/calc.py`", "Sums without rounding in `app/calc.py`"],
)
def test_a_file_that_is_brought_about_is_one(repo, text):
    repo.plan(f"[x] T001 {text}")

    assert [view.binding.check.kind.value for view in repo.judge().judged["T001"].checks] == ["code"]
