"""Verdicts as JSON, in the form of ``schemas/verify.schema.json``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from planproof.proof.verdict import summarise


if TYPE_CHECKING:
    from collections.abc import Sequence

    from planproof.proof.gate import GateResult
    from planproof.proof.session import RunReport
    from planproof.proof.verdict import CheckView, Judged


SCHEMA: Final = 1


def verify_document(judged: Sequence[Judged], report: RunReport, gate: GateResult) -> dict[str, Any]:
    """What ``planproof verify --output-format json`` prints."""
    return {
        "schema": SCHEMA,
        "items": [item_document(one) for one in judged],
        "checks_run": len(report.ran),
        "checks_reused": report.reused,
        "seconds": round(report.seconds, 3),
        "changed_files": list(report.changed),
        "summary": summarise(judged),
        "gate": gate_document(gate),
    }


def item_document(one: Judged) -> dict[str, Any]:
    """One item with its checks."""
    item = one.item
    return {
        "id": item.id,
        "plan": one.plan,
        "local": item.local,
        "kind": item.kind.value,
        "claim": item.claim.value,
        "verdict": one.verdict.value,
        "reason": one.reason,
        "text": item.text,
        "path": one.path,
        "line": item.line,
        "phase": item.phase,
        "parent": item.parent,
        "checks": [check_document(view) for view in one.checks],
    }


def check_document(view: CheckView) -> dict[str, Any]:
    """One check of an item."""
    check, found = view.binding.check, view.evidence
    return {
        "kind": check.kind.value,
        "target": check.target,
        "outcome": view.outcome,
        "bound_by": view.binding.bound_by.value,
        "backend": check.backend,
        "controls": [
            {"variant": name, "outcome": said.value, "detail": why, "seconds": took}
            for name, said, why, took in (found.controls if found else ())
        ],
        "name": check.name,
        "state": view.state.value,
        "reason": view.reason,
        "partial": view.binding.partial,
        "demanded": view.demanded,
        "declared_in": {"path": view.binding.path, "line": view.binding.line},
        "seconds": found.seconds if found else None,
        "at": found.at if found else None,
        "commit": found.commit if found else None,
        "tests": dict(found.nodes) if found else {},
        "notes": list(found.notes) if found else [],
    }


def gate_document(gate: GateResult) -> dict[str, Any]:
    """The gate's word."""
    return {
        "holds": gate.holds,
        "exit_code": gate.exit_code,
        "checked": gate.checked,
        "problems": [
            {"item": one.item, "path": one.path, "line": one.line, "word": one.word, "message": one.message}
            for one in gate.problems
        ],
        "waived": [
            {"item": name, "owner": one.owner, "reason": one.reason, "expires": one.expires.isoformat()}
            for name, one in gate.waived
        ],
    }
