"""Says of a test's source whether it can fail at all: what it asserts, and whether that is about anything.

It reads syntax and is careful the other way round from a linter: where a test does something that this
module does not understand (an unknown decorator, a helper from elsewhere that may raise), the test is taken
to be able to fail. Only what surely checks nothing is refused.
"""

from __future__ import annotations

import ast
import functools
from typing import TYPE_CHECKING, Final, NamedTuple


if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


Function = ast.FunctionDef | ast.AsyncFunctionDef
# Words in a called name that say that the call can fail on purpose.
CHECKING: Final = (
    "assert", "check", "verify", "validate", "expect", "raises", "fail", "should", "must", "ensure", "warns",
    "require", "compare", "match", "approve", "snapshot", "benchmark", "raise_for_status", "testfile",
    "run_state_machine", "testmod", "main", "exit", "deprecated_call",
)  # fmt: skip
MOCKS: Final = frozenset(
    {"Mock", "MagicMock", "AsyncMock", "NonCallableMock", "create_autospec", "PropertyMock"}
)
PATCHES: Final = frozenset({"patch", "object", "dict", "multiple", "setattr"})
KNOWN_DECORATORS: Final = frozenset(
    {
        "mark",
        "fixture",
        "patch",
        "object",
        "given",
        "settings",
        "example",
        "wraps",
        "staticmethod",
        "classmethod",
    }
)
RETRIES: Final = frozenset({"flaky", "rerun", "retry", "retries", "reruns"})
DEPTH: Final = 4


def weakness(source: bytes, name: str, subjects: Iterable[str] = ()) -> str:
    """Why a test cannot fail, or empty where it can.

    Args:
        source: the test file.
        name: what stands after the file in the node id, without parameters: ``Class::test_x``.
        subjects: names of functions and classes that the claim is about.
    """
    read = _read(source)
    if read is None:
        return ""
    function = find(read.tree, name.split("::"))
    if function is None:
        return ""
    return Judge(read, function, frozenset(subjects)).reason()


class Module(NamedTuple):
    """A test file: its tree, its functions by name, and names imported from other test modules."""

    tree: ast.Module
    helpers: dict[str, Function]
    foreign: frozenset[str]


@functools.lru_cache(maxsize=16)
def _read(source: bytes) -> Module | None:
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return None
    helpers = {node.name: node for node in ast.walk(tree) if isinstance(node, Function)}
    foreign = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        and (node.level or (node.module or "").split(".")[0] in {"tests", "test", "conftest", "testing"})
        for alias in node.names
    }
    return Module(tree, helpers, frozenset(foreign))


def find(module: ast.Module, names: list[str]) -> Function | None:
    """The function of that name, in the classes before it; None where it is made otherwise."""
    body: list[ast.stmt] = module.body
    for part in names[:-1]:
        inner = [node for node in body if isinstance(node, ast.ClassDef) and node.name == part]
        if not inner:
            return None
        body = inner[-1].body
    found = [node for node in body if isinstance(node, Function) and node.name == names[-1]]
    return found[-1] if found else None


