"""``planproof verify``: run the checks that are due and judge every claim."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click


if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from types import FrameType

    from planproof.proof.gate import GateResult
    from planproof.proof.session import Session
    from planproof.proof.verdict import Judged

# What a shell says of a process that SIGTERM ended.
TERMINATED: Final = 128 + 15


@click.command(name="verify")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--output-format",
    type=click.Choice(["text", "json"]),
    default="text",
    help="How to print.",
    show_default=True,
)
@click.option(
    "--backend", "backends", multiple=True, metavar="NAME", help="Demand this backend; 'all' for every one."
)
@click.option("--no-run", is_flag=True, help="Run nothing; judge by what is recorded.")
@click.option("--force", is_flag=True, help="Run every check, fresh or not.")
@click.option("--shard", metavar="I/N", help="Run only this share of the due checks; judge when merged.")
@click.option("--receipt", type=click.Path(path_type=Path), help="Write the run's receipt to this file.")
@click.option("--exit-zero", is_flag=True, help="Exit 0 whatever the gate says.")
def command(
    paths: tuple[Path, ...],
    output_format: str,
    backends: tuple[str, ...],
    *,
    no_run: bool,
    force: bool,
    shard: str | None,
    receipt: Path | None,
    exit_zero: bool,
) -> int:
    """Run the checks that are due and judge every claim of PATHS (default: the configured plans).

    Exits as the gate says: 0 holds, 1 does not hold, 3 could not be verified here; 143 where it was ended
    by SIGTERM. With --shard only what this shard ran is judged: 1 where one of its checks failed.
    """
    from planproof.proof import session as steps

    with _ended_by_sigterm() as ended:
        try:
            session = open_session(paths, steps.demand_backends(backends))
            if not no_run:
                _run(session, force=force, shard=shard)
            return _judge(session, receipt, output_format, shard=shard, exit_zero=exit_zero)
        except KeyboardInterrupt:
            if not ended():
                raise
            click.echo("planproof: terminated; nothing that was recorded is lost", err=True)
            return TERMINATED


@contextlib.contextmanager
def _ended_by_sigterm() -> Iterator[Callable[[], bool]]:
    """Take SIGTERM as Ctrl-C, so that children end and the store stays whole; gives whether it came.

    Only the first one counts: what is done because of it is not to be cut short.
    """
    came: list[int] = []

    def end(number: int, _frame: FrameType | None) -> None:
        if not came:
            came.append(number)
            raise KeyboardInterrupt

    before = signal.getsignal(signal.SIGTERM)
    heard = threading.current_thread() is threading.main_thread() and before is signal.SIG_DFL
    if heard:
        signal.signal(signal.SIGTERM, end)
    try:
        yield lambda: bool(came)
    finally:
        if heard:
            signal.signal(signal.SIGTERM, before)


def _run(session: Session, *, force: bool, shard: str | None) -> None:
    """Run the checks that are due, or those of one shard."""
    from planproof.proof import session as steps

    checks = steps.all_checks(session) if force else steps.due(session)
    if shard is not None:
        checks = steps.share(session, checks, shard)
    with progress(len(checks)) as tell:
        steps.run_due(session, checks, progress=tell)


def _judge(
    session: Session, receipt: Path | None, output_format: str, *, shard: str | None, exit_zero: bool
) -> int:
    """Write the receipt, judge every claim, print, and say how to exit."""
    from planproof.proof import session as steps

    if receipt is not None or session.report.ran:
        steps.write_receipt(session, receipt)
    judged = steps.judged(session)
    gate = steps.gate(session, judged, dt.datetime.now(tz=dt.UTC).date())
    if output_format == "json":
        from planproof.interfaces.rendering import verdicts_json

        document = verdicts_json.verify_document(judged, session.report, gate)
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        _print(session, judged, gate)
    if shard is not None:
        return _shard_exit(session, exit_zero=exit_zero)
    return 0 if exit_zero else gate.exit_code


def _shard_exit(session: Session, *, exit_zero: bool) -> int:
    """A shard cannot say whether the gate holds: 1 where a check of its own failed, else 0."""
    from planproof.proof.model import Outcome

    failed = any(session.evidence[key].outcome is Outcome.FAILED for key in session.report.ran)
    click.echo("one shard of several: planproof merge, then planproof gate, judge them together", err=True)
    return int(failed and not exit_zero)


def _print(session: Session, judged: Sequence[Judged], gate: GateResult) -> None:
    from planproof.interfaces.rendering import verdicts
    from planproof.interfaces.rendering.paint import for_stream

    paint = for_stream()
    by_plan: dict[str, list[Judged]] = {}
    for one in judged:
        by_plan.setdefault(one.plan, []).append(one)
    for plan in session.plans:
        for line in verdicts.plan_lines(plan, by_plan.get(plan.id, []), paint):
            click.echo(line, color=paint.on)
    for line in verdicts.summary_lines(judged, session.report, gate, paint):
        click.echo(line, color=paint.on)


def open_session(paths: Sequence[Path], asked: Mapping[str, Any]) -> Session:
    """Find the workspace around the working folder, or around the first path outside it, and read it.

    Args:
        paths: plan files and folders.
        asked: the part of the gate's policy that the command line asks for.
    """
    from planproof.config import find_workspace
    from planproof.proof import session as steps

    workspace = find_workspace(Path.cwd())
    outside = [path for path in paths if path.exists() and not path.resolve().is_relative_to(workspace.root)]
    if outside:
        first = outside[0].resolve()
        workspace = find_workspace(first if first.is_dir() else first.parent)
    return steps.open_session(workspace, paths, asked)


@contextlib.contextmanager
def progress(total: int) -> Iterator[Callable[[str], None]]:
    """Show on stderr what was done last, where stderr is a terminal; silent elsewhere."""
    if not sys.stderr.isatty() or not total:
        yield lambda _message: None
        return
    from rich.console import Console

    console = Console(stderr=True)
    with console.status(f"{total} checks due") as status:
        yield lambda message: status.update(f"{total} checks due · {message[-60:]}")
