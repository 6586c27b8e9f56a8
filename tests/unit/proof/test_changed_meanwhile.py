"""What changes while planproof runs, and what is not what it looks like: code, policies, controls."""

import os
import pathlib
import select
import sqlite3
import threading

import pytest
from tests.unit.proof.evidence_samples import some
from tests.unit.proof.workshop import Repo

from planproof.errors import InputError
from planproof.proof import session as steps
from planproof.proof.evidence.store import Store, read_all
from planproof.proof.since import touched


@pytest.fixture
def repo(tmp_path):
    repo = Repo(tmp_path)
    repo.write("app.py", "def double(n):\n    return 2 * n\n")
    repo.write(
        "tests/test_app.py",
        """
        import pytest

        import app


        @pytest.mark.proves("demo:T001")
        def test_double():
            assert app.double(2) == 4
        """,
    )
    repo.plan("[x] T001 Double")
    return repo


def test_code_that_was_written_while_its_check_ran_is_not_proved(repo):
    """What ran is not what lies there now, so the evidence never counts; the next run puts it right."""
    repo.write(
        "tests/test_app.py",
        """
        import pathlib

        import pytest

        import app


        @pytest.mark.proves("demo:T001")
        def test_double():
            assert app.double(2) == 4
            path = pathlib.Path(app.__file__)
            path.write_text(path.read_text().replace("2 * n", "3 * n"))
        """,
    )

    found = repo.verify()

    assert found.verdict("T001") == "stale_claim"
    assert found.reason("T001") == "stale-code: app.py changed while the check ran"
    assert repo.judge().verdict("T001") == "stale_claim"
    assert repo.verify().verdict("T001") == "false_claim"


def test_a_test_has_the_time_that_its_check_gives_it(repo):
    repo.write(
        "tests/test_slow.py",
        "import time\n\n\ndef test_slow():\n    time.sleep(60)\n    assert time.time()\n",
    )
    repo.spec(
        """
        checks: {slow: {pytest: tests/test_slow.py, timeout: 1}}
        items: {T001: slow}
        """
    )

    reason = repo.verify().reason("T001")

    assert "test_slow did not end within 1 s" in reason


def test_two_merges_at_once_lose_nothing(tmp_path):
    path = tmp_path / "e.db"
    start = threading.Barrier(6)

    def merge(number):
        start.wait()
        with Store(path) as store:
            for _ in range(10):
                store.revise(lambda known: {"1": some("1", claims={**_claims(known), f"i{number}": "c"})})

    threads = [threading.Thread(target=merge, args=(count,)) for count in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert set(read_all(path)["1"].claims) >= {f"i{count}" for count in range(6)}


def _claims(known):
    return dict(known["1"].claims) if "1" in known else {}


def test_a_store_that_is_broken_inside_is_set_aside(tmp_path):
    path = tmp_path / "e.db"
    with Store(path) as store:
        store.put([some(str(number), reason="x" * 500) for number in range(200)])
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    path.write_bytes(data)

    assert read_all(path) == {}
    assert list(tmp_path.glob("e.db.broken-*"))


def test_a_store_that_cannot_be_opened_is_left_alone(tmp_path):
    path = tmp_path / "e.db"
    path.mkdir()

    with pytest.raises(InputError, match="the evidence store cannot be opened"):
        Store(path)

    assert path.is_dir()


def test_who_takes_a_check_away_touches_the_claim(repo):
    repo.write(
        "specs/demo.yaml",
        "schema: 1\nchecks: {a: {code: {file: app.py, defines: double}}}\nitems: {T002: a}\n",
    )
    repo.plan("[x] T001 Double", "[x] T002 Define", "[x] T003 Other")
    repo.git("init", "-q")
    repo.git("add", "-A")
    repo.git("commit", "-qm", "one")
    repo.write("specs/demo.yaml", "schema: 1\n")
    repo.write("tests/test_app.py", "def test_nothing():\n    assert sorted('ba') == ['a', 'b']\n")

    assert touched(repo.session(), "HEAD") == {"demo:T001", "demo:T002"}


def test_a_needed_control_cannot_be_left_out_by_another_kind_of_check(repo):
    repo.plan("[x] T002 Define")
    repo.write("tests/test_app.py", "")
    repo.spec(
        """
        checks: {a: {code: {file: app.py, defines: double}}}
        items: {T002: {checks: a, needs_control: true}}
        """
    )

    found = repo.verify()

    assert found.verdict("T002") == "unproved_claim"
    assert found.reason("T002") == "needs a control that bites, and none of its checks has one"


@pytest.mark.parametrize(
    ("gate", "message"),
    [
        ("{kinds: [taks]}", "specs/demo.yaml:3: no item is of kind 'taks'; kinds are "),
        ("{backends: [postgre]}", "unknown backend 'postgre'"),
    ],
)
def test_a_policy_that_names_what_there_is_not_is_an_error(repo, gate, message):
    repo.spec(f"gate: {gate}\n")

    said = repo.cli("gate")

    assert said.returncode == 2
    assert message in said.stderr


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("gate = {backends = ['postgre']}", "unknown backend 'postgre'; known are"),
        ("gate = {kinds = ['taks']}", "no item is of kind 'taks'"),
        ("python = '/no/such/python'", "there is no interpreter '/no/such/python'"),
    ],
)
def test_a_configuration_is_held_to_the_same(repo, line, message):
    repo.write("planproof.toml", f"{line}\n")

    said = repo.cli("gate")

    assert said.returncode == 2
    assert f"planproof.toml: {message}" in said.stderr


