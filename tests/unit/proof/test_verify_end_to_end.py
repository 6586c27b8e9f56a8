"""From plan to verdict in a small repository, with real checks."""

import pytest
from tests.unit.proof.workshop import Repo


CALC = """
    LIMIT = 5


    def add(a, b):
        return a + b


    def sub(a, b):
        return a - b
"""
TESTS = """
    import pytest
    from app.calc import add, sub


    @pytest.mark.proves("demo:T001")
    def test_add():
        assert add(1, 2) == 3


    @pytest.mark.proves("demo:T002")
    def test_sub():
        assert sub(3, 1) == 2


    @pytest.mark.proves("T003", part=True)
    def test_part():
        assert add(1, 0) == 1


    @pytest.mark.parametrize("a", [1, 2])
    @pytest.mark.proves("demo:T004")
    def test_each(a):
        assert add(a, a) == 2 * a
"""


@pytest.fixture
def repo(tmp_path):
    repo = Repo(tmp_path)
    repo.write("app/__init__.py", "")
    repo.write("app/calc.py", CALC)
    repo.write("tests/test_calc.py", TESTS)
    repo.plan(
        "[x] T001 Add `add()` to `app/calc.py`",
        "[ ] T002 Add `sub()` to `app/calc.py`",
        "[x] T003 Both",
        "[x] T004 Each",
        "[~] T005 Dropped, deferred",
        "[x] T006 Bound to nothing",
        "[x] T007 The limit is five",
    )
    repo.spec("""
        checks:
          limit: {code: {file: app/calc.py, constant: {LIMIT: 5}}}
          compiles: {command: [python, -m, compileall, -q, app]}
        items:
          T007: [limit, compiles]
    """)
    return repo


def test_each_claim_gets_the_verdict_of_its_evidence(repo):
    found = repo.verify()

    assert found.verdict("T001") == "verified"
    assert found.verdict("T002") == "ready_to_tick"
    assert found.verdict("T003") == "unproved_claim"
    assert "only a part" in found.reason("T003")
    assert found.verdict("T004") == "verified"
    assert found.verdict("T006") == "unproved_claim"
    assert found.reason("T006") == "bound to no check"
    assert found.verdict("T007") == "verified"
    assert found.gate.exit_code == 1
    assert len(found.report.ran) == 6


def test_a_second_run_without_a_change_runs_nothing(repo):
    repo.verify()
    again = repo.verify()

    assert again.report.ran == []
    assert again.report.reused == 6
    assert again.verdict("T001") == "verified"


def test_a_broken_function_makes_a_false_claim(repo):
    repo.verify()
    repo.write("app/calc.py", CALC.replace("return a + b", "return a * b + 9"))

    stale = repo.judge()
    found = repo.verify()

    assert stale.verdict("T001") == "stale_claim"
    assert stale.reason("T001") == "stale-code: add in app/calc.py changed"
    assert found.verdict("T001") == "false_claim"
    assert "test_add" in found.reason("T001")
    assert found.verdict("T002") == "ready_to_tick"


def test_each_kind_of_change_is_named(repo):
    repo.verify()
    plan = (repo.root / "plans/demo.md").read_text()

    repo.write("plans/demo.md", plan.replace("T001 Add", "T001 Really add"))
    assert repo.judge().reason("T001") == "stale-claim: the item's text changed"
    repo.write("plans/demo.md", plan)

    repo.write("tests/test_calc.py", TESTS.replace("add(1, 2) == 3", "add(1, 3) == 4"))
    found = repo.judge()
    assert found.reason("T001") == "stale-check: test_add in tests/test_calc.py changed"
    assert found.verdict("T002") == "ready_to_tick"
    repo.write("tests/test_calc.py", TESTS)

    repo.write("app/calc.py", CALC.replace("return a + b", "return a + b  # the sum"))
    assert repo.judge().verdict("T001") == "verified"

    repo.write("app/calc.py", CALC.replace("LIMIT = 5", "LIMIT = 6"))
    assert repo.judge().reason("T007") == "stale-code: app/calc.py changed outside its functions"
    repo.write("app/calc.py", CALC)

    repo.write("uv.lock", "version = 1\n")
    assert repo.judge().reason("T001") == "stale-environment: uv.lock changed"


def test_ticking_a_box_does_not_make_it_stale(repo):
    repo.verify()
    plan = (repo.root / "plans/demo.md").read_text()
    repo.write("plans/demo.md", plan.replace("[ ] T002", "[x] T002"))

    found = repo.verify()

    assert found.report.ran == []
    assert found.verdict("T002") == "verified"


def test_a_changed_spec_entry_is_a_stale_check(repo):
    repo.verify()
    repo.spec("""
        checks:
          limit: {code: {file: app/calc.py, constant: {LIMIT: 6}}}
          compiles: {command: [python, -m, compileall, -q, app]}
        items:
          T007: [limit, compiles]
    """)

    assert repo.judge().reason("T007") == "stale-check: its entry in specs/demo.yaml changed"
    found = repo.verify()
    assert found.verdict("T007") == "false_claim"
    assert "LIMIT is 5, not 6" in found.reason("T007")


def test_a_new_binding_of_a_fresh_check_is_run_for_its_claim(repo):
    repo.verify()
    tests = TESTS.replace('"demo:T001"', '"demo:T001", "demo:T006"')
    repo.write("tests/test_calc.py", tests)

    assert repo.judge().verdict("T006") != "verified"
    assert repo.verify().verdict("T006") == "verified"


def test_a_repository_without_specs_has_only_unproved_claims(tmp_path):
    repo = Repo(tmp_path)
    repo.plan("[x] T001 One", "[ ] T002 Two")

    found = repo.verify()

    assert found.verdict("T001") == "unproved_claim"
    assert found.verdict("T002") == "open"
    assert found.gate.exit_code == 1


def test_one_plan_can_be_verified_alone(repo):
    repo.plan("[x] T001 Other", name="other")

    found = repo.verify("plans/other.md")

    assert set(found.judged) == {"T001"}
    assert found.judged["T001"].plan == "other"
    assert found.report.ran == []


def test_the_evidence_folder_ignores_itself(repo):
    repo.verify()

    assert (repo.root / ".planproof/.gitignore").read_text() == "*\n"
