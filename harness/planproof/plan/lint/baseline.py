"""A baseline: findings that an old repository lives with, so that only new ones count."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from planproof.errors import ConfigError


if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from planproof.plan.lint.finding import Finding

SCHEMA = 1


def write_baseline(path: Path, findings: Sequence[Finding]) -> None:
    """Write the findings as a baseline, whole or not at all.

    Args:
        path: the file to write.
        findings: what to live with.
    """
    rows = [
        {"fingerprint": found.fingerprint, "code": found.code, "path": found.path, "message": found.message}
        for found in sorted(findings, key=lambda found: (found.path, found.line, found.code))
    ]
    partial = path.with_name(path.name + ".partial")
    partial.write_text(
        json.dumps({"schema": SCHEMA, "findings": rows}, indent=2, ensure_ascii=False) + "\n",
        encoding="utf-8",
    )
    partial.replace(path)


def read_baseline(path: Path) -> frozenset[str]:
    """Fingerprints of a baseline.

    Args:
        path: a file that :func:`write_baseline` wrote.

    Raises:
        ConfigError: it is missing, not JSON, or of another form.
    """
    try:
        data: Any = json.loads(path.read_text(encoding="utf-8"))
        if data["schema"] != SCHEMA:
            raise ConfigError(
                f"the baseline has schema {data['schema']}, this program knows {SCHEMA}", path=str(path)
            )
        return frozenset(str(row["fingerprint"]) for row in data["findings"])
    except FileNotFoundError:
        raise ConfigError(
            "there is no such baseline; make one with --write-baseline", path=str(path)
        ) from None
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise ConfigError(f"this is no baseline of planproof: {problem}", path=str(path)) from problem


def without_known(findings: Sequence[Finding], known: frozenset[str]) -> list[Finding]:
    """The findings that are not in the baseline."""
    return [found for found in findings if found.fingerprint not in known]