class Judge:
    """Weighs one test function."""

    def __init__(self, module: Module, function: Function, subjects: frozenset[str]) -> None:
        self.module = module
        self.function = function
        self.subjects = subjects
        self.mocks = mock_names(function)

    def reason(self) -> str:  # noqa: PLR0911 - one answer a line
        """Why this test cannot fail, or empty."""
        decorators = [dotted(one) for one in self.function.decorator_list]
        if any(parts and RETRIES & {part.lower() for part in parts} for parts in decorators):
            return "is retried until it passes"
        if any(not parts or not KNOWN_DECORATORS & set(parts) for parts in decorators):
            return ""
        patched = self.subjects & patched_names(self.function)
        if patched:
            return f"replaces {min(patched)}, which it is to prove, by a mock"
        sites = list(self.sites(self.function, DEPTH, frozenset()))
        if not sites:
            return "asserts nothing"
        kinds = set(sites)
        if "real" in kinds:
            return ""
        if kinds == {"constant"}:
            return "asserts only what is always true"
        if "swallowed" in kinds:
            return "swallows the failure of its own assertions"
        return "asserts only about its own mocks" if "mock" in kinds else "asserts nothing that can fail"

    def sites(self, function: Function, depth: int, seen: frozenset[str]) -> Iterator[str]:
        """What each assertion of a function is worth: real, constant, swallowed or mock."""
        swallowed = {id(node) for node in _swallowed(function)}
        unreachable = {id(node) for node in _unreachable(function)}
        for node in _own_nodes(function):
            if id(node) in unreachable:
                continue
            worth = self._worth(node, depth, seen)
            for one in worth:
                yield "swallowed" if one == "real" and id(node) in swallowed else one

    def _worth(  # noqa: PLR0911 - one answer a line
        self, node: ast.AST, depth: int, seen: frozenset[str]
    ) -> list[str]:
        if isinstance(node, ast.Assert):
            return [self._assertion(node.test)]
        if isinstance(node, ast.Raise):
            return ["real"]
        if not isinstance(node, ast.Call):
            return []
        parts = dotted(node.func)
        name = parts[-1] if parts else ""
        if not parts:
            return []
        helper = self.module.helpers.get(name) if len(parts) == 1 or parts[0] == "self" else None
        if helper is not None and helper is not self.function:
            if not depth:
                return ["real"]  # too deep to be followed, so given the benefit of the doubt
            return [] if name in seen else list(self.sites(helper, depth - 1, seen | {name}))
        if any(word in name.lower() for word in CHECKING):
            return [self._call(node, parts)]
        # A helper that is imported from another test module may assert.
        return ["real"] if name in self.module.foreign else []

    def _assertion(self, test: ast.expr) -> str:
        if is_constant(test):
            return "constant"
        roots = {node.id for node in ast.walk(test) if isinstance(node, ast.Name)} - {"call", "len", "list"}
        return "mock" if roots and roots <= self.mocks else "real"

    def _call(self, call: ast.Call, parts: list[str]) -> str:
        arguments = [*call.args, *(keyword.value for keyword in call.keywords)]
        assertion = parts[0] == "self" and parts[-1].startswith("assert")
        if assertion and arguments and all(is_constant(one) for one in arguments):
            return "constant"
        if parts[-1].startswith("assert_") and parts[0] in self.mocks and not self._passes_a_mock():
            return "mock"
        if parts[-1] in {"raises", "warns"}:
            return "real"
        return "real"

    def _passes_a_mock(self) -> bool:
        """True where a mock is handed to something else, or where ``patch`` puts it there."""
        if any(set(dotted(one) or []) & PATCHES for one in self.function.decorator_list):
            return True
        for node in ast.walk(self.function):
            if isinstance(node, ast.Call):
                parts = dotted(node.func)
                if parts and PATCHES & set(parts):
                    return True
                arguments = [*node.args, *(keyword.value for keyword in node.keywords)]
                if parts and parts[0] not in self.mocks and any(self._holds_mock(one) for one in arguments):
                    return True
        return False

    def _holds_mock(self, node: ast.expr) -> bool:
        return any(isinstance(one, ast.Name) and one.id in self.mocks for one in ast.walk(node))


def dotted(node: ast.AST) -> list[str]:
    """``a.b.c`` of a name, an attribute or a call of one; empty for anything else."""
    parts: list[str] = []
    while True:
        if isinstance(node, ast.Call):
            node = node.func
        elif isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        elif isinstance(node, ast.Name):
            return [node.id, *reversed(parts)]
        else:
            return ["?", *reversed(parts)] if parts else []


def is_constant(test: ast.expr) -> bool:  # noqa: PLR0911 - one answer a line
    """True for an assertion that comes out the same in every run: literals, a thing compared with itself."""
    if isinstance(test, ast.Tuple | ast.JoinedStr | ast.Lambda):
        return bool(getattr(test, "elts", True))  # assert (x, "message") is always true
    if isinstance(test, ast.UnaryOp):
        return is_constant(test.operand)
    if isinstance(test, ast.BoolOp):
        if isinstance(test.op, ast.Or):
            return any(is_constant(one) and _is_truthy(one) for one in test.values)
        return all(is_constant(one) for one in test.values)
    if isinstance(test, ast.Compare):
        sides = [test.left, *test.comparators]
        if all(_is_literal(one) for one in sides):
            return True
        same = isinstance(test.ops[0], ast.Eq | ast.Is | ast.GtE | ast.LtE) and len(sides) == 2  # noqa: PLR2004 - one comparison
        return same and isinstance(test.left, ast.Name) and ast.dump(sides[0]) == ast.dump(sides[1])
    return _is_literal(test)


