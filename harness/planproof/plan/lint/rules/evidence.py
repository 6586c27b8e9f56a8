"""PP4xx, second part: ticks against criteria, tests, summaries and what was never made."""

# ruff: noqa: PLR2004 - "two or more", "a quarter of" are what these rules say, not settings
from __future__ import annotations

import re
from typing import TYPE_CHECKING

from planproof.plan.lint.finding import Confidence, Hit
from planproof.plan.lint.mentions import local_ids, tasks_in
from planproof.plan.lint.rule import rule
from planproof.plan.lint.rules.claims import UNFINISHED
from planproof.plan.lint.subjects import has_id, is_test, runs_tests, writes_tests
from planproof.plan.lint.view import LATER, UNDONE
from planproof.plan.lint.wait import listed
from planproof.plan.lint.words import STOP, names, parts, stem, stems
from planproof.plan.model import Claim, Kind


if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from planproof.plan.lint.view import PlanView
    from planproof.plan.model import Item

MOST = 400
_LINT = re.compile(
    r"\b(?:ruff|flake8|pylint|eslint|lint(?:er|ing)?|clippy|golangci(?:-lint)?|rubocop|biome|checkstyle)\b",
    re.IGNORECASE,
)
_TYPES = re.compile(r"\b(?:mypy|pyright|tsc|type[- ]?check(?:s|ing|er)?|type errors?)\b", re.IGNORECASE)
_NO_ERRORS = re.compile(
    r"\b(?:no|zero|0)(?: new)? (?:\w+ )?(?:errors?|warnings?|violations?|issues?)\b|\bclean\b|\bpass",
    re.IGNORECASE,
)
_USES = re.compile(
    r"^\W*(?:import|use|call|reuse|wire|invoke|apply|inject)\s+(?:the |new "
    r"|shared )?([a-z][a-z -]+?)(?:\s+(?:in|into|from|to|for|on|with|at"
    r"|by)\b|[.,;(`]|$)",
    re.IGNORECASE,
)
_TESTS = re.compile(
    r"^\W*(?:test|verify)\s+(?:the |that )?([a-z][a-z -]+?)(?:\s+(?:in|into"
    r"|from|to|for|on|with|at|is|are|works?)\b|[.,;(`]|$)",
    re.IGNORECASE,
)
_MAKES = re.compile(r"^\W*(?:create|add|implement|build|write|define|introduce)\b", re.IGNORECASE)
_DONE_LIST = re.compile(
    r"^(?:completed?|done|finished|implemented|what (?:was|is) done|delivered)\b", re.IGNORECASE
)
_LEFT_LIST = re.compile(
    r"^(?:deferred|remaining|not (?:done|completed|implemented)|left|pending"
    r"|open|postponed|outstanding|still to do|follow[- ]?ups?)\b",
    re.IGNORECASE,
)
_READY = re.compile(
    r"\b(?:is |are |fully )?(?:complete and ready|ready for (?:use"
    r"|production|integration|deployment|release)|production[- ]ready)\b",
    re.IGNORECASE,
)
_TO_TEST = re.compile(
    r"\b(?:key )?(?:testing areas|areas to test|tests? (?:needed|to (?:write"
    r"|add|do))|still (?:needs|to be) tested|testing (?:todo|needed"
    r"|required))\b[^\n]*:?",
    re.IGNORECASE,
)


_OWN_WORK = re.compile(
    r"^\W*(?:add|create|write|verify|test|check|document|update|report|run|review|measure|implement|build|ensure)\b"
    r"|\btest(?:s|ed|ing)?\b|\bdoc(?:s|umentation|umented)\b|\bcoverage\b",
    re.IGNORECASE,
)


