"""The command group: finds a command's file only when it is called, and turns errors into one sentence."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from planproof import __version__
from planproof.errors import PlanproofError


if TYPE_CHECKING:
    from collections.abc import Sequence


INTERNAL = 2
INTERRUPTED = 130

# name -> (module below this package, one line of help); the module holds the click command ``command``.
COMMANDS: dict[str, tuple[str, str]] = {
    "show": ("show", "What plans claim: every item with its line."),
    "graph": ("graph", "The task graph as JSON, DOT, Mermaid or SVG."),
    "next": ("next_", "What is ready now, in waves that share no file."),
    "diff": ("diff", "Which claims and edges changed since a revision."),
    "lint": ("lint", "Contradictions and defects in plans."),
    "rule": ("rule", "What a lint rule means, with a good and a bad example."),
    "verify": ("verify", "Run the checks that are due and judge every claim."),
    "gate": ("gate", "Hold or do not hold: the policy over the verdicts."),
    "explain": ("explain", "Why an item has its verdict, and what would change it."),
    "bind": ("bind", "Propose checks for items that have none."),
    "tick": ("tick", "Tick and untick boxes from evidence."),
    "report": ("report", "Regenerate the task report."),
    "merge": ("merge", "Merge receipts of several machines."),
    "backends": ("backends", "Which stores can be had here, and how to get the others."),
    "race": ("race", "Run, replay and check races."),
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - the signature is click's
        """Names in the order in which people meet them."""
        return list(COMMANDS)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002 - the signature is click's
        cmd_name: str,
    ) -> click.Command | None:
        """The command of that name, imported now; None where there is none."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"planproof.interfaces.cli.{COMMANDS[cmd_name][0]}")
        command: click.Command = module.command
        return command

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002 - the signature is click's
        formatter: click.HelpFormatter,
    ) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    no_args_is_help=False,
    invoke_without_command=True,
)
@click.version_option(__version__, prog_name="planproof", message="%(prog)s %(version)s")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Reads the plans people write in Markdown and says of every claim whether it is proved.

    Exit codes: 0 holds, 1 does not hold, 2 usage or configuration, 3 could not be verified here,
    130 interrupted, 143 ended by SIGTERM.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
        ctx.exit(2)


def run(argv: Sequence[str]) -> int:  # noqa: PLR0911 - one return for each way to end
    """Run one command line and return its exit code; no traceback reaches the user.

    Commands return their exit code (None means 0) or raise :class:`PlanproofError`.
    """
    try:
        code: Any = cli.main(args=list(argv), prog_name="planproof", standalone_mode=False)
    except PlanproofError as error:
        click.echo(f"planproof: {error} [{error.code}]", err=True)
        return error.exit_code
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        error.show()
        return 2
    except (KeyboardInterrupt, click.Abort):
        click.echo("planproof: interrupted; nothing that was recorded is lost", err=True)
        return INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()
        return INTERRUPTED
    except Exception as error:
        if os.environ.get("PLANPROOF_DEBUG"):
            raise
        click.echo(f"planproof: {_bug(error)} [internal]", err=True)
        return INTERNAL
    return int(code or 0)


def _bug(error: Exception) -> str:
    """One sentence about an error that is ours: what it was, where it came from, how to see more."""
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    place = f" in {Path(last.tb_frame.f_code.co_filename).name}:{last.tb_lineno}" if last else ""
    said = " ".join(str(error).split())[:200]
    return f"this is a bug of planproof: {type(error).__name__}{place}: {said} (PLANPROOF_DEBUG=1 shows more)"