def _is_literal(node: ast.expr) -> bool:
    """True for a value that is written out: nothing in it is looked up or called."""
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        return all(_is_literal(one) for one in node.elts)
    if isinstance(node, ast.UnaryOp):
        return _is_literal(node.operand)
    if isinstance(node, ast.BinOp):
        return _is_literal(node.left) and _is_literal(node.right)
    return isinstance(node, ast.Constant)


def _is_truthy(node: ast.expr) -> bool:
    """True unless a written-out value is empty, zero or None."""
    return bool(node.value) if isinstance(node, ast.Constant) else True


def mock_names(function: Function) -> set[str]:
    """Names in a function that hold mocks, and what is read off them."""
    names: set[str] = set()
    for _ in range(2):
        for node in ast.walk(function):
            if isinstance(node, ast.Assign) and _is_mock(node.value, names):
                names.update(one.id for one in node.targets if isinstance(one, ast.Name))
            elif isinstance(node, ast.With | ast.AsyncWith):
                for item in node.items:
                    parts = dotted(item.context_expr)
                    named = item.optional_vars
                    if parts and "patch" in parts and isinstance(named, ast.Name):
                        names.add(named.id)
    return names


def _is_mock(value: ast.expr, names: set[str]) -> bool:
    if isinstance(value, ast.Await):
        value = value.value
    parts = dotted(value)
    if not parts:
        return False
    return (isinstance(value, ast.Call) and parts[-1] in MOCKS) or parts[0] in names


def patched_names(function: Function) -> set[str]:
    """Last parts of what a test patches: ``login`` of ``patch("app.login")`` or ``setattr(app, "login")``."""
    found: set[str] = set()
    calls = [node for node in ast.walk(function) if isinstance(node, ast.Call)]
    for call in calls:
        parts = dotted(call.func)
        if not parts or not PATCHES & set(parts[-2:]):
            continue
        texts = [
            one.value for one in call.args if isinstance(one, ast.Constant) and isinstance(one.value, str)
        ]
        found.update(text.rsplit(".", 1)[-1] for text in texts[:1])
    return found


def _own_nodes(function: Function) -> Iterator[ast.AST]:
    """Every node of a function's body; functions defined inside count, since they are called from it."""
    for statement in function.body:
        yield from ast.walk(statement)


def _swallowed(function: Function) -> Iterator[ast.AST]:
    """Nodes whose AssertionError goes nowhere."""
    for node in ast.walk(function):
        if (isinstance(node, ast.Try) and any(_swallows(handler) for handler in node.handlers)) or (
            isinstance(node, ast.With) and any(_suppresses(item.context_expr) for item in node.items)
        ):
            for statement in node.body:
                yield from ast.walk(statement)


def _swallows(handler: ast.ExceptHandler) -> bool:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    names = {(dotted(kind) or [""])[-1] if kind is not None else "BaseException" for kind in kinds}
    if not names & {"Exception", "BaseException", "AssertionError"}:
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
    if not isinstance(expression, ast.Call) or (dotted(expression) or [""])[-1] != "suppress":
        return False
    names = {(dotted(one) or [""])[-1] for one in expression.args}
    return bool(names & {"Exception", "BaseException", "AssertionError"})


def _unreachable(function: Function) -> Iterator[ast.AST]:
    """Nodes after a return in the same block, under ``if False``, and in ``for`` over an empty literal."""
    for node in ast.walk(function):
        if isinstance(node, ast.If) and is_constant(node.test) and not getattr(node.test, "value", True):
            yield from (inner for statement in node.body for inner in ast.walk(statement))
        if isinstance(node, ast.For) and isinstance(node.iter, ast.List | ast.Tuple) and not node.iter.elts:
            yield from (inner for statement in node.body for inner in ast.walk(statement))
        for block in ("body", "orelse", "finalbody"):
            statements = getattr(node, block, None)
            if isinstance(statements, list):
                ended = False
                for statement in statements:
                    if ended:
                        yield from ast.walk(statement)
                    ended = ended or isinstance(statement, ast.Return)
