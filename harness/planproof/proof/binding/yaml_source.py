"""YAML read safely: every value with its line; size, depth and alias bombs refused.

Built straight from libyaml's event stream, so that nothing is constructed, no tag is honoured and no
recursion happens below Python.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from planproof.errors import SpecError


MAX_BYTES = 1 << 20
MAX_DEPTH = 32
MAX_NODES = 200_000
PLAIN_TAGS = {
    "!",
    *(f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "seq", "map")),
}
_INT = re.compile(r"[-+]?[0-9]+\Z")
_FLOAT = re.compile(r"[-+]?([0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+)\Z")
_WORDS = {"true": True, "True": True, "false": False, "False": False, "null": None, "~": None, "": None}


@dataclass(slots=True)
class Node:
    """A value and the line where it stands; ``value`` is a scalar, list of Nodes, or dict of key to Node."""

    value: Any
    line: int
    size: int = 1
    key_lines: dict[str, int] | None = None
    text: str = ""


def load(data: bytes, path: str) -> Node:
    """Read one YAML document.

    Args:
        data: the file's bytes.
        path: how to name the file in errors.

    Returns:
        The document's root; an empty document is a Node of None.

    Raises:
        SpecError: too large, not UTF-8, not YAML, nested too deep, a tag, a duplicate key, an alias bomb.
    """
    if len(data) > MAX_BYTES:
        raise SpecError(f"is larger than {MAX_BYTES >> 10} KiB and was not read", path=path)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise SpecError("is not valid UTF-8", path=path, line=line) from None
    import yaml

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    builder = _Builder(path)
    try:
        for event in yaml.parse(text, Loader=loader):
            builder.take(event)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "is not YAML"
        raise SpecError(
            f"is not valid YAML: {problem}", path=path, line=mark.line + 1 if mark else None
        ) from None
    return builder.root or Node(None, 1)


class _Builder:
    """Grows a tree of Nodes from parse events, with a stack of its own."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.root: Node | None = None
        self.stack: list[tuple[Node, str | None]] = []
        self.pending_key: Node | None = None
        self.keys: list[Node | None] = []
        self.anchors: dict[str, Node] = {}
        self.nodes = 0
        self.documents = 0

    def fail(self, message: str, line: int) -> SpecError:
        return SpecError(message, path=self.path, line=line)

    def take(self, event: Any) -> None:
        """Use one event."""
        name = type(event).__name__
        line = event.start_mark.line + 1
        if name == "DocumentStartEvent":
            self.documents += 1
            if self.documents > 1:
                raise self.fail("holds more than one YAML document", line)
        elif name == "ScalarEvent":
            self.tagged(event, line)
            self.add(Node(_scalar(event), line, text=event.value), event.anchor)
        elif name == "AliasEvent":
            if event.anchor not in self.anchors:
                raise self.fail(f"alias *{event.anchor} stands before or inside what it names", line)
            self.add(self.anchors[event.anchor], None)
        elif name in {"SequenceStartEvent", "MappingStartEvent"}:
            self.tagged(event, line)
            if len(self.stack) >= MAX_DEPTH:
                raise self.fail(f"is nested deeper than {MAX_DEPTH} levels", line)
            empty: Any = [] if name == "SequenceStartEvent" else {}
            self.stack.append((Node(empty, line, key_lines={}), event.anchor))
            self.keys.append(None)
        elif name in {"SequenceEndEvent", "MappingEndEvent"}:
            node, anchor = self.stack.pop()
            self.keys.pop()
            self.add(node, anchor)

    def tagged(self, event: Any, line: int) -> None:
        if event.tag is not None and event.tag not in PLAIN_TAGS:
            raise self.fail(f"tag {event.tag} is not allowed", line)

    def add(self, node: Node, anchor: str | None) -> None:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise self.fail("holds too many values", node.line)
        if anchor:
            self.anchors[anchor] = node
        if not self.stack:
            self.root = node
            return
        parent = self.stack[-1][0]
        parent.size += node.size
        if parent.size > MAX_NODES:
            raise self.fail("expands to too many values through its aliases", node.line)
        if isinstance(parent.value, list):
            parent.value.append(node)
            return
        key = self.keys[-1]
        if key is None:
            if isinstance(node.value, list | dict):
                raise self.fail("a key must be a plain word", node.line)
            self.keys[-1] = node
            return
        name = key.text
        if name in parent.value:
            raise self.fail(f"key {name!r} stands twice", key.line)
        parent.value[name] = node
        assert parent.key_lines is not None
        parent.key_lines[name] = key.line
        self.keys[-1] = None


def _scalar(event: Any) -> Any:
    """The value of a scalar event: plain words become bool, None, int, float; all else is text."""
    text: str = event.value
    if not event.implicit[0]:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INT.match(text) and len(text) < 19:  # noqa: PLR2004 - more digits do not fit 64 bits; kept as text
        return int(text)
    return float(text) if _FLOAT.match(text) else text
