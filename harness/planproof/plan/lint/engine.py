"""Runs rules over plans: selection, suppression, order, fingerprints."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from planproof.errors import ConfigError
from planproof.plan.graph import Graph
from planproof.plan.lint.catalogue import RULES
from planproof.plan.lint.finding import Finding, Hit, Level, Place, fingerprint
from planproof.plan.lint.suppression import Suppression, suppressions
from planproof.plan.lint.view import PlanView


if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from planproof.plan.lint.rule import Rule
    from planproof.plan.model import Plan

NO_REASON = "PP112"
UNUSED = "PP113"
_BOX = re.compile(r"\[[^\]\n]?\]")


class Report(NamedTuple):
    """What a run found.

    Attributes:
        findings: what counts, by path and line.
        suppressed: what a comment in the plan silences.
    """

    findings: tuple[Finding, ...]
    suppressed: tuple[Finding, ...]


def lint(
    plans: Sequence[Plan],
    *,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    graph: Graph | None = None,
    exists: Callable[[str], bool] | None = None,
    rules: Sequence[Rule] = RULES,
) -> Report:
    """Look for contradictions and defects in plans.

    Args:
        plans: the plans, read.
        select: codes, beginnings of codes (``PP4``), or ``ALL``; nothing means what is on by default.
        ignore: codes or beginnings of codes that do not run.
        graph: the graph of the plans, if there is one already.
        exists: whether a path, relative to the workspace, is there; without it no rule asks for files.
        rules: the rules to choose from.

    Raises:
        ConfigError: a code names no rule.
    """
    chosen = choose(rules, select, ignore)
    shared = graph if graph is not None else Graph.of(plans)
    views = [PlanView(plan, shared, exists) for plan in plans]
    raw: dict[str, list[tuple[Rule, Hit]]] = {view.plan.path: [] for view in views}
    for rule in chosen:
        if rule.check_all is not None:
            for view, hit in rule.check_all(views):
                raw[view.plan.path].append((rule, hit))
    kept: list[Finding] = []
    silenced: list[Finding] = []
    for view in views:
        hits = raw.pop(view.plan.path, [])
        hits += [(rule, hit) for rule in chosen if rule.check is not None for hit in rule.check(view)]
        _sort_out(view, _findings(view, hits), chosen, kept, silenced)
    return Report(tuple(kept), tuple(silenced))


def choose(rules: Sequence[Rule], select: Sequence[str], ignore: Sequence[str]) -> list[Rule]:
    """The rules that run, by code.

    Raises:
        ConfigError: a code names no rule.
    """
    for code in (*select, *ignore):
        if code != "ALL" and not any(_named(rule, code) for rule in rules):
            raise ConfigError(f"no rule has the code {code}; planproof rule lists them")

    def wanted(rule: Rule) -> bool:
        on = any(code == "ALL" or _named(rule, code) for code in select) if select else rule.default
        return on and not any(code == "ALL" or _named(rule, code) for code in ignore)

    return sorted(filter(wanted, rules), key=lambda rule: rule.code)


def _named(rule: Rule, code: str) -> bool:
    return code == rule.name or (code.startswith("PP") and rule.code.startswith(code))


def _findings(view: PlanView, hits: list[tuple[Rule, Hit]]) -> list[Finding]:
    """Hits as findings, by line and code, each once; takes each hit off its list, as there may be many."""
    seen: Counter[int] = Counter()
    found: list[Finding] = []
    path = view.plan.path
    hits.sort(key=lambda pair: (pair[1].line, pair[0].code, pair[1].message))
    hits.reverse()
    while hits:
        rule, hit = hits.pop()
        places = {place if isinstance(place, Place) else Place(path, place) for place in hit.related}
        quoted = _BOX.sub("[]", view.line(hit.line))
        same = hash((rule.code, quoted))
        seen[same] += 1
        mark = fingerprint(rule.code, path, quoted, seen[same])
        found.append(
            Finding(
                rule.code,
                rule.name,
                rule.level,
                hit.message,
                path,
                hit.line,
                hit.items,
                tuple(sorted(places - {Place(path, hit.line)})),
                hit.confidence,
                hit.fix,
                mark,
            )
        )
    return found


def _sort_out(
    view: PlanView,
    findings: Sequence[Finding],
    chosen: Sequence[Rule],
    kept: list[Finding],
    silenced: list[Finding],
) -> None:
    """Part what counts from what a comment silences, and judge the comments themselves."""
    comments = suppressions(view)
    used: set[Suppression] = set()
    own: list[Finding] = []
    for finding in findings:
        lines = {finding.line, *(place.line for place in finding.related if place.path == finding.path)}
        covering = [comment for comment in comments if comment.covers(finding.code, lines)]
        used.update(covering)
        (silenced if covering else own).append(finding)
    own += _about_comments(view, comments, used, chosen)
    kept += sorted(own, key=lambda finding: (finding.line, finding.code))


def _about_comments(
    view: PlanView, comments: Sequence[Suppression], used: set[Suppression], chosen: Sequence[Rule]
) -> Iterator[Finding]:
    """Findings on comments without a code or reason, and on those that silence nothing."""
    running = {rule.code: rule for rule in chosen}
    for number, comment in enumerate(comments, start=1):
        if NO_REASON in running and not (comment.codes and comment.reason):
            what = "no reason" if comment.codes else "no code"
            yield _meta(
                view, running[NO_REASON], comment, number, f"This comment silences a rule and gives {what}."
            )
        ran = [code for code in comment.codes if any(rule.startswith(code) for rule in running)]
        if UNUSED in running and comment not in used and ran and len(ran) == len(comment.codes):
            codes = ", ".join(comment.codes)
            message = f"Nothing is left here for {codes} to find; the comment can go."
            yield _meta(view, running[UNUSED], comment, number, message)


def _meta(view: PlanView, rule: Rule, comment: Suppression, number: int, message: str) -> Finding:
    mark = fingerprint(rule.code, view.plan.path, view.line(comment.line), number)
    bare = Finding(rule.code, rule.name, rule.level, message, view.plan.path, comment.line)
    return replace(bare, fingerprint=mark)


def worst(findings: Iterable[Finding]) -> Level | None:
    """The worst level among the findings."""
    order = [Level.ERROR, Level.WARNING, Level.INFO]
    levels = {finding.level for finding in findings}
    return next((level for level in order if level in levels), None)
