"""How an exception is told, and what it means where a property is looked at."""

from __future__ import annotations


def one_line(error: BaseException) -> str:
    """The kind of an exception and what it says, on one line."""
    said = " ".join(str(error).split())
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def denies(error: BaseException) -> bool:
    """Whether it says that something does not hold: a failed assert, or ``pytest.fail``."""
    kinds = [each.__name__ for each in type(error).__mro__]
    return isinstance(error, AssertionError) or kinds[:2] == ["Failed", "OutcomeException"]
