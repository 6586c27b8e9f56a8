"""Why an item has its verdict: who bound what, what was found, on what it rests, what would change it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from planproof.plan.model import Claim
from planproof.proof.model import ControlOutcome, Outcome
from planproof.proof.verdict import CheckView, Judged, State, Verdict

from .paint import Paint, clip, spread, wrap
from .signs import VERDICTS
from .verdicts_json import item_document


if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from planproof.plan.model import Plan


GUTTER: Final = 14
PSEUDO: Final = "<"


def document(one: Judged, children: Sequence[Judged]) -> dict[str, Any]:
    """What ``planproof explain --output-format json`` prints."""
    found = item_document(one)
    for view, check in zip(one.checks, found["checks"], strict=True):
        foot = view.evidence.footprint if view.evidence else None
        check["rests_on"] = (
            {"check": _names(foot.check), "code": _names(foot.code), "environment": dict(foot.environment)}
            if foot
            else {"check": {}, "code": {}, "environment": {}}
        )
        check["binding_reason"] = binding_words(view)
        check["certificate"] = dict(view.evidence.certificate) if view.evidence else {}
    parts = [
        {"id": child.item.id, "verdict": child.verdict.value, "reason": child.reason} for child in children
    ]
    return {"schema": 1, "item": found, "parts": parts, "would_change": list(would_change(one))}


def _names(part: Any) -> dict[str, list[str]]:
    return {
        file: sorted(name for name in names if not name.startswith(PSEUDO)) for file, names in part.items()
    }


def lines(one: Judged, children: Sequence[Judged], plan: Plan, *, now: float, paint: Paint) -> Iterator[str]:
    """The explanation as text.

    Args:
        one: the item.
        children: the items that belong to it.
        plan: its plan.
        now: seconds since the epoch, for how long ago.
        paint: colours.
    """
    item = one.item
    sign, colour, name = VERDICTS[one.verdict]
    ago = _ago(one, now)
    left, gap, right = spread(f"{item.local} {item.text}", f"{sign} {_claim(item.claim)}{name.upper()}{ago}")
    yield paint(left, "bold") + gap + paint(right, colour)
    yield _row("claimed", f"{one.path}:{item.line}  {_source_line(plan, item.line)}")
    if one.reason:
        yield from _rows("because", one.reason)
    if not one.checks:
        yield from _rows("proved by", "nothing is bound to it; planproof bind proposes checks")
    for view in one.checks:
        yield from _check_lines(view)
    for child in children:
        mark = VERDICTS[child.verdict]
        yield _row("part", f"{mark.sign} {child.item.local.rsplit('/', 1)[-1]}  {mark.name}")
    for sentence in would_change(one):
        yield from _rows("changes", sentence)


def _claim(claim: Claim) -> str:
    return "" if claim is Claim.NONE else f"{claim.value.replace('_', ' ')}, "


def _ago(one: Judged, now: float) -> str:
    times = [view.evidence.at for view in one.checks if view.evidence]
    if not times or one.verdict is not Verdict.VERIFIED:
        return ""
    seconds = max(0, int(now - min(times)))
    for size, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size:
            count = seconds // size
            return f" {count} {unit}{'s' if count != 1 else ''} ago"
    return " just now"


def _source_line(plan: Plan, line: int) -> str:
    rows = plan.source.decode("utf-8", "replace").splitlines()
    return rows[line - 1].strip() if 0 < line <= len(rows) else ""


def _row(name: str, text: str) -> str:
    return clip(f"  {name:<{GUTTER - 2}}{text}", 80)


def _rows(name: str, text: str) -> Iterator[str]:
    first = True
    for line in wrap(text, GUTTER):
        yield f"  {name:<{GUTTER - 2}}{line[GUTTER:]}" if first else line
        first = False


def binding_words(view: CheckView) -> str:
    """Who bound the check, and where."""
    binding = view.binding
    said = (
        f"{binding.bound_by.value} in {binding.path}:{binding.line}"
        if binding.path
        else binding.bound_by.value
    )
    part = ", a part of it" if binding.partial else ""
    return f"{said}{part}" + (f": {binding.reason}" if binding.reason else "")


def _check_lines(view: CheckView) -> Iterator[str]:
    check, found = view.binding.check, view.evidence
    backend = f" on {check.backend}" if check.backend else ""
    verb = "proved by" if view.state is State.PROVED else "bound to"
    yield from _rows(verb, f"{check.kind.value} {check.target}{backend}")
    yield from _rows("  bound by", binding_words(view))
    if found is None:
        yield from _rows("  found", view.reason)
        return
    took = f"{found.seconds:.2f} s" + (f", commit {found.commit[:12]}" if found.commit else "")
    said = found.outcome.value + (f": {found.reason}" if found.reason else "")
    yield from _rows("  found", f"{said} ({took})")
    if view.state is not State.PROVED and view.reason and view.reason not in said:
        yield from _rows("  but", view.reason)
    for text in (*_node_words(view), *_certificate_words(view), *found.notes):
        yield from _rows("  seen", text)
    yield from _control_lines(view)
    yield from _rows("  rests on", rests_words(view))


def _node_words(view: CheckView) -> Iterator[str]:
    assert view.evidence is not None
    nodes = view.evidence.nodes
    if nodes:
        passed = sum(said == "passed" for said in nodes.values())
        yield f"{passed} of {len(nodes)} tests passed"


# What of a race's certificate is worth a word: path to the number, and what it counts.
MEASURES: Final = (
    (("schedules", "run"), "schedules"),
    (("schedules", "distinct"), "distinct"),
    (("overlap", "mean_in_flight"), "operations in flight"),
    (("overlap", "most_in_flight"), "at most"),
    (("waits", "seen"), "waits"),
    (("observations", "made"), "observations"),
)


def _certificate_words(view: CheckView) -> Iterator[str]:
    """What a race measured, in few words, and on what."""
    assert view.evidence is not None
    certificate = view.evidence.certificate
    said = [
        f"{number:g} {word}" for path, word in MEASURES if (number := _number(certificate, path)) is not None
    ]
    if said:
        yield ", ".join(said)
    backend = certificate.get("backend")
    if isinstance(backend, dict):
        emulated = ", emulated" if backend.get("emulated") else ""
        yield f"{backend.get('kind')} {backend.get('version') or ''}".rstrip() + emulated


def _number(certificate: Mapping[str, Any], path: tuple[str, str]) -> float | None:
    inner = certificate.get(path[0])
    value = inner.get(path[1]) if isinstance(inner, dict) else None
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _control_lines(view: CheckView) -> Iterator[str]:
    assert view.evidence is not None
    controls = view.evidence.controls
    if not controls:
        return
    killed = [one.variant for one in controls if one.outcome is ControlOutcome.KILLED]
    placebo = next((one for one in controls if one.variant == "placebo"), None)
    said = f"placebo {placebo.outcome.value}" if placebo else "no placebo ran"
    cost = sum(one.seconds for one in controls)
    yield from _rows("  fails on", f"{', '.join(killed) or 'no broken variant'}; {said} ({cost:.1f} s)")
    for one in controls:
        if one.outcome in {ControlOutcome.SURVIVED, ControlOutcome.UNDECIDED}:
            yield from _rows("  but", f"{one.outcome.value} on {one.variant}: {one.detail}")


def rests_words(view: CheckView) -> str:
    """How many functions of which files an outcome rests on."""
    assert view.evidence is not None
    code = _names(view.evidence.footprint.code)
    tests = [file for file in view.evidence.footprint.check if not file.startswith(PSEUDO)]
    functions = sum(len(names) for names in code.values())
    files = [file for file, names in code.items() if names] + [
        file for file, names in code.items() if not names
    ]
    shown = ", ".join(files[:3]) + (f" and {len(files) - 3} more" if len(files) > 3 else "")  # noqa: PLR2004 - room
    if not files:
        return ", ".join(tests[:3]) or "its entry in the spec alone"
    return f"{functions} functions in {shown}" if functions else shown


def would_change(one: Judged) -> Iterator[str]:
    """What would change the verdict, in sentences."""
    line = f"line {one.item.line}"
    if one.verdict is Verdict.VERIFIED:
        rests = "its check, or the code that it rests on" if one.checks else "one of its parts"
        yield f"would go stale if the text of {line}, {rests} changed"
    elif one.verdict is Verdict.READY_TO_TICK:
        yield "planproof tick ticks it: it is proved"
    elif one.state is State.STALE:
        yield "planproof verify runs its checks again"
    elif one.state is State.UNAVAILABLE:
        yield "planproof backends says how to get what it needs"
    elif one.state is State.REFUTED:
        yield (
            "verified once its check passes; untick it until then"
            if one.item.claim is Claim.DONE
            else "its check fails"
        )
    elif not one.checks and one.state is State.NONE:
        yield 'bind a check: @pytest.mark.proves("' + one.item.id + '") or an entry in its spec'
    elif any(view.outcome == "not_run" for view in one.checks):
        yield "planproof verify runs its checks"
    elif any(view.evidence and view.evidence.outcome is Outcome.NOTHING for view in one.checks):
        yield "its check must check something: nothing was checked"
