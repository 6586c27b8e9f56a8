"""Walks a function's body and says of every node how a run comes to it: surely, in a loop, caught, inside."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final, NamedTuple

from .syntax import Function, below, dotted, inside


if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


FAILURES: Final = frozenset({"Exception", "BaseException", "AssertionError"})
# Managers that let the failure of an assertion through, and whose body always runs.
OPEN: Final = frozenset({"subTest", "patch", "object", "warns", "raises", "assertRaises", "dict"})
# Managers that wait for an error or a warning.
WAITING: Final = frozenset(
    {"raises", "assertRaises", "assertRaisesRegex", "warns", "assertWarns", "deprecated_call"}
)
Trying = ast.Try | ast.TryStar
Block = ast.If | ast.For | ast.AsyncFor | ast.While | ast.With | ast.AsyncWith | ast.Match | Trying


class Place(NamedTuple):
    """How a run comes to a node.

    Attributes:
        sure: whoever runs the function to its end comes by here.
        looped: inside a loop.
        caught: the failure of an assertion here goes nowhere.
        inner: inside a function or class that is defined in this one.
        bare: the node is a statement by itself.
        named: ``with ... as name``, and the name is used.
        own: what the manager waits for is raised, or warned of, by the block itself.
        guard: lines by which a run comes to the branch that the node stands in.
    """

    sure: bool = True
    looped: bool = False
    caught: bool = False
    inner: bool = False
    bare: bool = False
    named: bool = False
    own: bool = False
    guard: frozenset[int] = frozenset()


def walk(function: Function) -> Iterator[tuple[ast.AST, Place]]:
    """Every node of a function's body, those of functions defined inside too, with its place."""
    used = {
        node.id for node in inside(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }
    yield from _block(function.body, Place(), used)


def _block(body: Iterable[ast.stmt], place: Place, used: set[str]) -> Iterator[tuple[ast.AST, Place]]:
    before: frozenset[int] = frozenset()
    for statement in body:
        here = place._replace(guard=place.guard | before)
        yield from _statement(statement, here, used)
        before = frozenset({statement.lineno, *_first_lines(statement)})
        if _may_leave(statement):
            place = place._replace(sure=False)


def _statement(node: ast.stmt, place: Place, used: set[str]) -> Iterator[tuple[ast.AST, Place]]:
    if isinstance(node, Function | ast.ClassDef):
        yield from _block(node.body, place._replace(sure=False, inner=True, guard=frozenset()), used)
    elif isinstance(node, ast.With | ast.AsyncWith):
        yield from _with(node, place, used)
    elif isinstance(node, Trying):
        yield from _try(node, place, used)
    elif isinstance(node, ast.If | ast.While | ast.For | ast.AsyncFor):
        header = node.test if isinstance(node, ast.If | ast.While) else node.iter
        yield from _expression(header, place)
        looped = place.looped or not isinstance(node, ast.If)
        inside = place._replace(sure=False, looped=looped, guard=frozenset({node.lineno, header.lineno}))
        yield from _block(node.body, inside, used)
        yield from _block(node.orelse, inside._replace(looped=place.looped), used)
    elif isinstance(node, ast.Match):
        yield from _expression(node.subject, place)
        inside = place._replace(sure=False, guard=frozenset({node.lineno}))
        for case in node.cases:
            yield from _block(case.body, inside, used)
    else:
        yield node, place
        value = node.value if isinstance(node, ast.Expr) else None
        for one in below(node):
            if one is not node:
                yield one, place._replace(bare=True) if one is value else place


def _expression(node: ast.expr, place: Place) -> Iterator[tuple[ast.AST, Place]]:
    yield from ((one, place) for one in below(node))


def _with(node: ast.With | ast.AsyncWith, place: Place, used: set[str]) -> Iterator[tuple[ast.AST, Place]]:
    managers = [item.context_expr for item in node.items]
    own = all(set(dotted(one)) & WAITING for one in managers) and _does_itself(node.body[-1])
    for item in node.items:
        named = isinstance(item.optional_vars, ast.Name) and item.optional_vars.id in used
        yield from _expression(item.context_expr, place._replace(named=named, own=own))
    is_open = all(set(dotted(one)) & OPEN for one in managers)
    caught = any(_suppresses(one) for one in managers)
    inside = place._replace(
        sure=place.sure and is_open, caught=place.caught or caught, guard=frozenset({node.lineno})
    )
    # A raise that the manager waits for is no assertion.
    yield from _block(node.body[:-1] if own else node.body, inside, used)


def _does_itself(last: ast.stmt) -> bool:
    """True for ``raise``, ``sys.exit()`` and ``warnings.warn()`` as a statement of the block."""
    if isinstance(last, ast.Raise):
        return (dotted(last.exc)[-1:] if last.exc else []) not in (["fail"], ["AssertionError"])
    called = dotted(last.value) if isinstance(last, ast.Expr) and isinstance(last.value, ast.Call) else []
    return called in (["sys", "exit"], ["exit"], ["quit"], ["warnings", "warn"])


def _try(node: ast.Try | ast.TryStar, place: Place, used: set[str]) -> Iterator[tuple[ast.AST, Place]]:
    leaves = any(isinstance(one, ast.Return) for last in node.finalbody for one in ast.walk(last))
    caught = leaves or any(_swallows(handler) for handler in node.handlers)
    inside = place._replace(sure=False, guard=frozenset({node.lineno, *_first_lines(node)}))
    yield from _block(node.body, inside._replace(caught=place.caught or caught), used)
    for handler in node.handlers:
        yield from _block(handler.body, inside, used)
    yield from _block(node.orelse, inside, used)
    yield from _block(node.finalbody, place, used)


def _first_lines(node: ast.stmt) -> Iterator[int]:
    """The line of the first statement inside a try; it is what a run comes to."""
    if isinstance(node, Trying) and node.body:
        yield node.body[0].lineno


def _may_leave(statement: ast.stmt) -> bool:
    """True where a run may leave the block in this statement without failing."""
    if isinstance(statement, Function | ast.ClassDef):
        return False
    return any(isinstance(one, ast.Return | ast.Break | ast.Continue) for one in below(statement))


def _swallows(handler: ast.ExceptHandler) -> bool:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    names = {(dotted(kind) or [""])[-1] if kind is not None else "BaseException" for kind in kinds}
    if not names & FAILURES:
        return False
    for node in ast.walk(handler):
        if isinstance(node, ast.Raise | ast.Assert):
            return False
        if isinstance(node, ast.Call) and any(
            word in (dotted(node.func) or [""])[-1] for word in ("fail", "assert")
        ):
            return False
    return True


def _suppresses(expression: ast.expr) -> bool:
    """True for a manager that takes any failure of an assertion for itself."""
    if not isinstance(expression, ast.Call):
        return False
    called = (dotted(expression) or [""])[-1]
    if called not in {"suppress", "raises", "assertRaises"}:
        return False
    named = [one for argument in expression.args
             for one in (argument.elts if isinstance(argument, ast.Tuple) else [argument])]  # fmt: skip
    return bool({(dotted(one) or [""])[-1] for one in named} & FAILURES)
