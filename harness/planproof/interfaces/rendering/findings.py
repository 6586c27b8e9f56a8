"""Findings for people: in full with every line they rest on, one line each, or as a Markdown table."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from planproof.interfaces.rendering.paint import WIDTH, Paint, clip, wrap
from planproof.plan.lint import Level


if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from planproof.plan.lint import Finding

QUOTED = 8
COLOUR = {Level.ERROR: "red", Level.WARNING: "yellow", Level.INFO: "cyan"}


def full(
    findings: Sequence[Finding], lines: Mapping[str, Callable[[int], str]], paint: Paint
) -> Iterator[str]:
    """Each finding with the lines that it rests on, quoted.

    Args:
        findings: in the order in which they are told.
        lines: for each path a function from line number to text.
        paint: colours.
    """
    for finding in findings:
        yield from _one(finding, lines, paint)
        yield ""


def _one(finding: Finding, lines: Mapping[str, Callable[[int], str]], paint: Paint) -> Iterator[str]:
    place = f"{finding.path}:{finding.line}"
    yield f"{paint(place, 'bold')}  {paint(finding.code, COLOUR[finding.level])} {paint(finding.name, 'dim')}"
    yield from wrap(finding.message, 4)
    places = [(finding.path, finding.line), *((place.path, place.line) for place in finding.related)]
    own = sorted(line for path, line in places if path == finding.path)
    width = max(3, len(str(own[-1])))
    for line in own[:QUOTED]:
        text = lines[finding.path](line).strip()
        yield f"    {line:>{width}} {paint('│', 'dim')} {clip(text, WIDTH - width - 7)}"
    if len(own) > QUOTED:
        yield f"    {'':>{width}} {paint('│', 'dim')} and lines {', '.join(map(str, own[QUOTED:]))}"
    for path, line in places:
        if path != finding.path:
            text = lines[path](line).strip() if path in lines else ""
            room = max(20, WIDTH - len(path) - width - 8)
            yield f"    {path}:{line} {paint('│', 'dim')} {clip(text, room)}"
    if finding.fix is not None:
        yield f"    {paint('fix:', 'green')} {finding.fix.description} (planproof lint --fix)"


def concise(findings: Sequence[Finding]) -> Iterator[str]:
    """One line for each finding."""
    for finding in findings:
        yield f"{finding.path}:{finding.line}: {finding.code} {finding.message}"


def markdown(findings: Sequence[Finding]) -> Iterator[str]:
    """A table, for a step summary or a comment."""
    if not findings:
        yield "No findings."
        return
    yield "| where | rule | level | what |"
    yield "| --- | --- | --- | --- |"
    for finding in findings:
        message = finding.message.replace("|", "\\|").replace("<", "&lt;")
        rule = f"{finding.code} {finding.name}"
        yield f"| `{finding.path}:{finding.line}` | {rule} | {finding.level} | {message} |"


def summary(findings: Sequence[Finding], plans: int, hidden: Mapping[str, int]) -> str:
    """The last line: how many of what, and what is not shown.

    Args:
        findings: what counts.
        plans: how many plans were read.
        hidden: numbers of findings that do not count, by reason.
    """
    counted = Counter(finding.level for finding in findings)
    parts = [_many(counted[level], str(level)) for level in Level if counted[level]]
    what = ", ".join(parts) if parts else "no findings"
    rest = "; ".join(f"{count} {reason}" for reason, count in hidden.items() if count)
    return f"{what} in {_many(plans, 'plan')}{f' ({rest})' if rest else ''}"


def _many(count: int, noun: str) -> str:
    if noun == "info":
        return f"{count} info"
    return f"{count} {noun}{'' if count == 1 else 's'}"
