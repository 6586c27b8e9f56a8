"""PP5xx, second part: names and files that lead nowhere, and targets that say nothing."""

# ruff: noqa: PLR2004 - "two or more", "a quarter of" are what these rules say, not settings
from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from planproof.plan.lint.finding import Confidence, Hit
from planproof.plan.lint.mentions import ID, local_ids, tasks_in
from planproof.plan.lint.rule import rule
from planproof.plan.lint.subjects import is_test_path
from planproof.plan.lint.wait import listed
from planproof.plan.lint.words import stems
from planproof.plan.model import Claim, Kind


if TYPE_CHECKING:
    from collections.abc import Iterator

    from planproof.plan.lint.view import PlanView

_SHAPE = re.compile(r"([A-Z][A-Z0-9]{0,9}?[-_]?(?:\d+[.-])*)(\d+)$")
_OUTSIDE = re.compile(r"\b((?:[A-Z]{2,}[0-9]*)(?:-[A-Z]{2,})*-\d{1,4})\b(?![\w/.-]*[/:])")
_REQUIREMENT = re.compile(r"\*\*Requirement (\d+(?:\.\d+)*)\*\*|\bRequirement (\d+(?:\.\d+)*)\b(?=\*{0,2}:)")
_STANDARDS = re.compile(
    r"(?:UTF|SHA|ISO|RFC|HTTP|AES|CVE|GPT|WCAG|IEEE|PEP|ES|EC|RSA|CWE|OWASP"
    r"|MD|SSL|TLS|TLSV|RS|HS|UUID|WAL|ARM|X|COVID|US|UTC|GMT|IPV|BASE|PCI"
    r"|SOC|NIST|FIPS|PM|AM)-\d+"
)
# The sign before the first letter is looked at behind it, so that the search can run from capital to capital.
_ID = re.compile(rf"[A-Z](?<![\w/.#`-].){ID.removeprefix('[A-Z]')}(?![\w/]|\.\w|-[A-Za-z])")
_LEADING = re.compile(rf"[^\w\[]*(?:\[[^\]]{{0,10}}\])?(?:\W|\b(?:{ID}|to|through|and|US\d+|P)\b)*")
# "WP06 T026", "WP04's T018": a task of another document.
_OWNER = rf"(?:\b{ID}|#\d+|`)(?:['’]s)?[ \t:/]+"
WHOLE = 0.8
LONG = 8
BEHIND = 5
_NUMBER = re.compile(r"\d")
_TARGET = re.compile(r"(?:^|/)[A-Z]{2,}[A-Z0-9]*[_-][A-Z0-9_-]+$")
_PATH_SPAN = re.compile(r"`((?:[\w.@-]+/)+[\w.@-]+\.[A-Za-z]{1,12})`")
_LABELLED = re.compile(
    rf"^[ \t]*[-*+] (?!\[)([^(\n]{{8,200}}?) ?\(({ID}[^()\n]{{0,200}})\)[ \t]{{0,3}}$", re.MULTILINE
)
_MATCHES = re.compile(
    r"\((?:matches|same as|as defined in|as specified in|as stated in) (?:the )?([a-z][a-z -]{3,40}?)\)",
    re.IGNORECASE,
)
_VALUE = re.compile(r"(?::[*_]*|=|\b(?:is|are|of|at))[ \t]*[~`]?\d[\w %.`-]*$")
_INTERFACE = re.compile(
    r"\b(?:protocol|interface|abstract (?:base )?class|type) definitions?\b"
    r"|\binterfaces? only\b|\bprotocol only\b",
    re.IGNORECASE,
)