@rule("PP409", "done-but-criterion-open", "warning")
def done_but_criterion_open(view: PlanView) -> Iterator[Hit]:
    """Every task that a criterion is about is ticked, and the criterion is not."""
    if view.retells:
        return
    tasks = [item for item in view.tasks if item.claim is not Claim.NONE and not _is_phase(item)]
    waiting = [item for item in view.criteria if item.claim in UNDONE][:60]
    if not waiting or not tasks or len(tasks) > MOST:
        return
    known = [(item, names(item.text), stems(item.text)) for item in tasks]
    for criterion in waiting:
        if runs_tests(criterion.text) or (is_test(criterion) and "pass" in criterion.text.lower()):
            continue
        about = _about(criterion, known)
        if about and all(item.claim is Claim.DONE for item in about):
            yield Hit(
                criterion.line,
                f"{listed(item.local for item in about[:4])} "
                f"{'is' if len(about) == 1 else 'are'} ticked, and this "
                "criterion, which speaks of the same, is open.",
                (criterion.id, *(item.id for item in about)),
                tuple(item.line for item in about[:6]),
                Confidence.MEDIUM,
            )


def _is_phase(item: Item) -> bool:
    """Whether a box stands for a whole phase."""
    return item.local.startswith("Phase-")


def _about(criterion: Item, known: list[tuple[Item, set[str], set[str]]]) -> list[Item]:
    """Tasks that a criterion speaks of: by a tool, by a name in code, or by most of its words."""
    for tools in (_LINT, _TYPES):
        if tools.search(criterion.text) and _NO_ERRORS.search(criterion.text):
            return [item for item, _, _ in known if tools.search(item.text)]
    own = names(criterion.text)
    named = [item for item, code, _ in known if own & code]
    if named:
        return named
    words = stems(criterion.text)
    # "Add tests for the reader" is work of its own, not what "Write the reader" is measured by.
    if len(words) < 3 or _OWN_WORK.search(criterion.text):
        return []
    shared = [(len(words & other), item) for item, _, other in known]
    if max(count for count, _ in shared) < 0.7 * len(words):
        return []
    return [item for count, item in shared if count >= 2 and count >= 0.5 * len(words)]


@rule("PP410", "tests-never-run", "info", default=False)
def tests_never_run(view: PlanView) -> Iterator[Hit]:
    """Tasks that write tests are ticked; those that run them are open."""
    if len(view.tasks) > 5000:
        return
    written = [item for item in view.tasks if item.claim is Claim.DONE and writes_tests(item.text)]
    if not written:
        return
    for item in (*view.tasks, *view.criteria):
        if item.claim not in UNDONE or not runs_tests(item.text):
            continue
        kind = re.search(r"\b(unit|integration|e2e|contract)\b", item.text, re.IGNORECASE)
        same = [test for test in written if not kind or kind[1].lower() in test.text.lower()]
        if same:
            yield Hit(
                item.line,
                f"{listed(test.local for test in same[:6])} "
                f"{'is' if len(same) == 1 else 'are'} ticked, but nothing has "
                "run these tests yet.",
                (item.id, *(test.id for test in same)),
                tuple(test.line for test in same[:8]),
                Confidence.MEDIUM,
            )


@rule("PP411", "uses-what-was-not-made", "warning")
def uses_what_was_not_made(view: PlanView) -> Iterator[Hit]:
    """A ticked box uses, or an open one tests, something whose own task was put off."""
    put_off = [item for item in view.tasks if item.claim is Claim.DEFERRED][:50]
    if not put_off:
        return
    titles = [
        (item, [stem(word) for word in parts(item.text) if word.lower() not in STOP]) for item in put_off
    ]
    for item in view.boxes:
        pattern = _USES if view.ticked(item) else _TESTS
        found = pattern.match(item.text)
        if not found:
            continue
        words = [stem(word) for word in parts(found[1]) if word.lower() not in STOP]
        maker = next((made for made, title in titles if _names_it(words, title)), None)
        if maker is not None and maker.id not in (item.parent, item.id):
            verb = "uses" if pattern is _USES else "tests"
            state = "is ticked and " if view.ticked(item) else ""
            yield Hit(
                item.line,
                f'This box {state}{verb} "{found[1].strip()}", which {maker.local} was '
                f"to make and which is put off.",
                (item.id, maker.id),
                (maker.line, *_status_lines(view, maker)),
                Confidence.MEDIUM,
            )


