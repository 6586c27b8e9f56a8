"""Tests that pass and show nothing, one row each: planproof refuses every one, and says why in one sentence.

A neighbour of ``test_nothing_is_never_something``: what only the syntax of a test, or its run, can tell.
"""

import textwrap

import pytest
from tests.unit.proof.forms import Forms
from tests.unit.proof.workshop import Repo


pytestmark = pytest.mark.slow

APP = """
    def login(user):
        if not user:
            raise ValueError("no user")
        return "ok"


    LIMIT = 5
"""
HEAD = """
    import asyncio
    import concurrent.futures
    import contextlib
    import functools
    import os
    import sys
    import threading
    import unittest
    from typing import TYPE_CHECKING
    from json import dumps as ensure
    from unittest import mock

    import hypothesis
    import pytest
    from hypothesis import strategies as st
    from pytest import raises as failing

    import app.auth
    from app.auth import LIMIT, login
"""
CONFTEST = """
    import pytest


    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(item):
        report = (yield).get_result()
        if item.get_closest_marker("forgiven") and report.failed:
            report.outcome = "passed"


    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(pyfuncitem):
        return True if pyfuncitem.get_closest_marker("uncalled") else None
"""
TRUE = "asserts only what is always true"
NOTHING = "asserts nothing"
MISSED = "passed without coming to any of its assertions"
FAILED = "passed although its assertion on line"
SWALLOWED = "swallows the failure of its own assertions"
REPLACED = "replaces login, which it is to prove"
ANY = "accepts any exception"

