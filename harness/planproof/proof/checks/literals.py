"""What an expression comes to in every run: assertions that cannot fail, branches that are never taken."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final, TypeGuard

from .syntax import Function, below, inside


if TYPE_CHECKING:
    from collections.abc import Mapping


EMPTY_MAKERS: Final = frozenset(
    {"dict", "frozenset", "list", "set", "tuple", "iter", "range", "str", "bytes"}
)
SAME: Final = ast.Eq | ast.Is | ast.GtE | ast.LtE
Names = dict[str, ast.expr]


def is_constant(  # noqa: PLR0911 - one kind of expression a line
    test: ast.expr, known: Mapping[str, ast.expr] | None = None
) -> bool:
    """True for an assertion that comes out the same in every run: literals, a thing compared with itself.

    Args:
        test: what is asserted.
        known: names that hold one written-out value for good; see :func:`settled`.
    """
    known = known or {}
    if isinstance(test, ast.Tuple | ast.List | ast.Set):
        return bool(test.elts)  # assert (x, "message") and assert [x] are always true
    if isinstance(test, ast.Dict):
        return bool(test.keys)
    if isinstance(test, ast.Lambda | ast.GeneratorExp | ast.JoinedStr):
        return True
    if isinstance(test, ast.NamedExpr):
        return is_constant(test.value, known)
    if isinstance(test, ast.UnaryOp):
        return is_constant(test.operand, known)
    if isinstance(test, ast.IfExp):
        return is_constant(test.body, known) and is_constant(test.orelse, known)
    if isinstance(test, ast.BoolOp):
        return _bool_is_constant(test, known)
    if isinstance(test, ast.Compare):
        return _compare_is_constant(test, known)
    if isinstance(test, ast.Call) and _is_any_object(test):
        return True
    return is_literal(test, known)


def _bool_is_constant(test: ast.BoolOp, known: Mapping[str, ast.expr]) -> bool:
    if not isinstance(test.op, ast.Or):
        return all(is_constant(one, known) for one in test.values)
    if any(is_constant(one, known) and truth(one) for one in test.values):
        return True
    plain = {ast.dump(one) for one in test.values}
    return any(  # x or not x
        isinstance(one, ast.UnaryOp) and isinstance(one.op, ast.Not) and ast.dump(one.operand) in plain
        for one in test.values
    )


def _compare_is_constant(test: ast.Compare, known: Mapping[str, ast.expr]) -> bool:
    sides = [test.left, *test.comparators]
    if all(is_literal(one, known) for one in sides):
        return True
    if len(sides) != 2:  # noqa: PLR2004 - one comparison
        return False
    op = test.ops[0]
    if isinstance(op, SAME) and _is_path(test.left) and ast.dump(sides[0]) == ast.dump(sides[1]):
        return True
    return _is_no_less_than_nothing(sides[0], op, sides[1])


def _is_path(node: ast.expr) -> bool:
    """True for ``a`` and ``a.b.c``, which are looked up and not called."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name)


def _is_no_less_than_nothing(left: ast.expr, op: ast.cmpop, right: ast.expr) -> bool:
    """True for ``len(x) >= 0`` and ``len(x) > -1``, written either way round."""
    if isinstance(op, ast.LtE | ast.Lt):
        left, right = right, left
        op = ast.GtE() if isinstance(op, ast.LtE) else ast.Gt()
    if not (isinstance(left, ast.Call) and isinstance(left.func, ast.Name) and left.func.id == "len"):
        return False
    least = _value(right)
    if not isinstance(least, int):
        return False
    return least <= 0 if isinstance(op, ast.GtE) else isinstance(op, ast.Gt) and least < 0


def _is_any_object(call: ast.Call) -> bool:
    """True for ``isinstance(x, object)``."""
    return (
        isinstance(call.func, ast.Name)
        and call.func.id == "isinstance"
        and len(call.args) == 2  # noqa: PLR2004 - a thing and its class
        and isinstance(call.args[1], ast.Name)
        and call.args[1].id == "object"
    )


def is_literal(node: ast.expr, known: Mapping[str, ast.expr] | None = None) -> bool:
    """True for a value that is written out: nothing in it depends on the program."""
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        return all(is_literal(one, known) for one in node.elts)
    if isinstance(node, ast.UnaryOp):
        return is_literal(node.operand, known)
    if isinstance(node, ast.BinOp):
        return is_literal(node.left, known) and is_literal(node.right, known)
    if isinstance(node, ast.Name):
        return known is not None and node.id in known
    return isinstance(node, ast.Constant)