def _status_lines(view: PlanView, item: Item) -> tuple[int, ...]:
    status = view.status(item)
    return (status[1],) if status else ()


def _names_it(words: list[str], title: list[str]) -> bool:
    """Whether two or more words name what a title ends with."""
    if len(words) < 2 or not title or words[-1] != title[-1]:
        return False
    rest = iter(title)
    return all(word in rest for word in words)


@rule("PP412", "done-here-open-there", "warning")
def done_here_open_there(view: PlanView) -> Iterator[Hit]:
    """A ticked box lists parts as done; a part has a box of its own, which is open."""
    parts_of = re.compile(r"\(([\w.-]+(?:\s*[/,]\s*[\w.-]+){2,})\)")
    lists = [
        (item, found[1]) for item in view.boxes if view.ticked(item) and (found := parts_of.search(item.text))
    ]
    if not lists:
        return
    for item in view.boxes:
        if view.mark(item) != " " or (not item.files and not re.match(r"\W*`[\w/.-]+`", item.text)):
            continue
        found = re.match(r"\W*`([\w/.-]+)\.\w+`", item.text)
        if not found:
            continue
        pieces = set(found[1].lower().split("/"))
        for done, said in lists[:20]:
            same = pieces & {part.strip().lower().removesuffix(".py") for part in re.split(r"[/,]", said)}
            if same and done.line != item.line:
                yield Hit(
                    item.line,
                    f"This is open, but line {done.line} is ticked and counts {min(same)} as done.",
                    (item.id, done.id),
                    (done.line,),
                    Confidence.MEDIUM,
                )


@rule("PP413", "due-and-put-off", "warning")
def due_and_put_off(view: PlanView) -> Iterator[Hit]:
    """The same box stands among what is due and among what is put off."""
    if not any(LATER.search(heading.text) for heading in view.plan.headings):
        return
    seen: dict[str, Item] = {}
    for item in view.boxes:
        text = " ".join(item.text.split())
        if len(text) < 12 or not ("`" in text or len(text.split()) > 4):
            continue
        first = seen.setdefault(text, item)
        if first is item or view.put_off(first) == view.put_off(item):
            continue
        if first.claim is item.claim is Claim.DONE or _queued(view, first) or _queued(view, item):
            continue
        later = item if view.put_off(item) else first
        heading = next(
            (head.line for head in view.outline(later.line) if LATER.search(head.text)), later.line
        )
        other = first if later is item else item
        context = [head.line for head in view.outline(other.line)[:1]]
        yield Hit(
            later.line,
            f"The same box is due on line {other.line} and stands under what is put off here.",
            (first.id, item.id),
            (other.line, heading, *_locked_note(view, other, context)),
        )


def _queued(view: PlanView, item: Item) -> bool:
    """Whether the item stands in a backlog, which on a board is the queue of what is due."""
    return any(re.search(r"\bbacklog\b", head.text, re.IGNORECASE) for head in view.outline(item.line))


def _locked_note(view: PlanView, item: Item, context: list[int]) -> list[int]:
    """The line below the item's heading that locks it, if there is one."""
    return [
        line
        for head in context
        for line in range(head, item.line)
        if re.search(r"\b(?:locked|frozen|final)\b", view.line(line), re.IGNORECASE)
    ]


@rule("PP548", "same-box-twice", "info", default=False)
def same_box_twice(view: PlanView) -> Iterator[Hit]:
    """Two boxes of one plan say word for word the same."""
    seen: dict[str, Item] = {}
    for item in view.boxes:
        text = " ".join(item.text.lower().split())
        if len(text) < 20 or text.endswith(":") or view.mark(item) == "":
            continue
        first = seen.setdefault(text, item)
        if first is not item:
            yield Hit(
                item.line, f"This box says the same as line {first.line}.", (first.id, item.id), (first.line,)
            )


