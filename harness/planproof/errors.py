"""The errors of planproof: one base class, a stable code each, one clear sentence, file and line."""

from __future__ import annotations

from typing import Final


class PlanproofError(Exception):
    """Anything that planproof refuses, said in one sentence.

    Args:
        message: one sentence, without a file or a line in it.
        path: the file that it is about, as the user gave it.
        line: the line in that file, counted from 1.

    Attributes:
        code: stable name of the kind of error; ``docs/errors.md`` explains each.
        exit_code: what the command line exits with.
    """

    code: str = "internal"
    exit_code: int = 2

    def __init__(self, message: str, *, path: str | None = None, line: int | None = None) -> None:
        super().__init__(message)
        self.message: Final = message
        self.path: Final = path
        self.line: Final = line

    def __str__(self) -> str:
        """The sentence, led by ``path:line:`` where they are known."""
        if self.path is None:
            return self.message
        place = self.path if self.line is None else f"{self.path}:{self.line}"
        return f"{place}: {self.message}"


class InputError(PlanproofError):
    """A plan cannot be read: missing, a directory, binary, not UTF-8."""

    code = "input"


class ConfigError(PlanproofError):
    """The configuration or a command-line option does not make sense."""

    code = "config"


class SpecError(PlanproofError):
    """A spec file does not say what it must: unknown key, unknown item, bad value."""

    code = "spec"


class UnknownItemError(PlanproofError):
    """An item was named that no plan has."""

    code = "unknown-item"


class BackendUnavailableError(PlanproofError):
    """A real store is wanted and cannot be had here; the message says what was tried and how to get it."""

    code = "backend-unavailable"
    exit_code = 3


class EditError(PlanproofError):
    """A plan file cannot be edited safely: it changed since it was read, or there is nothing to splice."""

    code = "edit"


class HistoryError(PlanproofError):
    """A recorded history cannot be read or is not well formed."""

    code = "history"


class WorkloadError(PlanproofError):
    """A workload cannot be run as it is written."""

    code = "workload"
