"""``planproof rule``: what a lint rule means, with a bad and a good example."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click


if TYPE_CHECKING:
    from planproof.plan.lint import Rule


@click.command("rule")
@click.argument("code", required=False)
@click.option("--output-format", type=click.Choice(["text", "json"]), default="text", help="How to write it.")
def command(code: str | None, output_format: str) -> int:
    """Explain the rule CODE (PP401, or its name), or list all rules.

    A rule with a star runs only when it is selected.
    """
    from planproof.errors import ConfigError
    from planproof.plan.lint import RULES

    if code is None:
        _list(RULES, output_format)
        return 0
    found = next((rule for rule in RULES if code.upper() == rule.code or code.lower() == rule.name), None)
    if found is None:
        raise ConfigError(f"no rule has the code {code}; planproof rule lists them")
    _explain(found, output_format)
    return 0


def _list(rules: tuple[Rule, ...], output_format: str) -> None:
    """All rules by family."""
    if output_format == "json":
        click.echo(json.dumps({"schema": 1, "rules": [_document(rule) for rule in rules]}, indent=2))
        return
    family = ""
    for rule in rules:
        if rule.family != family:
            family = rule.family
            click.echo(f"{rule.code[:3]}xx {family}")
        click.echo(f"  {rule.code}{' ' if rule.default else '*'} {rule.name:<32} {rule.level}")
    click.echo("* only when selected")


def _document(rule: Rule) -> dict[str, object]:
    return {
        "code": rule.code,
        "name": rule.name,
        "level": str(rule.level),
        "family": rule.family,
        "default": rule.default,
    }


def _explain(rule: Rule, output_format: str) -> None:
    """One rule with its page."""
    from planproof.interfaces.rendering.paint import for_stream, wrap
    from planproof.plan.lint.explanation import page

    found = page(rule.code)
    if output_format == "json":
        rest = {"why": found.why, "bad": found.bad, "good": found.good, "silent": found.silent}
        click.echo(json.dumps({"schema": 1, **_document(rule), **rest}, ensure_ascii=False, indent=2))
        return
    paint = for_stream()
    click.echo(f"{paint(rule.code, 'bold')} {rule.name}  ({rule.level}, {rule.family})")
    for line in wrap(" ".join(found.why.split()), 2):
        click.echo(line)
    for title, examples in (("Bad", found.bad), ("Good", found.good)):
        for example in examples:
            click.echo(f"\n{paint(title, 'bold')}\n")
            for line in example.splitlines():
                click.echo(f"    {line}".rstrip())
    if found.silent:
        click.echo(f"\n{paint('Silent on', 'bold')}\n")
        for entry in found.silent:
            click.echo("\n".join(wrap(f"* {entry}", 4)))
