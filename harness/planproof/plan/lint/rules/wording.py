"""PP5xx, fourth part: words that leave open what is to be done or how it is to be checked."""

# ruff: noqa: PLR2004 - "two or more", "a quarter of" are what these rules say, not settings
from __future__ import annotations

import re
from typing import TYPE_CHECKING

from planproof.plan.lint.finding import Confidence, Hit, Place
from planproof.plan.lint.rule import rule, workspace_rule
from planproof.plan.lint.wait import listed
from planproof.plan.lint.words import SNAKE, stem, stems
from planproof.plan.model import Kind


if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from planproof.plan.lint.view import PlanView

MOST = 400
_EXCEEDS = re.compile(
    r"\b(?:exceeds?|over|above|within|respects?)\b (?:the |its |a )?(?:\w+ "
    r")?(limit|maximum|quota|threshold|budget)\b",
    re.IGNORECASE,
)
_TIMING = re.compile(
    r"^\W*(?:test|verify|check|measure)\b[^\n]{0,300}?\b(timing|latency|throughput"
    r"|performance|response time|delay)\b",
    re.IGNORECASE,
)
_BARE = r"(?<![\w.-])\d+(?![\w.-]*[A-Za-z])"
_VAGUE = re.compile(
    r"\b(?:[45]\d\d/[45]\d\d )?as (?:appropriate|needed|necessary"
    r"|required)\b|\bgracefully\b|\bif (?:possible|feasible)\b|\bas soon as "
    r"possible\b|\band so on\b",
    re.IGNORECASE,
)
_TWO_CODES = re.compile(r"\b([1-5]\d\d) ?(?:/|or) ?([1-5]\d\d) as appropriate\b", re.IGNORECASE)
_MUST = re.compile(r"^[ \t]*[-*+] (?!\[)([^\n]*\bMUST\b[^\n]*)$", re.MULTILINE)
_MECHANISM = re.compile(
    r"\b(?:retry|caching|cache|rollback|pagination|encryption|compression|throttling|backoff|failover"
    r"|deduplication|batching)\b",
    re.IGNORECASE,
)
# Words that speak of such a mechanism without its name.
_KIN = {
    "retry": ("retries", "attempts", "backoff", "reconnect", "reconnection", "repeat", "retriable"),
    "caching": ("cache", "cached", "memo", "stored"),
    "cache": ("caching", "cached", "memo", "stored"),
    "rollback": ("revert", "undo", "restore", "backup"),
    "pagination": ("page", "pages", "cursor", "offset", "paginated", "paging"),
    "encryption": ("encrypt", "encrypted", "decrypt", "cipher", "key", "keys"),
    "compression": ("compress", "compressed", "compressor", "gzip", "zip"),
    "throttling": ("throttle", "rate", "limit", "limits"),
    "backoff": ("delay", "retry", "retries", "wait", "interval"),
    "failover": ("replica", "fallback", "standby", "takeover"),
    "deduplication": ("duplicate", "duplicates", "unique", "dedup"),
    "batching": ("batch", "batches", "bulk", "chunks"),
}
_PYTHON_PATH = re.compile(r"`((?:[\w.-]{1,60}/){2,12}(?:\w{1,60}\.py)?)`")


@rule("PP520", "no-number-to-measure", "info", default=False)
def no_number_to_measure(view: PlanView) -> Iterator[Hit]:
    """A test against a limit or a time that is stated nowhere."""
    for item in view.plan.items:
        found = _EXCEEDS.search(item.text) or _TIMING.search(item.text)
        if not found or item.box is None:
            continue
        word = found[1].lower()
        after = rf"\b{word}s?\b[^\n]{{0,30}}{_BARE}|{word.upper()}[A-Z_]*\b[^\n]{{0,20}}{_BARE}"
        near = rf"{after}|{_BARE}[^\n]{{0,12}}\b{word}"
        times = (
            r"\d+(?:\.\d+)? ?(?:ms|s|sec|seconds|minutes|min|req|rps|%)\b" if found.re is _TIMING else near
        )
        stated = re.compile(f"{near}|{times}", re.IGNORECASE)
        if not any(True for _ in view.search(stated)):
            yield Hit(
                item.line,
                f"No {word} is stated in this plan, so this cannot be measured.",
                (item.id,),
                confidence=Confidence.LOW,
            )


@rule("PP526", "vague-words", "info", default=False)
def vague_words(view: PlanView) -> Iterator[Hit]:
    """Words that leave open what is to happen."""
    for line, found in view.search(_VAGUE, "as ", "gracefully", "if possible", "if feasible", "and so on"):
        if not _TWO_CODES.search(view.line(line)):
            yield Hit(line, f'"{found[0].strip()}" leaves open what is to happen.', confidence=Confidence.LOW)


