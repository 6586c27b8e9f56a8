"""PP5xx, third part: two values, two rules or two words for one thing."""

# ruff: noqa: PLR2004 - "two or more", "a quarter of" are what these rules say, not settings
from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from planproof.plan.lint.finding import Confidence, Hit
from planproof.plan.lint.rule import rule
from planproof.plan.lint.words import STOP, concepts, stem, stems
from planproof.plan.model import Kind


if TYPE_CHECKING:
    from collections.abc import Iterator

    from planproof.plan.lint.view import PlanView
    from planproof.plan.model import Item

# At most so many statements of one kind are compared with each other.
MOST = 300
ONE_TASK = 60
_OUTCOME = re.compile(
    r"^(?P<condition>[^\n]{0,400}?)(?:→|⇒|=>|->|\breturns?\b|\bgives?\b"
    r"|\bresponds? with\b|\breject(?:s|ed)?(?: with)?\b|,? \(?else\b|\bas\b)"
    r"[^\n\d]{0,14}\b(?P<code>[45]\d\d)\b(?![-.\d]|\s?(?:ms|s|MB|KB|lines"
    r"|tests|chars?|characters|items|rows|px)\b)",
    re.MULTILINE,
)
_CODE = re.compile(r"\b[45]\d\d\b")
_SPECIAL = frozenset({"again", "differ", "absent"})
_ERROR_NAME = re.compile(r"`((?:[A-Z][a-z0-9]+){2,})`")
_ALWAYS = re.compile(r"\b(?:on |for |per |in )?(?:each|every|all|any|per)[ -](\w+)", re.IGNORECASE)
_NOT_ALWAYS = re.compile(r"\bnot (?:on |for |in )?(?:each|every|per) (\w+)", re.IGNORECASE)
_OPTIONAL_NAME = re.compile(r"\b([a-z_]\w{2,})\?(?=\s*[:,)}\]])")
_LOCK = re.compile(
    r"^[ \t>*+-]*\**(?:the )?([A-Za-z][\w ]{2,30}?)\**:? (?:(?:are|is|stays?"
    r"|remains?|must (?:remain|stay|be)|shall (?:remain|stay)) "
    r")?(?:unchanged|frozen|untouched|not (?:be )?(?:changed|modified"
    r"|touched))\b",
    re.IGNORECASE | re.MULTILINE,
)
_CHANGED = r"(?:fixed|changed|updated|rewritten|migrated|modified|extended|reworked|replaced|refactored)"
_IDEMPOTENT = re.compile(r"\bidempoten(?:t|cy|ce)\b", re.IGNORECASE)
_REPEAT_FAILS = re.compile(
    r"\b(?:repeat(?:ed)?|second|duplicate|again|twice)\b[^\n]{0,160}?(?:→|=>|->"
    r"|returns?|reject)[^\n]{0,120}\b(?:4\d\d|conflict|error|reject)",
    re.IGNORECASE,
)
_VACUOUS = re.compile(
    r"\bif `?(\w+)`? ?(?:!=|≠|<>|is not|isn't) "
    r"?[`\"'][^`\"'\n]+[\"'`]+[`]?,? (?:then )?(?:require|expect|demand"
    r"|must have)s? `?\1`?(?: (?:to be )?(?:present|set|given))",
    re.IGNORECASE,
)
_VALUE = re.compile(
    r"(?<![\w.])`?([a-z_][\w.]{0,60})`?\s?(?:=|==|must (?:be|equal)|is|equals)"
    r"\s*(?:exactly |always )?`?(\"[\w-]{3,}\")`?",
    re.IGNORECASE,
)
_PERIOD = re.compile(r"\b(sprint|slice|iteration|increment|milestone)[ -](\d+)\b", re.IGNORECASE)
_ROUTE = re.compile(r"`(?:(?:GET|POST|PUT|PATCH|DELETE) )?(/[a-z_][\w./{}:-]*)`")
_RIVALS = (
    ("rate limit algorithm", r"\btoken bucket\b",
     r"\bwindow (?:expir|reset|start)\w*|\b(?:fixed|sliding)[ -]window\b|\bleaky bucket\b"),
    ("delay between tries",
     r"\b(?:back-?off|retr(?:y|ies))\b[^\n]{0,120}?\((?:\d{1,6} ?m?s,? ?){2,9}\)", r"\bjitter\b"),
    ("way of locking", r"\boptimistic lock\w*", r"\bpessimistic lock\w*"),
    ("eviction order", r"\bLRU\b|\bleast recently used\b", r"\bFIFO\b|\bfirst[ -]in[ -]first[ -]out\b"),
)  # fmt: skip


