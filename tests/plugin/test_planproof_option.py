"""``pytest --planproof`` in a repository of its own, with and without xdist."""

import os
import re
import subprocess
import sys

import pytest
from tests.unit.proof.workshop import ROOT, Repo


TESTS = """
    import pytest


    @pytest.mark.proves("demo:T001")
    def test_one():
        assert len("a") == 1


    @pytest.mark.proves("demo:T001", "T002")
    def test_two():
        assert len("ab") == 2


    @pytest.mark.proves("demo:T003")
    def test_three():
        assert len("abc") == 4


    @pytest.mark.proves("demo:T004")
    @pytest.mark.skip(reason="later")
    def test_four():
        assert len("abcd") == 4


    @pytest.mark.proves("demo:T005", part=True)
    def test_five():
        assert len("abcde") == 5


    def test_unbound(record_call):
        record_call("demo", "Nothing")
        assert len("") == 0
"""


@pytest.fixture
def repo(tmp_path):
    repo = Repo(tmp_path)
    repo.plan(*(f"[x] T00{count} Number {count}" for count in range(1, 6)))
    repo.write("tests/test_them.py", TESTS)
    return repo


def pytest_in(repo, *arguments):
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "planproof.interfaces.pytest_plugin",
            "-q",
            "--color=no",
            *arguments,
        ],
        cwd=repo.root,
        env={**os.environ, "PYTHONPATH": str(ROOT / "harness"), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    ).stdout


def rows(output):
    found = re.findall(r"^(refuted|nothing|proved|in part) +(demo:\S+)", output, re.MULTILINE)
    return {item: word for word, item in found}


EXPECTED = {
    "demo:T001": "proved",
    "demo:T002": "proved",
    "demo:T003": "refuted",
    "demo:T004": "nothing",
    "demo:T005": "in part",
}


def test_it_shows_by_item_what_the_tests_proved(repo):
    assert rows(pytest_in(repo, "--planproof")) == EXPECTED


def test_bindings_travel_from_xdist_workers(repo):
    assert rows(pytest_in(repo, "--planproof", "-p", "xdist", "-n", "2")) == EXPECTED


def test_without_the_option_nothing_is_shown(repo):
    assert "planproof" not in pytest_in(repo)


def test_the_marker_is_known_under_strict_markers(repo):
    said = pytest_in(repo, "--strict-markers")

    assert "1 failed, 4 passed, 1 skipped" in said


def test_an_unknown_item_is_named(repo):
    repo.write(
        "tests/test_other.py",
        "import pytest\n\n\n@pytest.mark.proves('demo:T099')\ndef test_it():\n    assert 1 + 1 == 2\n",
    )

    assert "no plan has an item 'demo:T099'" in pytest_in(repo, "--planproof")


def test_a_run_that_proves_nothing_says_so(repo):
    said = pytest_in(repo, "--planproof", "-k", "unbound")

    assert "nothing is proved" in said
