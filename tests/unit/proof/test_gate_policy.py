"""The gate: exit codes, waivers, backends, --since, and its own canary."""

import datetime as dt
import json

import pytest
from tests.unit.proof.workshop import Repo


class Race:
    """A race result out of made-up values."""

    def __init__(self, outcome, reason=""):
        self.outcome = outcome
        self.certificate = {"reason": reason}
        self.failure = None


@pytest.fixture
def repo(tmp_path):
    repo = Repo(tmp_path)
    repo.write("app.py", "LIMIT = 5\n\n\ndef add(a, b):\n    return a + b\n")
    repo.plan("[x] T001 Add", "[ ] T002 Later")
    return repo


def code_spec(repo, more="", items="T001: ok"):
    repo.spec(
        f"""
        checks:
          ok: {{code: {{file: app.py, defines: add}}}}
          no: {{code: {{file: app.py, defines: gone}}}}
        items: {{{items}}}
        """
        + more
    )


def test_it_holds_where_every_done_claim_is_verified(repo):
    code_spec(repo)

    assert repo.verify().gate.exit_code == 0
    assert repo.judge().gate.exit_code == 0


def test_without_evidence_it_does_not_hold(repo):
    code_spec(repo)

    assert repo.judge().gate.exit_code == 1


def test_a_waiver_counts_until_its_day(repo):
    waiver = "waivers: [{item: T001, owner: ann, reason: broken upstream, expires: 2030-01-01}]"
    repo.spec(f"""
        checks:
          ok: {{code: {{file: app.py, defines: add}}}}
          no: {{code: {{file: app.py, defines: gone}}}}
        items: {{T001: no, T002: ok}}
        {waiver}
        """)

    held = repo.verify(today=dt.date(2030, 1, 1))
    assert held.verdict("T001") == "false_claim"
    assert held.gate.exit_code == 0
    assert [(name, waiver.owner) for name, waiver in held.gate.waived] == [("demo:T001", "ann")]

    late = repo.judge(today=dt.date(2030, 1, 2))
    assert late.gate.exit_code == 1
    assert [one.word for one in late.gate.problems] == ["false_claim", "waiver_expired"]
    assert "waiver of ann for T001 expired on 2030-01-01" in late.gate.problems[1].message


def test_all_waived_is_nothing_checked(repo):
    repo.plan("[x] T001 Add")
    repo.spec("""
        checks: {no: {code: {file: app.py, defines: gone}}}
        items: {T001: no}
        waivers: [{item: T001, owner: ann, reason: x, expires: 2999-01-01}]
        """)

    found = repo.verify()

    assert found.gate.exit_code == 1
    assert found.gate.problems[0].word == "nothing_checked"


def test_what_is_required_must_be_verified_even_where_it_is_open(repo):
    repo.spec("""
        checks: {ok: {code: {file: app.py, defines: add}}}
        items: {T001: ok}
        gate: {require: ["T00*"]}
        """)

    assert [one.word for one in repo.verify().gate.problems] == ["required"]


def test_a_backend_that_is_not_to_be_had_exits_3(repo):
    repo.spec("""
        checks: {race: {race: "tests/races.py:W", backends: [memory, postgres]}}
        items: {T001: {checks: race, backends: [memory, postgres]}}
        """)

    def race(_workload, *, backend, **_options):
        return Race("unavailable", "needs postgres: not here") if backend == "postgres" else Race("passed")

    assert repo.verify(race=race).gate.exit_code == 0
    found = repo.verify(race=race, asked={"backends": ("memory", "postgres")})
    assert found.gate.exit_code == 3
    assert "needs postgres" in found.reason("T001")


def test_a_false_claim_beside_it_exits_1(repo):
    repo.plan("[x] T001 Add", "[x] T002 More")
    repo.spec("""
        checks:
          race: {race: "tests/races.py:W", backends: postgres}
          no: {code: {file: app.py, defines: gone}}
        items: {T001: race, T002: no}
        """)

    assert repo.verify(race=lambda *_a, **_k: Race("passed")).gate.exit_code == 1


