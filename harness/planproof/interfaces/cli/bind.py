"""``planproof bind``: propose checks for items that have none; accepts nothing by itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click


if TYPE_CHECKING:
    from planproof.plan.model import Item, Plan
    from planproof.proof.binding.inferred import Proposal


@click.command(name="bind")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--output-format", type=click.Choice(["text", "json"]), default="text", help="How to print.")
@click.option(
    "--write", is_flag=True, help="Write SPECS/PLAN.yaml.proposed for review; it is not read as a spec."
)
def command(paths: tuple[Path, ...], output_format: str, *, write: bool) -> int:
    """Propose checks for items of PATHS that are bound to nothing, each with its reason.

    Nothing is accepted: what --write writes is no spec until somebody has read and renamed it.
    """
    from planproof.interfaces.rendering import proposals as rendering
    from planproof.proof.binding.inferred import ground_of, propose
    from planproof.proof.model import BoundBy

    from .verify import open_session

    session = open_session(paths, {})
    ground = ground_of(session.workspace, [item for plan in session.plans for item in plan.items])
    found: list[tuple[Plan, Item, list[Proposal]]] = []
    for plan in session.plans:
        for item in plan.items:
            bound = session.table.by_item.get(item.id, ())
            if all(one.bound_by is BoundBy.INFERRED for one in bound):
                found.append((plan, item, propose(item, ground)))
    written = [_write(session.workspace.root / session.workspace.config.specs, found)] if write else []
    if output_format == "json":
        document: dict[str, Any] = rendering.document(found)
        document["written"] = [session.workspace.shown(path) for paths in written for path in paths]
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
        return 0
    for line in rendering.lines(found):
        click.echo(line)
    for path in (path for paths in written for path in paths):
        click.echo(f"written for review: {session.workspace.shown(path)}")
    return 0


def _write(folder: Path, found: list[tuple[Plan, Item, list[Proposal]]]) -> list[Path]:
    """One file for each plan that has proposals, whole or not at all."""
    from planproof.interfaces.rendering import proposals as rendering

    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    for plan in dict.fromkeys(plan.id for plan, _, _ in found):
        mine = [(item, proposals) for owner, item, proposals in found if owner.id == plan and proposals]
        if not mine:
            continue
        path = folder / f"{plan}.yaml.proposed"
        part = path.with_name(path.name + ".part")
        part.write_text(rendering.spec_text(plan, mine), encoding="utf-8")
        part.replace(path)
        written.append(path)
    return written
