"""``planproof race check``: is a recorded history linearizable?"""

from __future__ import annotations

import json
import sys
import textwrap
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from planproof.errors import ConfigError, PlanproofError
from planproof.race.checker.verdict import Verdict
from planproof.race.models.base import Model


if TYPE_CHECKING:
    from planproof.race.history import History


FORMATS = ("porcupine-etcd", "porcupine-kv", "knossos", "jepsen", "jsonl")
MODELS = ("register", "cas-register", "kv", "set", "counter", "queue", "lock", "sessions", "token-bucket")
MEGABYTE = 1 << 20


@click.command("check")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
@click.option(
    "--model",
    "model_name",
    metavar="NAME",
    help=f"{', '.join(MODELS)}, or MODULE:Workload for a workload's own; by file or format unless given.",
)
@click.option("--format", "form", type=click.Choice(FORMATS), help="Told from the file unless given.")
@click.option("--output-format", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--page", type=click.Path(path_type=Path), help="Write the failure page here (HTML).")
@click.option(
    "--limit", type=click.IntRange(min=1), help="Sessions a user may hold (sessions); 5 unless told."
)
@click.option("--time-limit", type=click.FloatRange(min=0), default=60.0, help="Seconds a file may take.")
@click.option("--memory-limit", type=click.IntRange(min=1), default=1024, help="Megabytes a file may take.")
def command(
    files: tuple[Path, ...],
    model_name: str | None,
    form: str | None,
    output_format: str,
    page: Path | None,
    limit: int | None,
    time_limit: float,
    memory_limit: int,
) -> int:
    """Judge recorded histories.

    Exit codes: 0 all are linearizable, 1 one is not, 2 none is wrong but one cannot be read, 3 none is wrong
    but one could not be decided.
    """
    named = None if model_name is None else _named(model_name, limit)
    results: list[tuple[Path, History | None, Verdict]] = []
    unread = False
    for file in files:
        try:
            history, model = _read(file, form, named, limit)
            verdict = _judged(history, model, time_limit, memory_limit)
        except PlanproofError as error:
            click.echo(f"planproof: {error} [{error.code}]", err=True)
            unread = True
            results.append((file, None, Verdict(None, str(error), 0, 0.0)))
            continue
        results.append((file, history, verdict))
        if output_format == "text":
            _print(file, history, verdict)
    if output_format == "json":
        rows = [verdict.as_json(str(file)) for file, _, verdict in results]
        click.echo(json.dumps({"schema": 1, "results": rows}, indent=2))
    if page is not None:
        _write_page(page, results)
    answers = [verdict.linearizable for _, _, verdict in results]
    return 1 if False in answers else 2 if unread else 3 if None in answers else 0


def _judged(history: History, model: Model, time_limit: float, memory_limit: int) -> Verdict:
    from planproof.race.checker import check

    verdict = check(history, model, time_limit=time_limit, memory_limit=memory_limit * MEGABYTE)
    if not history.operations and verdict.linearizable is not False:
        where = f" before it breaks off in line {history.cut}" if history.cut is not None else ""
        reason = f"there is no operation in it{where}, so nothing was checked"
        return replace(verdict, linearizable=None, reason=reason)
    return verdict


def _read(file: Path, form: str | None, named: Model | None, limit: int | None) -> tuple[History, Model]:
    """A file and the model to judge it by: the one that was named, the file's own, or the format's own."""
    from planproof.race.models import MODELS as KNOWN
    from planproof.race.models import model_of
    from planproof.race.readers import DEFAULT_MODELS, guess_format, read_history

    known = form or (guess_format(file) if file.is_file() else "jsonl")
    if known is None:
        raise ConfigError(
            f"cannot tell the format of this file; name it: --format {'|'.join(FORMATS)}", path=str(file)
        )
    history = read_history(file, known)
    if named is not None:
        return history, _by_key(history, named)
    model = model_of(history.meta, history.path)
    if model is not None:
        return history, _named("sessions", limit) if limit and history.meta["model"] == "sessions" else model
    if known in DEFAULT_MODELS:
        return history, _by_key(history, KNOWN[DEFAULT_MODELS[known]]())
    if history.cut is not None and not history.operations:
        return history, Model()  # nothing will be asked of it
    raise ConfigError(_nameless(history), path=history.path)


def _by_key(history: History, model: Model) -> Model:
    """The model under each key, where the history has keys and the model has none."""
    from planproof.race.models import Keyed, KeyValue

    return Keyed(model) if history.meta.get("keyed") and not isinstance(model, KeyValue) else model


def _nameless(history: History) -> str:
    workload = history.meta.get("workload")
    if isinstance(workload, str) and workload:
        return f"names no model; if its workload has one of its own, name that: --model {workload}"
    return f"does not say which model it follows; name it: --model {'|'.join(MODELS)}"


def _named(name: str, limit: int | None) -> Model:
    """A model by its name, or by the workload that has it."""
    from planproof.race.models import MODELS as KNOWN
    from planproof.race.models import BoundedSessions

    if name in KNOWN:
        return BoundedSessions(limit or 5) if name == "sessions" else KNOWN[name]()
    if ":" not in name:
        raise ConfigError(f"there is no model {name!r}; known are {', '.join(KNOWN)}, and MODULE:Workload")
    from planproof.race.workload import load_workload

    if str(Path.cwd()) not in sys.path:  # as ``python -m`` does
        sys.path.insert(0, str(Path.cwd()))
    model = load_workload(name).model
    if not isinstance(model, Model):
        raise ConfigError(f"the workload {name} has no model")
    return model


def _print(file: Path, history: History, verdict: Verdict) -> None:
    sign = {True: "✓", False: "✗", None: "?"}[verdict.linearizable]
    word = {True: "linearizable", False: "NOT LINEARIZABLE", None: "INCONCLUSIVE"}[verdict.linearizable]
    click.echo(f"{sign} {file}  {word}  {verdict.operations} operations, {verdict.seconds:.3f} s")
    if verdict.linearizable is None:
        click.echo(textwrap.fill(verdict.reason, 78, initial_indent="  ", subsequent_indent="  "))
    elif not verdict.linearizable:
        from planproof.race.page import text_of

        click.echo(text_of(history, verdict))


def _write_page(page: Path, results: list[tuple[Path, History | None, Verdict]]) -> None:
    from planproof.race.page import html_of

    for _, history, verdict in results:
        if history is not None and verdict.linearizable is False:
            page.write_text(html_of(history, verdict), encoding="utf-8")
            return
    click.echo("no page was written: no history was found wrong", err=True)
