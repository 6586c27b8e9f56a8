"""Questions to the code: answered by the syntax tree, never by a comment or a string."""

import pytest

from planproof.proof.checks.base import Context
from planproof.proof.checks.code import CodeRunner
from planproof.proof.model import Check, CheckKind, Outcome


SOURCE = '''
"""put() is called here, says this text, and raises KeyError."""
from datetime import timedelta

LIMIT: int = 5
DAYS = timedelta(days=30)
SECONDS = 60 * 60
NAME = "put()"


class Base:
    pass


class Store(Base):
    TTL = 30

    def save(self, key: str, *, value: int = 0) -> None:
        # self.table.delete() is not called
        self.table.put(key)
        try:
            self.log("delete")
        except (KeyError, store.LockError) as error:
            raise RaceError("lost") from error

    async def bare(self, key):
        return key


def once():
    return 1


@decorators.retry(times=3)
def retried() -> int:
    return once()
'''


def ask(tmp_path, **queries):
    (tmp_path / "store.py").write_text(SOURCE)
    check = Check(CheckKind.CODE, "t", params={"files": ["store.py"], "queries": queries})
    context = Context(root=tmp_path, scratch=tmp_path, python="", env={})
    (result,) = CodeRunner().run([check], context)
    return result


@pytest.mark.parametrize(
    "queries",
    [
        {"exists": True},
        {"defines": ["Store", "Store.save", "save", "LIMIT", "Store.TTL"]},
        {"calls": {"Store.save": ["put", "table.put", "self.table.put", "log"], "retried": ["once"]}},
        {"never_calls": {"Store.save": ["delete"]}},
        {"raises": {"save": ["RaceError"]}},
        {"handles": {"save": ["KeyError", "LockError"]}},
        {"annotated": ["Store.save", "retried"]},
        {"methods": {"Store": ["save", "bare"]}},
        {"bases": {"Store": ["Base"]}},
        {"decorated": {"retried": ["retry", "decorators.retry"]}},
        {"constant": {"LIMIT": 5, "DAYS": 2_592_000, "SECONDS": 3600, "NAME": "put()", "Store.TTL": 30}},
    ],
)
def test_yes(tmp_path, queries):
    result = ask(tmp_path, **queries)

    assert (result.outcome, result.reason) == (Outcome.PASSED, "")


@pytest.mark.parametrize(
    ("queries", "words"),
    [
        ({"defines": ["Gone"]}, "Gone is not defined"),
        ({"calls": {"Store.save": ["delete"]}}, "Store.save does not call delete"),
        ({"calls": {"Store.save": ["other.put"]}}, "does not call other.put"),
        ({"calls": {"gone": ["put"]}}, "gone is not defined"),
        ({"never_calls": {"save": ["put"]}}, "save calls put"),
        ({"raises": {"save": ["KeyError"]}}, "save does not raise KeyError"),
        ({"handles": {"save": ["ValueError"]}}, "save does not handle ValueError"),
        ({"annotated": ["Store.bare"]}, "argument key of Store.bare is not annotated"),
        ({"annotated": ["once"]}, "what once returns is not annotated"),
        ({"methods": {"Store": ["load"]}}, "class Store has no method load"),
        ({"bases": {"Store": ["Other"]}}, "does not derive from Other"),
        ({"decorated": {"once": ["retry"]}}, "once is not decorated by retry"),
        ({"constant": {"LIMIT": 6}}, "LIMIT is 5, not 6"),
        ({"constant": {"LIMIT": "5"}}, "LIMIT is 5, not '5'"),
        ({"constant": {"GONE": 1}}, "constant GONE is not defined"),
    ],
)
def test_no_and_why(tmp_path, queries, words):
    result = ask(tmp_path, **queries)

    assert result.outcome is Outcome.FAILED
    assert words in result.reason


@pytest.mark.parametrize("file", ["../store.py", "/etc/passwd", "gone.py", "gone/*.py"])
def test_a_file_outside_or_not_there_is_nothing(tmp_path, file):
    check = Check(CheckKind.CODE, "t", params={"files": [file], "queries": {"defines": ["x"]}})
    context = Context(root=tmp_path, scratch=tmp_path, python="", env={})

    (result,) = CodeRunner().run([check], context)

    assert result.outcome is Outcome.NOTHING


def test_a_file_that_is_not_python_refutes(tmp_path):
    (tmp_path / "bad.py").write_text("def (:\n")
    check = Check(CheckKind.CODE, "t", params={"files": ["bad.py"], "queries": {"defines": ["x"]}})
    context = Context(root=tmp_path, scratch=tmp_path, python="", env={})

    (result,) = CodeRunner().run([check], context)

    assert result.outcome is Outcome.FAILED
    assert "is not Python" in result.reason
