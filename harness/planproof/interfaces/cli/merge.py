"""``planproof merge``: bring receipts of several machines together in the evidence store."""

from __future__ import annotations

import json
from pathlib import Path

import click

from planproof.errors import InputError


@click.command(name="merge")
@click.argument("receipts", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--output", type=click.Path(path_type=Path), help="Also write one receipt that holds them all.")
@click.option("--output-format", type=click.Choice(["text", "json"]), default="text", help="How to print.")
def command(receipts: tuple[Path, ...], output: Path | None, output_format: str) -> int:
    """Merge RECEIPTS (files, or folders of them) into the evidence of this workspace.

    Their order does not matter and the same one twice changes nothing. A receipt of another commit, or one
    that was changed after it was written, is refused, and then nothing is merged.
    """
    from planproof.config import find_workspace
    from planproof.proof.evidence import receipt
    from planproof.proof.evidence.store import Store
    from planproof.proof.session import commit_of, configuration_of

    workspace = find_workspace(Path.cwd())
    commit = commit_of(workspace.root).removesuffix("+")
    read = []
    for path in _files(receipts):
        theirs, evidence = receipt.read(path)
        if theirs != commit:
            said = f"is of commit {theirs[:12] or 'none'}, and this workspace is at {commit[:12] or 'none'}"
            raise InputError(said, path=str(path))
        read.append(evidence)
    with Store(workspace.root / workspace.config.evidence) as store:
        merged = store.revise(lambda known: receipt.merge(known, read, commit))
    if output is not None:
        body = receipt.statement(merged.values(), commit=commit, configuration=configuration_of(workspace))
        receipt.write(output, body)
    outcomes: dict[str, int] = {}
    for one in merged.values():
        outcomes[one.outcome.value] = outcomes.get(one.outcome.value, 0) + 1
    if output_format == "json":
        document = {
            "schema": 1,
            "receipts": len(read),
            "checks": len(merged),
            "outcomes": outcomes,
            "commit": commit,
        }
        click.echo(json.dumps(document, indent=2))
    else:
        said = ", ".join(f"{count} {word}" for word, count in sorted(outcomes.items()))
        click.echo(
            f"{len(read)} receipts, {len(merged)} checks: {said or 'nothing'}; planproof gate judges them"
        )
    return 0


def _files(paths: tuple[Path, ...]) -> list[Path]:
    """Every receipt file that was named, or lies in a folder that was."""
    found: list[Path] = []
    for path in paths:
        found.extend(sorted(path.rglob("*.json")) if path.is_dir() else [path])
    if not found:
        raise InputError("holds no receipt", path=str(paths[0]))
    return found