# name -> (the body of the test, what the reason must hold)
BODIES = {
    "list": ("assert [login('ann') == 'never']", TRUE),
    "dictionary": ("assert {'answer': login('ann') == 'never'}", TRUE),
    "generator": ("assert (login(one) == 'never' for one in ['ann'])", TRUE),
    "function_itself": ("assert helper", TRUE),
    "true_or": ("assert True or login('ann') == 'never'", TRUE),
    "or_true": ("assert login('ann') == 'never' or True", TRUE),
    "one_or_its_contrary": ("found = login('ann')\nassert found or not found", TRUE),
    "no_shorter_than_nothing": ("assert len(login('ann')) >= 0", TRUE),
    "nothing_is_no_longer": ("assert 0 <= len(login('ann'))", TRUE),
    "any_object": ("assert isinstance(login('ann'), object)", TRUE),
    "two_names_of_constants": ("expected = 5\nactual = 5\nassert actual == expected", TRUE),
    "its_own_input": ("user = 'ann'\nlogin(user)\nassert user == 'ann'", TRUE),
    "an_attribute_equals_itself": ("assert app.auth.LIMIT == app.auth.LIMIT", TRUE),
    "any_exception": ("with pytest.raises(Exception):\n    logn('ann')", ANY),
    "any_exception_of_two": ("with pytest.raises((ValueError, Exception)):\n    logn('ann')", ANY),
    "expects_and_calls_nothing": ("pytest.raises(ValueError)", NOTHING),
    "while_false": ("while False:\n    assert login('ann') == 'never'", NOTHING),
    "if_not_true": ("if not True:\n    assert login('ann') == 'never'", NOTHING),
    "type_checking": ("if TYPE_CHECKING:\n    assert login('ann') == 'never'", NOTHING),
    "not_debug": ("if not __debug__:\n    assert login('ann') == 'never'", NOTHING),
    "else_of_true": ("if True:\n    login('ann')\nelse:\n    assert login('ann') == 'never'", NOTHING),
    "no_turn": ("for _ in range(0):\n    assert login('ann') == 'never'", NOTHING),
    "after_continue": ("for _ in 'ab':\n    continue\n    assert login('ann') == 'never'", NOTHING),
    "returns_its_answer": ("return login('ann') == 'never'", NOTHING),
    "compares_only": ("login('ann') == 'never'", NOTHING),
    "in_a_string": ("text = '''assert login('ann') == 'never' '''\nlogin(text)", NOTHING),
    "a_fake_that_raises": ("def boom():\n    raise OSError\nlogin(boom)", NOTHING),
    "leaves_by_exit": (
        "try:\n    sys.exit(0)\nexcept SystemExit:\n    return\nassert login('ann') == 'x'",
        MISSED,
    ),
    "leaves_early": (
        "if not hasattr(app.auth, 'logout'):\n    return\nassert login('ann') == 'never'",
        MISSED,
    ),
    "leaves_without_a_variable": (
        "if 'NO_SUCH' not in os.environ:\n    return\nassert not login('a')",
        MISSED,
    ),
    "a_branch_never_taken": ("if login('ann') == 'never':\n    assert login('bob') == 'never'", MISSED),
    "a_case_never_taken": ("match login('ann'):\n    case 'never':\n        assert not login('bob')", MISSED),
    "nothing_found_to_loop_over": (
        "for one in login('a').split('k')[2:]:\n    assert one == 'never'",
        MISSED,
    ),
    "a_function_never_called": ("def inner():\n    assert login('ann') == 'never'\nlogin('ann')", MISSED),
    "a_coroutine_never_awaited": ("later()", MISSED),
    "fails_in_a_thread": (
        "thread = threading.Thread(target=sure)\nthread.start()\nthread.join()",
        NOTHING,
    ),
    "fails_in_its_own_thread": (
        (
            "def inner():\n    assert not login('a')\n"
            "thread = threading.Thread(target=inner)\nthread.start()\nthread.join()"
        ),
        FAILED,
    ),
    "fails_in_an_executor": (
        (
            "def inner():\n    assert not login('a')\n"
            "with concurrent.futures.ThreadPoolExecutor() as pool:\n    pool.submit(inner)"
        ),
        FAILED,
    ),
    "fails_in_a_gathering": (
        (
            "async def inner():\n    assert not login('a')\n"
            "async def outer():\n    await asyncio.gather(inner(), return_exceptions=True)\n"
            "asyncio.run(outer())"
        ),
        FAILED,
    ),
    "a_manager_of_its_own": ("with quiet():\n    assert login('ann') == 'never'", FAILED),
    "a_class_of_its_own": ("with Quiet():\n    assert login('ann') == 'never'", FAILED),
    "a_stack_of_managers": (
        (
            "with contextlib.ExitStack() as stack:\n"
            "    stack.enter_context(contextlib.suppress(AssertionError))\n    assert not login('a')"
        ),
        FAILED,
    ),
    "returns_in_finally": ("try:\n    assert not login('a')\nfinally:\n    return", SWALLOWED),
    "prints_and_goes_on": (
        "try:\n    assert not login('a')\nexcept AssertionError as e:\n    print(e)",
        SWALLOWED,
    ),
    "any_exception_around_it": ("with pytest.raises(Exception):\n    assert not login('a')", SWALLOWED),
    "put_in_its_place": (
        (
            "kept = app.auth.login\napp.auth.login = lambda user: user\n"
            "assert app.auth.login('a')\napp.auth.login = kept"
        ),
        REPLACED,
    ),
    "defined_inside": ("def login(user):\n    return 'ok'\nassert login('ann') == 'ok'", REPLACED),
    "a_lambda_inside": ("login = lambda user: 'ok'\nassert login('ann') == 'ok'", REPLACED),
    "a_builtin_with_a_telling_name": ("validate = str\nvalidate(login('ann') == 'never')", NOTHING),
    "a_builtin_named_twice": ("check = verify = repr\nverify(login('ann') == 'never')", NOTHING),
    "a_builtin_by_another_name": ("first = list\nassert_all = first\nassert_all(login('ann'))", NOTHING),
    "a_lambda_with_a_telling_name": ("check = lambda found: found\ncheck(login('a') == 'x')", NOTHING),
    "a_part_of_a_builtin": ("expect = functools.partial(print, 'is')\nexpect(login('a') == 'x')", NOTHING),
    "a_mock_with_a_telling_name": ("verify = mock.Mock()\nverify(login('ann') == 'never')", NOTHING),
    "a_builtin_of_the_module": ("must_hold(login('ann') == 'never')", NOTHING),
    "an_import_with_a_telling_name": ("ensure(login('ann') == 'never')", NOTHING),
    "a_builtin_in_a_loop": ("for check in (str, repr):\n    check(login('ann') == 'never')", NOTHING),
    "asks_a_mock_what_is_no_question": (
        "store = mock.Mock()\nlogin('a')\nassert store.saved",
        "its own mocks",
    ),
}
# name -> (source, what the reason must hold)
SOURCES = {
    "replaced_by_a_fixture": (
        """
        @pytest.fixture
        def fake_login(monkeypatch):
            monkeypatch.setattr(app.auth, "login", lambda user: "ok")


        @proves
        def test_{name}(fake_login):
            assert app.auth.login("ann") == "ok"
        """,
        REPLACED,
    ),
    "swallowed_by_a_decorator": (
        """
        @forgiving
        @proves
        def test_{name}():
            assert login("ann") == "never"
        """,
        FAILED,
    ),
    "forgiven_by_a_hook": (
        """
        @pytest.mark.forgiven
        @proves
        def test_{name}():
            assert login("ann") == "never"
        """,
        "a hook of the repository called that a pass",
    ),
    "never_called_by_a_hook": (
        """
        @pytest.mark.uncalled
        @proves
        def test_{name}():
            assert login("ann") == "never"
        """,
        MISSED,
    ),
    "coroutine_of_unittest": (
        """
        class Test_{name}(unittest.TestCase):
            @proves
            async def test_{name}(self):
                self.assertEqual(login("ann"), "never")
        """,
        MISSED,
    ),
    "generator_of_unittest": (
        """
        class Test_{name}(unittest.TestCase):
            @proves
            def test_{name}(self):
                yield
                self.assertEqual(login("ann"), "never")
        """,
        MISSED,
    ),
    "true_with_a_message": (
        """
        class Test_{name}(unittest.TestCase):
            @proves
            def test_{name}(self):
                self.assertTrue("it logs in", login("ann") == "never")
        """,
        TRUE,
    ),
    "equal_to_itself": (
        """
        class Test_{name}(unittest.TestCase):
            @proves
            def test_{name}(self):
                found = login("ann")
                self.assertEqual(found, found)
        """,
        TRUE,
    ),
    "sub_tests_that_fail": (
        """
        class Test_{name}(unittest.TestCase):
            @proves
            def test_{name}(self):
                for user in ("ann", "bob"):
                    with self.subTest(user):
                        self.assertEqual(login(user), "never")
        """,
        "'ok' != 'never'",
    ),
    "every_example_leaves_early": (
        """
        @hypothesis.settings(database=None, max_examples=300, derandomize=True)
        @hypothesis.given(n=st.lists(st.integers()))
        @proves
        def test_{name}(n):
            if isinstance(n, list):
                return
            assert login(str(n)) == "never"
        """,
        MISSED,
    ),
    "every_example_is_assumed_away": (
        """
        @hypothesis.settings(database=None, phases=[hypothesis.Phase.explicit])
        @hypothesis.given(n=st.integers())
        @hypothesis.example(n=1)
        @proves
        def test_{name}(n):
            hypothesis.assume(login(str(n)) == "never")
            assert login(str(n)) == "never"
        """,
        MISSED,
    ),
    "no_phase_of_examples": (
        """
        @hypothesis.settings(database=None, phases=())
        @hypothesis.given(n=st.integers())
        @proves
        def test_{name}(n):
            assert login(str(n)) == "never"
        """,
        "is skipped",
    ),
    "expected_failure": (
        """
        class Test_{name}(unittest.TestCase):
            @unittest.expectedFailure
            @proves
            def test_{name}(self):
                self.assertEqual(login("ann"), "never")
        """,
        "expected to fail",
    ),
    "every_parameter_left_out": (
        """
        @pytest.mark.parametrize(
            "user", [pytest.param("a", marks=pytest.mark.skip), pytest.param("b", marks=pytest.mark.xfail)]
        )
        @proves
        def test_{name}(user):
            assert login(user) == "never"
        """,
        "are skipped",
    ),
}
HELPERS = """
must_hold = bool


def same(one, other):
    assert one == other


class Form:
    def validate(self, answer):
        if answer != "ok":
            raise ValueError(answer)


def helper():
    return login("ann") == "never"


def sure():
    return login("ann") == "never"


async def later():
    assert login("ann") == "never"


@contextlib.contextmanager
def quiet():
    try:
        yield
    except AssertionError:
        pass


class Quiet:
    def __enter__(self):
        return self

    def __exit__(self, *_error):
        return True


def forgiving(function):
    @functools.wraps(function)
    def wrapped(*args):
        try:
            return function(*args)
        except Exception:
            return None

    return wrapped
"""
# Look-alikes that do show something.
HONEST = {
    "raises_in_the_end": (
        "try:\n    login('')\nexcept ValueError:\n    return\nraise AssertionError('no error')"
    ),
    "fails_in_a_branch": "if login('ann') != 'ok':\n    pytest.fail('no')",
    "fails_in_an_else": (
        "try:\n    login('')\nexcept ValueError:\n    pass\nelse:\n    pytest.fail('no error')"
    ),
    "a_loop_over_something": "for user in ('ann', 'bob'):\n    assert login(user) == 'ok'",
    "tries_until_it_holds": (
        "for count in range(3):\n    try:\n"
        "        assert count == 2 and login('a')\n    except AssertionError:\n"
        "        continue\n    break\nelse:\n    pytest.fail('never')"
    ),
    "a_thread_that_is_asked": (
        "found = []\nthread = threading.Thread(target=lambda: found.append(login('ann')))\n"
        "thread.start()\nthread.join()\nassert found == ['ok']"
    ),
    "exactly_this_error": "with pytest.raises(ValueError):\n    login('')",
    "any_error_with_these_words": "with pytest.raises(Exception, match='no user'):\n    login('')",
    "any_error_that_is_looked_at": (
        "with pytest.raises(Exception) as e:\n    login('')\nassert 'user' in str(e)"
    ),
    "asks_the_mock_it_gave": "store = mock.Mock()\nrun(store, login('a'))\nassert store.go.called",
    "inside_an_open_manager": "with contextlib.nullcontext():\n    assert login('ann') == 'ok'",
    "inside_a_function": "def inner():\n    assert login('ann') == 'ok'\ninner()",
    "over_several_lines": "assert (\n    login('ann')\n    ==\n    'ok'\n)",
    "a_limit_that_is_set": "app.auth.LIMIT = 3\nassert login('ann')\nassert app.auth.LIMIT == int('3')",
    "a_wrapper_of_the_same_name": (
        "def login(user):\n    return app.auth.login(user)\nassert login('ann') == 'ok'"
    ),
    "a_table": "ok = {'ann': 'ok'}\nassert {user: login(user) for user in ok} == ok",
    "an_assertion_with_a_short_name": "eq = same\neq(login('ann'), 'ok')",
    "an_assertion_of_another_name": "with failing(ValueError):\n    login('')",
    "a_helper_by_a_lambda": "look = lambda user: same(login(user), 'ok')\nlook('ann')",
    "one_of_two_helpers": "check = same if LIMIT else str\ncheck(login('ann'), 'ok')",
    "in_a_subprocess_too": (
        "import subprocess\ndone = subprocess.run([sys.executable, '-c', ''], check=False)\n"
        "if done.returncode == 0:\n    assert login('ann') == 'ok'"
    ),
}


