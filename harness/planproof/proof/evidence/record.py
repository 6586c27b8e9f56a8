"""One piece of evidence: what a check found, when, at which commit, and what that rested on."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from planproof.proof.model import CheckKind, ControlOutcome, ControlResult, Footprint, Outcome


if TYPE_CHECKING:
    from collections.abc import Mapping

    from planproof.proof.model import Result


@dataclass(frozen=True, slots=True)
class Evidence:
    """The last outcome of one check.

    Attributes:
        key: of the check.
        name: of the check in its spec, or its node id.
        kind: of the check.
        target: what it is about.
        backend: the store it ran on, or None.
        outcome: what came of it.
        reason: one sentence where it did not simply pass.
        seconds: how long it took, controls not included.
        at: when it ended, seconds since the epoch.
        commit: the commit of the workspace, with ``+`` behind it where files differed; empty without git.
        nodes: outcome by test.
        controls: what it did on variants and placebo.
        notes: what else was seen.
        certificate: what a race run measured.
        footprint: what it rested on.
        claims: digest of each item's text for which it was taken, by item id.
    """

    key: str
    name: str
    kind: CheckKind
    target: str
    backend: str | None
    outcome: Outcome
    reason: str
    seconds: float
    at: float
    commit: str
    nodes: Mapping[str, str] = field(default_factory=dict)
    controls: tuple[ControlResult, ...] = ()
    notes: tuple[str, ...] = ()
    certificate: Mapping[str, Any] = field(default_factory=dict)
    footprint: Footprint = field(default_factory=Footprint)
    claims: Mapping[str, str] = field(default_factory=dict)


def of_result(
    result: Result, footprint: Footprint, claims: Mapping[str, str], *, at: float, commit: str
) -> Evidence:
    """Evidence out of a result."""
    check = result.check
    return Evidence(
        key=check.key,
        name=check.name,
        kind=check.kind,
        target=check.target,
        backend=check.backend,
        outcome=result.outcome,
        reason=result.reason,
        seconds=result.seconds,
        at=at,
        commit=commit,
        nodes=dict(result.nodes),
        controls=result.controls,
        notes=result.notes,
        certificate=dict(result.certificate),
        footprint=footprint,
        claims=dict(claims),
    )


def to_json(evidence: Evidence) -> dict[str, Any]:
    """Evidence as plain values; read back by :func:`from_json`."""
    foot = evidence.footprint
    return {
        "key": evidence.key,
        "name": evidence.name,
        "kind": evidence.kind.value,
        "target": evidence.target,
        "backend": evidence.backend,
        "outcome": evidence.outcome.value,
        "reason": evidence.reason,
        "seconds": evidence.seconds,
        "at": evidence.at,
        "commit": evidence.commit,
        "nodes": dict(evidence.nodes),
        "controls": [list(one) for one in evidence.controls],
        "notes": list(evidence.notes),
        "certificate": json.loads(json.dumps(evidence.certificate, default=list)),
        "footprint": {
            "check": {file: dict(names) for file, names in foot.check.items()},
            "code": {file: dict(names) for file, names in foot.code.items()},
            "environment": dict(foot.environment),
        },
        "claims": dict(evidence.claims),
    }


def from_json(data: Mapping[str, Any]) -> Evidence:
    """Evidence out of plain values.

    Raises:
        KeyError, TypeError, ValueError: the values are not evidence.
    """
    controls = tuple(
        ControlResult(name, ControlOutcome(said), why, took) for name, said, why, took in data["controls"]
    )
    return Evidence(
        **{
            **data,
            "kind": CheckKind(data["kind"]),
            "outcome": Outcome(data["outcome"]),
            "controls": controls,
            "notes": tuple(data["notes"]),
            "footprint": Footprint(**data["footprint"]),
        }
    )