@rule("PP505", "dangling-id", "warning")
def dangling_id(view: PlanView) -> Iterator[Hit]:
    """An id is mentioned whose kind the plan numbers, and there is no such id."""
    if view.retells:
        return
    strange = {found[0] for _, found in view.search(_ID) if view.task_named(found[0]) is None}
    strange.difference_update(_last_names(view))
    series = _series(view) if strange else {}
    strange = {name for name in strange if _misses(series, name) and not _split(view, name)}
    if not strange:
        return
    leading = [item.line for item in view.tasks] + [unread.line for unread in view.plan.unread]
    strange.difference_update(name for line in leading for name in _leading(view.line(line)))
    told = {edge.line for edge in view.plan.edges if edge.certain}
    said: set[str] = set()
    for line, found in view.search(_ID):
        if found[0] not in strange or found[0] in said:
            continue
        text = view.line(line)
        # A box that was not read as one, such as "[]" or one in code, still names what stands behind it.
        name = re.escape(found[0])
        defined = re.match(
            rf"\W*(?:\[.\]\W*)?{name}\W*[:—–|.·)-]|[^\w\[]*\[[^\]\n]{{0,10}}\]\W*{name}\b", text
        )
        if line in told or defined or re.search(rf"{_OWNER}{name}\b", text) or _elsewhere(text):
            continue
        of = series[_shape(found[0])]
        if _number(found[0]) > of.highest and not _beside_known(view, text, found[0]):
            continue
        said.add(found[0])
        yield Hit(
            line,
            f"{found[0]} is named here, but the plan has none (its last is {of.last}).",
            confidence=Confidence.MEDIUM,
        )


def _beside_known(view: PlanView, text: str, name: str) -> bool:
    """Whether the line lists the name with tasks of the plan, so that it is known whose names these are."""
    own = _leading(text)
    return any(
        _shape(other) == _shape(name) and other not in own and view.task_named(other) is not None
        for other in local_ids(text)
    )


def _leading(text: str) -> list[str]:
    """Ids that the line begins with: the names of its task, a range or several of them included."""
    return local_ids(text[: _LEADING.match(text).end()])  # type: ignore[union-attr]  # it matches nothing, too


def _last_names(view: PlanView) -> Iterator[str]:
    """Local ids without those of the items above."""
    return (item.local.rsplit("/", 1)[-1] for item in view.plan.items)


class _Series(NamedTuple):
    """Ids of tasks that differ by their number only.

    Attributes:
        last: the last of them.
        highest: its number.
        whole: the plan holds most of the numbers from the first to this one, so that it is theirs.
    """

    last: str
    highest: int
    whole: bool


def _series(view: PlanView) -> dict[str, _Series]:
    """The series of which the plan has three or more."""
    numbers: dict[str, dict[int, str]] = {}
    claiming: Counter[str] = Counter()
    for item in view.tasks:
        for name in local_ids(item.local.rsplit("/", 1)[-1]):
            if shape := _shape(name):
                numbers.setdefault(shape, {})[_number(name)] = name
                claiming[shape] += item.claim is not Claim.NONE
    found: dict[str, _Series] = {}
    for shape, names in numbers.items():
        highest = max(names)
        # Without states they are the headings of a document that speaks of tasks.
        if len(names) > 2 and claiming[shape] * 2 >= len(names):
            whole = min(names) <= 1 and len(names) >= WHOLE * highest
            found[shape] = _Series(names[highest], highest, whole)
    return found


def _misses(series: dict[str, _Series], name: str) -> bool:
    """Whether a series would have the name: in a gap of it, or a little behind its end."""
    of = series.get(_shape(name))
    return (
        of is not None
        and of.whole
        and 0 < _number(name) <= of.highest + (BEHIND if of.highest >= LONG else 0)
    )


def _split(view: PlanView, name: str) -> bool:
    """Whether ``WP04`` lives on as ``WP04a`` and ``WP04b``."""
    return view.task_named(f"{name}a") is not None or view.task_named(f"{name}b") is not None


def _number(name: str) -> int:
    """The number that an id ends with."""
    return int(_SHAPE.match(name)[2])  # type: ignore[index]  # asked of ids with a shape only


def _shape(name: str) -> str:
    """What ids of one kind have in common: letters and number of digits; empty for what is no such id."""
    shape = _SHAPE.match(name)
    return f"{shape[1]}{len(shape[2])}" if shape else ""


def _elsewhere(text: str) -> bool:
    """Whether the line speaks of another document, of what is gone, or of an example."""
    return bool(
        re.search(
            r"\.md\b|\b(?:spec|feature|issue|PR|epic|increment|ticket|plan"
            r"|sprint)\s*#?\d|removed|dropped|renumber|reserved"
            r"|deleted|skipped|merged into|moved to|former|\bold\b|\bsplits?\b|shifted|originally|renamed"
            r"|source|absorbed|e\.g\.|example|previous|format"
            r"|cross-|upstream|see also|gap",
            text,
            re.IGNORECASE,
        )
    )


