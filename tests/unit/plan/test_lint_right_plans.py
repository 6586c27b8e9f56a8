"""Plans that are right: no rule that is on by default may say a word."""

from pathlib import Path

import pytest

from planproof.plan.lint import lint
from planproof.plan.reading import read_bytes


RIGHT = sorted((Path(__file__).resolve().parents[2] / "fixtures" / "lint" / "right").glob("*.md"))


@pytest.mark.parametrize("path", RIGHT, ids=lambda path: path.stem)
def test_a_right_plan_is_left_alone(path):
    report = lint([read_bytes(path.read_bytes(), path.name)])

    assert [f"{found.line} {found.code} {found.message}" for found in report.findings] == []


@pytest.mark.parametrize("path", RIGHT, ids=lambda path: path.stem)
@pytest.mark.parametrize("ending", [b"\r\n", b"\r"], ids=["crlf", "cr"])
def test_line_ends_make_no_difference(path, ending):
    data = path.read_bytes().replace(b"\n", ending)

    assert lint([read_bytes(data, path.name)]).findings == ()


def test_right_plans_are_no_accident_of_being_together():
    plans = [read_bytes(path.read_bytes(), path.name) for path in RIGHT]

    assert lint(plans).findings == ()