def _lists(view: PlanView) -> Iterator[tuple[str, int, Sequence[int]]]:
    """Label, its line, and the lines listed below it, for headings and bold labels of a summary."""
    label = re.compile(r"^(?:#{2,6} +(?P<head>[^\n]+)|\*\*(?P<bold>[^*\n]+?):?\*\*:?[ \t]*)$", re.MULTILINE)
    labels = [(line, found["head"] or found["bold"]) for line, found in view.search(label)]
    for index, (line, text) in enumerate(labels):
        end = labels[index + 1][0] - 1 if index + 1 < len(labels) else view.line_count
        yield text.strip(" :*✅⏳❌🚧"), line, range(line + 1, min(end, line + 200) + 1)


def _defines(view: PlanView, lines: Sequence[int]) -> bool:
    """Whether tasks with an id of their own stand on these lines."""
    inside = view.within(lines[0], lines[-1]) if lines else []
    return any(item.kind is Kind.TASK and has_id(item) and "~" not in item.local for item in inside)


@rule("PP414", "summary-forgets", "warning")
def summary_forgets(view: PlanView) -> Iterator[Hit]:
    """A summary lists by id what is not done, and forgets a task."""
    if view.retells:
        return
    unfinished = [item for item in view.tasks if item.claim in UNFINISHED and item.parent is None]
    if not unfinished:
        return
    listed_ids: dict[str, int] = {}
    label_line = 0
    for text, line, below in _lists(view):
        if not _LEFT_LIST.search(text) or _defines(view, below):
            continue
        for number in below:
            for name in local_ids(view.line(number)):
                listed_ids.setdefault(name, number)
        label_line = label_line or line
    shown = [item for item in unfinished if item.local in listed_ids]
    forgotten = [item for item in unfinished if item.local not in listed_ids]
    if len(shown) >= 3 and forgotten and len(forgotten) < len(shown):
        yield Hit(
            label_line,
            f"This list of what is left forgets {listed(item.local for item in forgotten)}.",
            tuple(item.id for item in forgotten),
            (*sorted({listed_ids[item.local] for item in shown}), *(item.line for item in forgotten)),
        )


@rule("PP415", "summary-against-claims", "error")
def summary_against_claims(view: PlanView) -> Iterator[Hit]:
    """A summary lists a task as done or as left, and the task says the opposite."""
    for text, line, below in _lists(view):
        done, left = _DONE_LIST.search(text), _LEFT_LIST.search(text)
        if not (done or left) or _defines(view, below):
            continue
        for number in below:
            row = view.line(number)
            if not re.match(r"\s*[-*+\d]", row) or re.search(
                r"\b(?:except|not|after|waits?|until|depends?)\b", row, re.IGNORECASE
            ):
                continue
            for item in tasks_in(view, row):
                wrong = item.claim in UNFINISHED if done else item.claim is Claim.DONE
                if wrong:
                    yield Hit(
                        number,
                        f'{item.local} is listed under "{text}", but the task itself is '
                        f"{item.claim.value.replace('_', ' ')}.",
                        (item.id,),
                        (line, item.line),
                    )


