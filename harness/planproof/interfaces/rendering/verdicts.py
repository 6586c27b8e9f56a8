"""Verdicts as text for people: plan by plan, phase by phase, one line an item and why below it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from planproof.plan.model import Claim
from planproof.proof.model import ControlOutcome
from planproof.proof.verdict import Judged, State, Verdict, summarise

from .paint import WIDTH, Paint, clip, spread, width, wrap
from .signs import VERDICTS, word


if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from planproof.plan.model import Plan
    from planproof.proof.gate import GateResult
    from planproof.proof.session import RunReport


NAMES: Final = {
    "pytest": ("test", "tests"),
    "race": ("race", "races"),
    "command": ("command", "commands"),
    "coverage": ("coverage", "coverages"),
    "code": ("code query", "code queries"),
    "calls": ("call trace", "call traces"),
}


def plan_lines(plan: Plan, judged: Sequence[Judged], paint: Paint) -> Iterator[str]:
    """One plan: its name, then phase by phase every item."""
    done = sum(one.item.claim is Claim.DONE for one in judged)
    held = sum(one.item.claim is Claim.DONE and one.verdict is Verdict.VERIFIED for one in judged)
    left, gap, right = spread(plan.id, f"{done} claimed done · {held} verified")
    yield paint(left, "bold") + gap + paint(right, "dim")
    depth = _depths(judged)
    phase: str | None = ""
    titles = {heading.text.split(":", 1)[0].strip(): heading.text for heading in reversed(plan.headings)}
    for one in judged:
        if one.item.phase != phase:
            phase = one.item.phase
            yield ""
            yield from _phase(
                titles.get(phase or "", phase or ""),
                [other for other in judged if other.item.phase == phase],
                paint,
            )
        yield from item_lines(one, depth[one.item.id], paint)
    yield ""


def _depths(judged: Sequence[Judged]) -> dict[str, int]:
    depths: dict[str, int] = {}
    for one in judged:
        depths[one.item.id] = min(depths.get(one.item.parent or "", -1) + 1, 4)
    return depths


def _phase(name: str, members: Sequence[Judged], paint: Paint) -> Iterator[str]:
    """A phase's heading with a bar of how much of what it claims is verified."""
    done = [one for one in members if one.item.claim is Claim.DONE]
    held = sum(one.verdict is Verdict.VERIFIED for one in done)
    bar = ""
    if done:
        full = round(10 * held / len(done))
        bar = f"{'█' * full}{'░' * (10 - full)} {held}/{len(done)}"
    left, gap, right = spread(f"  {name}" if name else "", bar)
    yield paint(left, "bold") + gap + right


def item_lines(one: Judged, depth: int, paint: Paint) -> Iterator[str]:
    """One item: sign, id, text, what proves it; below it why it is not verified."""
    sign, colour, _ = VERDICTS[one.verdict]
    name = one.item.local.rsplit("/", 1)[-1]
    named = name if len(name) <= 12 and not _is_slug(one) else ""  # noqa: PLR2004 - what fits before the text
    pad = "  " * (depth + 1)
    left, gap, right = spread(f"{pad}{sign} {named}{'  ' if named else ''}{one.item.text}", _right(one))
    right = paint(right, colour) if one.verdict is not Verdict.VERIFIED else paint(right, "dim")
    yield left.replace(sign, paint(sign, colour), 1) + gap + right
    if one.verdict in {Verdict.FALSE_CLAIM, Verdict.STALE_CLAIM, Verdict.UNPROVED_CLAIM} or (
        one.verdict is Verdict.OPEN and one.state in {State.REFUTED, State.STALE}
    ):
        yield from (paint(line, "dim") for line in wrap(one.reason, width(pad) + 4)[:4])


def _is_slug(one: Judged) -> bool:
    return one.item.local == one.item.local.lower() and not any(sign.isdigit() for sign in one.item.local)


