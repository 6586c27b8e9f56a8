"""Node ids of tests, for the recorder inside pytest and the runner outside; imports neither of them."""

from __future__ import annotations

from typing import Final


# Environment variable that tells the recorder where to write.
RECORD: Final = "PLANPROOF_RECORD"


def ancestors(node: str) -> list[str]:
    """Everything that a test belongs to by its node id: itself, function, classes, file, folders."""
    found = [node]
    base = node.split("[", 1)[0]
    path, _, inner = base.partition("::")
    parts = inner.split("::") if inner else []
    found.extend("::".join([path, *parts[:count]]) for count in range(len(parts), 0, -1))
    found.append(path)
    folders = path.split("/")
    found.extend("/".join(folders[:count]) for count in range(len(folders) - 1, 0, -1))
    found.append(".")
    return found
