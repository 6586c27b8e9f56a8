"""Which tests name an item in their name or docstring, and which use a function."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Final

from .markers import test_files


if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from planproof.plan.model import Item


TOKEN: Final = re.compile(rb"[A-Za-z]+[_-]?\d+", re.IGNORECASE)
Function = ast.FunctionDef | ast.AsyncFunctionDef


class References:
    """Reads the workspace's test files once, when first asked.

    Args:
        root: the workspace.
        tests: where tests live; empty means everywhere.
        items: the items that may be named.
    """

    def __init__(self, root: Path, tests: tuple[str, ...], items: Iterable[Item]) -> None:
        self.root = root
        self.tests = tests
        self.locals: dict[str, list[str]] = {}
        for item in items:
            self.locals.setdefault(_plain(item.local.rsplit("/", 1)[-1]), []).append(item.id)
        self._by_id: dict[str, list[tuple[str, str]]] | None = None
        self._by_name: dict[str, list[str]] | None = None

    def of_item(self, item: Item) -> list[tuple[str, str]]:
        """Node ids of tests that bear the item's id, each with where: ``name`` or ``docstring``."""
        if self._by_id is None:
            self._by_id = {}
            for target, node in self._functions(self._may_name):
                self._read(target, node)
        local = _plain(item.local.rsplit("/", 1)[-1])
        mine = list(self._by_id.get(item.id.lower(), ()))
        if len(self.locals.get(local, ())) == 1:
            mine += [one for one in self._by_id.get(local, ()) if one not in mine]
        return mine

    def _may_name(self, data: bytes) -> bool:
        return any(_plain(match.decode()) in self.locals for match in TOKEN.findall(data))

    def _read(self, target: str, node: Function) -> None:
        assert self._by_id is not None
        document = ast.get_docstring(node) or ""
        for word in re.findall(r"[A-Za-z]+_?\d+", node.name.removeprefix("test_")):
            self._by_id.setdefault(
                _plain(word.rsplit("_", 1)[-1] if word.count("_") > 1 else word), []
            ).append((target, "name"))
        for word in re.findall(r"[\w./-]+:[\w./-]+|[A-Z]+[_-]?\d+", document):
            key = word.lower().rstrip(".,;") if ":" in word else _plain(word)
            self._by_id.setdefault(key, []).append((target, "docstring"))

    def of_name(self, name: str) -> list[str]:
        """Node ids of tests whose body uses a name."""
        if self._by_name is None:
            self._by_name = {}
            for target, node in self._functions(lambda _data: True):
                used = {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
                used |= {one.attr for one in ast.walk(node) if isinstance(one, ast.Attribute)}
                for word in used:
                    self._by_name.setdefault(word, []).append(target)
        return self._by_name.get(name, [])

    def _functions(self, wanted: object) -> Iterator[tuple[str, Function]]:
        """Every test function of the files that are wanted, with its node id."""
        assert callable(wanted)
        for path in test_files(self.root, self.tests):
            data = path.read_bytes()
            if not wanted(data):
                continue
            try:
                tree = ast.parse(data)
            except (SyntaxError, ValueError):
                continue
            yield from _tests(tree.body, path.relative_to(self.root).as_posix())


def _tests(body: list[ast.stmt], target: str) -> Iterator[tuple[str, Function]]:
    for node in body:
        if isinstance(node, Function) and node.name.startswith("test"):
            yield f"{target}::{node.name}", node
        elif isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
            yield from _tests(node.body, f"{target}::{node.name}")


def _plain(local: str) -> str:
    """An id without what a Python name cannot hold: ``SC-004`` is ``sc004``."""
    return re.sub(r"[_-]", "", local).lower()
