"""``planproof tick``: tick what is proved, take back what is not, one byte range each; runs no check."""

from __future__ import annotations

import difflib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click


if TYPE_CHECKING:
    from collections.abc import Sequence

    from planproof.plan.model import Plan
    from planproof.proof.session import Session
    from planproof.proof.ticking import Change

NOTHING: Final = "nothing to tick: every claim is as its evidence says, or has none"


@click.command(name="tick")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--item", "items", multiple=True, metavar="ID", help="Only this item; refused without evidence."
)
@click.option("--untick", is_flag=True, help="Also take back what is refuted or stale.")
@click.option("--dry-run", is_flag=True, help="Write nothing; print a diff.")
@click.option(
    "--output-format",
    type=click.Choice(["text", "json"]),
    default="text",
    help="How to print.",
    show_default=True,
)
@click.option("--backend", "backends", multiple=True, metavar="NAME", help="Demand this backend too.")
def command(
    paths: tuple[Path, ...],
    items: tuple[str, ...],
    output_format: str,
    backends: tuple[str, ...],
    *,
    untick: bool,
    dry_run: bool,
) -> int:
    """Tick the boxes of PATHS (default: the configured plans) that recorded, fresh evidence proves.

    Only the status itself is replaced: the character in the box, the value of a Status field, the sign after
    a heading. A plan that somebody changed meanwhile keeps their change; where they changed the item itself,
    it is left alone and said so.
    """
    from planproof.proof import session as steps
    from planproof.proof.ticking import changes

    from .verify import open_session

    session = open_session(paths, steps.demand_backends(backends))
    found = changes(session.plans, steps.judged(session), untick=untick, only=items)
    by_plan = {plan.id: [one for one in found if one.judged.plan == plan.id] for plan in session.plans}
    if not dry_run:
        _write(session, by_plan)
    if output_format == "json":
        click.echo(json.dumps(_document(found, dry_run=dry_run), indent=2, ensure_ascii=False))
    elif dry_run:
        for plan in session.plans:
            click.echo(_diff(plan, by_plan[plan.id]), nl=False)
        if not found:
            click.echo(NOTHING, err=True)  # what goes to stdout is a diff
    else:
        _tell(found)
    return 0


def _write(session: Session, by_plan: dict[str, list[Change]]) -> None:
    from planproof.plan.editing import edit

    root = session.workspace.root
    for plan in session.plans:
        if wanted := {one.judged.item.id: one.done for one in by_plan[plan.id]}:
            edit(root / plan.path, plan, wanted, workspace=root)


def _document(found: Sequence[Change], *, dry_run: bool) -> dict[str, Any]:
    return {
        "schema": 1,
        "written": not dry_run,
        "changes": [
            {
                "item": one.judged.item.id,
                "path": one.judged.path,
                "line": one.judged.item.line,
                "done": one.done,
                "reason": one.why,
            }
            for one in found
        ],
    }


def _diff(plan: Plan, found: Sequence[Change]) -> str:
    """A unified diff of one plan."""
    from planproof.plan.editing import splice_of

    after = plan.source
    splices = [splice_of(plan.source, one.judged.item, done=one.done) for one in found]
    for splice in sorted((one for one in splices if one is not None), reverse=True):
        after = after[: splice.start] + splice.new + after[splice.end :]
    before, new = (
        data.decode("utf-8", errors="replace").splitlines(keepends=True) for data in (plan.source, after)
    )
    return "".join(difflib.unified_diff(before, new, plan.path, plan.path, n=0))


def _tell(found: Sequence[Change]) -> None:
    for one in found:
        word = "ticked" if one.done else "unticked"
        why = "" if one.done else f": {one.why}"
        click.echo(f"{one.judged.path}:{one.judged.item.line}: {word} {one.judged.item.local}{why}")
    if not found:
        click.echo(NOTHING)