class Outcome(NamedTuple):
    """What a line says happens: under which condition, with which status."""

    line: int
    condition: str
    code: str


def outcomes(view: PlanView) -> list[Outcome]:
    """Lines that give a condition and an HTTP error status."""
    lines = dict.fromkeys(line for line, _ in view.search(_CODE))
    found = (
        Outcome(line, match["condition"], match["code"])
        for line in lines
        for match in [_OUTCOME.match(view.line(line))]
        if match
    )
    return list(islice(found, MOST))


@rule("PP509", "two-outcomes", "warning")
def two_outcomes(view: PlanView) -> Iterator[Hit]:
    """The same condition ends in two different statuses."""
    found = [(outcome, concepts(outcome.condition)) for outcome in outcomes(view)]
    said: set[frozenset[int]] = set()
    for index, (left, left_words) in enumerate(found):
        for right, right_words in found[index + 1 :]:
            if left.code == right.code or not _one_condition(left, right, left_words, right_words):
                continue
            pair = frozenset({left.line, right.line})
            if pair not in said:
                said.add(pair)
                yield Hit(
                    left.line,
                    f"This ends in {left.code}; line {right.line} gives {right.code} for the same.",
                    related=(right.line,),
                    confidence=Confidence.MEDIUM,
                )


def _one_condition(left: Outcome, right: Outcome, left_words: set[str], right_words: set[str]) -> bool:
    """Whether two lines speak of one condition: one error's name, or a fault and its object in common."""
    left_names = set(_ERROR_NAME.findall(left.condition))
    right_names = set(_ERROR_NAME.findall(right.condition))
    if left_names & right_names:
        return True
    shared = left_words & right_words
    if not shared & _SPECIAL or len(shared) < 2 or not (left_names or right_names):
        return False
    return len(shared) >= 0.6 * min(len(left_words), len(right_words))


@rule("PP510", "every-and-not-every", "warning")
def every_and_not_every(view: PlanView) -> Iterator[Hit]:
    """One line of a task says "every", another "not every"."""
    told: set[tuple[str, str]] = set()
    for line, found in view.search(
        _NOT_ALWAYS, "not every", "not each", "not on ", "not per", "not for ", "not in "
    ):
        owner = view.task_at(line)
        if owner is None or (owner.id, found[1].lower()) in told:
            continue
        told.add((owner.id, found[1].lower()))
        first, last = view.block(owner)
        if last - first > ONE_TASK:  # a chapter, which speaks of many things
            continue
        for number in range(first, last + 1):
            text = _NOT_ALWAYS.sub(" ", view.line(number))
            for other in _ALWAYS.finditer(text):
                if _same_subject(found, other, view.line(line), text):
                    yield Hit(
                        line,
                        f'This says "{found[0].strip()}"; line {number} of {owner.local} says '
                        f'"{other[0].strip()}".',
                        (owner.id,),
                        (number,),
                    )


def _same_subject(found: re.Match[str], other: re.Match[str], line: str, text: str) -> bool:
    """Whether two lines say "every" of one thing and of one deed."""
    noun = found[1].lower()
    return noun == other[1].lower() and bool((stems(line) & stems(text)) - {stem(noun)})


@rule("PP511", "required-and-optional", "warning")
def required_and_optional(view: PlanView) -> Iterator[Hit]:
    """A field is required by a rule and optional in a signature."""
    if not view.has("?:", "?,", "?)", "?}", "?]", "? :"):
        return
    optional: dict[str, int] = {}
    for line, found in view.search(_OPTIONAL_NAME):
        if "(" in view.line(line)[: view.line(line).find(found[0])] and "`" in view.line(line):
            optional.setdefault(found[1], line)
    for name, line in list(optional.items())[:50]:
        pattern = re.compile(
            rf"`{name}`[^\n]{{0,40}}\b(?:required|mandatory|must be present)\b"
            rf"|\b(?:requires?|must include|must have) `{name}`",
            re.IGNORECASE,
        )
        places = [number for number, _ in view.search(pattern)] + _required_below(view, name)
        if places:
            yield Hit(
                line,
                f"{name} is optional here, but required on line {places[0]}.",
                related=tuple(places[:6]),
                confidence=Confidence.MEDIUM,
            )


