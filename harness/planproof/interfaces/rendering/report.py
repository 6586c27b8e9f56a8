"""The task report: verdicts through a Jinja2 template, kept in a block that nobody edits by hand.

The block ends in a checksum of what stands in it, so that an edit is noticed before it would be lost. What
stands outside the block belongs to people and is kept byte for byte.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any, Final

from planproof.errors import ConfigError, EditError
from planproof.plan.model import Claim
from planproof.proof.verdict import Verdict, summarise

from .signs import VERDICTS
from .verdicts import proof_words


if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from planproof.plan.model import Plan
    from planproof.proof.verdict import Judged


BEGIN: Final = "<!-- planproof:report begin -->\n"
END: Final = "<!-- planproof:report end {digest} -->"
_BLOCK: Final = re.compile(
    re.escape(BEGIN.rstrip("\n"))
    + r"\r?\n(?P<body>.*?)<!-- planproof:report end (?P<digest>[0-9a-f]{16}) -->",
    re.DOTALL,
)


def render(
    plans: Sequence[Plan], judged: Sequence[Judged], *, holds: bool, template: Path | None = None
) -> str:
    """The report as Markdown; the same verdicts give the same text.

    Args:
        plans: the plans, in order.
        judged: their verdicts.
        holds: the gate's word.
        template: a Jinja2 file in place of ours.

    Raises:
        ConfigError: the template cannot be read or does not render.
    """
    import jinja2

    where = str(template) if template else None
    try:
        source = template.read_text(encoding="utf-8") if template else _own_template()
        environment = jinja2.Environment(
            undefined=jinja2.StrictUndefined,
            keep_trailing_newline=True,
            autoescape=False,  # noqa: S701 - Markdown; cells are escaped by filters
        )
        environment.filters.update(cell=cell, inline=inline)
        text = environment.from_string(source).render(
            plans=list(_plans(plans, judged)), summary=summarise(judged), holds=holds
        )
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the template cannot be read: {error}", path=where) from None
    except jinja2.TemplateError as error:
        line = getattr(error, "lineno", None)
        raise ConfigError(f"the template does not render: {error}", path=where, line=line) from None
    return text.rstrip() + "\n"


def _own_template() -> str:
    from importlib.resources import files

    return (files(__package__) / "templates" / "report.md.j2").read_text(encoding="utf-8")


def _plans(plans: Sequence[Plan], judged: Sequence[Judged]) -> Iterator[dict[str, Any]]:
    by_plan: dict[str, list[Judged]] = {}
    for one in judged:
        by_plan.setdefault(one.plan, []).append(one)
    for plan in plans:
        members = by_plan.get(plan.id, [])
        done = [one for one in members if one.item.claim is Claim.DONE]
        yield {
            "id": plan.id,
            "title": plan.title,
            "path": plan.path,
            "done": len(done),
            "held": sum(one.verdict is Verdict.VERIFIED for one in done),
            "sections": list(_sections(members)),
        }


def _sections(members: Sequence[Judged]) -> Iterator[dict[str, Any]]:
    """Neighbours of one phase together, in the order of the plan."""
    start = 0
    for position in range(1, len(members) + 1):
        if position == len(members) or members[position].item.phase != members[start].item.phase:
            rows = [_row(one) for one in members[start:position]]
            yield {"name": members[start].item.phase or "", "members": rows}
            start = position


def _row(one: Judged) -> dict[str, Any]:
    item = one.item
    name = item.local.rsplit("/", 1)[-1]
    named = "" if name == name.lower() else name
    return {
        "id": item.id,
        "local": item.local,
        "name": named,
        "text": item.text,
        "label": f"{named} {item.text}".strip(),
        "line": item.line,
        "kind": item.kind.value,
        "claim": item.claim.value,
        "sign": VERDICTS[one.verdict].sign,
        "verdict": VERDICTS[one.verdict].name,
        "proof": proof_words(one),
        "reason": one.reason,
    }


def cell(text: str) -> str:
    """Text that cannot end a table's cell or begin HTML."""
    return inline(text).replace("|", "\\|")


def inline(text: str) -> str:
    """Text on one line that cannot begin HTML; what stands in a code span is shown as it is anyway."""
    pieces = " ".join(text.split()).split("`")
    if len(pieces) % 2 == 0:
        return "&#96;".join(piece.replace("<", "&lt;") for piece in pieces)
    return "`".join(one if number % 2 else one.replace("<", "&lt;") for number, one in enumerate(pieces))


def block(report: str) -> str:
    """The report between its marks, checksum included."""
    return BEGIN + report + END.format(digest=_digest(report))


def placed(existing: str | None, report: str, path: str) -> str:
    """The whole file with the report in it.

    Args:
        existing: what the file holds now, or None.
        report: what :func:`render` gave.
        path: for the error.

    Raises:
        EditError: the block was edited by hand, or the file has no block.
    """
    if existing is None or not existing.strip():
        return block(report) + "\n"
    found = _BLOCK.search(existing)
    if found is None:
        raise EditError(
            f"has no report in it; put the line {BEGIN.strip()!r} and an end mark where it belongs, "
            "or name a file that does not exist",
            path=path,
        )
    if _digest(found["body"]) != found["digest"]:
        line = existing.count("\n", 0, found.start()) + 1
        raise EditError(
            "the report was edited by hand; move the edit out of the block, or delete the block",
            path=path,
            line=line,
        )
    return existing[: found.start()] + block(report) + existing[found.end() :]


def _digest(text: str) -> str:
    """A checksum that does not change with the line ends that an editor or Git writes."""
    return hashlib.sha256(text.replace("\r\n", "\n").encode()).hexdigest()[:16]
