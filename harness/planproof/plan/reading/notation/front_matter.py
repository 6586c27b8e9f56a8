"""YAML front matter: the plan's fields, among them what the plan waits for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from planproof.plan.model import Kind, Origin
from planproof.plan.reading.leads import Lead
from planproof.plan.reading.words import status_claim


if TYPE_CHECKING:
    from planproof.plan.reading.blocks import Block, Line
    from planproof.plan.reading.context import Context


MAX_BYTES: Final = 65_536
_WAITS: Final = frozenset(
    {"dependencies", "depends_on", "depends-on", "dependson", "blocked_by", "blocked-by", "after"}
)
_IDS: Final = ("id", "task_id", "work_package_id", "wp_id", "key")


def read_front_matter(block: Block, context: Context) -> bool:
    """Read the block between the two ``---`` lines; only scalars and lists of scalars are taken."""
    import yaml

    lines = block.lines()
    text = "\n".join(line.text for line in lines)
    if len(text) > MAX_BYTES or ("&" in text and "*" in text):
        context.report(block.line, "---", "front matter that is too long or uses anchors is not read")
        return True
    try:
        data = yaml.load(text, Loader=getattr(yaml, "CBaseLoader", yaml.BaseLoader))  # noqa: S506 - makes text only
    except (yaml.YAMLError, RecursionError, ValueError):
        context.report(block.line, "---", "front matter that is no valid YAML")
        return True
    if not isinstance(data, dict):
        return False
    places = {line.text.partition(":")[0].strip(" \"'"): line for line in reversed(lines)}
    owner = next((str(data[key]) for key in _IDS if isinstance(data.get(key), str | int)), None)
    if owner:
        _whole(block, owner, data, places, context)
    for key, value in data.items():
        line = places.get(str(key), lines[0])
        values = _scalars(value)
        if values is None:
            continue
        context.put(None, str(key), ", ".join(values), line.number, line.start)
        if owner and str(key).lower().replace(" ", "_") in _WAITS:
            for name in values:
                context.edge(name, owner, line.number, Origin.FRONT_MATTER, certain=True)
    return True


def _whole(block: Block, name: str, data: dict[Any, Any], places: dict[str, Line], context: Context) -> None:
    """A file with an id, a title and a status is one task."""
    status, title = data.get("status"), data.get("title")
    if not (isinstance(status, str) and isinstance(title, str) and status_claim(status)):
        return
    draft = context.add("plain", Kind.TASK, block, title, said=Lead(name, "global", (), title))
    first = places.get("title", block.lines()[0])
    draft.line, draft.start = first.number, first.start
    context.take_field(draft, "status", status, places["status"])


def _scalars(value: Any) -> list[str] | None:
    if value is None:
        return []
    if isinstance(value, list):
        return [str(one) for one in value if not isinstance(one, list | dict) and one is not None]
    return None if isinstance(value, dict) else [str(value)]
