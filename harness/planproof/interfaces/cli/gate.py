"""``planproof gate``: hold or do not hold, by what is recorded; runs nothing."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click


if TYPE_CHECKING:
    from planproof.proof.session import Session


@click.command(name="gate")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--output-format",
    type=click.Choice(["text", "json", "github"]),
    default="text",
    help="How to print.",
    show_default=True,
)
@click.option("--since", metavar="REV", help="Only claims that were made or touched since this revision.")
@click.option(
    "--backend", "backends", multiple=True, metavar="NAME", help="Demand this backend; 'all' for every one."
)
@click.option("--inferred", is_flag=True, help="Inferred bindings count.")
@click.option("--emulated", is_flag=True, help="Emulated stores count.")
@click.option(
    "--self-test", is_flag=True, help="Plant false ticks in a copy; exit 0 where the gate refuses each."
)
@click.option("--exit-zero", is_flag=True, help="Exit 0 whatever the gate says.")
def command(
    paths: tuple[Path, ...],
    output_format: str,
    since: str | None,
    backends: tuple[str, ...],
    *,
    inferred: bool,
    emulated: bool,
    self_test: bool,
    exit_zero: bool,
) -> int:
    """Say whether the claims of PATHS hold, by the evidence that is recorded and fresh.

    Nothing is run: what was never checked, or is stale, does not hold; ``planproof verify`` runs what is due.
    Exits 0 holds, 1 does not hold, 3 could not be verified here.
    """
    from planproof.proof import session as steps

    from .verify import open_session

    asked: dict[str, Any] = steps.demand_backends(backends)
    asked.update({key: True for key, said in (("inferred", inferred), ("emulated", emulated)) if said})
    session = open_session(paths, asked)
    if self_test:
        return _self_test(session, output_format)
    only = None
    if since is not None:
        from planproof.proof.since import touched

        only = touched(session, since)
    judged = steps.judged(session)
    result = steps.gate(session, judged, today(), only)
    from planproof.interfaces.rendering import gate as rendering

    if output_format == "json":
        document = rendering.document(judged, result, since=since, only=only)
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
    elif output_format == "github":
        for line in rendering.github_lines(result):
            click.echo(line)
    else:
        from planproof.interfaces.rendering.paint import for_stream

        paint = for_stream()
        for line in rendering.lines(judged, result, paint):
            click.echo(line, color=paint.on)
    return 0 if exit_zero else result.exit_code


def today() -> dt.date:
    """The day on which waivers are looked at."""
    return dt.datetime.now(tz=dt.UTC).date()


def _self_test(session: Session, output_format: str) -> int:
    """Plant false ticks; 0 where the gate refuses every one."""
    from planproof.proof.canary import sing

    songs = sing(session, today())
    caught = sum(one.refused for one in songs)
    holds = bool(songs) and caught == len(songs)
    if output_format == "json":
        planted = [{"what": one.what, "item": one.item, "refused": one.refused} for one in songs]
        click.echo(json.dumps({"schema": 1, "self_test": {"holds": holds, "planted": planted}}, indent=2))
    else:
        for one in songs:
            click.echo(f"{'refused' if one.refused else 'LET THROUGH'}: {one.what} ({one.item})")
        click.echo(f"self-test: the gate refuses {caught} of {len(songs)} planted untruths")
    return 0 if holds else 1
