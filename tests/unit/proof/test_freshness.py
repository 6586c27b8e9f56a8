"""What makes evidence stale: by function where Python shows what was entered, by file before."""

import sys

import pytest
from tests.unit.proof.workshop import Repo


APP = """
    LIMIT = 5


    def used(a):
        return helper(a)


    def helper(a):
        return a + 1


    def unused(a):
        return a - 1
"""
by_function = pytest.mark.skipif(sys.version_info < (3, 12), reason="sys.monitoring is new in Python 3.12")
by_file = pytest.mark.skipif(sys.version_info >= (3, 12), reason="functions are seen from Python 3.12 on")


@pytest.fixture
def repo(tmp_path):
    repo = Repo(tmp_path)
    repo.write("app/__init__.py", "")
    repo.write("app/calc.py", APP)
    repo.write("app/far.py", "def far():\n    return 1\n")
    repo.write("data/table.txt", "1\n")
    repo.write(
        "conftest.py", "import pytest\n\n\n@pytest.fixture(scope='session')\ndef base():\n    return 1\n"
    )
    repo.write(
        "tests/test_calc.py",
        """
        import subprocess
        import sys
        from pathlib import Path

        import pytest
        from app.calc import used


        def expected(a):
            return a + 1


        @pytest.mark.proves("demo:T001")
        def test_used(base):
            assert used(base) == expected(base)


        @pytest.mark.proves("demo:T002")
        def test_reads_a_file():
            assert Path(__file__).parent.joinpath("../data/table.txt").resolve().read_text() == "1\\n"


        @pytest.mark.proves("demo:T003")
        def test_starts_a_process():
            done = subprocess.run([sys.executable, "-c", "from app.calc import unused"], check=True)
            assert done.returncode == 0
        """,
    )
    repo.plan("[x] T001 One", "[x] T002 Two", "[x] T003 Three")
    found = repo.verify()
    assert [found.verdict(f"T00{count}") for count in (1, 2, 3)] == ["verified"] * 3
    return repo


def change(repo, name, old, new):
    text = (repo.root / name).read_text()
    assert old in text
    repo.write(name, text.replace(old, new))


def test_the_function_that_changed_is_named(repo):
    change(repo, "app/calc.py", "return a + 1", "return 1 + a")

    assert repo.judge().reason("T001") == "stale-code: helper in app/calc.py changed"


@by_function
def test_a_function_that_was_not_entered_does_not_count(repo):
    change(repo, "app/calc.py", "return a - 1", "return a - 2")

    assert repo.judge().verdict("T001") == "verified"


@by_file
def test_before_that_every_function_of_an_imported_file_counts(repo):
    change(repo, "app/calc.py", "return a - 1", "return a - 2")

    assert repo.judge().reason("T001") == "stale-code: unused in app/calc.py changed"


def test_a_test_that_starts_processes_rests_on_whole_files(repo):
    change(repo, "app/calc.py", "return a - 1", "return a - 2")

    assert repo.judge().reason("T003") == "stale-code: unused in app/calc.py changed"


def test_a_constant_counts(repo):
    change(repo, "app/calc.py", "LIMIT = 5", "LIMIT = 6")

    assert repo.judge().reason("T001") == "stale-code: app/calc.py changed outside its functions"


def test_a_file_that_nothing_imports_does_not_count(repo):
    change(repo, "app/far.py", "return 1", "return 2")

    assert repo.judge().verdict("T001") == "verified"


def test_comments_and_layout_do_not_count(repo):
    change(repo, "app/calc.py", "return a + 1", "return (a +  # one\n        1)")

    assert repo.judge().verdict("T001") == "verified"


def test_a_file_that_the_test_read_counts(repo):
    repo.write("data/table.txt", "2\n")
    found = repo.judge()

    assert found.reason("T002") == "stale-code: data/table.txt changed"
    assert found.verdict("T001") == "verified"


def test_helpers_fixtures_and_pytest_options_are_the_check(repo):
    change(repo, "tests/test_calc.py", "    return a + 1", "    return 1 + a")
    assert repo.judge().reason("T001") == "stale-check: expected in tests/test_calc.py changed"
    change(repo, "tests/test_calc.py", "    return 1 + a", "    return a + 1")

    change(repo, "conftest.py", "return 1", "return 2")
    assert repo.judge().reason("T001") == "stale-check: base in conftest.py changed"
    change(repo, "conftest.py", "return 2", "return 1")

    change(
        repo,
        "pyproject.toml",
        "[tool.pytest.ini_options]",
        "[tool.pytest.ini_options]\nconsole_output_style = 'count'",
    )
    assert repo.judge().reason("T001") == "stale-check: pytest's configuration changed"


def test_a_source_that_is_gone_is_said_so(repo):
    (repo.root / "app/calc.py").unlink()

    assert repo.judge().reason("T001") == "stale-code: app/calc.py is gone"


def test_a_new_test_beside_it_changes_nothing(repo):
    path = repo.root / "tests/test_calc.py"
    path.write_text(path.read_text() + "\n\ndef test_more():\n    assert used(2) == 3\n")

    assert repo.judge().verdict("T001") == "verified"


def test_only_what_is_stale_runs_again(repo):
    repo.write("data/table.txt", "2\n")

    assert len(repo.verify().report.ran) == 1


def test_a_module_that_is_imported_on_the_way_is_not_laid_upon_the_first_test(tmp_path):
    """A plugin is imported while the first test runs; the test itself has nothing to do with it."""
    repo = Repo(tmp_path)
    repo.write("far.py", "def far():\n    return 1\n")
    repo.write(
        "conftest.py",
        "import importlib\n\n\ndef pytest_runtest_setup(item):\n    importlib.import_module('fa' + 'r')\n",
    )
    repo.write(
        "tests/test_it.py",
        """
        import pytest


        @pytest.mark.proves("demo:T001")
        def test_it():
            assert len("a") == 1
        """,
    )
    repo.plan("[x] T001 One")
    repo.verify()
    repo.write("far.py", "def far():\n    return 2\n")

    assert repo.judge().verdict("T001") == "verified"


def test_a_fixture_of_a_plugin_in_the_workspace_is_the_check(tmp_path):
    repo = Repo(tmp_path)
    repo.write("plug.py", "import pytest\n\n\n@pytest.fixture\ndef base():\n    return 1\n")
    repo.write("conftest.py", "pytest_plugins = ['plug']\n")
    repo.write(
        "tests/test_it.py",
        """
        import pytest


        @pytest.mark.proves("demo:T001")
        def test_with(base):
            assert base == 1


        @pytest.mark.proves("demo:T002")
        def test_without():
            assert len("a") == 1
        """,
    )
    repo.plan("[x] T001 One", "[x] T002 Two")
    repo.verify()
    change(repo, "plug.py", "return 1", "return 1 + 0")
    found = repo.judge()

    assert found.reason("T001") == "stale-code: base in plug.py changed"
    assert found.verdict("T002") == "verified"
