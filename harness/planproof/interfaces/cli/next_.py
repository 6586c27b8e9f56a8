"""``planproof next``: what can be worked on now, and in which order the rest follows."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("next")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--output-format", type=click.Choice(["text", "json"]), default="text", help="How to write it.")
@click.option(
    "--limit", type=click.IntRange(min=1), default=12, show_default=True, help="Rows of each list in text."
)
def command(paths: tuple[Path, ...], output_format: str, limit: int) -> int:
    """Show what is ready, the waves that share no file, the critical path, and what each task unblocks.

    PATHS are plan files and directories; without any the plans of the configuration are read.
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
        echo(graphs.next_document(graph, names))
        return 0
    for line in graphs.next_text(graph, names, for_stream(), limit):
        click.echo(line)
    return 0