def test_a_demanded_backend_without_a_check_on_it_is_no_proof(repo):
    repo.spec("""
        checks: {race: {race: "tests/races.py:W", backends: [memory]}}
        items: {T001: {checks: race, backends: [memory, sqlite]}}
        """)

    found = repo.verify(race=lambda *_a, **_k: Race("passed"))

    assert found.reason("T001") == "no check of it runs on sqlite"


def test_an_emulated_store_counts_only_where_policy_says_so(repo):
    class Emulated(Race):
        def __init__(self):
            super().__init__("passed")
            self.certificate = {"backend": {"kind": "dynamodb", "emulated": True}}

    repo.spec("""
        checks: {race: {race: "tests/races.py:W", backends: dynamodb}}
        items: {T001: race}
        gate: {backends: dynamodb}
        """)
    found = repo.verify(race=lambda *_a, **_k: Emulated())

    assert found.reason("T001") == "dynamodb was only emulated"
    assert repo.judge(asked={"emulated": True}).verdict("T001") == "verified"


def test_since_gates_only_what_a_change_made_or_touched(repo):
    repo.plan("[x] T001 Add", "[x] T002 Old sin", "[ ] T003 Later")
    code_spec(repo)
    repo.write(".gitignore", "__pycache__\n")
    repo.git("init", "-q")
    repo.git("add", ".")
    repo.git("commit", "-q", "-m", "begin")
    assert repo.cli("verify").returncode == 1

    untouched = repo.cli("gate", "--since", "HEAD")
    assert untouched.returncode == 0
    assert "no claim was made or touched" in untouched.stdout

    repo.plan("[x] T001 Add", "[x] T002 Old sin", "[x] T003 Later")
    said = json.loads(repo.cli("gate", "--since", "HEAD", "--output-format", "json").stdout)
    assert said["gated"] == ["demo:T003"]
    assert said["exit_code"] == 1

    repo.plan("[x] T001 Add", "[x] T002 Old sin", "[ ] T003 Later")
    repo.write("app.py", "LIMIT = 5\n\n\ndef add(a, b):\n    return b + a\n")
    said = json.loads(repo.cli("gate", "--since", "HEAD", "--output-format", "json").stdout)
    assert said["gated"] == ["demo:T001"]
    assert said["problems"][0]["word"] == "stale_claim"

    unknown = repo.cli("gate", "--since", "no-such-revision")
    assert unknown.returncode == 2
    assert "git knows no revision 'no-such-revision' here" in unknown.stderr


def test_the_canary_is_refused(repo):
    code_spec(repo)
    repo.verify()
    before = {path: path.read_bytes() for path in repo.root.rglob("*.md")}

    said = repo.cli("gate", "--self-test")

    assert said.returncode == 0, said.stdout
    assert "refuses 4 of 4" in said.stdout
    assert {path: path.read_bytes() for path in repo.root.rglob("*.md")} == before


def test_a_gate_that_lets_everything_through_fails_its_self_test(repo, monkeypatch):
    from planproof.proof import canary, gate

    code_spec(repo)
    repo.verify()
    monkeypatch.setattr(gate, "fault", lambda *_: None)

    assert not all(one.refused for one in canary.sing(repo.session(), dt.date(2030, 1, 1)))


def test_annotations_stand_on_the_plans_lines(repo):
    code_spec(repo, items="T001: no")
    repo.cli("verify")

    said = repo.cli("gate", "--output-format", "github")

    assert "::error file=plans/demo.md,line=5,title=planproof false claim::" in said.stdout


def test_a_policy_can_gate_one_kind_alone(repo):
    repo.write(
        "plans/demo.md",
        "# Tasks: d\n\n## Phase 1: W\n\n- [x] T001 Add\n\n## Completion Criteria\n\n- [x] All is well\n",
    )
    code_spec(repo)

    assert repo.verify().gate.exit_code == 1
    assert repo.verify(asked={"kinds": ("task",)}).gate.exit_code == 0