def _required_below(view: PlanView, name: str) -> list[int]:
    """Lines such as "required for ..." right below a line that ends with the name."""
    pattern = re.compile(rf"`{name}`[^\n]*:[ \t]*\n[ \t]+[-*+] (?:is )?required\b", re.IGNORECASE)
    return [number + 1 for number, _ in view.search(pattern)]


@rule("PP426", "locked-but-changed", "warning")
def locked_but_changed(view: PlanView) -> Iterator[Hit]:
    """Something is said to stay unchanged, and a task has changed it."""
    for line, found in view.search(_LOCK, "unchanged", "frozen", "untouched", "not "):
        noun = found[1].strip()
        if len(noun.split()) > 3 or noun.lower() in STOP:
            continue
        changed = re.compile(rf"^\W*(?:\[[xX ]\])?\W*{re.escape(noun)} {_CHANGED}\b", re.IGNORECASE)
        for item in view.boxes:
            if changed.search(item.text):
                yield Hit(
                    item.line,
                    f'"{item.text}", but line {line} says that {noun} stay unchanged.',
                    (item.id,),
                    (line,),
                )


@rule("PP527", "not-idempotent", "warning")
def not_idempotent(view: PlanView) -> Iterator[Hit]:
    """What is called idempotent rejects the second try."""
    for line, _ in view.search(_IDEMPOTENT, "idempoten"):
        for number in range(line, min(line + 4, view.line_count) + 1):
            text = view.line(number)
            if number > line and (not text.strip() or len(text) - len(text.lstrip()) <= _indent(view, line)):
                break
            if _REPEAT_FAILS.search(text):
                yield Hit(
                    number, "This is called idempotent, but the second try is refused.", related=(line,)
                )
                break


def _indent(view: PlanView, line: int) -> int:
    text = view.line(line)
    return len(text) - len(text.lstrip())


@rule("PP528", "empty-condition", "warning")
def empty_condition(view: PlanView) -> Iterator[Hit]:
    """A condition that is always met: "if X is not "a", X must be present"."""
    for line, found in view.search(_VACUOUS, "require", "expect", "demand", "must have"):
        yield Hit(
            line, f"A missing {found[1]} is always different from any value: this condition excludes nothing."
        )


@rule("PP529", "rule-stated-twice", "info", default=False)
def rule_stated_twice(view: PlanView) -> Iterator[Hit]:
    """The same value is demanded of the same field in two places."""
    seen: dict[tuple[str, str], int] = {}
    for line, found in view.search(_VALUE):
        key = (found[1].lower(), found[2])
        if key in seen and seen[key] != line:
            yield Hit(
                line,
                f"{found[1]} = {found[2]} is already demanded on line {seen[key]}.",
                related=(seen[key],),
            )
        seen.setdefault(key, line)


@rule("PP530", "route-drift", "info", default=False)
def route_drift(view: PlanView) -> Iterator[Hit]:
    """One route is written with and without its prefix."""
    routes: dict[str, int] = {}
    for line, found in view.search(_ROUTE):
        routes.setdefault(found[1].rstrip("/"), line)
    for short, line in list(routes.items())[:MOST]:
        for long, other in list(routes.items())[:MOST]:
            if long != short and len(short) > 4 and long.endswith(short):
                yield Hit(
                    max(line, other),
                    f"This route is written {short} and {long}.",
                    related=(min(line, other),),
                )


@rule("PP531", "two-words-for-a-period", "warning")
def two_words_for_a_period(view: PlanView) -> Iterator[Hit]:
    """The same stretch of work is called by two words: Sprint 1 and Slice 1."""
    if not view.tasks:
        return
    words: dict[str, dict[str, int]] = {}
    for line, found in view.search(_PERIOD, "sprint", "slice", "iteration", "increment", "milestone"):
        words.setdefault(found[2], {}).setdefault(found[1].lower(), line)
    for number, used in words.items():
        if len(used) > 1:
            (first, line), (second, other), *_ = sorted(used.items(), key=lambda pair: pair[1])
            yield Hit(
                line, f"Is {first} {number} the same as {second} {number} (line {other})?", related=(other,)
            )