# Look-alikes that need a source of their own.
HONEST_SOURCES = {
    "an_assertion_of_the_class": """
        class Test_{name}(unittest.TestCase):
            @proves
            def test_{name}(self):
                eq = self.assertEqual
                eq(login("ann"), "ok")
    """,
    "a_fixture_with_the_name_of_a_builtin": """
        @pytest.fixture(name="input")
        def input_of_{name}():
            return Form()


        @proves
        def test_{name}(input):
            input.validate(login("ann"))
    """,
    "an_example_asks_a_thread": """
        @hypothesis.settings(database=None, derandomize=True, max_examples=5, deadline=None)
        @hypothesis.given(n=st.integers())
        @proves
        def test_{name}(n):
            def look():
                assert login(str(n)) == "ok"

            with concurrent.futures.ThreadPoolExecutor() as pool:
                pool.submit(look).result()
    """,
    "some_examples_leave_early": """
        @hypothesis.settings(database=None, derandomize=True)
        @hypothesis.given(n=st.integers())
        @proves
        def test_{name}(n):
            if n < 5:
                return
            assert login(str(n)) == "ok"
    """,
    "some_examples_are_assumed_away": """
        class Test_{name}:
            @hypothesis.settings(database=None, derandomize=True)
            @hypothesis.given(n=st.integers())
            @proves
            def test_{name}(self, n):
                hypothesis.assume(n % 2)
                assert login(str(n)) == "ok"
    """,
}


