"""What a test puts in the place of the thing that it is to prove: mocks, patches, functions of its own."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

from .literals import is_literal
from .syntax import Function, dotted, inside


if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping


MOCKS: Final = frozenset(
    {"Mock", "MagicMock", "AsyncMock", "NonCallableMock", "create_autospec", "PropertyMock"}
)
PATCHES: Final = frozenset({"patch", "object", "dict", "multiple", "setattr"})
# What a mock knows of how it was used; a test may ask it for that.
RECORDED: Final = frozenset(
    {"called", "call_count", "call_args", "call_args_list", "mock_calls", "method_calls",
     "await_count", "awaited", "await_args", "await_args_list"}
)  # fmt: skip


def replaced(
    function: Function, helpers: Mapping[str, Function], around: Iterable[ast.AST], subjects: frozenset[str]
) -> str:
    """Which subject a test replaces before it looks at it, itself or by a fixture of its file; else empty.

    A constant is not replaced but set: that a limit of 3 is kept shows that the limit counts.

    Args:
        function: the test.
        helpers: the functions of its file.
        around: what else runs before it: ``setUp``, decorators of its class, statements of the module.
        subjects: what may not be replaced.
    """
    wanted = {one for one in subjects if not one.isupper()}
    if not wanted:
        return ""
    names = {one.arg for one in (*function.args.args, *function.args.kwonlyargs)}
    parts = [function, *used_fixtures(helpers, names), *around]
    found = {name for one in parts for name in (*patched_names(one), *_assigned(one))}
    return min((*(found & wanted), *(_shadowed(function) & wanted)), default="")


def replaced_by(parts: Iterable[ast.AST], subjects: Iterable[str]) -> str:
    """Which subject fixtures of another file, or its statements, replace; else empty."""
    found = {name for one in parts for name in (*patched_names(one), *_assigned(one))}
    return min(found & {one for one in subjects if not one.isupper()}, default="")


def used_fixtures(helpers: Mapping[str, Function], names: Collection[str]) -> list[Function]:
    """The fixtures among some functions that are asked for by name, or by themselves."""
    return [
        one for name, one in helpers.items() if _is_fixture(one) and (name in names or _is_automatic(one))
    ]


def _is_fixture(function: Function) -> bool:
    return any("fixture" in dotted(one) for one in function.decorator_list)


def _is_automatic(function: Function) -> bool:
    return any(
        keyword.arg == "autouse" and isinstance(keyword.value, ast.Constant) and bool(keyword.value.value)
        for one in function.decorator_list
        if isinstance(one, ast.Call)
        for keyword in one.keywords
    )


def patched_names(function: ast.AST) -> set[str]:
    """Last parts of what a test patches: ``login`` of ``patch("app.login")`` or ``setattr(app, "login")``."""
    found: set[str] = set()
    for call in (node for node in ast.walk(function) if isinstance(node, ast.Call)):
        parts = dotted(call.func)
        if not parts or not PATCHES & set(parts[-2:]):
            continue
        at = next((at for at, one in enumerate(call.args) if _text(one)), None)
        if at is not None and not any(is_literal(one) for one in call.args[at + 1 : at + 2]):
            found.add(_text(call.args[at]).rsplit(".", 1)[-1])
    return found


def _text(node: ast.expr) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _assigned(function: ast.AST) -> Iterator[str]:
    """Attributes that are assigned something that is not written out: ``app.login = fake``."""
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and not is_literal(node.value):
            for target in node.targets:
                for one in target.elts if isinstance(target, ast.Tuple) else [target]:
                    if isinstance(one, ast.Attribute) and _is_module_like(one.value):
                        yield one.attr


def _is_module_like(node: ast.expr) -> bool:
    """True for ``app`` and ``app.auth``; ``self`` and what a call returned are objects of the test's own."""
    parts = dotted(node) if isinstance(node, ast.Name | ast.Attribute) else []
    return bool(parts) and parts[0] not in {"self", "cls"}


def _shadowed(function: Function) -> set[str]:
    """Names that a test defines anew inside itself, without going back to what had the name before."""
    found: set[str] = set()
    for node in ast.walk(function):
        if isinstance(node, Function) and node is not function and not _mentions(node, node.name):
            found.add(node.name)
        elif isinstance(node, ast.Assign) and (
            isinstance(node.value, ast.Lambda) or is_mock(node.value, set())
        ):
            found.update(
                one.id
                for one in node.targets
                if isinstance(one, ast.Name) and not _mentions(node.value, one.id)
            )
    return found


def _mentions(node: ast.AST, name: str) -> bool:
    inner = list(ast.walk(node))
    return any(
        (isinstance(one, ast.Attribute) and one.attr == name)
        or (isinstance(one, ast.Name) and one.id == name)
        for one in inner
    )


def mock_names(function: Function) -> set[str]:
    """Names in a function that hold mocks, and what is read off them."""
    names: set[str] = set()
    binding = [node for node in inside(function) if isinstance(node, ast.Assign | ast.With | ast.AsyncWith)]
    for _ in range(2):
        for node in binding:
            if isinstance(node, ast.Assign) and is_mock(node.value, names):
                names.update(one.id for one in node.targets if isinstance(one, ast.Name))
            elif not isinstance(node, ast.Assign):
                for item in node.items:
                    parts = dotted(item.context_expr)
                    named = item.optional_vars
                    if parts and "patch" in parts and isinstance(named, ast.Name):
                        names.add(named.id)
    return names


def is_mock(value: ast.expr, names: set[str]) -> bool:
    """True for a call that makes a mock, and for what is read off or called on one of the names."""
    if isinstance(value, ast.Await):
        value = value.value
    parts = dotted(value)
    if not parts:
        return False
    return (isinstance(value, ast.Call) and parts[-1] in MOCKS) or parts[0] in names


def passes_a_mock(function: Function, mocks: set[str]) -> bool:
    """True where a mock is handed to something else, or where ``patch`` puts it there."""
    if any(set(dotted(one) or []) & PATCHES for one in function.decorator_list):
        return True
    for node in ast.walk(function):
        if isinstance(node, ast.Call):
            parts = dotted(node.func)
            if parts and PATCHES & set(parts):
                return True
            arguments = [*node.args, *(keyword.value for keyword in node.keywords)]
            if parts and parts[0] not in mocks and any(_holds(one, mocks) for one in arguments):
                return True
    return False


def _holds(node: ast.expr, mocks: set[str]) -> bool:
    return any(isinstance(one, ast.Name) and one.id in mocks for one in ast.walk(node))


def asks_what_was_recorded(test: ast.expr) -> bool:
    """True for ``fake.save.called`` and the like: how the mock was used, by whoever it was handed to."""
    return any(isinstance(one, ast.Attribute) and one.attr in RECORDED for one in ast.walk(test))