@rule("PP506", "outside-reference", "info", default=False)
def outside_reference(view: PlanView) -> Iterator[Hit]:
    """A decision, question or requirement is named that this document does not hold."""
    known = {item.local.rsplit("/", 1)[-1] for item in view.plan.items}
    headings = " ".join(heading.text for heading in view.plan.headings)
    said: set[str] = set()
    for line, found in view.search(_OUTSIDE):
        name = found[1]
        if name in known or name in said or _STANDARDS.fullmatch(name) or name in headings:
            continue
        said.add(name)
        if not re.search(rf"\[[^\]]*{re.escape(name)}[^\]]*\]\(", view.line(line)):
            yield Hit(
                line, f"{name} is named here, but this document does not hold it and does not link to it."
            )
    for line, found in view.search(_REQUIREMENT):
        number = found[1] or found[2]
        if not re.search(rf"Requirement {re.escape(number)}\b", headings):
            yield Hit(line, f"Requirement {number} is named here, but this document does not hold it.")


@rule("PP507", "coverage-without-number", "warning")
def coverage_without_number(view: PlanView) -> Iterator[Hit]:
    """A coverage target gives no threshold: nobody can say whether it is met."""
    for item in view.plan.items:
        if item.kind is Kind.COVERAGE and _TARGET.search(item.local) and not _NUMBER.search(item.text):
            text = view.line(item.line).partition(item.local.rsplit("/", 1)[-1])[2] or item.text
            if not _NUMBER.search(text):
                yield Hit(item.line, f"{item.local} gives no number and so cannot be measured.", (item.id,))


@rule("PP508", "file-without-coverage", "info", default=False)
def file_without_coverage(view: PlanView) -> Iterator[Hit]:
    """Some code files that tasks deliver have a coverage target, and others have none."""
    targets = [item for item in view.plan.items if item.kind is Kind.COVERAGE]
    said = " ".join(view.line(item.line) for item in targets)
    for item in view.plan.items if targets else ():
        for file in item.files if item.kind is Kind.DELIVERABLE else ():
            name = file.rsplit("/", 1)[-1]
            code = re.search(r"\.(?:py|ts|js|go|rs|java|rb)$", name)
            if code and not is_test_path(file) and name not in said:
                lines = tuple(target.line for target in targets)
                yield Hit(item.line, f"No coverage target covers {file}.", (item.id,), lines)


@rule("PP537", "coverage-of-interface", "warning")
def coverage_of_interface(view: PlanView) -> Iterator[Hit]:
    """Line coverage is asked of a file that holds definitions only."""
    targets = [item for item in view.plan.items if item.kind is Kind.COVERAGE and "%" in view.line(item.line)]
    if not targets:
        return
    for item in view.plan.items:
        if item.kind is not Kind.DELIVERABLE or not _INTERFACE.search(view.line(item.line)):
            continue
        for file in item.files:
            name = file.rsplit("/", 1)[-1]
            for target in targets:
                if re.search(rf"(?<![\w.]){re.escape(name)}\b", view.line(target.line)):
                    yield Hit(
                        target.line,
                        f"{target.local} asks for line coverage of {name}, which holds definitions only.",
                        (target.id, item.id),
                        (item.line,),
                        Confidence.MEDIUM,
                    )


@rule("PP516", "file-of-no-task", "warning")
def file_of_no_task(view: PlanView) -> Iterator[Hit]:
    """A task refers to a file that no task delivers, in a plan that lists deliverables."""
    delivered = [item for item in view.plan.items if item.kind is Kind.DELIVERABLE]
    if len({item.parent for item in delivered}) < 2:
        return
    files = {file for item in delivered for file in item.files}
    lines = {item.line for item in delivered}
    for item in view.tasks:
        first, last = view.block(item)
        for found in _PATH_SPAN.finditer(view.lines(first, last)):
            line = first + view.lines(first, last)[: found.start()].count("\n")
            if found[1] in files or line in lines or not _maps(view.line(line)):
                continue
            yield Hit(line, f"{found[1]} is among no task's deliverables.", (item.id,), (item.line,))