@rule("PP549", "either-status", "warning")
def either_status(view: PlanView) -> Iterator[Hit]:
    """Two statuses for one case, "as appropriate"."""
    for line, found in view.search(_TWO_CODES, "as appropriate"):
        yield Hit(line, f"{found[1]} or {found[2]}? Nothing says which one when.")


@rule("PP536", "status-without-source", "info", default=False)
def status_without_source(view: PlanView) -> Iterator[Hit]:
    """A status is reacted to that nothing produces."""
    made = {
        found[1]
        for _, found in view.search(
            re.compile(
                r"(?:→|->|=>|\bas\b|returns?|with|raise[sd]?|reject\w*|throttl\w*)[^\n]{0,20}?\b([45]\d\d)\b",
                re.IGNORECASE,
            )
        )
    }
    for line, found in view.search(
        re.compile(r"\b(?:for|on) ([45]\d\d)(?:/([45]\d\d))? (?:responses?|errors?|status)", re.IGNORECASE)
    ):
        missing = [code for code in found.groups() if code and code not in made]
        if missing:
            yield Hit(line, f"Nothing in this plan produces a {listed(missing)}.", confidence=Confidence.LOW)


@rule("PP534", "folder-cannot-be-imported", "info", default=False)
def folder_cannot_be_imported(view: PlanView) -> Iterator[Hit]:
    """A Python module lies in a folder whose name is no package name."""
    said: set[str] = set()
    for line, found in view.search(_PYTHON_PATH):
        folder = next(
            (part for part in found[1].split("/")[:-1] if "-" in part and not part.startswith(".")), None
        )
        if folder and folder not in said and re.search(r"\.py\b", view.text):
            said.add(folder)
            yield Hit(line, f"Python cannot import from a folder called {folder}.", confidence=Confidence.LOW)


@workspace_rule("PP535", "module-and-package", "warning")
def module_and_package(views: Sequence[PlanView]) -> Iterator[tuple[PlanView, Hit]]:
    """One plan needs a module and another, or the same, a package of the same name."""
    folders = {file.rpartition("/")[0] for file in _modules(views)}
    for folder in sorted({file[:-3] for file in _modules(views) if file[:-3] in folders}):
        inner = min(file for file in _modules(views) if file.rpartition("/")[0] == folder)
        (view, line), (other, place) = _first_naming(views, f"{folder}.py"), _first_naming(views, inner)
        yield (
            view,
            Hit(
                line,
                f"{folder}.py and {inner} cannot both be imported: a module and a package of one name.",
                related=(Place(other.plan.path, place),),
            ),
        )


def _modules(views: Sequence[PlanView]) -> Iterator[str]:
    """Paths of Python modules that items name; there may be as many as tasks."""
    return (
        file
        for view in views
        for item in view.plan.items
        for file in item.files
        if file.endswith(".py") and "/" in file
    )


def _first_naming(views: Sequence[PlanView], file: str) -> tuple[PlanView, int]:
    """The first plan and line that name a file."""
    return next((view, item.line) for view in views for item in view.plan.items if file in item.files)


@rule("PP540", "setting-missing", "warning")
def setting_missing(view: PlanView) -> Iterator[Hit]:
    """Something happens "if configured", and no setting configures it."""
    found_settings = [
        (line, found[1])
        for line, found in view.search(re.compile(r"`(\w+\.\w+)` (?:with )?default", re.IGNORECASE))
    ]
    if not found_settings:
        return
    common = set.intersection(*(stems(name.split(".")[0]) for _, name in found_settings))
    known = {word for _, name in found_settings for word in stems(name)} - common
    for line, _ in view.search(re.compile(r"\(if (?:configured|enabled)\)", re.IGNORECASE)):
        words = stems(re.sub(r"\(if \w+\)", "", view.line(line))) - common
        if not words & known:
            yield Hit(
                line,
                "No setting of this plan configures this.",
                related=tuple(place for place, _ in found_settings),
                confidence=Confidence.LOW,
            )


@rule("PP541", "promised-document", "info", default=False)
def promised_document(view: PlanView) -> Iterator[Hit]:
    """A document is promised that no deliverable is."""
    documents = [
        item
        for item in view.plan.items
        if item.kind is Kind.DELIVERABLE and any(file.endswith((".md", ".rst")) for file in item.files)
    ]
    if not any(item.kind is Kind.DELIVERABLE for item in view.plan.items):
        return
    for line, found in view.search(re.compile(r"\bdocumented ([a-z]+ [a-z]+)\b", re.IGNORECASE)):
        words = stems(found[1])
        if words and not any(words & stems(item.text) for item in documents):
            yield Hit(line, f"No task delivers a document on the {found[1]}.", confidence=Confidence.LOW)


