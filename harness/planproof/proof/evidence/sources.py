"""Digests of source files, function by function, and what imports what inside the workspace."""

from __future__ import annotations

import ast
import contextlib
import hashlib
from typing import TYPE_CHECKING, Final

from planproof.proof.layout import module_file, source_roots


if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path


RAW: Final = "<raw>"
MODULE: Final = "<module>"
GONE: Final = "<gone>"
Function = ast.FunctionDef | ast.AsyncFunctionDef


class Sources:
    """Reads each file of a workspace at most once.

    Args:
        root: the workspace.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.roots = source_roots(root)
        self._raw: dict[str, str] = {}
        self._functions: dict[str, dict[str, str]] = {}
        self._trees: dict[str, ast.Module | None] = {}
        self._imports: dict[str, set[str]] = {}
        self._names: dict[str, set[str]] = {}
        self._closures: dict[frozenset[str], set[str]] = {}
        self._conftests: dict[Path, list[str]] = {}

    def raw(self, file: str) -> str:
        """SHA-256 of a file's bytes, or ``<gone>``."""
        if file not in self._raw:
            try:
                self._raw[file] = hashlib.sha256((self.root / file).read_bytes()).hexdigest()
            except OSError:
                self._raw[file] = GONE
        return self._raw[file]

    def functions(self, file: str) -> Mapping[str, str]:
        """Digest of every function of a Python file by qualified name, and of what stands outside them.

        Comments and layout do not count. A file that is not Python has its raw digest alone.
        """
        if file not in self._functions:
            found = {RAW: self.raw(file)}
            tree = self._tree(file)
            if tree is not None:
                found.update(digests(tree))
            self._functions[file] = found
        return self._functions[file]

    def _tree(self, file: str) -> ast.Module | None:
        if file not in self._trees:
            self._trees[file] = None
            if file.endswith(".py"):
                with contextlib.suppress(OSError, SyntaxError, ValueError, RecursionError):
                    self._trees[file] = ast.parse((self.root / file).read_bytes())
        return self._trees[file]

    def closure(self, files: Iterable[str]) -> set[str]:
        """The files, and every file of the workspace that they import, directly or not."""
        start = frozenset(files)
        if start not in self._closures:
            self._closures[start] = self._closure(start)
        return set(self._closures[start])

    def _closure(self, files: Iterable[str]) -> set[str]:
        found: set[str] = set()
        waiting = [file for file in files if (self.root / file).is_file()]
        while waiting:
            file = waiting.pop()
            if file in found:
                continue
            found.add(file)
            waiting.extend(self.imports(file) - found)
        return found

    def prepare(self, file: str) -> set[str]:
        """Read a test file and all that it can reach ahead of time.

        Returns:
            The files that were read. What a file imports is found again after :meth:`settle`.
        """
        reached = self.closure([file, *self.conftests(file)])
        for one in reached:
            self.functions(one)
        return reached

    def settle(self) -> None:
        """Forget which files there are; what was read of them stays."""
        for known in (self._imports, self._closures, self._conftests):
            known.clear()

    def imports(self, file: str) -> set[str]:
        """Files of the workspace that a file imports, their packages included."""
        if file not in self._imports:
            roots = [*self.roots, (self.root / file).parent]
            names = self._names_in(file)
            self._imports[file] = {hit for name in names for hit in self._files(name, roots)} - {file}
        return self._imports[file]

    def _names_in(self, file: str) -> set[str]:
        """Dotted names of all that a file imports."""
        if file not in self._names:
            tree = self._tree(file)
            found = imported_names(tree, self._package(file)) if tree is not None else ()
            self._names[file] = set(found)
        return self._names[file]

    def _package(self, file: str) -> list[str]:
        """The dotted package that a file lives in, for relative imports."""
        path = (self.root / file).parent
        longest = max((one for one in self.roots if path.is_relative_to(one)), key=lambda one: len(one.parts))
        return list(path.relative_to(longest).parts)

    def _files(self, name: str, roots: list[Path]) -> Iterable[str]:
        parts = name.split(".")
        for count in range(1, len(parts) + 1):
            path = module_file(".".join(parts[:count]), roots)
            if path is not None and path.is_relative_to(self.root):
                yield path.relative_to(self.root).as_posix()

    def conftests(self, file: str) -> list[str]:
        """The conftest files that act on a test file."""
        here = self.root / file
        folder = here.parent if file.endswith(".py") else here
        if folder not in self._conftests:
            folders = [one for one in (folder, *folder.parents) if one.is_relative_to(self.root)]
            found = [one / "conftest.py" for one in folders]
            self._conftests[folder] = [
                path.relative_to(self.root).as_posix() for path in found if path.is_file()
            ]
        return self._conftests[folder]


def imported_names(tree: ast.Module, package: list[str]) -> Iterable[str]:
    """Dotted names of everything that a module imports, wherever the import stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            stem = ".".join([*base, *([node.module] if node.module else [])])
            if stem:
                yield stem
            yield from (f"{stem}.{alias.name}" if stem else alias.name for alias in node.names)


def digests(tree: ast.Module) -> dict[str, str]:
    """Digest of each function, and of the rest of the module with the names of each class's methods."""
    found: dict[str, list[str]] = {}
    outside: list[str] = []
    _read(tree.body, "", found, outside)
    result = {name: _sha("\n".join(dumps)) for name, dumps in found.items()}
    result[MODULE] = _sha("\n".join(outside))
    return result


def _read(body: list[ast.stmt], prefix: str, found: dict[str, list[str]], outside: list[str]) -> None:
    for node in body:
        if isinstance(node, Function):
            found.setdefault(prefix + node.name, []).append(ast.dump(node))
            if prefix:
                outside.append(f"{prefix}{node.name}")
        elif isinstance(node, ast.ClassDef):
            outside.append(f"class {prefix}{node.name}")
            outside.extend(ast.dump(one) for one in (*node.bases, *node.keywords, *node.decorator_list))
            _read(node.body, f"{prefix}{node.name}.", found, outside)
        else:
            outside.append(ast.dump(node))


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
