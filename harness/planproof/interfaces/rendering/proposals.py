"""Proposed bindings as text, as JSON, and as a spec for review."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from planproof.proof.model import CheckKind

from .paint import clip, wrap


if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from planproof.plan.model import Item, Plan
    from planproof.proof.binding.inferred import Proposal
    from planproof.proof.model import Check


def document(found: Sequence[tuple[Plan, Item, list[Proposal]]]) -> dict[str, Any]:
    """What ``planproof bind --output-format json`` prints."""
    return {
        "schema": 1,
        "items": [
            {
                "id": item.id,
                "line": item.line,
                "text": item.text,
                "proposals": [
                    {
                        "kind": one.check.kind.value,
                        "target": one.check.target,
                        "reason": one.reason,
                        "partial": one.partial,
                        "runs_without_review": one.runs,
                    }
                    for one in proposals
                ],
            }
            for _, item, proposals in found
        ],
        "unbound": len(found),
        "proposed": sum(bool(proposals) for _, _, proposals in found),
    }


def lines(found: Sequence[tuple[Plan, Item, list[Proposal]]]) -> Iterator[str]:
    """Each unbound item with what would prove it and why; those without a proposal are counted."""
    plan_shown = ""
    for plan, item, proposals in found:
        if not proposals:
            continue
        if plan.id != plan_shown:
            plan_shown = plan.id
            yield f"{plan.id}  {plan.path}"
        yield clip(f"  {item.local.rsplit('/', 1)[-1]}  {item.text}", 80)
        for one in proposals:
            part = " (a part)" if one.partial else ""
            yield from wrap(f"{one.check.kind.value} {one.check.target}{part}: {one.reason}", 6)
    proposed = sum(bool(proposals) for _, _, proposals in found)
    yield f"{len(found)} items are bound to nothing; {proposed} have a proposal, none is accepted"


def spec_text(plan: str, items: Sequence[tuple[Item, list[Proposal]]]) -> str:
    """A spec with every proposal, its reason in a comment beside it."""
    checks: dict[str, str] = {}
    names: dict[str, str] = {}
    rows: list[str] = []
    for item, proposals in items:
        mine: list[str] = []
        partial: list[str] = []
        for one in proposals:
            key = one.check.key
            if key not in names:
                names[key] = f"{one.check.kind.value}-{len(names) + 1}"
                checks[names[key]] = f"  {names[key]}: {_entry(one.check)}  # {_comment(one.reason)}"
            (partial if one.partial else mine).append(names[key])
        said = {"checks": mine, "part": partial}
        body = ", ".join(f"{key}: [{', '.join(value)}]" for key, value in said.items() if value)
        rows.append(f"  {json.dumps(item.local)}: {{{body}}}  # {_comment(item.text[:60])}")
    head = "# Proposed by planproof bind. Read every line, delete what is wrong, then rename to .yaml.\n"
    listed = "\n".join(checks.values())
    return f"{head}schema: 1\nplan: {json.dumps(plan)}\nchecks:\n{listed}\nitems:\n" + "\n".join(rows) + "\n"


def _comment(text: str) -> str:
    return "".join(one if one.isprintable() else " " for one in text)


def _entry(check: Check) -> str:
    """A check as one line of YAML (flow style JSON is YAML)."""
    params = check.params
    if check.kind is CheckKind.PYTEST:
        said: Any = params["targets"]
    elif check.kind is CheckKind.COMMAND:
        said = params["argv"]
    elif check.kind is CheckKind.COVERAGE:
        said = {"file": params["files"], "min": params["min"], "tests": params["tests"]}
    else:
        said = {"file": params["files"], **(params["queries"] or {"exists": True})}
    return json.dumps({check.kind.value: said}, ensure_ascii=False)
