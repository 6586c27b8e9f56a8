"""The page of a rule: why, a bad and a good example, and on what it stays silent.

The pages lie beside the code as Markdown, one file a rule, and are the same that ``docs/rules`` shows.
"""

from __future__ import annotations

import re
from importlib.resources import files
from typing import NamedTuple

from planproof.errors import ConfigError


_SECTION = re.compile(r"^## (Bad|Good|Silent on)$", re.MULTILINE)
_FENCE = re.compile(r"^~~~~markdown\n(.*?)^~~~~$", re.MULTILINE | re.DOTALL)


class Page(NamedTuple):
    """What a rule's page says.

    Attributes:
        code: of the rule.
        why: what it finds and why that matters.
        bad: example plans, mostly one, on which it fires.
        good: the same, made right.
        silent: look-alikes on which it stays silent.
        text: the whole page.
    """

    code: str
    why: str
    bad: tuple[str, ...]
    good: tuple[str, ...]
    silent: tuple[str, ...]
    text: str


def page(code: str) -> Page:
    """The page of the rule with that code.

    Raises:
        ConfigError: there is no such page.
    """
    file = files("planproof.plan.lint") / "pages" / f"{code}.md"
    if not re.fullmatch(r"PP\d{3}", code) or not file.is_file():
        raise ConfigError(f"no rule has the code {code}; planproof rule lists them")
    text = file.read_text(encoding="utf-8")
    head, *parts = _SECTION.split(text)
    sections = dict(zip(parts[::2], parts[1::2], strict=True))
    why = head.partition("\n")[2].strip()
    silent = tuple(line[2:] for line in sections.get("Silent on", "").splitlines() if line.startswith("* "))
    return Page(
        code,
        why,
        tuple(_FENCE.findall(sections["Bad"])),
        tuple(_FENCE.findall(sections["Good"])),
        silent,
        text,
    )