@rule("PP532", "attribute-drift", "info", default=False)
def attribute_drift(view: PlanView) -> Iterator[Hit]:
    """The attribute for one purpose has another name in one place."""
    pattern = re.compile(
        r"\b(TTL|expiry|expiration|timestamp)\b[^`\n]{0,25}\b(?:on|in|as|is"
        r"|attribute|field)\b[^`\n]{0,12}`(\w+)`",
        re.IGNORECASE,
    )
    used: dict[str, dict[str, list[int]]] = {}
    for line, found in view.search(pattern):
        used.setdefault(found[1].lower(), {}).setdefault(found[2], []).append(line)
    for purpose, by_name in used.items():
        if len(by_name) > 1:
            lines = sorted(line for places in by_name.values() for line in places)
            odd = min(by_name, key=lambda name: len(by_name[name]))
            yield Hit(
                by_name[odd][0],
                f"The {purpose} attribute is called {odd} here and "
                f"{', '.join(name for name in by_name if name != odd)} elsewhere.",
                related=tuple(lines),
            )


@rule("PP533", "rival-methods", "warning")
def rival_methods(view: PlanView) -> Iterator[Hit]:
    """Two methods that exclude each other are given for one thing."""
    if not view.tasks:
        return
    if not view.has(
        "token bucket", "backoff", "back-off", "retr", "optimistic lock", "lru", "least recently"
    ):
        return
    for what, first, second in _RIVALS:
        left = [(line, found[0]) for line, found in view.search(re.compile(first, re.IGNORECASE))]
        right = (
            [(line, found[0]) for line, found in view.search(re.compile(second, re.IGNORECASE))]
            if left
            else []
        )
        # On one line they are a list of what there is.
        near = [other for other in right if 0 < abs(other[0] - left[0][0]) <= 60]
        if near:
            yield Hit(
                left[0][0],
                f'Two answers for the {what}: "{left[0][1]}" here, "{near[0][1]}" on line {near[0][0]}.',
                related=tuple(line for line, _ in near[:6]),
                confidence=Confidence.LOW,
            )


@rule("PP538", "only-one-may", "warning")
def only_one_may(view: PlanView) -> Iterator[Hit]:
    """One part alone may do something, and a task gives it to another."""
    pattern = re.compile(
        r"\bonly `?((?<=`)[\w-]+|\w+_\w+)`? "
        r"(append|write|delete|create|update|read|send|publish|evict|insert)s\b",
        re.IGNORECASE,
    )
    for line, found in view.search(pattern, "only "):
        verb = re.compile(rf"\b{found[2].lower()}_\w+|\b{found[2].lower()}[A-Z]\w+|_{found[2].lower()}_\w+")
        for item in view.boxes:
            name = verb.search(item.text)
            if name and found[1] not in item.text:
                yield Hit(
                    item.line,
                    f"{name[0]} stands here, but line {line} says that only {found[1]} {found[2].lower()}s.",
                    (item.id,),
                    (line,),
                    Confidence.LOW,
                )


@rule("PP539", "time-from-outside", "warning")
def time_from_outside(view: PlanView) -> Iterator[Hit]:
    """The server is the authority on time, and a function takes the time from its caller."""
    if not view.has("server"):
        return
    places = [
        line
        for line, _ in view.search(
            re.compile(
                r"\bserver[- ](?:authoritative|generated|side)\b[^\n]{0,160}?\btime"
                r"|time\w{0,20}`?[^\n]{0,160}?\bserver[- ](?:authoritative|generated)",
                re.IGNORECASE,
            )
        )
    ]
    if not places:
        return
    for line, found in view.search(re.compile(r"`?(\w+)\([^()`\n]*\b(\w*(?:_time|timestamp|_at))\b ?:")):
        if not re.match(r"[A-Z]", found[1]):
            yield Hit(
                line,
                f"{found[1]} takes {found[2]} from its caller, but line {places[0]} "
                f"makes the server the authority on time.",
                related=tuple(places[:6]),
                confidence=Confidence.LOW,
            )


