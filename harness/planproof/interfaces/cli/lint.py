"""``planproof lint``: contradictions and defects in plans."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click


if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from planproof.plan.lint import Finding, Report
    from planproof.plan.lint.rules.proof import BoundCheck
    from planproof.plan.model import Plan
    from planproof.proof.session import Session

FORMATS = ("full", "concise", "json", "json-lines", "github", "gitlab", "sarif", "junit", "markdown")
PASSES = 10


@click.command("lint")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--select", multiple=True, metavar="CODES", help="Codes, beginnings of codes, or ALL; commas part them."
)
@click.option(
    "--ignore", multiple=True, metavar="CODES", help="Codes or beginnings of codes that do not run."
)
@click.option("--fix", is_flag=True, help="Make the fixes that are safe, in place.")
@click.option(
    "--output-format", type=click.Choice(FORMATS), default="full", help="How to write the findings."
)
@click.option("--baseline", type=click.Path(path_type=Path), help="Findings in this file do not count.")
@click.option("--write-baseline", type=click.Path(path_type=Path), help="Write all findings to this file.")
@click.option("--exit-zero", is_flag=True, help="Exit 0 even with findings.")
def command(
    paths: tuple[Path, ...],
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    output_format: str,
    baseline: Path | None,
    write_baseline: Path | None,
    *,
    fix: bool,
    exit_zero: bool,
) -> int:
    """Find contradictions and defects in plans; says on which lines each rests.

    PATHS are plan files and directories; without any the plans of the configuration are read. Exits 1
    where there is an error or a warning, 0 where there is none. Rules of the family PP6, which need the
    bindings and the evidence, run when they are selected.
    """
    from planproof.config import find_workspace
    from planproof.plan.lint.baseline import read_baseline, without_known
    from planproof.plan.lint.baseline import write_baseline as write

    workspace = find_workspace(Path.cwd())
    chosen = paths or tuple(workspace.root / name for name in workspace.config.plans)
    codes = _codes(select), _codes(ignore)
    fixed = _fix(chosen, workspace.root, *codes) if fix else 0
    plans, report = _run(chosen, workspace.root, *codes)
    found = list(report.findings)
    if any(code.startswith("PP6") for code in codes[0]):
        found += _about_proof(paths, *codes)
    if write_baseline is not None:
        write(write_baseline, found)
        click.echo(f"{len(found)} findings written to {write_baseline}", err=True)
        return 0
    findings = found if baseline is None else without_known(found, read_baseline(baseline))
    hidden = {
        "fixed": fixed,
        "suppressed": len(report.suppressed),
        "in the baseline": len(found) - len(findings),
    }
    _write(output_format, findings, plans, hidden)
    counts = any(finding.level != "info" for finding in findings)
    return 1 if counts and not exit_zero else 0


def _codes(given: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(code.strip() for one in given for code in one.split(",") if code.strip())


def _run(
    paths: Sequence[Path], root: Path, select: Sequence[str], ignore: Sequence[str]
) -> tuple[tuple[Plan, ...], Report]:
    from planproof.plan.lint import lint
    from planproof.plan.reading import read_plans

    plans = read_plans(paths, root)
    return plans, lint(plans, select=select, ignore=ignore, exists=lambda path: _inside(root, path))


def _about_proof(paths: tuple[Path, ...], select: Sequence[str], ignore: Sequence[str]) -> list[Finding]:
    """What is wrong between claims and the checks that are bound to them; runs nothing."""
    from planproof.interfaces.cli.verify import open_session
    from planproof.plan.lint.engine import choose
    from planproof.plan.lint.rules.proof import RULES, proof_findings

    chosen = choose(
        RULES,
        [code for code in select if code.startswith("PP6")],
        [code for code in ignore if code.startswith("PP6")],
    )
    session = open_session(paths, {})
    return proof_findings(session.plans, _bound(session), rules=chosen)


def _bound(session: Session) -> Iterator[BoundCheck]:
    """Every binding of the plans with what is known of its check."""
    from planproof.plan.lint.rules.proof import BoundCheck
    from planproof.proof.model import ControlOutcome, Outcome
    from planproof.proof.verdict import State

    judge = session.judge()
    for item in (item for plan in session.plans for item in plan.items):
        for view in judge.own(item)[2]:
            found, binding = view.evidence, view.binding
            survived = found and any(one.outcome is ControlOutcome.SURVIVED for one in found.controls)
            yield BoundCheck(
                item.id,
                binding.check.name or binding.check.target,
                binding.path,
                max(1, binding.line),
                0 if found and found.outcome is Outcome.NOTHING else None,
                False if survived else None,
                view.reason if view.state is State.STALE else "",
            )


def _inside(root: Path, path: str) -> bool:
    """Whether a path that a plan names is there, without leaving the workspace."""
    try:
        whole = root / path
        if ".." not in path and not os.path.lexists(whole):  # to resolve a path takes far longer
            return False
        whole = whole.resolve()
        return whole.is_relative_to(root.resolve()) and whole.exists()
    except (OSError, ValueError):
        return False


def _fix(paths: Sequence[Path], root: Path, select: Sequence[str], ignore: Sequence[str]) -> int:
    """Make fixes until none is left; returns how many were made."""
    from planproof.errors import EditError
    from planproof.plan.lint.fixing import apply_fixes

    made = 0
    for _ in range(PASSES):
        plans, report = _run(paths, root, select, ignore)
        done = 0
        for plan in plans:
            mine = [finding for finding in report.findings if finding.path == plan.path]
            data, fixed = apply_fixes(plan.source, mine, plan.path)
            if not fixed:
                continue
            file = (root / plan.path).resolve()
            if file.read_bytes() != plan.source:
                raise EditError("the file changed while it was linted; nothing was written", path=plan.path)
            _replace(file, data)
            done += len(fixed)
        made += done
        if not done:
            break
    return made


def _replace(file: Path, data: bytes) -> None:
    """Write a file so that a kill leaves it old or new, never half."""
    partial = file.with_name(f".{file.name}.{os.getpid()}.partial")
    try:
        partial.write_bytes(data)
        partial.chmod(file.stat().st_mode)
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)


def _write(
    output_format: str, findings: Sequence[Finding], plans: Sequence[Plan], hidden: dict[str, int]
) -> None:
    """Write the findings to standard output in one of the formats."""
    from planproof.interfaces.rendering import findings as people
    from planproof.interfaces.rendering import findings_data as machines
    from planproof.interfaces.rendering.json_stream import echo
    from planproof.plan.lint import RULES

    if output_format == "json":
        echo(machines.document(findings, hidden["suppressed"], hidden["in the baseline"]))
    elif output_format == "sarif":
        click.echo(machines.sarif(findings, RULES))
    elif output_format == "gitlab":
        click.echo(machines.gitlab(findings))
    elif output_format == "full":
        _write_full(findings, plans)
        click.echo(people.summary(findings, len(plans), hidden))
    else:
        paths = [plan.path for plan in plans]
        lines = {
            "concise": lambda: people.concise(findings),
            "markdown": lambda: people.markdown(findings),
            "json-lines": lambda: machines.json_lines(findings),
            "github": lambda: machines.github(findings),
            "junit": lambda: machines.junit(findings, paths),
        }[output_format]()
        for line in lines:
            click.echo(line)
        if output_format == "concise":
            click.echo(people.summary(findings, len(plans), hidden), err=True)


def _write_full(findings: Sequence[Finding], plans: Sequence[Plan]) -> None:
    from planproof.interfaces.rendering.findings import full
    from planproof.interfaces.rendering.paint import for_stream
    from planproof.plan.graph import Graph
    from planproof.plan.lint.view import PlanView

    shown = {finding.path for finding in findings} | {place.path for one in findings for place in one.related}
    nothing = Graph.of(())
    lines = {plan.path: PlanView(plan, nothing).line for plan in plans if plan.path in shown}
    for line in full(findings, lines, for_stream()):
        click.echo(line)
