"""Assertions that hold whatever the program does, and failures that never arrive; each with its look-alike.

A neighbour of ``test_tests_that_show_nothing``, with the same application.
"""

import textwrap

import pytest
from tests.unit.proof.forms import Forms
from tests.unit.proof.test_tests_that_show_nothing import (
    ANY,
    APP,
    FAILED,
    HEAD,
    HELPERS,
    MISSED,
    NOTHING,
    REPLACED,
    TRUE,
)
from tests.unit.proof.workshop import Repo


pytestmark = pytest.mark.slow

CONFTEST = """
    import functools

    import pytest


    @pytest.hookimpl(hookwrapper=True)
    def pytest_pyfunc_call(pyfuncitem):
        outcome = yield
        if pyfuncitem.get_closest_marker("forced"):
            outcome.force_result(True)


    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_call(item):
        outcome = yield
        if item.get_closest_marker("forgotten"):
            outcome.force_result(None)


    @pytest.fixture
    def login_of_its_own(monkeypatch):
        monkeypatch.setattr("app.auth.login", lambda user: "ok")


    def pytest_collection_modifyitems(items):
        for item in items:
            if item.get_closest_marker("wrapped"):
                item.obj = quiet(item.obj)


    def quiet(function):
        @functools.wraps(function)
        def wrapped():
            try:
                function()
            except Exception:
                pass

        return wrapped
"""
INNER = """
    import pytest


    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(pyfuncitem):
        if pyfuncitem.get_closest_marker("called_here"):
            try:
                pyfuncitem.obj()
            except BaseException:
                pass
            return True
"""

