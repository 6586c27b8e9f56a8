"""Takes values out of a YAML tree and says with file and line what is wrong with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from planproof.errors import SpecError


if TYPE_CHECKING:
    from collections.abc import Collection

    from .yaml_source import Node


_KINDS = {dict: "a mapping", list: "a list", str: "text", bool: "true or false", int: "a whole number"}


class Reader:
    """A mapping of a spec file, read key by key.

    Args:
        node: the mapping.
        path: the file's name for errors.
        what: what the mapping is, for errors: ``check "lint"``.
        known: keys that it may hold; others are refused.
    """

    def __init__(self, node: Node, path: str, what: str, known: Collection[str] | None = None) -> None:
        self.path = path
        self.what = what
        self.line = node.line
        if not isinstance(node.value, dict):
            raise SpecError(f"{what} must be a mapping", path=path, line=node.line)
        self.nodes: dict[str, Node] = node.value
        self.key_lines = node.key_lines or {}
        if known is not None:
            self.refuse_unknown(known)

    def refuse_unknown(self, known: Collection[str]) -> None:
        """Raise for the first key that is not known, with the nearest one that is."""
        import difflib

        for key in self.nodes:
            if key not in known:
                near = difflib.get_close_matches(key, known, n=1)
                hint = f"; did you mean {near[0]!r}?" if near else f"; known are {', '.join(sorted(known))}"
                raise self.error(f"unknown key {key!r} in {self.what}{hint}", key)

    def line_of(self, key: str) -> int:
        """The line where a key stands."""
        return self.key_lines.get(key, self.line)

    def error(self, message: str, key: str | None = None) -> SpecError:
        """A SpecError at a key of this mapping."""
        return SpecError(message, path=self.path, line=self.line_of(key) if key else self.line)

    def get(self, key: str, kind: type, default: Any = None) -> Any:
        """The value of a key, of that type, or the default."""
        node = self.nodes.get(key)
        if node is None or node.value is None:
            return default
        value = node.value
        if kind is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if kind is str and isinstance(value, int | float) and not isinstance(value, bool):
            value = node.text
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise self.error(f"{key!r} in {self.what} must be {_KINDS.get(kind, 'a number')}", key)
        return value

    def need(self, key: str, kind: type) -> Any:
        """The value of a key that must be there."""
        value = self.get(key, kind)
        if value is None:
            raise self.error(f"{self.what} lacks {key!r}")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """A text or a list of texts; empty where the key is absent."""
        node = self.nodes.get(key)
        if node is None or node.value is None:
            return ()
        return texts(node, self.path, f"{key!r} in {self.what}")

    def one_of(self, key: str, allowed: Collection[str], default: str) -> str:
        """A word out of a closed list."""
        value: str = self.get(key, str, default)
        if value not in allowed:
            raise self.error(
                f"{key!r} in {self.what} must be one of {', '.join(sorted(allowed))}, not {value!r}", key
            )
        return value

    def child(self, key: str, known: Collection[str] | None = None) -> Reader | None:
        """The mapping under a key, or None."""
        node = self.nodes.get(key)
        if node is None or node.value is None:
            return None
        return Reader(
            node, self.path, f"{key!r}" if self.what == "the spec" else f"{key!r} in {self.what}", known
        )


def texts(node: Node, path: str, what: str) -> tuple[str, ...]:
    """A node that is a text or a list of texts."""
    nodes = node.value if isinstance(node.value, list) else [node]
    for one in nodes:
        if isinstance(one.value, dict | list | bool) or one.value is None or not one.text:
            raise SpecError(f"{what} must be text or a list of texts", path=path, line=one.line)
    return tuple(one.text for one in nodes)


def plain(node: Node) -> Any:
    """The node as plain Python values."""
    if isinstance(node.value, dict):
        return {key: plain(value) for key, value in node.value.items()}
    if isinstance(node.value, list):
        return [plain(value) for value in node.value]
    return node.value
