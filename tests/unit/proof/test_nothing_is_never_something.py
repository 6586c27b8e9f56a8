"""Ways to be green with nothing checked. In each planproof refuses to say verified, and says why.

All of them stand in one repository and are verified in one run; the last items are honest, so that a refusal
of everything would be seen.
"""

import textwrap

import pytest
from tests.unit.proof.workshop import Repo


pytestmark = pytest.mark.slow


APP = """
    LIMIT = 5


    def login(user):
        if not user:
            raise ValueError("no user")
        # audit(user) is called here, says this comment
        return "audit(user)"


    def unused():
        return 1
"""

# item -> (test source, words that the reason must hold). `@proves` stands for the marker of the item.
TESTS = {
    "empty_parametrisation": (
        """
        @pytest.mark.parametrize("user", [])
        @proves
        def test_{name}(user):
            assert login(user)
        """,
        "skipped",
    ),
    "skip_marker": (
        """
        @pytest.mark.skip(reason="later")
        @proves
        def test_{name}():
            assert login("ann")
        """,
        "later",
    ),
    "skip_in_the_body": (
        """
        @proves
        def test_{name}():
            pytest.skip("not here")
            assert login("ann")
        """,
        "not here",
    ),
    "skipped_by_a_fixture": (
        """
        @pytest.fixture
        def engine_of_{name}():
            pytest.skip("no engine")


        @proves
        def test_{name}(engine_of_{name}):
            assert login("ann")
        """,
        "no engine",
    ),
    "xfail": (
        """
        @pytest.mark.xfail(reason="known")
        @proves
        def test_{name}():
            assert login("ann") == "never"
        """,
        "expected to fail",
    ),
    "xpass": (
        """
        @pytest.mark.xfail(reason="known", strict=False)
        @proves
        def test_{name}():
            assert login("ann")
        """,
        "expected to fail, and passed",
    ),
    "no_assertion": (
        """
        @proves
        def test_{name}():
            login("ann")
        """,
        "asserts nothing",
    ),
    "only_a_docstring": (
        '''
        @proves
        def test_{name}():
            """login works."""
        ''',
        "asserts nothing",
    ),
    "assertion_on_a_constant": (
        """
        @proves
        def test_{name}():
            login("ann")
            assert True
        """,
        "always true",
    ),
    "assertion_on_a_tuple": (
        """
        @proves
        def test_{name}():
            assert (login("ann") == "never", "it must log in")
        """,
        "always true",
    ),
    "a_thing_equals_itself": (
        """
        @proves
        def test_{name}():
            found = login("ann")
            assert found == found
        """,
        "always true",
    ),
    "exception_swallowed": (
        """
        @proves
        def test_{name}():
            try:
                assert login("ann") == "never"
            except Exception:
                pass
        """,
        "swallows",
    ),
    "failure_suppressed": (
        """
        @proves
        def test_{name}():
            with contextlib.suppress(AssertionError):
                assert login("ann") == "never"
        """,
        "swallows",
    ),
    "mocked_subject": (
        """
        @proves
        def test_{name}():
            with mock.patch("app.auth.login", return_value="ok") as fake:
                assert app.auth.login("ann") == "ok"
        """,
        "by a mock",
    ),
    "asserts_about_its_own_mock": (
        """
        @proves
        def test_{name}():
            store = mock.Mock()
            store.save.return_value = 1
            assert store.save() == 1
        """,
        "its own mocks",
    ),
    "assertion_never_reached": (
        """
        @proves
        def test_{name}():
            login("ann")
            return
            assert login("ann") == "never"
        """,
        "asserts nothing",
    ),
    "assertion_under_if_false": (
        """
        @proves
        def test_{name}():
            if False:
                assert login("ann") == "never"
        """,
        "asserts nothing",
    ),
    "loop_over_nothing": (
        """
        @proves
        def test_{name}():
            for user in []:
                assert login(user) == "never"
        """,
        "asserts nothing",
    ),
    "generator_test": (
        """
        @proves
        async def test_{name}():
            assert login("ann") == "never"
        """,
        "async",
    ),
    "retried_flake": (
        """
        TRIES = []


        @pytest.mark.tried_again
        @proves
        def test_{name}():
            TRIES.append(1)
            assert len(TRIES) > 1
        """,
        "tried again",
    ),
    "retried_by_decorator": (
        """
        @flaky
        @proves
        def test_{name}():
            assert login("ann")
        """,
        "retried",
    ),
    "kills_its_own_process": (
        """
        @proves
        def test_{name}():
            os._exit(0)
        """,
        "process ended",
    ),
    "deselected": (
        """
        @pytest.mark.later
        @proves
        def test_{name}():
            assert login("ann")
        """,
        "deselected",
    ),
    "class_that_is_not_collected": (
        """
        class TestWith_{name}:
            def __init__(self):
                self.user = "ann"

            @proves
            def test_{name}(self):
                assert login(self.user)
        """,
        "no test was collected",
    ),
    "helper_that_asserts_nothing": (
        """
        def look_at_{name}(user):
            login(user)


        @proves
        def test_{name}():
            look_at_{name}("ann")
        """,
        "asserts nothing",
    ),
}

