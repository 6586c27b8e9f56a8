"""``planproof race``: run a workload, replay a failure, check recorded histories."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click


if TYPE_CHECKING:
    from planproof.race.result import RaceResult


EXIT_CODES = {"passed": 0, "failed": 1, "inconclusive": 3}

# name -> (module, attribute, one line of help)
_COMMANDS = {
    "run": ("planproof.interfaces.cli.race", "run_command", "Run a workload on a store."),
    "replay": ("planproof.interfaces.cli.race", "replay_command", "See a recorded failure again."),
    "check": ("planproof.interfaces.cli.race_check", "command", "Judge recorded histories."),
}


class RaceGroup(click.Group):
    """The group; a command's module is imported when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order in which people meet them."""
        del ctx
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name; None where there is none."""
        del ctx
        if cmd_name not in _COMMANDS:
            return None
        module, attribute, _ = _COMMANDS[cmd_name]
        found: click.Command = getattr(importlib.import_module(module), attribute)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, _, text) in _COMMANDS.items()])


@click.group(cls=RaceGroup)
def command() -> None:
    """Run, replay and check races: what Jepsen is for databases, for your own service."""


@click.command("run")
@click.argument("workload", metavar="MODULE:Workload")
@click.option(
    "--backend",
    type=click.Choice(["memory", "sqlite", "postgres", "dynamodb"]),
    default="memory",
    show_default=True,
    help="The store.",
)
@click.option("--schedules", type=click.IntRange(1), default=50, show_default=True, help="Executions.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of programs and orders.")
@click.option("--mode", type=click.Choice(["explore", "stress"]), default="explore", show_default=True)
@click.option(
    "--orders",
    type=click.Choice(["auto", "random", "pct", "all"]),
    default="auto",
    show_default=True,
    help="How explore chooses who moves.",
)
@click.option(
    "--engine",
    type=click.Choice(["planproof", "frontrun"]),
    default="planproof",
    show_default=True,
    help="Who runs the orders.",
)
@click.option("--clients", type=click.IntRange(1), default=None, help="The most clients.")
@click.option("--steps", type=click.IntRange(1), default=None, help="The most calls of a client.")
@click.option("--processes", is_flag=True, help="Stress with a process for each client.")
@click.option("--control", "controls", multiple=True, metavar="MODULE:Workload", help="Must fail.")
@click.option("--placebo", metavar="MODULE:Workload", help="Must pass.")
@click.option("--no-shrink", is_flag=True, help="Tell of a failure as it was found.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(".planproof/races"),
    show_default=True,
    help="Where failures go.",
)
@click.option("--output-format", type=click.Choice(["text", "json"]), default="text", show_default=True)
def run_command(workload: str, backend: str, output_format: str, **given: Any) -> int:
    """Run a workload and say passed (0), failed (1) or inconclusive (3).

    WORKLOAD is module:Class or path/to/file.py:Class.
    """
    from planproof.backends import acquire
    from planproof.backends.model import BackendKind
    from planproof.race.run import run
    from planproof.race.workload import load_workload

    _here_on_path()
    kind = load_workload(workload)
    shrink = not given.pop("no_shrink")
    with acquire(BackendKind(backend)) as store:
        result = run(kind, backend=store, shrink=shrink, progress=_progress(), **given)
    _show(result, output_format)
    return EXIT_CODES[result.outcome]


@click.command("replay")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--backend",
    type=click.Choice(["memory", "sqlite", "postgres", "dynamodb"]),
    default=None,
    help="Another store than the one on which it failed.",
)
@click.option("--output-format", type=click.Choice(["text", "json"]), default="text", show_default=True)
def replay_command(file: Path, backend: str | None, output_format: str) -> int:
    """Run the schedule of a recorded failure: exit 1 if it fails again, 0 if it does not.

    FILE is the test that ``planproof race run`` wrote.
    """
    from planproof.race.replay import replay

    _here_on_path()
    result = replay(file, backend=backend)
    _show(result, output_format)
    return EXIT_CODES[result.outcome]


def _here_on_path() -> None:
    """``module:Class`` is looked for from the current folder, as ``python -m`` does."""
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))


def _progress() -> Any:
    if not sys.stderr.isatty():
        return None

    def tell(number: int) -> None:
        click.echo(f"\rschedule {number} ", nl=False, err=True)

    return tell


def _show(result: RaceResult, output_format: str) -> None:
    from planproof.race.report import result_json, result_text

    if sys.stderr.isatty():
        click.echo("\r" + " " * 30 + "\r", nl=False, err=True)
    if output_format == "json":
        click.echo(json.dumps(result_json(result), indent=2, default=str))
    else:
        click.echo(result_text(result))