@rule("PP417", "next-though-done", "info", default=False)
def next_though_done(view: PlanView) -> Iterator[Hit]:
    """Something is named as a next step whose part is already among what is done."""
    for section in view.sections:
        if not re.search(
            r"\bnext steps?\b|\bwhat(?:'s| is) next\b|\bupcoming\b", section.heading.text, re.IGNORECASE
        ):
            continue
        for line in range(section.first, min(section.last, section.first + 60) + 1):
            found = re.match(
                r"\s*(?:[-*+]|\d+[.)]) (?:\[.\] )?(?:\*\*)?(?:Task \d+[:.]? )?([^*\n]+)", view.line(line)
            )
            words = stems(found[1]) if found else set()
            if len(words) < 2:
                continue
            places = [
                number
                for number, name in _bold_names(view)
                if number < section.heading.line and words <= stems(name)
            ]
            if places:
                yield Hit(
                    line,
                    f"This is a next step, but line {places[0]} has it among what is done.",
                    related=tuple(places),
                    confidence=Confidence.LOW,
                )


def _bold_names(view: PlanView) -> list[tuple[int, str]]:
    """Names in bold at the start of list items."""
    return [
        (line, found[1])
        for line, found in view.search(
            re.compile(r"^[ \t]*(?:\d+[.)]|[-*+]) \*\*([^*\n]+)\*\*", re.MULTILINE)
        )
    ]


# Said of the work as a whole: in a heading, a label, behind a tick, or as what it is.
_CLAIMED = re.compile(
    r"^(?!.*\balready\b)[ \t]*(?:#|>?[ \t]*(?:[-*+] )?(?:\*\*|✅|🎉|🚀))"
    r"|\b(?:is|are)\b(?! already)[^.;\n]{0,30}ready",
    re.IGNORECASE,
)


@rule("PP418", "ready-but-untested", "warning")
def ready_but_untested(view: PlanView) -> Iterator[Hit]:
    """The work is called ready, and its tests are still to be written."""
    if view.retells:
        return
    ready = [line for line, _ in view.search(_READY, "ready") if _CLAIMED.search(view.line(line))]
    for line, _ in view.search(_TO_TEST, "test") if ready else ():
        rows = [
            number
            for number in range(line + 1, line + 15)
            if re.match(r"\s*(?:[-*+]|\d+[.)]) ", view.line(number))
        ]
        if rows and not any(
            "✅" in view.line(number) or "[x]" in view.line(number).lower() for number in rows
        ):
            claims = [
                item.line
                for item in view.plan.items
                if item.kind is Kind.REQUIREMENT and item.claim is Claim.DONE
            ]
            yield Hit(
                ready[-1],
                f"This is called ready, but line {line} lists what is still to be tested.",
                related=(line, *rows, *claims[:6]),
            )
            break


@rule("PP419", "story-not-wired", "info", default=False)
def story_not_wired(view: PlanView) -> Iterator[Hit]:
    """A story is all ticked, and every task that would use what it made is open."""
    stories: dict[str, list[Item]] = {}
    for item in view.tasks:
        if item.story:
            stories.setdefault(item.story, []).append(item)
    if len(view.tasks) > MOST:
        return
    for story, items in stories.items():
        if any(item.claim is not Claim.DONE for item in items):
            continue
        made = {
            name
            for item in items
            if _MAKES.search(item.text) and not is_test(item)
            for name in re.findall(r"`(\w+)\(\)`", item.text)
        }
        users = [
            item
            for item in view.tasks
            if item.story != story
            and re.search(r"\buse\b", item.text)
            and made & set(re.findall(r"`(\w+)\(\)`", item.text))
        ]
        if users and all(item.claim in UNDONE for item in users):
            tests = [
                item.line
                for item in view.plan.items
                if item.kind is Kind.INDEPENDENT_TEST and items[0].line - 8 <= item.line <= items[-1].line
            ]
            yield Hit(
                (tests or [items[0].line])[0],
                f"{story} is all ticked, but nothing calls it yet: "
                f"{listed(item.local for item in users)} are open.",
                tuple(item.id for item in (*items, *users)),
                tuple(item.line for item in users),
                Confidence.LOW,
            )


