"""``planproof backends``: which stores can be had here, how, and what is missing for the others."""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import TYPE_CHECKING

import click


if TYPE_CHECKING:
    from types import FrameType

    from planproof.backends.model import Backend


STARTABLE = ("postgres", "dynamodb")


@click.command("backends")
@click.option(
    "--output-format",
    type=click.Choice(["text", "json"]),
    default="text",
    help="Form of the output; JSON follows schemas/backends.schema.json.",
)
@click.option(
    "--start",
    type=click.Choice(STARTABLE),
    help="Start this store, print its address, and keep it until Ctrl-C.",
)
def command(output_format: str, start: str | None) -> int:
    """Which stores can be had here, and how to get the others.

    Looks at each way in its order - an address in the environment, a container, a program of this machine -
    and starts nothing, unless --start asks for it.
    """
    if start is not None:
        return _start(start, output_format)
    from planproof.backends.doctor import examine
    from planproof.interfaces.rendering import backends as rendering

    diagnoses = examine(os.environ)
    if output_format == "json":
        click.echo(json.dumps(rendering.as_json(diagnoses), indent=2))
    else:
        rendering.show(diagnoses)
    return 0


def _start(kind: str, output_format: str) -> int:
    from planproof.backends import acquire
    from planproof.interfaces.rendering.backends import address

    stopping = {"asked": False}

    def stop(_signum: int, _frame: FrameType | None) -> None:
        stopping["asked"] = True
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    try:
        with acquire(kind) as backend:
            _announce(backend, address(backend), output_format)
            while not stopping["asked"]:
                signal.pause()
    except KeyboardInterrupt:
        click.echo(f"planproof: {kind} is stopped", err=True)
    finally:
        signal.signal(signal.SIGTERM, before)
        signal.signal(signal.SIGINT, signal.default_int_handler)
    return 0


def _announce(backend: Backend, url: str, output_format: str) -> None:
    if output_format == "json":
        started = {
            "kind": str(backend.kind),
            "url": url,
            "version": backend.version,
            "source": backend.source,
        }
        click.echo(json.dumps({"schema": 1, "started": started}))
    else:
        click.echo(url)
    click.echo(
        f"planproof: {backend.kind} {backend.version} by {backend.source}; "
        f"export PLANPROOF_{backend.kind.upper()}_URL to use it; Ctrl-C stops it",
        err=True,
    )
    sys.stdout.flush()
