"""Waves of tasks as JSON: ``{"waves": [["1", "2"], ["3.1"]]}`` or with ``{"id": 0, "tasks": [...]}``."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from planproof.plan.model import Origin
from planproof.plan.reading.drafts import GroupDraft


if TYPE_CHECKING:
    from planproof.plan.reading.blocks import Block
    from planproof.plan.reading.context import Context


MAX_WAVE_EDGES: Final = 20_000


def read_waves(block: Block, context: Context) -> bool:
    """Read a fence that holds waves: each wave is a parallel group and waits for the one before.

    The order of waves is a schedule, so its edges are uncertain.
    """
    text = "\n".join(block.inner())
    if '"waves"' not in text:
        return False
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        context.report(block.line, block.text, "waves that are no valid JSON")
        return True
    found = data.get("waves") if isinstance(data, dict) else None
    if not isinstance(found, list):
        return False
    waves = [tasks for tasks in map(_tasks, found) if tasks]
    lines = {name: line.number for line in reversed(block.lines()) for name in _quoted(line.text)}
    for members in waves:
        context.groups.append(GroupDraft(members, lines.get(members[0], block.line), (), "wave"))
    total = 0
    for befores, afters in pairwise(waves):
        total += len(befores) * len(afters)
        if total > MAX_WAVE_EDGES:
            context.report(block.line, block.text, "too many waves; their order is not read to the end")
            return True
        for before in befores:
            for after in afters:
                context.edge(before, after, lines.get(after, block.line), Origin.WAVES, certain=False)
    return True


def _tasks(wave: Any) -> tuple[str, ...]:
    if isinstance(wave, dict):
        wave = wave.get("tasks", wave.get("taskIds", []))
    if not isinstance(wave, list):
        return ()
    return tuple(str(name) for name in wave if isinstance(name, str | int | float))


def _quoted(text: str) -> list[str]:
    return text.split('"')[1::2]