@rule("PP421", "criterion-of-no-task", "info", default=False)
def criterion_of_no_task(view: PlanView) -> Iterator[Hit]:
    """A criterion is ticked, and no task works towards it."""
    if len(view.tasks) > MOST:
        return
    said = [stems(view.block_text(item)) for item in view.tasks]
    for item in view.criteria:
        words = stems(item.text) - {stem(word) for word in ("error", "warning", "pass", "check", "clean")}
        if item.claim is Claim.DONE and words and said and not any(words & other for other in said):
            yield Hit(
                item.line,
                "This criterion is ticked, but no task speaks of it.",
                (item.id,),
                confidence=Confidence.LOW,
            )


@rule("PP422", "criteria-forget-deferred", "info", default=False)
def criteria_forget_deferred(view: PlanView) -> Iterator[Hit]:
    """Tasks were put off, and the list of criteria does not say so."""
    put_off = [item for item in view.tasks if item.claim is Claim.DEFERRED]
    if not put_off or not view.criteria or len(view.criteria) > MOST:
        return
    section = view.section(view.criteria[0].line)
    text = view.lines(section.first, section.last) if section else view.text
    words = stems(text)
    missing = [item for item in put_off if item.local not in text and len(stems(item.text) & words) < 2]
    if missing:
        yield Hit(
            view.criteria[0].line,
            f"The criteria say nothing of {listed(item.local for item in missing)}, "
            f"which {'is' if len(missing) == 1 else 'are'} put off.",
            tuple(item.id for item in missing),
            (*(item.line for item in view.criteria[1:]), *(item.line for item in missing)),
            Confidence.LOW,
        )


@rule("PP423", "title-not-done", "info", default=False)
def title_not_done(view: PlanView) -> Iterator[Hit]:
    """A task is done whose boxes do not speak of its title, while a task put off does."""
    put_off = [item for item in view.tasks if item.claim is Claim.DEFERRED][:50]
    if not put_off:
        return
    for item in view.tasks:
        boxes = [child for child in view.kids(item) if child.box is not None]
        if item.claim is not Claim.DONE or len(boxes) < 2:
            continue
        told = stems(" ".join(child.text for child in boxes))
        missing = stems(item.text) - told
        for other in put_off:
            shared = missing & stems(other.text)
            if (shared and len(missing) >= 2 and not set(item.files) & set(other.files) - {""}) or (
                shared and len(missing) >= 3
            ):
                yield Hit(
                    item.line,
                    f"{item.local} is done, but none of its boxes speaks of "
                    f'"{min(shared)}"; {other.local}, which does, is put off.',
                    (item.id, other.id),
                    (*(child.line for child in boxes), other.line, *_status_lines(view, other)),
                    Confidence.LOW,
                )


@rule("PP425", "needed-now-made-later", "info", default=False)
def needed_now_made_later(view: PlanView) -> Iterator[Hit]:
    """A box that is due speaks of something whose setting is for later."""
    later = [
        item for item in view.boxes if re.search(r"\((?:later|future|deferred)\)", item.text, re.IGNORECASE)
    ]
    for item in later[:50]:
        words = stems(item.text) - {stem(word) for word in ("default", "seconds", "later", "get", "config")}
        for line, found in view.search(re.compile(r"\((?:e\.g\.,? )?([a-z]+)s?(?:/\w+)?\)")):
            owner = view.section(line)
            if (
                stem(found[1]) in words
                and owner
                and not any(LATER.search(head.text) for head in view.outline(line))
            ):
                yield Hit(
                    item.line,
                    f"This is for later, but line {line} needs a {found[1]} now.",
                    (item.id,),
                    (line,),
                    Confidence.LOW,
                )
                break


RULES = (
    done_but_criterion_open,
    tests_never_run,
    uses_what_was_not_made,
    done_here_open_there,
    due_and_put_off,
    same_box_twice,
    summary_forgets,
    summary_against_claims,
    next_though_done,
    ready_but_untested,
    story_not_wired,
    criterion_of_no_task,
    criteria_forget_deferred,
    title_not_done,
    needed_now_made_later,
)