def _right(one: Judged) -> str:
    """What stands at the end of an item's line."""
    if one.verdict is Verdict.VERIFIED:
        return proof_words(one) or "by its parts"
    if one.verdict is Verdict.OPEN and one.state is State.REFUTED:
        return "open, failing"
    said = word(one.verdict)
    is_claim = one.verdict in {Verdict.FALSE_CLAIM, Verdict.STALE_CLAIM, Verdict.UNPROVED_CLAIM}
    return f"{said}  line {one.item.line}" if is_claim else said


def proof_words(one: Judged) -> str:
    """What proves an item, in few words: ``3 tests, 1 race, 2 controls``."""
    counts: Counter[str] = Counter()
    controls = 0
    for view in one.checks:
        if view.evidence is None or view.state is not State.PROVED:
            continue
        counts[view.evidence.kind.value] += max(
            1, sum(said == "passed" for said in view.evidence.nodes.values())
        )
        controls += sum(control.outcome is ControlOutcome.KILLED for control in view.evidence.controls)
    words = [f"{count} {NAMES[kind][count != 1]}" for kind, count in counts.items()]
    if controls:
        words.append(f"{controls} control{'s' if controls != 1 else ''}")
    return ", ".join(words)


def summary_lines(
    judged: Sequence[Judged], report: RunReport, gate: GateResult, paint: Paint
) -> Iterator[str]:
    """The last lines: how many of each, what was run, the gate's word, where to go next."""
    counts = summarise(judged)
    said = [f"{counts[one.value]} {sign.name}" for one, sign in VERDICTS.items() if counts[one.value]]
    left, gap, right = spread(" · ".join(said) or "no items", run_words(report))
    if width(left) + width(right) + 1 > WIDTH or left.endswith("…"):
        yield from wrap(" · ".join(said), 0)
        yield paint(run_words(report), "dim")
    else:
        yield left + gap + paint(right, "dim")
    if report.changed:
        more = f" and {len(report.changed) - 3} more" if len(report.changed) > 3 else ""  # noqa: PLR2004 - room
        notice = f"the working tree changed while the checks ran: {', '.join(report.changed[:3])}{more}"
        yield from (paint(line, "yellow") for line in wrap(notice, 0))
    yield from gate_lines(judged, gate, paint)


def run_words(report: RunReport) -> str:
    """What was run: ``8 checks run, 41 reused, 6.1 s``."""
    if not report.ran:
        return f"no check run: nothing changed, {report.reused} reused" if report.reused else "no check run"
    ran = len(report.ran)
    reused = f", {report.reused} reused" if report.reused else ""
    return f"{ran} check{'s' if ran != 1 else ''} run{reused}, {report.seconds:.1f} s"


def gate_lines(judged: Sequence[Judged], gate: GateResult, paint: Paint) -> Iterator[str]:
    """The gate's word, its reasons where they are not items that were shown, waivers, and the next step."""
    for name, waiver in gate.waived:
        yield clip(f"waived: {name} by {waiver.owner} until {waiver.expires}: {waiver.reason}", WIDTH)
    shown = {one.value for one in (Verdict.FALSE_CLAIM, Verdict.STALE_CLAIM, Verdict.UNPROVED_CLAIM)}
    for problem in gate.problems:
        if problem.word not in shown:
            yield from wrap(
                f"{problem.path}:{problem.line}: {problem.message}" if problem.path else problem.message, 0
            )
    if gate.holds:
        yield paint("gate: holds", "green") if gate.checked else "gate: holds; no claim was made or touched"
        return
    outcome = "cannot be verified here" if gate.exit_code == 3 else "does not hold"  # noqa: PLR2004 - exit code
    first = next((problem.item for problem in gate.problems if problem.item), "")
    local = next((one.item.local for one in judged if one.item.id == first), "")
    hint = f"next: planproof explain {local}" if local and len(local) < 40 else ""  # noqa: PLR2004 - room
    left, gap, right = spread(f"gate: {outcome} (exit {gate.exit_code})", hint)
    yield paint(left, "red") + gap + paint(right, "dim")
