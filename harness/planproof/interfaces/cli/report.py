"""``planproof report``: regenerate the task report from what is recorded; runs nothing."""

from __future__ import annotations

import difflib
import os
import tempfile
from pathlib import Path

import click

from planproof.errors import InputError


@click.command(name="report")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="File that holds the report's block.")
@click.option("--template", type=click.Path(path_type=Path), help="A Jinja2 template of your own.")
@click.option(
    "--check", is_flag=True, help="Write nothing; exit 1 where the file would change, and show how."
)
def command(paths: tuple[Path, ...], output: Path | None, template: Path | None, *, check: bool) -> int:
    """Write the report of PATHS (default: the configured plans) by the evidence that is recorded.

    Only the report's own block in the file is replaced. A block that was edited by hand is refused.
    """
    from planproof.interfaces.rendering import report as rendering
    from planproof.proof import session as steps

    from .gate import today
    from .verify import open_session

    if check and output is None:
        raise click.UsageError("--check needs --output: which file is to be checked?")
    session = open_session(paths, {})
    judged = steps.judged(session)
    holds = steps.gate(session, judged, today()).holds
    text = rendering.render(session.plans, judged, holds=holds, template=template)
    if output is None:
        click.echo(text, nl=False)
        return 0
    before = _read(output)
    after = rendering.placed(before, text, str(output))
    if check:
        return _difference(before or "", after, str(output))
    if after != before:
        _write(output, after)
    return 0


def _read(path: Path) -> str | None:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return file.read()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot be read: {error}", path=str(path)) from None


def _write(path: Path, text: str) -> None:
    """Whole or not at all: beside the file first, then in its place."""
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode())
        temporary = Path(name)
        temporary.chmod(path.stat().st_mode & 0o777 if path.exists() else 0o644)
        temporary.replace(path)
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror or error}", path=str(path)) from None


def _difference(before: str, after: str, path: str) -> int:
    if before == after:
        return 0
    lines = difflib.unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), path, f"{path} (regenerated)"
    )
    click.echo("".join(lines), nl=False)
    return 1
