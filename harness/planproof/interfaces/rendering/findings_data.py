"""Findings for machines: JSON, JSON lines, SARIF, GitHub, GitLab, JUnit."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape, quoteattr

from planproof import __version__
from planproof.interfaces.rendering.json_stream import Rows
from planproof.plan.lint import Level


if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from planproof.plan.lint import Finding, Rule

SCHEMA = 1
SHOWN_BY_GITHUB = 10
_SARIF_LEVEL = {Level.ERROR: "error", Level.WARNING: "warning", Level.INFO: "note"}
_GITHUB_LEVEL = {Level.ERROR: "error", Level.WARNING: "warning", Level.INFO: "notice"}
_GITLAB_LEVEL = {Level.ERROR: "major", Level.WARNING: "minor", Level.INFO: "info"}


def finding_document(finding: Finding) -> dict[str, Any]:
    """One finding in the form of ``lint.schema.json``."""
    fix = finding.fix
    return {
        "code": finding.code,
        "name": finding.name,
        "level": str(finding.level),
        "message": finding.message,
        "path": finding.path,
        "line": finding.line,
        "items": list(finding.items),
        "related": [{"path": place.path, "line": place.line} for place in finding.related],
        "confidence": str(finding.confidence),
        "fix": None
        if fix is None
        else {"description": fix.description, "splices": [splice._asdict() for splice in fix.splices]},
        "fingerprint": finding.fingerprint,
    }


def document(findings: Sequence[Finding], suppressed: int, known: int) -> dict[str, Any]:
    """All findings in the form of ``lint.schema.json``.

    Args:
        findings: what counts.
        suppressed: how many a comment silences.
        known: how many the baseline holds.
    """
    return {
        "schema": SCHEMA,
        "findings": Rows(map(finding_document, findings)),
        "suppressed": suppressed,
        "baseline": known,
    }


def json_lines(findings: Sequence[Finding]) -> Iterator[str]:
    """One JSON object a line."""
    for finding in findings:
        yield json.dumps({"schema": SCHEMA, **finding_document(finding)}, ensure_ascii=False)


def github(findings: Sequence[Finding]) -> Iterator[str]:
    """Workflow commands, worst first, and one that tells how many GitHub will not show."""
    order = list(Level)
    ranked = sorted(findings, key=lambda finding: (order.index(finding.level), finding.path, finding.line))
    for finding in ranked:
        message = finding.message.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
        path = finding.path.replace("%", "%25").replace(":", "%3A").replace(",", "%2C")
        title = f"{finding.code} {finding.name}"
        yield f"::{_GITHUB_LEVEL[finding.level]} file={path},line={finding.line},title={title}::{message}"
    for level in Level:
        over = sum(finding.level is level for finding in findings) - SHOWN_BY_GITHUB
        if over > 0:
            yield f"::notice title=planproof::{over} more findings of level {level} are not shown by GitHub"


def gitlab(findings: Sequence[Finding]) -> str:
    """A code quality report."""
    rows = [
        {
            "description": f"{finding.code} {finding.message}",
            "check_name": finding.code,
            "fingerprint": finding.fingerprint,
            "severity": _GITLAB_LEVEL[finding.level],
            "location": {"path": finding.path, "lines": {"begin": finding.line}},
        }
        for finding in findings
    ]
    return json.dumps(rows, ensure_ascii=False, indent=2)


def sarif(findings: Sequence[Finding], rules: Sequence[Rule]) -> str:
    """A SARIF 2.1.0 log with the rules that found something."""
    used = [rule for rule in rules if any(finding.code == rule.code for finding in findings)]
    numbers = {rule.code: number for number, rule in enumerate(used)}
    log = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "planproof",
                        "version": __version__,
                        "rules": [_sarif_rule(rule) for rule in used],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "results": [_sarif_result(finding, numbers) for finding in findings],
            }
        ],
    }
    return json.dumps(log, ensure_ascii=False, indent=2)


def _sarif_rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.code,
        "name": "".join(part.title() for part in rule.name.split("-")),
        "shortDescription": {"text": rule.name.replace("-", " ")},
        "defaultConfiguration": {"level": _SARIF_LEVEL[rule.level]},
        "properties": {"family": rule.family},
    }


def _sarif_result(finding: Finding, numbers: dict[str, int]) -> dict[str, Any]:
    return {
        "ruleId": finding.code,
        "ruleIndex": numbers[finding.code],
        "level": _SARIF_LEVEL[finding.level],
        "message": {"text": finding.message},
        "locations": [_location(finding.path, finding.line)],
        "relatedLocations": [
            {"id": number, **_location(place.path, place.line)}
            for number, place in enumerate(finding.related, start=1)
        ],
        "partialFingerprints": {"planproof/v1": finding.fingerprint},
    }


def _location(path: str, line: int) -> dict[str, Any]:
    return {"physicalLocation": {"artifactLocation": {"uri": path}, "region": {"startLine": line}}}


def junit(findings: Sequence[Finding], paths: Sequence[str]) -> Iterator[str]:
    """JUnit XML: one case for each finding, and a passing one for each plan without any."""
    by_path: dict[str, list[Finding]] = {path: [] for path in paths}
    for finding in findings:
        by_path.setdefault(finding.path, []).append(finding)
    cases = sum(max(1, len(found)) for found in by_path.values())
    yield '<?xml version="1.0" encoding="utf-8"?>'
    yield f'<testsuites><testsuite name="planproof lint" tests="{cases}" failures="{len(findings)}">'
    for path, found in by_path.items():
        if not found:
            yield f'<testcase classname={quoteattr(path)} name="no findings"/>'
        for finding in found:
            name = quoteattr(_plain(f"{finding.code} {finding.name} line {finding.line}"))
            message = quoteattr(_plain(finding.message))
            yield f"<testcase classname={quoteattr(path)} name={name}>"
            where = escape(_plain(f"{finding.path}:{finding.line}"))
            yield f'<failure type="{finding.level}" message={message}>{where}</failure></testcase>'
    yield "</testsuite></testsuites>"


def _plain(text: str) -> str:
    """The text without signs that XML cannot hold."""
    return "".join(sign for sign in text if sign.isprintable() or sign == " ")