def settled(function: Function) -> Names:
    """Names that a function binds once, to a value that is written out and cannot change."""
    bound: dict[str, int] = {}
    for node in inside(function):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            bound[node.id] = bound.get(node.id, 0) + 1
        elif isinstance(node, ast.arg):
            bound[node.arg] = bound.get(node.arg, 0) + 1
        elif isinstance(node, ast.Global | ast.Nonlocal):
            bound.update(dict.fromkeys(node.names, 2))
    return {
        node.targets[0].id: node.value
        for node in function.body
        if isinstance(node, ast.Assign)
        and len(node.targets) == 1
        and isinstance(node.targets[0], ast.Name)
        and bound[node.targets[0].id] == 1
        and isinstance(node.value, ast.Constant | ast.UnaryOp)
        and is_literal(node.value)
    }


def _value(node: ast.expr) -> object:
    try:
        value: object = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return ...
    return value


def truth(node: ast.expr) -> bool | None:  # noqa: PLR0911 - one kind of expression a line
    """What a condition comes to in every run, or None where that is not sure."""
    if isinstance(node, ast.Constant):
        return bool(node.value)
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        return bool(node.elts)
    if isinstance(node, ast.Dict):
        return bool(node.keys)
    if isinstance(node, ast.Lambda | ast.GeneratorExp):
        return True
    if isinstance(node, ast.JoinedStr):
        return any(isinstance(one, ast.Constant) and one.value for one in node.values) or None
    name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
    if name in {"TYPE_CHECKING", "__debug__"}:
        return name == "__debug__"
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        inner = truth(node.operand)
        return None if inner is None else not inner
    if isinstance(node, ast.BoolOp):
        return _bool_truth(node)
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        return _compare_truth(node)
    return None


def _bool_truth(node: ast.BoolOp) -> bool | None:
    sides = [truth(one) for one in node.values]
    decides = isinstance(node.op, ast.Or)
    if decides in sides:
        return decides
    return None if None in sides else not decides


def _compare_truth(node: ast.Compare) -> bool | None:
    left, right, op = _value(node.left), _value(node.comparators[0]), node.ops[0]
    if left is ... or right is ... or not isinstance(op, ast.Eq | ast.NotEq):
        return None
    return (left == right) is isinstance(op, ast.Eq)


def is_empty(node: ast.expr) -> bool:
    """True for what holds nothing to loop over: ``[]``, ``range(0)``, ``dict()``, ``list(())``."""
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        return not node.elts
    if isinstance(node, ast.Dict):
        return not node.keys
    if isinstance(node, ast.Constant):
        return node.value in ("", b"")
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in EMPTY_MAKERS:
        if node.func.id == "range":
            return len(node.args) == 1 and _value(node.args[0]) == 0
        return not node.keywords and (not node.args or is_empty(node.args[0]))
    return False


def _never_loops(node: ast.AST) -> TypeGuard[ast.While | ast.For | ast.AsyncFor]:
    if isinstance(node, ast.While):
        return truth(node.test) is False
    return isinstance(node, ast.For | ast.AsyncFor) and is_empty(node.iter)


def dead_nodes(tree: ast.AST) -> set[int]:
    """Identities of nodes that never run: below a return, under ``if False``, in a loop over nothing."""
    dead: set[int] = set()

    def bury(statements: list[ast.stmt]) -> None:
        dead.update(id(inner) for statement in statements for inner in below(statement))

    for node in inside(tree) if isinstance(tree, Function) else below(tree):
        if not isinstance(node, BLOCKS):
            continue
        if isinstance(node, ast.If):
            said = truth(node.test)
            if said is not None:
                bury(node.orelse if said else node.body)
        elif _never_loops(node):
            bury(node.body)
        for block in ("body", "orelse", "finalbody"):
            statements = getattr(node, block, None)
            if isinstance(statements, list):
                ends = [at for at, one in enumerate(statements) if isinstance(one, ENDS)]
                bury(statements[ends[0] + 1 :] if ends else [])
    return dead


ENDS: Final = ast.Return | ast.Break | ast.Continue | ast.Raise
# Every node that holds statements.
BLOCKS: Final = (
    ast.Module, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.If, ast.For, ast.AsyncFor, ast.While,
    ast.With, ast.AsyncWith, ast.Try, ast.TryStar, ast.ExceptHandler, ast.match_case,
)  # fmt: skip