# name -> (the body of the test, what the reason must hold)
BODIES = {
    "is_no_new_object": ("assert login('ann') != object()", TRUE),
    "all_of_nothing": ("assert all(one == 'never' for one in [])", TRUE),
    "not_any_of_nothing": ("login('ann')\nassert not any(one for one in ())", TRUE),
    "in_a_list_of_itself": ("found = login('ann')\nassert found in [found]", TRUE),
    "in_a_set_with_itself": ("found = login('ann')\nassert found in {found, 'never'}", TRUE),
    "as_long_as_itself": ("found = login('ann')\nassert len(found) == len(found)", TRUE),
    "of_its_own_type": ("found = login('ann')\nassert type(found) is type(found)", TRUE),
    "an_instance_of_its_type": ("found = login('ann')\nassert isinstance(found, type(found))", TRUE),
    "sorted_like_itself": ("found = login('ann')\nassert sorted(found) == sorted(found)", TRUE),
    "about_itself": ("found = len(login('ann'))\nassert found == pytest.approx(found)", TRUE),
    "a_second_name_of_itself": ("found = login('ann')\nother = found\nassert other == found", TRUE),
    "three_times_itself": ("found = login('ann')\nassert found == found == found", TRUE),
    "an_element_is_itself": ("found = [login('ann')]\nassert found[0] == found[0]", TRUE),
    "equal_or_not": ("found = login('ann')\nassert found == 'x' or found != 'x'", TRUE),
    "none_or_not": ("found = login('ann')\nassert found is None or found is not None", TRUE),
    "anything": ("assert login('ann') == mock.ANY", TRUE),
    "an_object_among_others": ("assert isinstance(login('ann'), (str, object))", TRUE),
    "a_subclass_of_object": ("assert issubclass(type(login('ann')), object)", TRUE),
    "has_a_class": ("assert hasattr(login('ann'), '__class__')", TRUE),
    "no_negative_length": ("found = login('ann')\nassert len(found) != -1", TRUE),
    "counts_no_less_than_nothing": ("assert login('ann').count('k') >= 0", TRUE),
    "the_function_is_not_called": ("assert login", TRUE),
    "a_list_that_nobody_touches": ("expected = ['ok']\nlogin('ann')\nassert expected == ['ok']", TRUE),
    "raises_it_itself": ("with pytest.raises(ValueError):\n    raise ValueError('x')", TRUE),
    "raises_it_itself_in_the_end": (
        "with pytest.raises(ValueError):\n    login('ann')\n    raise ValueError('x')",
        TRUE,
    ),
    "exits_by_itself": ("with pytest.raises(SystemExit):\n    sys.exit(0)", TRUE),
    "warns_itself": (
        "import warnings\nwith pytest.warns(UserWarning):\n    warnings.warn('x')",
        TRUE,
    ),
    "any_exception_of_a_lambda": ("pytest.raises(Exception, lambda: logn('ann'))", ANY),
    "never_comes_to_its_handler": (
        "try:\n    login('ann')\nexcept ValueError as error:\n    assert 'never' in str(error)",
        MISSED,
    ),
    "reads_what_it_should_call": ("fake = mock.Mock()\nrun(fake, 'a')\nfake.go.assert_called", NOTHING),
    "hashes_like_itself": ("found = login('ann')\nassert hash(found) == hash(found)", TRUE),
    "the_function_is_there": ("assert login is not None", TRUE),
    "the_function_can_be_called": ("assert callable(login)", TRUE),
    "behind_false": ("found = login('ann')\nfalse = False and same(found, 'never')", NOTHING),
}
# name -> (source, what the reason must hold)
SOURCES = {
    "asks_its_parameters": (
        """
        @pytest.mark.parametrize(("user", "answer"), [("ann", "ok"), ("bob", "ok")])
        @proves
        def test_{name}(user, answer):
            login(user)
            assert answer == "ok"
        """,
        TRUE,
    ),
    "asks_its_default": (
        """
        @proves
        def test_{name}(expected="ok"):
            login("ann")
            assert expected == "ok"
        """,
        TRUE,
    ),
    "patched_by_set_up": (
        """
        class Test_{name}(unittest.TestCase):
            def setUp(self):
                patcher = mock.patch("app.auth.login", lambda user: "ok")
                patcher.start()
                self.addCleanup(patcher.stop)

            @proves
            def test_{name}(self):
                self.assertEqual(app.auth.login("ann"), "ok")
        """,
        REPLACED,
    ),
    "put_in_place_by_setup_method": (
        """
        class Test_{name}:
            def setup_method(self):
                self.kept = app.auth.login
                app.auth.login = lambda user: "ok"

            def teardown_method(self):
                app.auth.login = self.kept

            @proves
            def test_{name}(self):
                assert app.auth.login("ann") == "ok"
        """,
        REPLACED,
    ),
    "patched_by_its_class": (
        """
        @mock.patch("app.auth.login", lambda user: "ok")
        class Test_{name}:
            @proves
            def test_{name}(self):
                assert app.auth.login("ann") == "ok"
        """,
        REPLACED,
    ),
    "patched_by_a_fixture_of_conftest": (
        """
        @proves
        def test_{name}(login_of_its_own):
            assert app.auth.login("ann") == "ok"
        """,
        REPLACED,
    ),
    "patched_by_a_fixture_that_it_uses": (
        """
        @pytest.mark.usefixtures("login_of_its_own")
        @proves
        def test_{name}():
            assert app.auth.login("ann") == "ok"
        """,
        REPLACED,
    ),
    "in_itself_by_unittest": (
        """
        class Test_{name}(unittest.TestCase):
            @proves
            def test_{name}(self):
                found = login("ann")
                self.assertIn(found, [found])
        """,
        TRUE,
    ),
    "any_object_by_unittest": (
        """
        class Test_{name}(unittest.TestCase):
            @proves
            def test_{name}(self):
                self.assertIsInstance(login("ann"), object)
        """,
        TRUE,
    ),
    "no_less_than_nothing_by_unittest": (
        """
        class Test_{name}(unittest.TestCase):
            @proves
            def test_{name}(self):
                self.assertGreaterEqual(len(login("ann")), 0)
        """,
        TRUE,
    ),
    "its_failure_is_forced_to_pass": (
        """
        @pytest.mark.forced
        @proves
        def test_{name}():
            assert login("ann") == "never"
        """,
        FAILED,
    ),
    "its_failure_is_forgotten": (
        """
        @pytest.mark.forgotten
        @proves
        def test_{name}():
            assert login("ann") == "never"
        """,
        FAILED,
    ),
    "called_by_a_hook_of_the_folder": (
        """
        @pytest.mark.called_here
        @proves
        def test_{name}():
            assert login("ann") == "never"
        """,
        FAILED,
    ),
    "wrapped_while_collected": (
        """
        @pytest.mark.wrapped
        @proves
        def test_{name}():
            assert login("ann") == "never"
        """,
        FAILED,
    ),
    "wrapped_behind_its_definition": (
        """
        @proves
        def test_{name}():
            assert login("ann") == "never"


        test_{name} = forgiving(test_{name})
        """,
        FAILED,
    ),
    "a_checker_that_only_tells": (
        """
        class Checker_{name}:
            def check(self, one):
                return bool(one)


        @proves
        def test_{name}():
            Checker_{name}().check(login("ann") == "never")
        """,
        NOTHING,
    ),
    "a_check_that_only_keeps": (
        """
        class Check_{name}:
            def __init__(self, one):
                self.one = one


        @proves
        def test_{name}():
            Check_{name}(login("ann") == "never")
        """,
        NOTHING,
    ),
    "skips_every_sub_test": (
        """
        class Test_{name}(unittest.TestCase):
            @proves
            def test_{name}(self):
                for user in ("a", "b"):
                    with self.subTest(user):
                        self.skipTest("later")
                        self.assertEqual(login(user), "never")
        """,
        "is skipped",
    ),
}
# Look-alikes that do show something.
HONEST = {
    "a_list_that_is_handed_on": "found = ['c', 'a']\nfound.sort(key=login)\nassert found == ['c', 'a']",
    "the_same_twice": "assert login('ann') == login('ann')",
    "of_the_type": "assert type(login('ann')) is type('')",
    "an_enumeration_that_has_any": "assert login('ann') != Kind.ANY",
    "raises_through_a_manager": (
        "with pytest.raises(ValueError):\n    with contextlib.nullcontext():\n        raise ValueError('x')"
    ),
    "raises_with_its_words": "with pytest.raises(ValueError, match='no user'):\n    login('')",
    "fails_where_nothing_is_raised": (
        "with pytest.raises(ValueError):\n    login('')\n    raise AssertionError('no error')"
    ),
    "any_error_of_the_subject": "pytest.raises(Exception, login, '')",
    "counts": "assert login('ann').count('k') >= 1",
    "behind_a_condition": "found = login('ann')\nassert found and found == 'ok'",
    "builtins_of_its_answer": "assert list(map(login, ['ann'])) == ['ok']",
    "a_name_of_python_for_the_subject": "sorted = login\nassert sorted('ann') == 'ok'",
    "its_answer_is_there": "found = login('ann')\nassert found is not None",
}
HONEST_SOURCES = {
    "what_it_makes_of_its_parameters": """
        @pytest.mark.parametrize(("user", "answer"), [("ann", "ok"), ("bob", "ok")])
        @proves
        def test_{name}(user, answer):
            assert login(user) == answer
    """,
    "what_it_does_to_its_parameters": """
        @pytest.mark.parametrize("names", [["b", "a"]])
        @proves
        def test_{name}(names):
            names.sort(key=login)
            assert names == ["b", "a"]
    """,
    "waits_for_a_log": """
        class Test_{name}(unittest.TestCase):
            @proves
            def test_{name}(self):
                with self.assertLogs("app"):
                    tell(login("ann"))
    """,
    "patched_by_another_class": """
        class Test_other_{name}(unittest.TestCase):
            def setUp(self):
                app.auth.login = app.auth.login


        class Test_{name}(unittest.TestCase):
            def setUp(self):
                self.user = "ann"

            @proves
            def test_{name}(self):
                self.assertEqual(login(self.user), "ok")
    """,
    "a_checker_that_raises": """
        class Checker_{name}:
            def check(self, one):
                if one != "ok":
                    raise ValueError(one)


        @proves
        def test_{name}():
            Checker_{name}().check(login("ann"))
    """,
    "a_fixture_that_asks": """
        @pytest.fixture
        def answer_{name}():
            return login("ann")


        @proves
        def test_{name}(answer_{name}):
            assert answer_{name}
    """,
    "a_fixture_that_answers": """
        @pytest.fixture
        def told_{name}():
            return login("ann")


        @proves
        def test_{name}(told_{name}):
            assert told_{name} is not None
    """,
    "a_wrapper_that_lets_it_through": """
        def loudly_{name}(function):
            @functools.wraps(function)
            def wrapped():
                return function()

            return wrapped


        @proves
        def test_{name}():
            assert login("ann") == "ok"


        test_{name} = loudly_{name}(test_{name})
    """,
}
MORE = """
class Kind:
    ANY = "any"


def tell(answer):
    logging.getLogger("app").warning(answer)


def run(store, name):
    store.go(name)
"""
FORMS = Forms(BODIES, SOURCES, HONEST, HONEST_SOURCES)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    repo = Repo(tmp_path_factory.mktemp("cannot-fail"))
    repo.write("app/__init__.py", "")
    repo.write("app/auth.py", APP)
    repo.write("conftest.py", CONFTEST)
    repo.write("tests/conftest.py", INNER)
    head = ("import logging", textwrap.dedent(HEAD), HELPERS, MORE)
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


@pytest.mark.parametrize(
    ("examples", "reason"),
    [
        (">>> found = double(2)\n", "expects nothing of its examples"),
        (">>> double(2)  # doctest: +SKIP\n5\n", "is skipped"),
        (">>> double(2)\n4\n", ""),
    ],
)
def test_a_doctest_says_what_is_to_come(tmp_path, examples, reason):
    repo = Repo(tmp_path)
    repo.write("pyproject.toml", "[tool.pytest.ini_options]\naddopts = ['--doctest-modules']\n")
    text = textwrap.indent(examples, "    ")
    repo.write("app.py", f'def double(n):\n    """Twice.\n\n{text}    """\n    return 2 * n\n')
    repo.plan("[x] T001 One")
    repo.spec("checks: {a: {pytest: app.py}}\nitems: {T001: a}\n")

    found = repo.verify()

    assert found.verdict("T001") == ("unproved_claim" if reason else "verified"), found.reason("T001")
    assert reason in found.reason("T001")
