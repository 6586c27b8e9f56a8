"""What an expression comes to in every run: assertions that cannot fail, branches that are never taken."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final, TypeGuard

from .syntax import Function, below, dotted, inside


if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


EMPTY_MAKERS: Final = frozenset(
    {"dict", "frozenset", "list", "set", "tuple", "iter", "range", "str", "bytes"}
)
SAME: Final = ast.Eq | ast.Is | ast.GtE | ast.LtE
CONTRARY: Final = {
    ast.Eq: ast.NotEq, ast.Is: ast.IsNot, ast.In: ast.NotIn, ast.Lt: ast.GtE, ast.Gt: ast.LtE,
}  # fmt: skip
# What equals everything (unittest.mock).
ANYTHING: Final = (["ANY"], ["mock", "ANY"], ["unittest", "mock", "ANY"])
# Builtins that say the same of the same thing.
MEASURES: Final = frozenset(
    {"len", "type", "id", "str", "repr", "sorted", "list", "tuple", "set", "sum", "min", "max", "bool",
     "hash", "abs", "float", "int", "dict", "frozenset", "bytes", "ascii"}
)  # fmt: skip
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
    if isinstance(test, ast.Call) and (_is_any_object(test) or _is_over_nothing(test)):
        return True
    return is_literal(test, known)


def _bool_is_constant(test: ast.BoolOp, known: Mapping[str, ast.expr]) -> bool:
    if not isinstance(test.op, ast.Or):
        return all(is_constant(one, known) for one in test.values)
    if any(is_constant(one, known) and truth(one) for one in test.values):
        return True
    plain = {ast.dump(one) for one in test.values}
    return any(_contrary(one) in plain for one in test.values)  # x or not x


def _contrary(test: ast.expr) -> str:
    """What is true exactly where a condition is not, as a dump; empty where it is not plain to see."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return ast.dump(test.operand)
    if isinstance(test, ast.Compare) and len(test.ops) == 1 and type(test.ops[0]) in CONTRARY:
        return ast.dump(ast.Compare(test.left, [CONTRARY[type(test.ops[0])]()], test.comparators))
    return ""


def _compare_is_constant(test: ast.Compare, known: Mapping[str, ast.expr]) -> bool:
    sides = [test.left, *test.comparators]
    if all(is_literal(one, known) for one in sides):
        return True
    pairs = zip(sides[:-1], test.ops, sides[1:], strict=True)
    return all(_pair_is_constant(left, op, right, known) for left, op, right in pairs)


def _pair_is_constant(left: ast.expr, op: ast.cmpop, right: ast.expr, known: Mapping[str, ast.expr]) -> bool:
    if isinstance(op, ast.Eq) and any(dotted(one) in ANYTHING for one in (left, right)):
        return True
    if isinstance(op, ast.NotEq | ast.IsNot) and any(_is_new_object(one) for one in (left, right)):
        return True
    first = _steady(left, known)
    if first and isinstance(op, SAME) and first == _steady(right, known):
        return True
    if first and isinstance(op, ast.In) and isinstance(right, ast.List | ast.Tuple | ast.Set):
        return first in {_steady(one, known) for one in right.elts}
    return _is_no_less_than_nothing(left, op, right)


def _steady(node: ast.expr, known: Mapping[str, ast.expr]) -> str:
    """A text that two expressions share which surely are equal: looked up, not made; else empty.

    ``a.b``, ``a[0]``, ``len(a)`` and ``approx(a)`` of the same ``a``; a second name of ``a`` is ``a``.
    """
    if isinstance(node, ast.Name):
        other = known.get(node.id)
        return _steady(other, known) if isinstance(other, ast.Name) else node.id
    if isinstance(node, ast.Attribute):
        inner = _steady(node.value, known)
        return f"{inner}.{node.attr}" if inner else ""
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        inner = _steady(node.value, known)
        return f"{inner}[{node.slice.value!r}]" if inner else ""
    if isinstance(node, ast.Call) and node.args:
        name, inner = dotted(node.func), _steady(node.args[0], known)
        if name[-1:] == ["approx"]:
            return inner
        if len(name) == len(node.args) == 1 and name[0] in MEASURES and not node.keywords:
            return f"{name[0]}({inner})" if inner else ""
    return ""


def _is_new_object(node: ast.expr) -> bool:
    """True for ``object()``, which nothing else is or equals."""
    return isinstance(node, ast.Call) and not node.args and dotted(node.func) == ["object"]


def _is_over_nothing(call: ast.Call) -> bool:
    """True for ``all(x for x in [])`` and ``any([])``."""
    if dotted(call.func) not in (["all"], ["any"]) or len(call.args) != 1:
        return False
    over = call.args[0]
    if isinstance(over, ast.GeneratorExp | ast.ListComp | ast.SetComp):
        return is_empty(over.generators[0].iter)
    return is_empty(over)


def _is_no_less_than_nothing(left: ast.expr, op: ast.cmpop, right: ast.expr) -> bool:
    """True for ``len(x) >= 0`` and ``len(x) > -1``, written either way round."""
    if isinstance(op, ast.LtE | ast.Lt):
        left, right = right, left
        op = ast.GtE() if isinstance(op, ast.LtE) else ast.Gt()
    if not (isinstance(left, ast.Call) and dotted(left.func)[-1:] in (["len"], ["count"])):
        return False
    least = _value(right)
    if not isinstance(least, int):
        return False
    if isinstance(op, ast.NotEq | ast.IsNot):
        return least < 0
    return least <= 0 if isinstance(op, ast.GtE) else isinstance(op, ast.Gt) and least < 0


