"""``planproof explain``: why an item has its verdict, and what would change it."""

from __future__ import annotations

import json
import time
from pathlib import Path

import click


@click.command(name="explain")
@click.argument("item")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--output-format",
    type=click.Choice(["text", "json"]),
    default="text",
    help="How to print.",
    show_default=True,
)
@click.option(
    "--backend", "backends", multiple=True, metavar="NAME", help="Demand this backend; 'all' for every one."
)
def command(item: str, paths: tuple[Path, ...], output_format: str, backends: tuple[str, ...]) -> int:
    """Say why ITEM has its verdict: who bound what to it, what was found, what it rests on.

    ITEM is PLAN:LOCAL, or LOCAL where only one plan has it. Nothing is run.
    """
    from planproof.interfaces.rendering import explanation
    from planproof.proof import session as steps
    from planproof.proof.binding.table import Names

    from .verify import open_session

    session = open_session(paths, steps.demand_backends(backends))
    name = Names(session.plans).find(item, plan=None)
    judged = steps.judged(session)
    one = next(each for each in judged if each.item.id == name)
    children = [each for each in judged if each.item.parent == name]
    if output_format == "json":
        click.echo(json.dumps(explanation.document(one, children), indent=2, ensure_ascii=False))
        return 0
    from planproof.interfaces.rendering.paint import for_stream

    plan = next(each for each in session.plans if each.id == one.plan)
    paint = for_stream()
    for line in explanation.lines(one, children, plan, now=time.time(), paint=paint):
        click.echo(line, color=paint.on)
    return 0
