"""Safe fixes, as byte splices on what was read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from planproof.errors import EditError


if TYPE_CHECKING:
    from collections.abc import Iterable

    from planproof.plan.lint.finding import Finding, Splice


def apply_fixes(source: bytes, findings: Iterable[Finding], path: str) -> tuple[bytes, list[Finding]]:
    """The file with the fixes made, and the findings that were fixed.

    A fix that would touch bytes of an earlier one waits for the next run.

    Args:
        source: the file as it was read.
        findings: findings of that file, with fixes or without.
        path: of the file, for errors.

    Raises:
        EditError: a fix lies outside the file.
    """
    taken: list[Splice] = []
    fixed: list[Finding] = []
    for finding in findings:
        if finding.fix is None or any(_touch(new, old) for new in finding.fix.splices for old in taken):
            continue
        taken += finding.fix.splices
        fixed.append(finding)
    pieces: list[bytes] = []
    position = 0
    for splice in sorted(taken):
        if not position <= splice.start <= splice.end <= len(source):
            raise EditError("a fix does not fit the file; nothing was changed", path=path)
        pieces += [source[position : splice.start], splice.text.encode()]
        position = splice.end
    return b"".join([*pieces, source[position:]]), fixed


def _touch(left: Splice, right: Splice) -> bool:
    return left.start <= right.end and right.start <= left.end
