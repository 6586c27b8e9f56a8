"""``planproof graph``: the task graph as text, JSON, DOT, Mermaid or SVG."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click


if TYPE_CHECKING:
    from collections.abc import Iterable

FORMATS = ("text", "json", "dot", "mermaid", "svg")


@click.command("graph")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--output-format", type=click.Choice(FORMATS), default="text", help="How to write it.")
def command(paths: tuple[Path, ...], output_format: str) -> int:
    """Show who waits for whom: every task, every edge with where it was said, circles with their lines.

    PATHS are plan files and directories; without any the plans of the configuration are read. Exits 1
    where tasks wait for each other in a circle.
    """
    from planproof.config import find_workspace
    from planproof.interfaces.rendering import graphs
    from planproof.interfaces.rendering.json_stream import echo
    from planproof.interfaces.rendering.paint import for_stream
    from planproof.plan.graph import Graph
    from planproof.plan.reading import read_plans

    workspace = find_workspace(Path.cwd())
    plans = read_plans(
        paths or tuple(workspace.root / name for name in workspace.config.plans), workspace.root
    )
    graph = Graph.of(plans)
    names = graphs.paths_of(plans)
    if output_format == "json":
        echo(graphs.document(graph, names))
        return 1 if graph.cycles() else 0
    lines: Iterable[str]
    if output_format == "svg":
        from planproof.interfaces.rendering.graph_svg import svg

        lines = svg(graph, names, plans[0].title if len(plans) == 1 else f"{len(plans)} plans")
    elif output_format == "text":
        lines = graphs.outline(graph, names, for_stream())
    else:
        lines = {"dot": graphs.dot, "mermaid": graphs.mermaid}[output_format](graph, names)
    for line in lines:
        click.echo(line)
    return 1 if graph.cycles() else 0
