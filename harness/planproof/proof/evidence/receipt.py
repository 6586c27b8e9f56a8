"""Receipts: evidence that travels. One JSON file a run, in the in-toto test-result form.

Sources: the in-toto attestation framework, Statement v1 and predicate test-result v0.1. What planproof needs
beyond it stands under ``predicate.planproof``, with a digest over the whole statement.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from planproof import __version__
from planproof.errors import InputError
from planproof.proof.model import Outcome, digest

from . import record


if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from .record import Evidence


STATEMENT: Final = "https://in-toto.io/Statement/v1"
PREDICATE: Final = "https://in-toto.io/attestation/test-result/v0.1"
SCHEMA: Final = 1
# Which of two outcomes of one check at one commit stands: the worse one, since a pass beside it was luck.
SEVERITY: Final = (Outcome.PASSED, Outcome.UNAVAILABLE, Outcome.NOTHING, Outcome.UNDECIDED, Outcome.FAILED)


def statement(found: Iterable[Evidence], *, commit: str, configuration: Mapping[str, str]) -> dict[str, Any]:
    """A receipt for some evidence.

    Args:
        found: the evidence.
        commit: commit of the workspace; ``+`` behind it where files differed.
        configuration: SHA-256 of each spec and configuration file, by path.
    """
    evidence = sorted(found, key=lambda one: one.key)
    by: dict[str, list[str]] = {"passed": [], "warned": [], "failed": []}
    for one in evidence:
        word = {Outcome.PASSED: "passed", Outcome.FAILED: "failed"}.get(one.outcome, "warned")
        by[word].append(f"{one.kind}:{one.target}" + (f" on {one.backend}" if one.backend else ""))
    result = "FAILED" if by["failed"] else "WARNED" if by["warned"] else "PASSED"
    clean = commit.removesuffix("+")
    body: dict[str, Any] = {
        "_type": STATEMENT,
        "subject": [
            {"name": "workspace", "digest": {"gitCommit": clean}, "annotations": {"dirty": commit != clean}}
        ],
        "predicateType": PREDICATE,
        "predicate": {
            "result": result,
            "configuration": [
                {"name": name, "digest": {"sha256": sha}} for name, sha in sorted(configuration.items())
            ],
            "passedTests": by["passed"],
            "warnedTests": by["warned"],
            "failedTests": by["failed"],
            "planproof": {
                "schema": SCHEMA,
                "version": __version__,
                "evidence": [record.to_json(one) for one in evidence],
            },
        },
    }
    body["predicate"]["planproof"]["digest"] = digest(body)
    return body


def write(path: Path, body: Mapping[str, Any]) -> None:
    """Write a receipt whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    part.write_text(_text(body), encoding="utf-8")
    part.replace(path)


def _text(body: Mapping[str, Any]) -> str:
    """A receipt as text: indented, but each piece of evidence on one line, which is soon written."""
    predicate = body["predicate"]
    planproof = predicate["planproof"]
    empty = {**body, "predicate": {**predicate, "planproof": {**planproof, "evidence": []}}}
    lines = ",\n".join(json.dumps(one, ensure_ascii=False) for one in planproof["evidence"])
    around = json.dumps(empty, indent=1, ensure_ascii=False)  # no text in it can hold a bare quote
    return around.replace('"evidence": []', f'"evidence": [\n{lines}\n]', 1) + "\n"


def read(path: Path) -> tuple[str, list[Evidence]]:
    """The commit and the evidence of a receipt.

    Raises:
        InputError: it cannot be read, is no receipt, or was changed after it was written.
    """
    try:
        body = json.loads(path.read_bytes())
        planproof = body["predicate"]["planproof"]
        said = planproof.pop("digest")
        commit = body["subject"][0]["digest"]["gitCommit"]
        kind, schema = body["predicateType"], planproof["schema"]
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path=str(path)) from None
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError):
        raise InputError("is not a receipt of planproof", path=str(path)) from None
    if digest(body) != said:
        raise InputError("was changed after it was written: its digest does not fit", path=str(path))
    if kind != PREDICATE or schema != SCHEMA:
        raise InputError("is a receipt of another form; this planproof reads schema 1", path=str(path))
    try:
        return str(commit), [record.from_json(one) for one in planproof["evidence"]]
    except (KeyError, TypeError, ValueError):
        raise InputError("holds evidence that is not well formed", path=str(path)) from None


def join(one: Evidence, other: Evidence) -> Evidence:
    """Of two pieces of evidence for one check at one commit the one that stands, with the claims of both.

    Commutative, associative and idempotent, so receipts can come in any order and more than once.
    """
    best = max(one, other, key=_rank)
    claims = dict(one.claims)
    for item, claim in other.claims.items():
        claims[item] = max(claim, claims.get(item, claim))
    return replace(best, claims=claims)


def _rank(one: Evidence) -> tuple[int, float, str]:
    return SEVERITY.index(one.outcome), one.at, digest(record.to_json(replace(one, claims={})))


def merge(
    known: Mapping[str, Evidence], receipts: Iterable[Iterable[Evidence]], commit: str
) -> dict[str, Evidence]:
    """Evidence of some receipts joined with what is known at their commit.

    Args:
        known: the store's evidence; what is of another commit is replaced.
        receipts: the evidence of each receipt.
        commit: the commit of them all, clean.

    Returns:
        Every check of the receipts, by key.
    """
    found = {key: one for key, one in known.items() if one.commit.removesuffix("+") == commit}
    touched: dict[str, Evidence] = {}
    for receipt in receipts:
        for one in receipt:
            before = touched.get(one.key) or found.get(one.key)
            touched[one.key] = join(before, one) if before else one
    return touched
