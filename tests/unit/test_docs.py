"""What the manual says exists: links lead somewhere, commands and options are real."""

import re
import shlex
from pathlib import Path
from urllib.parse import unquote

import click
import pytest
from markdown_it import MarkdownIt

from planproof.interfaces.cli.main import cli


ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "reference_impl").glob("*.md")])
SHELLS = {"", "sh", "bash", "shell", "console"}


def tokens(text):
    for token in MarkdownIt("gfm-like", {"linkify": False}).parse(text):
        yield token
        yield from token.children or []


def links(text):
    """Targets of links and pictures that are files here."""
    for token in tokens(text):
        target = token.attrs.get("href") or token.attrs.get("src")
        if target and not re.match(r"[a-z]+:|#", str(target)):
            yield unquote(str(target).split("#")[0])


def commands(text):
    """Every ``planproof ...`` line in a fence of a shell."""
    for token in tokens(text):
        if token.type == "fence" and token.info.split(" ")[0] in SHELLS:
            for line in token.content.splitlines():
                words = line.removeprefix("$ ").strip()
                if words.startswith("planproof "):
                    yield words


def refusal(line):
    """Why the command line does not know this command, or None."""
    words = shlex.split(line.split("  #")[0].split(" | ")[0].split(" > ")[0])[1:]
    group, context = cli, click.Context(cli)
    for position, word in enumerate(words):
        if word.startswith("-") or not isinstance(group, click.Group):
            words = words[position:]
            break
        command = group.get_command(context, word)
        if command is None:
            return f"no command {word}"
        group = command
    else:
        words = []
    known = {name for parameter in group.params for name in (*parameter.opts, *parameter.secondary_opts)}
    known |= {"--help", "-h", "--version"}
    for word in words:
        if word.startswith("-") and word.split("=")[0] not in known:
            return f"no option {word}"
    return None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(page):
    missing = [target for target in links(page.read_text()) if not (page.parent / target).exists()]

    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_command_is_real(page):
    assert [(line, why) for line in commands(page.read_text()) if (why := refusal(line))] == []


def test_a_wrong_link_or_command_would_be_seen():
    assert list(links("[a](nowhere.md) and <https://example.org>")) == ["nowhere.md"]
    assert list(commands("```sh\n$ planproof nothing --x\n```")) == ["planproof nothing --x"]
    assert refusal("planproof nothing") == "no command nothing"
