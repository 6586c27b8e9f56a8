"""What a called name leads to: through assignments, defaults, imports and builtins.

``validate = str; validate(x)`` carries a word that says it checks, and checks nothing; ``eq =
self.assertEqual`` carries none, and does.
"""

from __future__ import annotations

import ast
import builtins
from typing import TYPE_CHECKING, Final

from .replaced import is_mock
from .syntax import Function, dotted, inside


if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


# Of all builtins those that run what they are given.
RUNNING: Final = frozenset({"exec", "eval", "compile", "__import__"})
PLAIN: Final = frozenset(name for name in dir(builtins) if callable(getattr(builtins, name))) - RUNNING
# What calls its first argument.
WRAPPING: Final = frozenset({"partial", "staticmethod", "classmethod", "wraps"})
BINDING: Final = (ast.Assign, ast.AnnAssign, ast.NamedExpr, ast.For, ast.arguments)
Bound = dict[str, list[ast.expr]]


def bound_in(nodes: Iterable[ast.AST]) -> Bound:
    """Values by the dotted name that they are assigned to, among some nodes."""
    found: Bound = {}
    for node in nodes:
        for name, value in _bindings(node) if isinstance(node, BINDING) else ():
            found.setdefault(name, []).append(value)
    return found


def _bindings(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(node, ast.Assign):
        for target in node.targets:
            yield from _pairs(target, node.value)
    elif isinstance(node, ast.AnnAssign | ast.NamedExpr) and node.value is not None:
        yield from _pairs(node.target, node.value)
    elif isinstance(node, ast.For) and isinstance(node.iter, ast.Tuple | ast.List | ast.Set):
        for one in node.iter.elts:
            yield from _pairs(node.target, one)
    elif isinstance(node, ast.arguments):
        plain = [*node.posonlyargs, *node.args]
        for argument, value in zip(plain[len(plain) - len(node.defaults) :], node.defaults, strict=True):
            yield argument.arg, value
        for argument, default in zip(node.kwonlyargs, node.kw_defaults, strict=True):
            if default is not None:
                yield argument.arg, default


def _pairs(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(target, ast.Tuple | ast.List):
        if isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(target.elts):
            for one, other in zip(target.elts, value.elts, strict=True):
                yield from _pairs(one, other)
        return
    parts = dotted(target) if isinstance(target, ast.Name | ast.Attribute) else []
    if parts:
        yield ".".join(parts), value


def imported(nodes: Iterable[ast.AST]) -> dict[str, list[str]]:
    """What ``from a.b import c as d`` calls ``d``, in full, by the name that the file gives it."""
    return {
        alias.asname or alias.name: [*(node.module or "").split("."), alias.name]
        for node in nodes
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


class Callees:
    """Follows the names that one function calls.

    Args:
        function: the test, or a helper of it.
        bound: what the module's own statements assign; of a class under ``self.``.
        imports: see :func:`imported`.
        defined: names of the functions that the file defines.

    Attributes:
        local: names that the function binds itself, its arguments among them.
    """

    def __init__(
        self, function: Function, bound: Bound, imports: Mapping[str, list[str]], defined: Iterable[str]
    ) -> None:
        nodes = inside(function)
        self.own = bound_in(nodes)
        self.bound = bound
        self.imports = imports
        self.local = {node.arg for node in nodes if isinstance(node, ast.arg)}
        self.local.update(
            node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        )
        self.theirs = self.local.union(defined, bound)

    def leads_to(self, parts: list[str]) -> list[list[str]]:
        """The dotted names that a called name may stand for; none where all it stands for cannot fail.

        A name that is not followed further, because it comes from elsewhere, stands for itself.
        """
        return list(self._follow(parts, set()))

    def _follow(self, parts: list[str], seen: set[str]) -> Iterator[list[str]]:
        whole = ".".join(parts)
        values = self.own.get(whole) or self.bound.get(whole)
        if values is None:
            yield from self._outside(parts)
        elif whole not in seen:
            seen.add(whole)
            for value in values:
                yield from self._value(value, parts, seen)

    def _outside(self, parts: list[str]) -> Iterator[list[str]]:
        full = [*self.imports.get(parts[0], parts[:1]), *parts[1:]]
        named = full[1:] if full[0] == "builtins" else full
        is_plain = bool(named) and named[0] in PLAIN and (named is not full or parts[0] not in self.imports)
        if not is_plain or parts[0] in self.theirs:
            yield full

    def _value(self, value: ast.expr, parts: list[str], seen: set[str]) -> Iterator[list[str]]:
        """What a name stands for that was given this value."""
        if isinstance(value, ast.Constant) or is_mock(value, set()):
            return
        if isinstance(value, ast.Lambda):
            for call in (one for one in ast.walk(value.body) if isinstance(one, ast.Call)):
                if named := dotted(call.func):
                    yield from self._follow(named, seen)
        elif isinstance(value, ast.IfExp | ast.BoolOp):
            for one in [value.body, value.orelse] if isinstance(value, ast.IfExp) else value.values:
                yield from self._value(one, parts, seen)
        elif isinstance(value, ast.Call) and value.args and dotted(value.func)[-1:][0] in WRAPPING:
            yield from self._value(value.args[0], parts, seen)
        elif isinstance(value, ast.Name | ast.Attribute) and dotted(value) not in ([], parts):
            yield from self._follow(dotted(value), seen)
        else:
            yield parts