def test_an_item_that_is_required_and_is_not_there_does_not_hold(repo):
    repo.spec("gate: {require: [T001, T009]}\n")

    found = repo.verify()

    assert found.gate.exit_code == 1
    assert [one.message for one in found.gate.problems] == [
        "T009 must be verified, and no item has that name"
    ]


@pytest.mark.parametrize(
    ("source", "query", "reason"),
    [
        ("if TYPE_CHECKING:\n    def go(): ...\n", "defines: go", "go is not defined"),
        ("if False:\n    def go():\n        return 1\n", "defines: go", "go is not defined"),
        ("def go():\n    return 1\ndel go\n", "defines: go", "go is not defined"),
        ("def go():\n    return 1\ngo = None\n", "methods: {go: [x]}", "class go is not defined"),
        ("def go():\n    '''Later.'''\n    ...\n", "defines: go", "go is defined, and only as a stub"),
        ("def go():\n    raise NotImplementedError\n", "defines: go", "go is defined, and only as a stub"),
        ("def go():\n    if False:\n        audit()\n", "calls: {go: audit}", "go does not call audit"),
        ("def go():\n    return 1\n    audit()\n", "calls: {go: audit}", "go does not call audit"),
        (
            "def go():\n    if TYPE_CHECKING:\n        raise KeyError\n",
            "raises: {go: KeyError}",
            "does not raise",
        ),
        ("def go():\n    True or audit()\n", "calls: {go: audit}", "go does not call audit"),
        ("def go():\n    return 1 if True else audit()\n", "calls: {go: audit}", "does not call audit"),
        (
            "def go():\n    def later():\n        audit()\n    return 1\n",
            "calls: {go: audit}",
            "not call audit",
        ),
        (
            "class Go:\n    def run(self):\n        ...\n",
            "methods: {Go: [run]}",
            "run of class Go is only a stub",
        ),
        ("go = ...\n", "defines: go", "go is not defined"),
        ("LIMIT = 5\nLIMIT += 1\n", "constant: {LIMIT: 5}", "which is not a plain value"),
        ("if False:\n    LIMIT = 5\n", "constant: {LIMIT: 5}", "constant LIMIT is not defined"),
    ],
)
def test_code_that_never_runs_answers_no_query(repo, source, query, reason):
    repo.write("dead.py", source)
    repo.write("tests/test_app.py", "")
    repo.spec(f"checks: {{a: {{code: {{file: dead.py, {query}}}}}}}\nitems: {{T001: a}}\n")

    found = repo.verify()

    assert found.verdict("T001") == "false_claim"
    assert reason in found.reason("T001")


