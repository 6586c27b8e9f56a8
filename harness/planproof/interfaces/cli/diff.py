"""``planproof diff``: which claims and edges changed since a revision."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import click


if TYPE_CHECKING:
    from collections.abc import Sequence

    from planproof.plan.model import Plan


@click.command("diff")
@click.argument("revision")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--output-format", type=click.Choice(["text", "json"]), default="text", help="How to write it.")
def command(revision: str, paths: tuple[Path, ...], output_format: str) -> int:
    """Show which claims, items and edges of plans changed since REVISION, a commit of git.

    PATHS are plan files and directories; without any the plans of the configuration are compared.
    """
    from planproof.config import find_workspace
    from planproof.interfaces.rendering import changes as rendering
    from planproof.interfaces.rendering.paint import for_stream
    from planproof.plan.graph.changes import compare

    workspace = find_workspace(Path.cwd())
    root = workspace.root
    chosen = tuple(path.absolute() for path in paths) or tuple(root / name for name in workspace.config.plans)
    now = {plan.path: plan for plan in _now(chosen, root)}
    then = {plan.path: plan for plan in _then(revision, chosen, root, now)}
    found = [compare(then.get(path), now.get(path)) for path in sorted(now.keys() | then.keys())]
    changed = [change for change in found if change is not None]
    if output_format == "json":
        click.echo(json.dumps(rendering.document(changed, revision), ensure_ascii=False, indent=2))
        return 0
    for line in rendering.text(changed, revision, for_stream()):
        click.echo(line)
    return 0


def _now(paths: Sequence[Path], root: Path) -> tuple[Plan, ...]:
    from planproof.plan.reading import read_plans

    there = [path for path in paths if path.exists()]
    return read_plans(there, root) if there else ()


def _then(revision: str, paths: Sequence[Path], root: Path, now: dict[str, Plan]) -> list[Plan]:
    """The plans as they were; ids are those of today where the file is still there."""
    from planproof.errors import ConfigError
    from planproof.plan.reading import read_bytes

    commit = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    if commit is None:
        raise ConfigError(f"git knows no revision {revision} here")
    top = Path((_git(root, "rev-parse", "--show-toplevel") or b"").decode().strip())
    name = commit.decode().strip()
    inside = [path.resolve() for path in paths]
    listed = _git(top, "ls-tree", "-r", "-z", "--name-only", name, "--", *(str(path) for path in inside))
    files = [top / raw.decode() for raw in (listed or b"").split(b"\0") if raw]
    files = [file for file in files if file in inside or file.suffix == ".md"]
    plans: list[Plan] = []
    for file in files:
        data = _git(top, "show", f"{name}:{file.relative_to(top).as_posix()}")
        shown = file.relative_to(root).as_posix() if file.is_relative_to(root) else file.as_posix()
        if data is not None:
            plans.append(read_bytes(data, shown, plan_id=now[shown].id if shown in now else None))
    return plans


def _git(folder: Path, *arguments: str) -> bytes | None:
    """What git writes; None where it refuses.

    Raises:
        ConfigError: git is not installed.
    """
    from planproof.errors import ConfigError

    try:
        done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, check=False)
    except FileNotFoundError:
        raise ConfigError("git is not installed; diff reads old plans through it") from None
    return done.stdout if done.returncode == 0 else None
