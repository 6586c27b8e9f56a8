"""``planproof race check``: is a recorded history linearizable?"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from planproof.errors import ConfigError


if TYPE_CHECKING:
    from planproof.race.checker import Verdict
    from planproof.race.history import History
    from planproof.race.models import Model


FORMATS = ("porcupine-etcd", "porcupine-kv", "knossos", "jepsen", "jsonl")
MODELS = ("register", "cas-register", "kv", "set", "counter", "queue", "lock", "sessions", "token-bucket")
MEGABYTE = 1 << 20


@click.command("check")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
@click.option("--model", "model_name", metavar="NAME", help=f"{', '.join(MODELS)}; by format unless given.")
@click.option("--format", "form", type=click.Choice(FORMATS), help="Told from the file unless given.")
@click.option("--output-format", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--page", type=click.Path(path_type=Path), help="Write the failure page here (HTML).")
@click.option("--limit", type=click.IntRange(min=1), default=5, help="Sessions a user may hold (sessions).")
@click.option("--time-limit", type=click.FloatRange(min=0), default=60.0, help="Seconds a file may take.")
@click.option("--memory-limit", type=click.IntRange(min=1), default=1024, help="Megabytes a file may take.")
def command(
    files: tuple[Path, ...],
    model_name: str | None,
    form: str | None,
    output_format: str,
    page: Path | None,
    limit: int,
    time_limit: float,
    memory_limit: int,
) -> int:
    """Judge recorded histories.

    Exit codes: 0 all are linearizable, 1 one is not, 3 none is wrong but one could not be decided, 2 a file
    cannot be read.
    """
    from planproof.race.checker import check

    results = []
    for file in files:
        history, known = _read(file, form)
        model = _model(model_name, known, history, limit)
        verdict = check(history, model, time_limit=time_limit, memory_limit=memory_limit * MEGABYTE)
        if not history.operations and verdict.linearizable:
            verdict = replace(
                verdict, linearizable=None, reason="there is no operation in it, so nothing was checked"
            )
        results.append((file, history, verdict, model))
        if output_format == "text":
            _print(file, history, verdict)
    if output_format == "json":
        rows = [verdict.as_json(str(file)) for file, _, verdict, _ in results]
        click.echo(json.dumps({"schema": 1, "results": rows}, indent=2))
    if page is not None:
        _write_page(page, results)
    answers = [verdict.linearizable for _, _, verdict, _ in results]
    return 1 if False in answers else 3 if None in answers else 0


def _read(file: Path, form: str | None) -> tuple[History, str]:
    from planproof.race.readers import guess_format, read_history

    known = form or (guess_format(file) if file.is_file() else "jsonl")
    if known is None:
        raise ConfigError(
            f"cannot tell the format of this file; name it: --format {'|'.join(FORMATS)}", path=str(file)
        )
    return read_history(file, known), known


def _model(name: str | None, form: str, history: History, limit: int) -> Model:
    from planproof.race.models import MODELS as KNOWN
    from planproof.race.models import BoundedSessions
    from planproof.race.readers import DEFAULT_MODELS

    wanted = name or history.meta.get("model") or DEFAULT_MODELS.get(form)
    if wanted is None:
        raise ConfigError(
            f"does not say which model it follows; name it: --model {'|'.join(KNOWN)}", path=history.path
        )
    if wanted not in KNOWN:
        raise ConfigError(f"there is no model {wanted!r}; known are {', '.join(KNOWN)}")
    return BoundedSessions(limit) if wanted == "sessions" else KNOWN[wanted]()


def _print(file: Path, history: History, verdict: Verdict) -> None:
    sign = {True: "✓", False: "✗", None: "?"}[verdict.linearizable]
    word = {True: "linearizable", False: "NOT LINEARIZABLE", None: "INCONCLUSIVE"}[verdict.linearizable]
    click.echo(f"{sign} {file}  {word}  {verdict.operations} operations, {verdict.seconds:.3f} s")
    if verdict.linearizable is None:
        click.echo(f"  {verdict.reason}")
    elif not verdict.linearizable:
        from planproof.race.page import text_of

        click.echo(text_of(history, verdict))


def _write_page(page: Path, results: list[tuple[Path, History, Verdict, Model]]) -> None:
    from planproof.race.page import html_of

    for _, history, verdict, _ in results:
        if verdict.linearizable is False:
            page.write_text(html_of(history, verdict), encoding="utf-8")
            return
    click.echo("no page was written: no history was found wrong", err=True)