@rule("PP547", "validation-status", "warning")
def validation_status(view: PlanView) -> Iterator[Hit]:
    """A refusal that the framework's validation makes is given another status than the framework's."""
    if not view.has("pydantic", "fastapi"):
        return
    for item in view.boxes:
        first, last = view.block(item)
        text = view.lines(first, last)
        code = re.search(r"reject[^\n]{0,120}?\b400\b", text)
        if code and re.search(r"\bforbid\b|model_config|validation", text) and "422" not in text:
            line = first + text[: code.start()].count("\n")
            yield Hit(
                line,
                "FastAPI answers 422 where Pydantic's validation refuses a field, not 400.",
                (item.id,),
                (item.line,),
                Confidence.LOW,
            )


@rule("PP525", "risk-of-another-task", "info", default=False)
def risk_of_another_task(view: PlanView) -> Iterator[Hit]:
    """A risk is put on a task that does not speak of it, while others do."""
    for task, risk, words in _risks(view):
        own = stems(view.block_text(task))
        subject = words[:1]
        others = [other for other in view.tasks if subject and subject[0] in stems(view.block_text(other))]
        if subject and subject[0] not in own and others:
            names = ", ".join(other.local for other in others[:4])
            yield Hit(
                risk,
                f"This risk stands at {task.local}, which does not speak of it; {names} "
                f"{'does' if len(others) == 1 else 'do'}.",
                (task.id,),
                (task.line, *_speaking(view, others, subject[0])),
                Confidence.LOW,
            )


def _speaking(view: PlanView, items: list[Item], word: str) -> list[int]:
    """The lines of some tasks in which a word occurs."""
    found: list[int] = []
    for item in items[:4]:
        first, last = view.block(item)
        found += [line for line in range(first, last + 1) if word in stems(view.line(line))][:3]
    return found


def _risks(view: PlanView) -> Iterator[tuple[Item, int, list[str]]]:
    """Rows of a risk table: task, line, and the words after "in" or "of" in the risk."""
    for line, found in view.search(re.compile(r"^\| *([A-Z][\w-]*\d+) *\| *([^|\n]+)\|", re.MULTILINE)):
        task = view.task_named(found[1])
        if task is None or not any("risk" in heading.text.lower() for heading in view.outline(line)):
            continue
        tail = re.search(r"\b(?:in|of|during|with) (?:the )?([^|]+)$", found[2].strip())
        yield task, line, sorted(stems(tail[1])) if tail else []


@rule("PP524", "mitigation-not-planned", "info", default=False)
def mitigation_not_planned(view: PlanView) -> Iterator[Hit]:
    """A risk's mitigation is in nothing that its task delivers."""
    row = re.compile(r"^\| *([A-Z][\w-]*\d+) *\| *[^|\n]+\| *([^|\n]+?) *\|", re.MULTILINE)
    for line, found in view.search(row):
        task = view.task_named(found[1])
        if task is None or not any("risk" in heading.text.lower() for heading in view.outline(line)):
            continue
        planned = stems(view.block_text(task))
        open_ones = [piece.strip() for piece in found[2].split(",") if not _mostly(stems(piece), planned)]
        if open_ones:
            yield Hit(
                line,
                f'"{open_ones[0]}" is to answer a risk of {task.local}, but nothing '
                f"that {task.local} lists speaks of it.",
                (task.id,),
                (
                    task.line,
                    *(child.line for child in view.kids(task, Kind.ACCEPTANCE, Kind.DELIVERABLE, Kind.NOTE)),
                ),
                Confidence.LOW,
            )


def _mostly(words: set[str], planned: set[str]) -> bool:
    return not words or len(words & planned) * 3 >= 2 * len(words)


RULES = (
    two_outcomes,
    every_and_not_every,
    required_and_optional,
    locked_but_changed,
    not_idempotent,
    empty_condition,
    rule_stated_twice,
    route_drift,
    two_words_for_a_period,
    attribute_drift,
    rival_methods,
    only_one_may,
    time_from_outside,
    validation_status,
    risk_of_another_task,
    mitigation_not_planned,
)
