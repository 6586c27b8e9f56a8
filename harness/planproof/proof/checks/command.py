"""Checks of kind command: a list of arguments, never a shell; bounded; what it changes is reported."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from planproof.proof.model import Outcome, Result

from . import process
from .talk import cannot_fail, looked_at_nothing, old_report
from .tree import changed, snapshot


if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from planproof.proof.model import Check

    from .base import Context


class CommandRunner:
    """Runs commands one after another."""

    def run(self, checks: Sequence[Check], context: Context) -> Iterator[Result]:
        """Run each command and judge it by its exit code and by what it says of itself."""
        for check in checks:
            yield self._one(check, context)
            context.progress(check.target)

    def _one(self, check: Check, context: Context) -> Result:
        argv = [str(one) for one in check.params["argv"]]
        useless = cannot_fail(argv) or _empty_script(argv, context)
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
        after = snapshot(context.root)
        report = old_report(argv, folder, set(changed(before, after)) if outcome is Outcome.PASSED else set())
        if report and outcome is Outcome.PASSED:
            outcome, reason = Outcome.NOTHING, report
        notes = tuple(f"changed the working tree: {name}" for name in changed(before, after))
        if ended.size > process.KEEP * 2:
            notes += (f"printed {ended.size} bytes; the middle was not kept",)
        return Result(check, outcome, reason, round(ended.seconds, 6), notes=notes)


def _empty_script(argv: list[str], context: Context) -> str:
    """Why a script of the workspace that is run directly does nothing, or empty."""
    scripts = [one for one in argv[:2] if one.endswith((".py", ".sh")) and (context.root / one).is_file()]
    for script in scripts:
        lines = (context.root / script).read_text(encoding="utf-8", errors="replace").splitlines()
        if all(not line.strip() or line.lstrip().startswith("#") for line in lines):
            return f"{script} does nothing"
    return ""


def with_python(argv: list[str], context: Context) -> list[str]:
    """``python`` means the interpreter that runs the other checks too; its tools come first."""
    if argv[0] in {"python", "python3"}:
        return [context.python, *argv[1:]]
    beside = Path(context.python).parent / argv[0]
    return [str(beside), *argv[1:]] if "/" not in argv[0] and beside.is_file() else argv


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
        names = {str(one).rsplit("/", 1)[-1] for one in check.params["argv"]}
        if names & {"pytest", "py.test"} and ended.code == 5:  # noqa: PLR2004 - pytest's code for no tests
            return Outcome.NOTHING, "pytest collected nothing"
        return Outcome.FAILED, f"exit code {ended.code}: {said}"
    nothing = looked_at_nothing(ended.output)
    if nothing:
        return Outcome.NOTHING, f"exit code 0, and it says {nothing!r}"
    wanted: Any = check.params.get("prints")
    if wanted and not re.search(wanted, ended.output):
        return Outcome.FAILED, f"exit code 0, and it did not print {wanted!r}"
    return Outcome.PASSED, ""
