"""Finds ``@pytest.mark.proves(...)`` in test files by their syntax, without importing them.

The pytest plugin sees the same markers when the tests run; the gate must know them without a run.
"""

from __future__ import annotations

import ast
import difflib
import fnmatch
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from planproof.errors import SpecError
from planproof.proof.layout import listed, pytest_options


if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path


MARKER: Final = "proves"
SKIPPED_FOLDERS: Final = frozenset({"node_modules", "build", "dist", "venv", "__pycache__", "site-packages"})
NEAR: Final = 0.72  # prooves, provs and prove are nearer than that; parametrize, provider are not
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_MARK = re.compile(rb"mark\s*\.\s*(\w+)")


@dataclass(frozen=True, slots=True)
class Mark:
    """One ``proves`` marker.

    Attributes:
        items: ids as written.
        target: node id of the function, class or file that it stands on.
        partial: ``part=True``.
        path: test file, relative to the workspace.
        line: where it stands.
        params: True where it stands on a single parameter set; which one is known only in a run.
    """

    items: tuple[str, ...]
    target: str
    partial: bool
    path: str
    line: int
    params: bool = False


def find_marks(workspace: Path, tests: Iterable[str]) -> tuple[Mark, ...]:
    """Every marker in the workspace's test files, in the order of files and lines.

    Args:
        workspace: root folder.
        tests: files and folders to search, relative to it; empty means the whole workspace.

    Raises:
        SpecError: a marker that is misspelt or holds something other than ids.
    """
    found: list[Mark] = []
    for path in test_files(workspace, tests):
        data = path.read_bytes()
        names = {match.decode() for match in _MARK.findall(data)}
        if any(_looks_like(name) for name in names):
            found.extend(marks_in(data, path.relative_to(workspace).as_posix()))
    return tuple(found)


def _looks_like(name: str) -> bool:
    return name == MARKER or difflib.SequenceMatcher(None, name.lower(), MARKER).ratio() > NEAR


def test_files(workspace: Path, tests: Iterable[str]) -> Iterator[Path]:
    """Test files below the given places, by the names and exclusions of pytest's configuration."""
    from pathlib import Path as FilePath

    options = pytest_options(workspace)
    names = listed(options.get("python_files")) or ["test_*.py", "*_test.py"]
    excluded = listed(options.get("norecursedirs"))
    for place in list(tests) or ["."]:
        start = workspace / place
        if start.is_file():
            yield start
            continue
        for folder, folders, files in os.walk(start):
            folders[:] = sorted(
                name
                for name in folders
                if not name.startswith(".") and name not in SKIPPED_FOLDERS and not _matches(name, excluded)
            )
            for name in sorted(files):
                if name.endswith(".py") and _matches(name, names):
                    yield FilePath(folder) / name


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def marks_in(data: bytes, path: str) -> list[Mark]:
    """The markers of one file; a file that is not Python holds none (pytest will say so)."""
    try:
        tree = ast.parse(data)
    except (SyntaxError, ValueError):
        return []
    found: list[Mark] = []
    _visit(tree.body, path, path, found)
    return found


def _visit(body: list[ast.stmt], target: str, path: str, found: list[Mark]) -> None:
    last = {node.name: node for node in body if isinstance(node, Definition)}
    for node in body:
        if isinstance(node, Definition):
            inner = f"{target}::{node.name}"
            marks = [mark for decorator in node.decorator_list for mark in _marks(decorator, inner, path)]
            if marks and last[node.name] is not node:
                again = f"it is defined again on line {last[node.name].lineno}"
                said = f"{node.name} is to prove {marks[0].items[0]} and never runs: {again}"
                raise SpecError(said, path=path, line=node.lineno)
            found.extend(marks)
            if isinstance(node, ast.ClassDef):
                _visit(node.body, inner, path, found)
        elif isinstance(node, ast.Assign) and any(_is_name(one, "pytestmark") for one in node.targets):
            found.extend(_marks(node.value, target, path))
        elif isinstance(node, ast.If | ast.Try | ast.With):
            _visit(node.body, target, path, found)


def _is_name(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _marks(expression: ast.expr, target: str, path: str) -> Iterator[Mark]:
    """The markers in a decorator or in the value of ``pytestmark``."""
    inside_param = {
        id(inner)
        for node in ast.walk(expression)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "param"
        for inner in ast.walk(node)
    }
    for node in ast.walk(expression):
        name = _mark_name(node.func if isinstance(node, ast.Call) else node)
        if name is None or name == MARKER:
            if name == MARKER and isinstance(node, ast.Call):
                yield _mark(node, target, path, params=id(node) in inside_param)
            continue
        if isinstance(node, ast.Call) and _looks_like(name) and _has_ids(node):
            raise SpecError(
                f"marker {name!r} proves nothing; did you mean {MARKER!r}?", path=path, line=node.lineno
            )


def _mark_name(node: ast.AST) -> str | None:
    """``x`` of ``pytest.mark.x`` or ``mark.x``."""
    if not isinstance(node, ast.Attribute):
        return None
    base = node.value
    if _is_name(base, "mark") or (isinstance(base, ast.Attribute) and base.attr == "mark"):
        return node.attr
    return None


def _has_ids(call: ast.Call) -> bool:
    return any(isinstance(one, ast.Constant) and isinstance(one.value, str) for one in call.args)


def _mark(call: ast.Call, target: str, path: str, *, params: bool) -> Mark:
    items: list[str] = []
    for argument in call.args:
        if not (isinstance(argument, ast.Constant) and isinstance(argument.value, str) and argument.value):
            raise SpecError("'proves' takes ids of items as plain text", path=path, line=argument.lineno)
        items.append(argument.value)
    partial = False
    for keyword in call.keywords:
        value = keyword.value
        if keyword.arg != "part" or not (isinstance(value, ast.Constant) and isinstance(value.value, bool)):
            raise SpecError(
                "'proves' knows one option: part=True or part=False", path=path, line=value.lineno
            )
        partial = value.value
    if not items:
        raise SpecError("'proves' names no item", path=path, line=call.lineno)
    return Mark(tuple(items), target, partial, path, call.lineno, params)