# item -> (entry under checks, words that the reason must hold)
CHECKS = {
    "file_that_is_not_there": ("{pytest: tests/test_gone.py}", "tests/test_gone.py does not exist"),
    "test_that_is_not_there": ("{pytest: 'tests/test_bad.py::test_gone'}", "no test was collected"),
    "folder_without_tests": ("{pytest: app}", "no test was collected"),
    "marker_that_nobody_carries": ("{pytest: {marker: nobody}}", "no test was collected"),
    "command_that_cannot_fail": ("{command: ['true']}", "cannot fail"),
    "command_that_only_talks": ("{command: [python, --version]}", "checks nothing"),
    "command_that_hides_its_failure": ("{command: [sh, -c, 'false || true']}", "hides its own failure"),
    "command_that_looked_at_nothing": (
        "{command: [python, -m, unittest, discover, -s, app]}",
        ("0 tests", "collected nothing", "no tests ran", "exit code 5"),
    ),
    "command_without_a_program": ("{command: [no-such-program-here]}", "not to be had"),
    "coverage_of_no_file": (
        "{coverage: {file: app/other.py, min: 1, tests: ['tests/test_good.py']}}",
        "was not measured",
    ),
    "coverage_without_tests": (
        "{coverage: {file: app/auth.py, min: 1, tests: ['tests/test_gone.py']}}",
        "nothing was measured",
    ),
    "code_query_that_matches_a_comment": (
        "{code: {file: app/auth.py, calls: {login: audit}}}",
        "does not call audit",
    ),
    "code_query_of_no_file": ("{code: {file: app/gone.py, defines: login}}", "does not exist"),
    "no_call_was_seen": (
        "{calls: {tests: ['tests/test_good.py'], operations: [TransactWriteItems]}}",
        "no call of any API",
    ),
    "race_without_overlap": ("{race: 'tests/races.py:Alone', backends: memory}", "no two operations"),
    "race_that_is_not_there": ("{race: 'tests/races.py:Gone', backends: memory}", "has no Gone"),
    "stale_junit_file": (
        "{command: [sh, -c, 'grep -q failures=.0 old-junit.xml || true']}",
        "hides its own failure",
    ),
}

HONEST = """
    import app.auth
    import pytest


    @pytest.mark.proves("demo:T901")
    def test_login():
        assert app.auth.login("ann")


    def expect_a_user(answer):
        assert answer


    @pytest.mark.proves("demo:T902")
    def test_by_a_helper():
        expect_a_user(app.auth.login("ann"))


    @pytest.mark.proves("demo:T903")
    def test_raises():
        with pytest.raises(ValueError):
            app.auth.login("")


    @pytest.mark.proves("demo:T904")
    def test_a_try_that_fails():
        try:
            app.auth.login("")
        except ValueError:
            return
        raise AssertionError("no error")
"""
CONFTEST = """
    import pytest


    def pytest_runtest_protocol(item, nextitem):
        # What pytest-rerunfailures does: the test runs again, the first failure is called a rerun.
        if item.get_closest_marker("tried_again") is None:
            return None
        from _pytest.runner import runtestprotocol

        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        for last in (False, True):
            for report in runtestprotocol(item, nextitem=nextitem, log=False):
                if not last and report.failed:
                    report.outcome = "rerun"
                item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True
"""


