"""Which claims a change made or touched: new or other text or box, or code that their evidence rests on."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from planproof.errors import ConfigError, InputError, PlanproofError, UnknownItemError
from planproof.plan.reading import read_bytes

from .binding.markers import marks_in
from .binding.spec_parser import parse_spec
from .binding.table import Names
from .layout import is_test


if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from planproof.plan.model import Item, Plan

    from .session import Session


def touched(session: Session, revision: str) -> set[str]:
    """Ids of items that differ from a revision, or whose evidence rests on a file that does.

    Args:
        session: what is asked about.
        revision: any name of a commit that git knows.

    Raises:
        ConfigError: git is not to be had, or does not know the revision.
    """
    root = session.workspace.root
    if revision.startswith("-"):
        raise ConfigError(f"{revision!r} is not a revision")
    commit = _git(
        root, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}", revision=revision
    ).strip()
    prefix = _git(root, "rev-parse", "--show-prefix", revision=revision).strip()
    changed = _git(root, "diff", "--name-only", "--relative", "-z", commit, revision=revision)
    files = {name for name in changed.split("\0") if name}
    found = set(_bound_then(session, f"{commit}:{prefix}", files))
    for plan in session.plans:
        before = _plan_then(root, f"{commit}:{prefix}{plan.path}", plan)
        for item in plan.items:
            if _differs(item, before.get(item.id)) or _rests_on(session, item, files):
                found.add(item.id)
    return found


def _plan_then(root: Path, name: str, plan: Plan) -> dict[str, Item]:
    """The plan's items at the revision; none where it was not there or cannot be read."""
    source = _file_then(root, name)
    try:
        return (
            {item.id: item for item in read_bytes(source, plan.path, plan_id=plan.id).items} if source else {}
        )
    except InputError:
        return {}


def _file_then(root: Path, name: str) -> bytes:
    """A file at the revision; empty where it was not there."""
    done = subprocess.run(["git", "show", name], cwd=root, capture_output=True, check=False, timeout=60)
    return b"" if done.returncode else done.stdout


def _bound_then(session: Session, before: str, files: set[str]) -> Iterator[str]:
    """Ids of items that specs and markers bound at the revision, in files that changed or are gone.

    Who takes a claim's check away touches the claim, though nothing is bound to it now.
    """
    root, specs = session.workspace.root, session.workspace.config.specs
    names = Names(session.plans)
    for file in sorted(files):
        said: list[tuple[str | None, str]] = []
        try:
            if file.startswith(f"{specs.rstrip('/')}/") and file.endswith((".yaml", ".yml")):
                spec = parse_spec(_file_then(root, before + file), file)
                said = [(spec.plan, item.local) for item in spec.items]
            elif file.endswith(".py") and is_test(file):
                marks = marks_in(_file_then(root, before + file), file)
                said = [(mark.items[0].partition(":")[0], name) for mark in marks for name in mark.items]
        except PlanproofError:
            continue
        for plan, name in said:
            try:
                yield names.find(name, plan=plan)
            except UnknownItemError:
                continue


def _differs(now: Item, then: Item | None) -> bool:
    return then is None or (now.claim, now.text) != (then.claim, then.text)


def _rests_on(session: Session, item: Item, files: set[str]) -> bool:
    """True where evidence of the item rests on one of the files, or its binding stands in one."""
    for binding in session.table.by_item.get(item.id, ()):
        if binding.path in files:
            return True
        found = session.evidence.get(binding.check.key)
        if found and not files.isdisjoint((*found.footprint.code, *found.footprint.check)):
            return True
    return False


def _git(root: Path, *arguments: str, revision: str) -> str:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=root, capture_output=True, text=True, check=True, timeout=60
        )
    except OSError:
        raise ConfigError("--since needs git, which is not to be had here") from None
    except subprocess.CalledProcessError:
        raise ConfigError(f"git knows no revision {revision!r} here") from None
    return done.stdout