FORMS = Forms(BODIES, SOURCES, HONEST, HONEST_SOURCES)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    repo = Repo(tmp_path_factory.mktemp("shows-nothing"))
    repo.write("app/__init__.py", "")
    repo.write("app/auth.py", APP)
    repo.write("conftest.py", CONFTEST)
    (repo.root / "tests").mkdir()
    head = (textwrap.dedent(HEAD), HELPERS, "\ndef run(store, name):\n    store.go(name)\n")
    (repo.root / "tests/test_all.py").write_text(FORMS.source(*head))
    repo.plan(*FORMS.boxes())
    return repo.verify()


@pytest.mark.parametrize("name", FORMS.refused)
def test_it_is_refused_with_its_reason(found, name):
    one = found.judged[FORMS.identifier(name)]

    assert one.verdict.value != "verified"
    assert FORMS.refused[name][1] in one.reason


@pytest.mark.parametrize("name", [*HONEST, *HONEST_SOURCES])
def test_its_look_alike_is_verified(found, name):
    one = found.judged[FORMS.identifier(name)]

    assert (one.verdict.value, one.reason) == ("verified", "")


def test_a_test_that_is_defined_again_is_an_error_with_its_line(tmp_path):
    repo = Repo(tmp_path)
    repo.plan("[x] T001 One")
    repo.write(
        "tests/test_it.py",
        """
        import pytest


        @pytest.mark.proves("demo:T001")
        def test_it():
            assert sorted("ab") == "never"


        def test_it():
            assert sorted("ab") == ["a", "b"]
        """,
    )

    said = repo.cli("verify")

    assert said.returncode == 2
    assert (
        "tests/test_it.py:5: test_it is to prove demo:T001 and never runs: it is defined again on line 9"
        in said.stderr
    )
