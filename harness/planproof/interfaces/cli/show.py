"""``planproof show``: what plans claim, every item with its line."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("show")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--output-format", type=click.Choice(["text", "json"]), default="text", help="How to write it.")
@click.option("--all", "every", is_flag=True, help="In text also notes and details that claim nothing.")
def command(paths: tuple[Path, ...], output_format: str, *, every: bool) -> int:
    """Show what plans claim: every item with its line, every edge, and what was not understood.

    PATHS are plan files and directories; without any the plans of the configuration are shown.
    """
    from planproof.config import find_workspace
    from planproof.interfaces.rendering import plans as rendering
    from planproof.interfaces.rendering.json_stream import echo
    from planproof.interfaces.rendering.paint import for_stream
    from planproof.plan.reading import read_plans

    workspace = find_workspace(Path.cwd())
    chosen = paths or tuple(workspace.root / name for name in workspace.config.plans)
    plans = read_plans(chosen, workspace.root)
    if output_format == "json":
        echo(rendering.document(plans))
        return 0
    colour = for_stream().on
    for line, style in rendering.text(plans, every=every):
        click.echo(_styled(line, style) if colour and style else line)
    return 0


def _styled(line: str, style: str) -> str:
    return click.style(line, bold=True) if style == "bold" else click.style(line, fg=style)