@rule("PP542", "goal-gap", "warning")
def goal_gap(view: PlanView) -> Iterator[Hit]:
    """A phase is named after something that none of its tasks does."""
    for section in view.sections:
        words = _MECHANISM.findall(section.heading.text)
        if not words or not re.match(r"phase\b", section.heading.text, re.IGNORECASE):
            continue
        inside = view.tasks_within(section)
        if not inside or len(inside) > MOST:
            continue
        told = stems(" ".join(item.text for item in inside))
        for word in words:
            if not {stem(word), *map(stem, _KIN[word.lower()])} & told:
                yield Hit(
                    section.heading.line,
                    f"This phase promises {word.lower()}, but none of its tasks speaks of it.",
                    tuple(item.id for item in inside),
                    tuple(item.line for item in inside[:8]),
                    Confidence.LOW,
                )


@rule("PP543", "must-of-no-task", "info", default=False)
def must_of_no_task(view: PlanView) -> Iterator[Hit]:
    """A sentence with MUST that no box speaks of."""
    if len(view.boxes) > MOST or not view.boxes:
        return
    told = [stems(item.text) for item in view.boxes]
    for line, found in view.search(_MUST, "must"):
        words = stems(found[1]) - {"must"}
        if len(words) >= 3 and not any(len(words & other) >= 2 for other in told):
            yield Hit(line, "This must hold, but no box is about it.", confidence=Confidence.LOW)


@rule("PP544", "rule-for-others", "info", default=False)
def rule_for_others(view: PlanView) -> Iterator[Hit]:
    """An invariant binds other modules: no task of this plan can prove it."""
    own = set(SNAKE.findall(view.plan.title)) | {part for part in view.plan.title.split("/") if "_" in part}
    for line, found in view.search(
        re.compile(r"\(non-([\w-]+?)(?: endpoints| modules?)?\)|\bnot `(\w+)`\)", re.IGNORECASE)
    ):
        name = (found[1] or found[2]).replace("-", "_")
        if any(name.startswith(mine) or mine.startswith(name) for mine in own):
            yield Hit(
                line,
                "This binds other modules; no task of this plan can prove it.",
                confidence=Confidence.LOW,
            )


@rule("PP545", "criterion-without-test", "info", default=False)
def criterion_without_test(view: PlanView) -> Iterator[Hit]:
    """An acceptance criterion that no scenario and no test task speaks of."""
    scenarios = [item for item in view.plan.items if item.kind is Kind.SCENARIO]
    criteria = [item for item in view.plan.items if item.kind is Kind.ACCEPTANCE]
    if len(scenarios) < 3 or len(scenarios) * len(criteria) > 100_000:
        return
    told = [stems(item.text) for item in scenarios]
    for item in criteria:
        words = stems(item.text)
        if len(words) >= 2 and not any(len(words & other) >= 2 for other in told):
            yield Hit(
                item.line,
                f"No scenario speaks of {item.local}.",
                (item.id,),
                tuple(place.line for place in scenarios[:12]),
                Confidence.LOW,
            )


@rule("PP546", "pass-and-fail", "warning")
def pass_and_fail(view: PlanView) -> Iterator[Hit]:
    """One box asks that all pass, its neighbour expects failures."""
    if not view.has("remaining"):
        return
    for item in view.boxes:
        if not re.search(r"\b(?:any )?remaining (?:failures|failing|errors)\b", item.text, re.IGNORECASE):
            continue
        for other in view.kids(view.by_id[item.parent]) if item.parent in view.by_id else ():
            if re.search(r"\b(?:all|\d{1,9})\b.{0,120}?\bpass\b", other.text, re.IGNORECASE):
                yield Hit(
                    item.line,
                    f"Line {other.line} asks that they pass; this expects that some fail.",
                    (other.id, item.id),
                    (other.line,),
                    Confidence.LOW,
                )


@rule("PP523", "priority-words", "info", default=False)
def priority_words(view: PlanView) -> Iterator[Hit]:
    """One priority is written with different words behind it, or none."""
    used: dict[str, dict[str, int]] = {}
    for item in view.tasks:
        field = view.field(item, "priority")
        found = re.match(r"(P\d)\s*(.*)", field[0]) if field else None
        if found and field:
            used.setdefault(found[1], {}).setdefault(found[2].strip(), field[1])
    for name, ways in used.items():
        if len(ways) > 1:
            first, *rest = sorted(ways.values())
            shown = listed(f'"{name} {way}"'.replace(' "', '"') for way in ways)
            yield Hit(first, f"{name} is written in {len(ways)} ways: {shown}.", related=tuple(rest))


RULES = (
    no_number_to_measure,
    vague_words,
    either_status,
    status_without_source,
    folder_cannot_be_imported,
    module_and_package,
    setting_missing,
    promised_document,
    goal_gap,
    must_of_no_task,
    rule_for_others,
    criterion_without_test,
    pass_and_fail,
    priority_words,
)