def _maps(text: str) -> bool:
    """Whether the line says that something belongs to the file."""
    return bool(
        re.search(
            r"\b(?:maps? to|mapped to|covered by|implemented in|lives in|defined in)\b",
            text,
            re.IGNORECASE,
        )
    )


@rule("PP517", "undefined-contract", "warning")
def undefined_contract(view: PlanView) -> Iterator[Hit]:
    """A contract is named, and nowhere said."""
    for item in [item for item in view.plan.items if item.kind is Kind.CONTRACT][:100]:
        name = item.local.rsplit("/", 1)[-1]
        places = [number for number, _ in view.search(re.compile(rf"\b{re.escape(name)}\b"))]
        rest = " ".join(_beyond_label(view.line(number)).replace(name, " ") for number in places)
        if places and not re.sub(r"[A-Z]+_[A-Z_]+|\W|\band\b|\bor\b", "", rest):
            yield Hit(
                places[0],
                f"{name} is named as a contract, but nothing says what it is.",
                (item.id,),
                tuple(places[1:]),
            )


def _beyond_label(text: str) -> str:
    """A line without its bold label."""
    return re.sub(r"\*\*[^*]*\*\*:?|^\s*[-*+]", " ", text)


@rule("PP518", "file-not-given", "warning")
def file_not_given(view: PlanView) -> Iterator[Hit]:
    """A task's file field says "none", and its boxes name a file to write."""
    for item in view.tasks:
        field = view.field(item, "file", "files")
        if field is None or field[0].strip().strip("`*_").lower() not in {"n/a", "none", "-", "na", "n.a."}:
            continue
        for child in view.kids(item):
            if child.files and re.match(
                r"\W*(?:create|add|write|implement|update|modify|edit)\b", child.text, re.IGNORECASE
            ):
                yield Hit(
                    field[1],
                    f"{item.local} says it has no file, but line {child.line} names {child.files[0]}.",
                    (item.id, child.id),
                    (child.line,),
                )
                break


@rule("PP519", "label-of-others", "warning")
def label_of_others(view: PlanView) -> Iterator[Hit]:
    """Several tasks go under a label that is the title of only one of them."""
    pattern = re.compile(
        rf"^[ \t]*[-*+] (?!\[)([^(\n]{{8,200}}?) ?\(({ID}[^()\n]{{0,200}})\)[ \t]{{0,3}}$", re.MULTILINE
    )
    for line, found in view.search(pattern):
        tasks = tasks_in(view, found[2])
        if len(tasks) < 2 or len(local_ids(found[2])) != len(tasks):
            continue
        label = stems(found[1])
        same = [item for item in tasks if label == stems(item.text)]
        others = [item for item in tasks if not label <= stems(item.text)]
        if len(same) == 1 and others and len(label) > 2:
            what = listed(f'{item.local} is "{item.text}"' for item in others)
            yield Hit(
                line,
                f'"{found[1]}" is the title of {same[0].local} only; {what}.',
                tuple(item.id for item in tasks),
                tuple(item.line for item in tasks),
            )


@rule("PP521", "undefined-source", "warning")
def undefined_source(view: PlanView) -> Iterator[Hit]:
    """A value is said to match something that the document does not say."""
    for line, found in view.search(_MATCHES, "match", "same as", "as defined", "as specified", "as stated"):
        words = stems(found[1])
        if not words or re.search(
            r"\b(?:above|below|section|line|step|phase|task|rfc|standard)\b", found[1], re.IGNORECASE
        ):
            continue
        last = found[1].split()[-1]
        if (
            _VALUE.search(view.line(line).partition(found[0])[0]) is None
        ):  # only a value can be held against another
            continue
        if len(re.findall(rf"\b{re.escape(last)}\b", view.text, re.IGNORECASE)) == 1:
            yield Hit(
                line,
                f'This is said to match "{found[1].strip()}", of which the document says nothing else.',
                confidence=Confidence.MEDIUM,
            )


RULES = (
    dangling_id,
    outside_reference,
    coverage_without_number,
    file_without_coverage,
    coverage_of_interface,
    file_of_no_task,
    undefined_contract,
    file_not_given,
    label_of_others,
    undefined_source,
)
