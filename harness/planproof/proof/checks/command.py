"""Checks of kind command: a list of arguments, never a shell; bounded; what it changes is reported."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from planproof.proof.model import Outcome, Result

from . import process
from .tree import changed, snapshot


if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from planproof.proof.model import Check

    from .base import Context


CANNOT_FAIL: Final = frozenset({"true", ":", "echo", "printf", "exit", "sleep", "yes"})
ONLY_TALKS: Final = frozenset(
    {"--version", "--help", "-h", "--collect-only", "--co", "--dry-run", "--exit-zero"}
)
SHELLS: Final = frozenset({"sh", "bash", "dash", "zsh"})
FORGIVES: Final = re.compile(r"(\|\||;)\s*(true|:|exit\s+0)\s*$")
# What well-known tools print when they exit 0 and looked at nothing.
LOOKED_AT_NOTHING: Final = re.compile(
    r"no python files found|ran 0 tests in|no tests? (ran|found|to run|collected)|0 source files"
    r"|no files (found|matched)"
    r"|collected 0 items|0 passing|0 files? (checked|inspected|scanned)|nothing to (do|check)",
    re.IGNORECASE,
)


class CommandRunner:
    """Runs commands one after another."""

    def run(self, checks: Sequence[Check], context: Context) -> Iterator[Result]:
        """Run each command and judge it by its exit code and by what it says of itself."""
        for check in checks:
            yield self._one(check, context)
            context.progress(check.target)

    def _one(self, check: Check, context: Context) -> Result:
        argv = [str(one) for one in check.params["argv"]]
        useless = cannot_fail(argv)
        if useless:
            return Result(check, Outcome.NOTHING, useless)
        folder = context.root / check.params.get("cwd", ".")
        if not folder.resolve().is_relative_to(context.root) or not folder.is_dir():
            return Result(check, Outcome.NOTHING, f"the folder {check.params.get('cwd')} does not exist here")
        before = snapshot(context.root)
        try:
            ended = process.run(
                with_python(argv, context),
                cwd=folder,
                env=context.env,
                timeout=check.timeout or context.timeout,
            )
        except FileNotFoundError:
            return Result(check, Outcome.UNAVAILABLE, f"the program {argv[0]} is not to be had here")
        except OSError as error:
            return Result(check, Outcome.UNDECIDED, f"{argv[0]} cannot be started: {error.strerror}")
        outcome, reason = judge(check, ended)
        notes = tuple(f"changed the working tree: {name}" for name in changed(before, snapshot(context.root)))
        if ended.size > process.KEEP * 2:
            notes += (f"printed {ended.size} bytes; the middle was not kept",)
        return Result(check, outcome, reason, round(ended.seconds, 6), notes=notes)


def with_python(argv: list[str], context: Context) -> list[str]:
    """``python`` means the interpreter that runs the other checks too; its tools come first."""
    if argv[0] in {"python", "python3"}:
        return [context.python, *argv[1:]]
    beside = Path(context.python).parent / argv[0]
    return [str(beside), *argv[1:]] if "/" not in argv[0] and beside.is_file() else argv


def cannot_fail(argv: list[str]) -> str:
    """Why a command proves nothing whatever it does, or empty."""
    program = argv[0].rsplit("/", 1)[-1]
    if program in CANNOT_FAIL:
        return f"{program} cannot fail"
    talks = next((one for one in argv[1:] if one in ONLY_TALKS), None)
    if talks and program not in SHELLS:
        return f"with {talks} it checks nothing"
    if program in SHELLS and FORGIVES.search(argv[-1]):
        return "it hides its own failure"
    return ""


def judge(  # noqa: PLR0911 - one way to end a line
    check: Check, ended: process.Finished
) -> tuple[Outcome, str]:
    """The outcome of a command that ended."""
    said = process.last_lines(ended.output)
    if ended.stopped:
        return Outcome.UNDECIDED, f"{check.params['argv'][0]} {ended.stopped}"
    if ended.code < 0:
        return Outcome.UNDECIDED, f"was killed by signal {-ended.code}"
    if ended.code != 0:
        program = str(check.params["argv"][0]).rsplit("/", 1)[-1]
        if program in {"pytest", "py.test"} and ended.code == 5:  # noqa: PLR2004 - pytest's code for no tests
            return Outcome.NOTHING, "pytest collected nothing"
        return Outcome.FAILED, f"exit code {ended.code}: {said}"
    nothing = LOOKED_AT_NOTHING.search(ended.output)
    if nothing:
        return Outcome.NOTHING, f"exit code 0, and it says {nothing.group(0)!r}"
    wanted: Any = check.params.get("prints")
    if wanted and not re.search(wanted, ended.output):
        return Outcome.FAILED, f"exit code 0, and it did not print {wanted!r}"
    return Outcome.PASSED, ""
