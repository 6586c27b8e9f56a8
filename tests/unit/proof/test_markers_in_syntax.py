"""``proves`` markers are found by syntax: every form that pytest knows, and no other."""

import pytest
from tests.unit.proof.workshop import Repo

from planproof.errors import SpecError
from planproof.proof.binding.markers import find_marks, marks_in


SOURCE = b'''
import pytest
from pytest import mark

pytestmark = [pytest.mark.slow, pytest.mark.proves("p:FILE")]


@pytest.mark.proves("p:A", "B", part=True)
def test_a():
    """@pytest.mark.proves("p:IN-A-STRING")"""  # @pytest.mark.proves("p:IN-A-COMMENT")


@mark.proves("p:CLASS")
class TestX:
    pytestmark = pytest.mark.proves("p:CLASS-LEVEL")

    @mark.parametrize("n", [1, pytest.param(2, marks=pytest.mark.proves("p:PARAM"))])
    def test_b(self, n):
        pass


if True:

    @pytest.mark.proves("p:INSIDE-IF")
    async def test_c():
        pass
'''


def test_every_form():
    found = {
        one.items[0]: (one.target, one.partial, one.params) for one in marks_in(SOURCE, "tests/test_a.py")
    }

    assert found == {
        "p:FILE": ("tests/test_a.py", False, False),
        "p:A": ("tests/test_a.py::test_a", True, False),
        "p:CLASS": ("tests/test_a.py::TestX", False, False),
        "p:CLASS-LEVEL": ("tests/test_a.py::TestX", False, False),
        "p:PARAM": ("tests/test_a.py::TestX::test_b", False, True),
        "p:INSIDE-IF": ("tests/test_a.py::test_c", False, False),
    }


@pytest.mark.parametrize(
    ("marker", "words"),
    [
        ('proves("a", part=1)', "knows one option"),
        ('proves("a", whole=True)', "knows one option"),
        ("proves(NAME)", "ids of items as plain text"),
        ("proves()", "names no item"),
        ('prove("p:A")', "did you mean 'proves'?"),
        ('provs("p:A")', "did you mean 'proves'?"),
        ('Proves("p:A")', "did you mean 'proves'?"),
    ],
)
def test_a_wrong_marker_is_an_error_with_its_line(marker, words):
    with pytest.raises(SpecError) as caught:
        marks_in(f"import pytest\n\n\n@pytest.mark.{marker}\ndef test_a(): ...\n".encode(), "tests/test_a.py")

    assert words in caught.value.message
    assert (caught.value.path, caught.value.line) == ("tests/test_a.py", 4)


@pytest.mark.parametrize(
    "marker", ['parametrize("a", [1])', "slow", 'usefixtures("db")', 'skipif("x")', "postgres"]
)
def test_other_markers_are_none_of_our_business(marker):
    assert marks_in(f"import pytest\n\n\n@pytest.mark.{marker}\ndef test_a(a): ...\n".encode(), "t.py") == []


def test_pytests_own_exclusions_hold(tmp_path):
    repo = Repo(tmp_path)
    repo.write(
        "pyproject.toml",
        "[tool.pytest.ini_options]\nnorecursedirs = ['fixtures']\npython_files = 'check_*.py'\n",
    )
    marked = "import pytest\n\n\n@pytest.mark.proves('p:A')\ndef test_a(): ...\n"
    for name in ("tests/check_a.py", "tests/fixtures/check_b.py", "tests/test_c.py", ".venv/check_d.py"):
        repo.write(name, marked)

    assert [one.path for one in find_marks(tmp_path, [])] == ["tests/check_a.py"]


def test_a_file_that_is_not_python_holds_none(tmp_path):
    assert marks_in(b"@pytest.mark.proves('p:A')\ndef (:\n", "t.py") == []