class Inconclusive:
    """What the race harness says of a run in which nothing overlapped."""

    outcome = "inconclusive"
    failure = None

    def __init__(self):
        self.certificate = {"reason": "no two operations were in flight at once"}


def race(workload, *, backend, **_options):
    if workload.endswith(":Gone"):
        raise LookupError("tests/races.py has no Gone")
    return Inconclusive()


def identifier(name):
    return f"T{sorted([*TESTS, *CHECKS]).index(name) + 101}"


def bad_tests():
    head = (
        "import contextlib\nimport os\n\nimport pytest\nfrom unittest import mock\n\nimport app.auth\n"
        "from app.auth import login\n\n\ndef flaky(function):\n    return function\n"
    )
    parts = [head]
    for name, (source, _) in TESTS.items():
        text = textwrap.dedent(source).replace("{name}", name)
        parts.append(text.replace("@proves", f'@pytest.mark.proves("demo:{identifier(name)}")'))
    return "\n".join(parts)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    repo = Repo(tmp_path_factory.mktemp("nothing"))
    repo.write(
        "pyproject.toml",
        """
        [tool.pytest.ini_options]
        pythonpath = ['.']
        addopts = ["-m", "not later"]
        """,
    )
    repo.write("app/__init__.py", "")
    repo.write("app/auth.py", APP)
    repo.write("app/other.py", "def other():\n    return 1\n")
    repo.write("old-junit.xml", '<testsuite failures="0" tests="12"/>')
    repo.write("conftest.py", CONFTEST)
    repo.write("tests/test_good.py", HONEST)
    repo.write("tests/test_bad.py", bad_tests())
    names = [*TESTS, *CHECKS]
    boxes = [f"[x] {identifier(name)} Let `login()` do what {name} says" for name in names]
    repo.plan(*boxes, *(f"[x] T90{count} Let `login()` work" for count in range(1, 5)))
    checks = "".join(f"  {name}: {entry}\n" for name, (entry, _) in CHECKS.items())
    items = "".join(f"  {identifier(name)}: {name}\n" for name in CHECKS)
    repo.spec(f"checks:\n{checks}items:\n{items}")
    return repo.verify(race=race)


@pytest.mark.parametrize("name", [*TESTS, *CHECKS])
def test_green_with_nothing_checked_is_refused_with_its_reason(found, name):
    words = {**TESTS, **CHECKS}[name][1]
    one = found.judged[identifier(name)]

    assert one.verdict.value != "verified"
    assert any(word in one.reason for word in ([words] if isinstance(words, str) else words)), one.reason


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_an_honest_test_beside_them_is_verified(found, count):
    one = found.judged[f"T90{count}"]

    assert (one.verdict.value, one.reason) == ("verified", "")


def test_the_gate_does_not_hold(found):
    assert found.gate.exit_code == 1


def test_there_are_enough_of_them():
    assert len(TESTS) + len(CHECKS) >= 25


def test_a_misspelt_marker_is_an_error_with_its_line(tmp_path):
    repo = Repo(tmp_path)
    repo.plan("[x] T001 One")
    repo.write(
        "tests/test_it.py",
        """
        import pytest


        @pytest.mark.prooves("demo:T001")
        def test_it():
            assert len("a") == 1
        """,
    )

    said = repo.cli("verify")

    assert said.returncode == 2
    assert "tests/test_it.py:4: marker 'prooves' proves nothing; did you mean 'proves'?" in said.stderr


def test_no_item_at_all_does_not_hold(tmp_path):
    repo = Repo(tmp_path)
    repo.write("plans/empty.md", "# Tasks\n\nNothing yet.\n")

    found = repo.verify()

    assert found.gate.exit_code == 1
    assert found.gate.problems[0].word == "nothing_checked"


def test_a_plan_of_open_boxes_alone_does_not_hold(tmp_path):
    repo = Repo(tmp_path)
    repo.plan("[ ] T001 One", "[ ] T002 Two")

    found = repo.verify()

    assert found.gate.exit_code == 1
    assert "nothing was checked" in found.gate.problems[0].message
