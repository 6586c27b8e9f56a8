"""Every public name stands in docs/api/sessions.md and says in its docstring what it does (S1.DOC_001)."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

import sessionkeeper
from sessionkeeper import SessionKeeperError, SessionManager, SessionStore


PAGE = (Path(__file__).parents[3] / "docs" / "api" / "sessions.md").read_text()
ERRORS = [
    getattr(sessionkeeper, name)
    for name in sessionkeeper.__all__
    if inspect.isclass(getattr(sessionkeeper, name))
    and issubclass(getattr(sessionkeeper, name), SessionKeeperError)
]


def public(noun):
    return [name for name in vars(noun) if not name.startswith("_")]


@pytest.mark.parametrize("name", sessionkeeper.__all__)
def test_every_public_name_is_on_the_page(name):
    assert re.search(rf"`{name}\b", PAGE)


@pytest.mark.parametrize("noun", [SessionManager, SessionStore])
def test_every_public_method_is_on_the_page(noun):
    assert [name for name in public(noun) if not re.search(rf"`{name}\b", PAGE)] == []


def test_the_page_names_nothing_that_is_not_there():
    named = set(re.findall(r"`([A-Z][A-Za-z]+(?:Error|Clock|Store|Manager|Middleware))\b", PAGE))
    assert {name for name in named if not hasattr(sessionkeeper, name)} == set()


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_each_error_is_listed_with_its_status(error):
    if error is not SessionKeeperError:
        assert f"| `{error.__name__}` | {error.http_status} |" in PAGE


def test_error_codes_are_told_apart():
    assert len({error.code for error in ERRORS}) == len(ERRORS)


@pytest.mark.parametrize("name", sessionkeeper.__all__)
def test_what_can_have_a_docstring_has_one(name):
    noun = getattr(sessionkeeper, name)
    if inspect.isclass(noun) or inspect.isfunction(noun):
        assert inspect.getdoc(noun)
        methods = [each for each in public(noun) if inspect.isfunction(inspect.getattr_static(noun, each))]
        assert [each for each in methods if not inspect.getdoc(getattr(noun, each))] == []


def test_the_names_are_sorted_and_complete():
    assert len(set(sessionkeeper.__all__)) == len(sessionkeeper.__all__)
    exported = {
        name
        for name, noun in vars(sessionkeeper).items()
        if not name.startswith("_") and name != "annotations" and not inspect.ismodule(noun)
    }
    assert exported == set(sessionkeeper.__all__)