def _is_any_object(call: ast.Call) -> bool:
    """True for ``isinstance(x, object)``, ``isinstance(x, type(x))`` and ``hasattr(x, "__class__")``."""
    if not isinstance(call.func, ast.Name) or len(call.args) != 2:  # noqa: PLR2004 - a thing and its class
        return False
    thing, kind = call.args
    if call.func.id == "hasattr":
        name = _value(kind)
        return isinstance(name, str) and hasattr(object, name)
    if call.func.id not in {"isinstance", "issubclass"}:
        return False
    own = isinstance(kind, ast.Call) and dotted(kind.func) == ["type"] and len(kind.args) == 1
    if own and isinstance(kind, ast.Call) and isinstance(thing, ast.Name):
        return ast.dump(kind.args[0]) == ast.dump(thing)
    kinds = kind.elts if isinstance(kind, ast.Tuple) else [kind]
    return any(isinstance(one, ast.Name) and one.id == "object" for one in kinds)


def is_literal(node: ast.expr, known: Mapping[str, ast.expr] | None = None) -> bool:
    """True for a value that is written out: nothing in it depends on the program."""
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        return all(is_literal(one, known) for one in node.elts)
    if isinstance(node, ast.UnaryOp):
        return is_literal(node.operand, known)
    if isinstance(node, ast.BinOp):
        return is_literal(node.left, known) and is_literal(node.right, known)
    if isinstance(node, ast.Name):
        return known is not None and not isinstance(known.get(node.id, node), ast.Name)
    return isinstance(node, ast.Constant)


def settled(function: Function) -> Names:
    """Names that a function binds once, to what is written out and cannot change, or to another such name.

    Arguments are among them where their default or ``parametrize`` says what they are: an assertion about
    nothing else asks what the test was told.
    """
    bound: dict[str, int] = {}
    for node in inside(function):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            bound[node.id] = bound.get(node.id, 0) + 1
        elif isinstance(node, ast.arg):
            bound[node.arg] = bound.get(node.arg, 0) + 1
        elif isinstance(node, ast.Global | ast.Nonlocal):
            bound.update(dict.fromkeys(node.names, 2))
    given = {name: value for name, value in _given(function) if bound.get(name) == 1}
    for node in function.body:
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            name, value = node.targets[0].id, node.value
            if bound[name] == 1 and _settles(name, value, bound, function):
                given[name] = value
    return given


def _settles(name: str, value: ast.expr, bound: Mapping[str, int], function: Function) -> bool:
    if isinstance(value, ast.Name):
        return bound.get(value.id) == 1  # a second name of the same thing
    if isinstance(value, ast.Constant | ast.UnaryOp):
        return is_literal(value)
    mutable = isinstance(value, ast.List | ast.Dict | ast.Set) and _is_written_out(value)
    return mutable and _only_asserted(name, function)


def _is_written_out(node: ast.expr) -> bool:
    return isinstance(_value(node), list | dict | set)


def _only_asserted(name: str, function: Function) -> bool:
    """True where nobody but assertions ever sees a name: nothing can have changed what it holds."""
    asserted = {
        id(one) for node in inside(function) if isinstance(node, ast.Assert) for one in below(node.test)
    }
    loads = [
        one
        for one in inside(function)
        if isinstance(one, ast.Name) and one.id == name and isinstance(one.ctx, ast.Load)
    ]
    return all(id(one) in asserted for one in loads)


def _given(function: Function) -> Iterator[tuple[str, ast.expr]]:
    """Arguments with a plain default, and those that ``parametrize`` gives plain values only."""
    arguments = [*function.args.posonlyargs, *function.args.args]
    defaults = function.args.defaults
    pairs = [*zip(arguments[len(arguments) - len(defaults) :], defaults, strict=True),
             *zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True)]  # fmt: skip
    for argument, value in pairs:
        if isinstance(value, ast.Constant):
            yield argument.arg, value
    for call in (one for one in function.decorator_list if isinstance(one, ast.Call)):
        if (
            dotted(call.func)[-1:] == ["parametrize"]
            and len(call.args) > 1
            and {one.arg for one in call.keywords} <= {"ids"}
        ):
            names, rows = _value(call.args[0]), call.args[1]
            words = names.replace(",", " ").split() if isinstance(names, str) else names
            if isinstance(words, list | tuple) and isinstance(rows, ast.List | ast.Tuple):
                yield from ((str(one), rows) for one in words if _is_plain(rows))


def _is_plain(rows: ast.expr) -> bool:
    """True for rows of plain values that nobody can change: numbers, texts, and tuples of them."""
    elements = rows.elts if isinstance(rows, ast.List | ast.Tuple) else []
    return bool(elements) and all(
        isinstance(one, ast.Constant) or (isinstance(one, ast.Tuple) and _is_plain(one)) for one in elements
    )


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
        if isinstance(node, ast.BoolOp | ast.IfExp):
            dead.update(id(inner) for one in _skipped(node) for inner in below(one))
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


def _skipped(node: ast.BoolOp | ast.IfExp) -> list[ast.expr]:
    """Sides that are never looked at: behind ``False and``, ``True or``, and the other one of an ``if``."""
    if isinstance(node, ast.IfExp):
        said = truth(node.test)
        return [] if said is None else [node.orelse if said else node.body]
    decides = isinstance(node.op, ast.Or)
    ends = [at for at, one in enumerate(node.values) if truth(one) is decides]
    return node.values[ends[0] + 1 :] if ends else []


ENDS: Final = ast.Return | ast.Break | ast.Continue | ast.Raise
# Every node that holds statements.
BLOCKS: Final = (
    ast.Module, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.If, ast.For, ast.AsyncFor, ast.While,
    ast.With, ast.AsyncWith, ast.Try, ast.TryStar, ast.ExceptHandler, ast.match_case,
)  # fmt: skip