@pytest.mark.parametrize(
    "source",
    [
        "from typing import Protocol\nclass Store(Protocol):\n    def go(self): ...\n",
        "import abc\nclass Store(abc.ABC):\n    @abc.abstractmethod\n    def go(self): ...\n",
        "def go():\n    pass\n",
        "def go():\n    def later():\n        return 1\n    return later\n",
        "go = None\n",
        "try:\n    from fast import go\nexcept ImportError:\n    pass\ndef go():\n    return 1\n",
    ],
)
def test_what_is_meant_to_be_empty_is_defined(repo, source):
    repo.write("empty.py", source)
    repo.write("tests/test_app.py", "")
    repo.spec("checks: {a: {code: {file: empty.py, defines: go}}}\nitems: {T001: a}\n")

    assert repo.verify().verdict("T001") == "verified"


@pytest.mark.parametrize(
    ("body", "test", "reason"),
    [
        (
            "def go():  # pragma: no cover\n    a = 1\n    b = 2\n    return a + b\n",
            "assert app",
            "leaves out 4 lines",
        ),
        ("def go():\n    return 1\n", "app.go()", "asserts nothing, so what it covers is not checked"),
    ],
)
def test_coverage_that_says_nothing(repo, body, test, reason):
    pytest.importorskip("coverage")
    repo.write("app.py", "import os\n\n\n" + body)
    repo.write("tests/test_app.py", f"import app\n\n\ndef test_it():\n    {test}\n")
    repo.spec("checks: {a: {coverage: {file: app.py, min: 50, tests: tests}}}\nitems: {T001: a}\n")

    found = repo.verify()

    assert found.verdict("T001") == "unproved_claim"
    assert reason in found.reason("T001")


def test_a_control_that_fails_for_a_reason_of_its_own_is_undecided(repo):
    """A broken variant with a slip in it fails every test, and shows nothing of the test."""
    repo.write("variants.py", "def typo(n):\n    return 2 * nn\n\n\ndef other(n, m):\n    return n\n")
    repo.write("tests/test_app.py", "import app\n\n\ndef test_double():\n    assert app.double(2) == 4\n")
    repo.spec(
        """
        checks: {a: {pytest: tests/test_app.py}}
        items: {T001: a}
        controls:
          a:
            variants:
              - {name: typo, swap: "app:double", with: "variants.py:typo"}
        """
    )

    found = repo.verify()

    assert found.verdict("T001") == "unproved_claim"
    assert found.reason("T001").startswith("undecided on the broken variant typo: ")
    assert steps.due(repo.session())


DAEMON = """
    import os

    ready, told = os.pipe()
    if not os.fork():
        os.setsid()
        held = os.open("alive", os.O_WRONLY)
        os.set_inheritable(held, True)
        os.write(told, b"up")
        os.execvp("sleep", ["sleep", "600"])
    print(os.read(ready, 2))
"""


@pytest.mark.skipif(not pathlib.Path("/proc/self/environ").exists(), reason="needs /proc")
def test_a_daemon_that_left_its_group_dies_with_its_command(repo):
    """It holds the writing end of a pipe, whose reader sees the end when nobody holds it any more."""
    os.mkfifo(repo.root / "alive")
    reader = os.open(repo.root / "alive", os.O_RDONLY | os.O_NONBLOCK)
    repo.write("tests/test_app.py", "")
    repo.write("daemon.py", DAEMON)
    repo.spec("checks: {a: {command: [python, daemon.py], inputs: daemon.py}}\nitems: {T001: a}\n")

    assert repo.verify().verdict("T001") == "verified"
    assert select.select([reader], [], [], 60)[0]
    assert os.read(reader, 1) == b""
    os.close(reader)


def test_a_module_of_the_same_name_beside_the_tests_is_not_the_one(tmp_path):
    repo = Repo(tmp_path)
    repo.write("pyproject.toml", "")
    repo.write("app/auth.py", "def login(user):\n    return None\n")
    repo.write("tests/app/auth.py", "def login(user):\n    return 'ok'\n")
    repo.write("tests/app/__init__.py", "")
    repo.write("app/__init__.py", "")
    repo.write(
        "tests/test_auth.py",
        """
        import pytest

        from app.auth import login


        @pytest.mark.proves("demo:T001")
        def test_login():
            assert login("ann") == "ok"
        """,
    )
    repo.plan("[x] T001 Log in, in `app/auth.py`")

    found = repo.verify()

    assert found.verdict("T001") == "unproved_claim"
    assert "nothing of app/auth.py was ever imported" in found.reason("T001")
