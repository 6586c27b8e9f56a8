"""Checks of kind code: questions to the syntax tree of a file; a comment or a string never answers one."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any, Final

from planproof.proof.model import Outcome, Result

from .literals import dead_nodes, truth
from .syntax import Function, dotted


if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from planproof.proof.model import Check

    from .base import Context


class CodeRunner:
    """Answers queries from syntax trees, in this process; nothing is imported or run."""

    def run(self, checks: Sequence[Check], context: Context) -> Iterator[Result]:
        """Answer each check's queries over its files."""
        for check in checks:
            yield self._one(check, context)

    def _one(self, check: Check, context: Context) -> Result:
        files = expand(check.params["files"], context)
        missing = [name for name, found in files.items() if not found]
        if missing:
            return Result(check, Outcome.NOTHING, f"{missing[0]} does not exist", roots=tuple(files))
        names = tuple(sorted({name for found in files.values() for name in found}))
        empty = [name for name in names if not (context.root / name).stat().st_size]
        if len(empty) == len(names):
            return Result(check, Outcome.NOTHING, f"{empty[0]} is empty", roots=names)
        trees: list[ast.Module] = []
        for name in (one for one in names if _needs_tree(check.params["queries"])):
            try:
                trees.append(ast.parse((context.root / name).read_bytes()))
            except (SyntaxError, ValueError) as error:
                return Result(check, Outcome.FAILED, f"{name} is not Python: {error}", roots=names)
        for query, asked in check.params["queries"].items():
            answer = ask(query, asked, trees)
            if answer:
                return Result(
                    check, Outcome.FAILED, f"{', '.join(check.params['files'])}: {answer}", roots=names
                )
        return Result(check, Outcome.PASSED, roots=names)


def _needs_tree(queries: Mapping[str, Any]) -> bool:
    return any(query != "exists" for query in queries)


def expand(patterns: Sequence[str], context: Context) -> dict[str, list[str]]:
    """Files of the workspace by pattern; nothing outside it."""
    found: dict[str, list[str]] = {}
    for pattern in patterns:
        plain = context.root / pattern
        if pattern.startswith("/") or ".." in pattern.split("/"):
            found[pattern] = []
        elif plain.is_file():
            found[pattern] = [pattern]
        elif plain.is_dir():
            found[pattern] = [one.relative_to(context.root).as_posix() for one in plain.rglob("*.py")]
        else:
            hits = context.root.glob(pattern)
            found[pattern] = [one.relative_to(context.root).as_posix() for one in hits if one.is_file()]
    return found


def ask(query: str, asked: Any, trees: list[ast.Module]) -> str:
    """Why the answer to a query is no, or empty where it is yes."""
    index = Index(trees)
    if query == "exists":
        return ""
    if query in {"defines", "annotated"}:
        return next((said for name in asked if (said := _UNARY[query](index, name))), "")
    if query == "constant":
        return next((said for name, value in asked.items() if (said := _constant(index, name, value))), "")
    for name, wanted in asked.items():
        for one in wanted:
            said = _BINARY[query](index, name, one)
            if said:
                return said
    return ""


class Index:
    """Definitions of some modules by their qualified names."""

    def __init__(self, trees: list[ast.Module]) -> None:
        self.definitions: dict[str, ast.AST] = {}
        self.constants: dict[str, ast.expr] = {}
        self.abstract: set[int] = set()
        for tree in trees:
            self._read(tree.body, "")

    def _read(self, body: list[ast.stmt], prefix: str, *, abstract: bool = False) -> None:
        for node in body:
            if isinstance(node, Function | ast.ClassDef):
                self.definitions[prefix + node.name] = node
                if abstract:
                    self.abstract.add(id(node))
                bases = getattr(node, "bases", [])
                promise = any(dotted(one)[-1:] == ["Protocol"] for one in map(_plain, bases))
                self._read(node.body, f"{prefix}{node.name}.", abstract=promise)
            elif isinstance(node, ast.If | ast.Try | ast.With):
                said = truth(node.test) if isinstance(node, ast.If) else None
                self._read([] if said is False else node.body, prefix, abstract=abstract)
                self._read([] if said is True else getattr(node, "orelse", []), prefix, abstract=abstract)
            else:
                self._bind(node, prefix)

    def _bind(self, node: ast.stmt, prefix: str) -> None:
        """What a statement does to names: the last one counts, as in a run."""
        targets: list[ast.expr] = getattr(node, "targets", None) or [getattr(node, "target", node)]
        for name in (prefix + one.id for one in targets if isinstance(one, ast.Name)):
            if isinstance(node, ast.Assign) or (isinstance(node, ast.AnnAssign) and node.value):
                assert node.value is not None
                self._assign(name, node.value)
            elif isinstance(node, ast.AugAssign):
                self.constants[name] = ast.BinOp(node.target, node.op, node.value)
            elif isinstance(node, ast.Delete):
                self.definitions.pop(name, None)
                self.constants.pop(name, None)

    def _assign(self, name: str, value: ast.expr) -> None:
        """A name that is given another value; a function that is set to a plain one is a function no more."""
        self.constants[name] = value
        if isinstance(value, ast.Constant):
            self.definitions.pop(name, None)

    def find(self, name: str) -> ast.AST | None:
        """A definition by qualified name, or by its last part where only one has it."""
        if name in self.definitions:
            return self.definitions[name]
        hits = [node for known, node in self.definitions.items() if known.endswith(f".{name}")]
        return hits[0] if len(hits) == 1 else None

    def function(self, name: str) -> ast.AST | None:
        """A function or class whose body is asked about."""
        return self.find(name)


def _defines(index: Index, name: str) -> str:
    node = index.find(name)
    value = index.constants.get(name) if node is None else None
    if node is None and (value is None or (isinstance(value, ast.Constant) and value.value is ...)):
        return f"{name} is not defined"
    stub = isinstance(node, Function) and id(node) not in index.abstract and _is_stub(node)
    return f"{name} is defined, and only as a stub" if stub else ""


def _plain(base: ast.expr) -> ast.expr:
    """``Protocol`` of ``Protocol[T]``."""
    return base.value if isinstance(base, ast.Subscript) else base


def _is_stub(function: Function) -> bool:
    """True where nobody has written the body: ``...``, or NotImplementedError, in nothing abstract."""
    if any({"abstractmethod", "overload"} & set(dotted(one)) for one in function.decorator_list):
        return False
    body = [one for one in function.body if not (isinstance(one, ast.Expr) and _is_text(one.value))]
    if len(body) != 1:
        return False
    raised = body[0].exc if isinstance(body[0], ast.Raise) else None
    if raised is not None and dotted(raised)[-1:] == ["NotImplementedError"]:
        return True
    only = body[0].value if isinstance(body[0], ast.Expr) else None
    return isinstance(only, ast.Constant) and only.value is ...


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _annotated(index: Index, name: str) -> str:
    node = index.find(name)
    if not isinstance(node, Function):
        return f"function {name} is not defined"
    arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    bare = [one.arg for one in arguments if one.annotation is None and one.arg not in {"self", "cls"}]
    if bare:
        return f"argument {bare[0]} of {name} is not annotated"
    return "" if node.returns is not None else f"what {name} returns is not annotated"


def _calls(index: Index, name: str, callee: str) -> str:
    node = index.find(name)
    if node is None:
        return f"{name} is not defined"
    return "" if _has_call(node, callee, alive=True) else f"{name} does not call {callee}"


def _never_calls(index: Index, name: str, callee: str) -> str:
    node = index.find(name)
    if node is None:
        return f"{name} is not defined"
    return f"{name} calls {callee}" if _has_call(node, callee) else ""


def _has_call(node: ast.AST, callee: str, *, alive: bool = False) -> bool:
    """True where a call stands in the body; ``alive``: where it may run."""
    wanted = callee.removesuffix("()").split(".")
    for one in _alive(node) if alive else ast.walk(node):
        if isinstance(one, ast.Call) and dotted(one.func)[-len(wanted) :] == wanted:
            return True
    return False


def _alive(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes below one that may run: not behind a return or ``if False``, not in what nobody names."""
    dead = dead_nodes(node) | _unnamed(node)
    return (one for one in ast.walk(node) if id(one) not in dead)


def _unnamed(node: ast.AST) -> set[int]:
    """Identities of the nodes of functions that are defined inside a function and never named in it."""
    inner = [one for one in ast.walk(node) if isinstance(one, Function) and one is not node]
    if not isinstance(node, Function):
        return set()
    found: set[int] = set()
    for function in inner:
        own = {id(one) for one in ast.walk(function)}
        named = any(
            isinstance(one, ast.Name) and one.id == function.name and id(one) not in own
            for one in ast.walk(node)
        )
        in_class = any(function in one.body for one in ast.walk(node) if isinstance(one, ast.ClassDef))
        if not named and not in_class and not function.decorator_list:
            found |= own
    return found


def _raises(index: Index, name: str, error: str) -> str:
    node = index.find(name)
    if node is None:
        return f"{name} is not defined"
    raised = {
        dotted(one.exc)[-1]
        for one in _alive(node)
        if isinstance(one, ast.Raise) and one.exc and dotted(one.exc)
    }
    return "" if error in raised else f"{name} does not raise {error}"


def _handles(index: Index, name: str, error: str) -> str:
    node = index.find(name)
    if node is None:
        return f"{name} is not defined"
    handled: set[str] = set()
    for one in _alive(node):
        if isinstance(one, ast.ExceptHandler) and one.type is not None:
            kinds = one.type.elts if isinstance(one.type, ast.Tuple) else [one.type]
            handled.update(dotted(kind)[-1] for kind in kinds if dotted(kind))
    return "" if error in handled else f"{name} does not handle {error}"


def _methods(index: Index, name: str, method: str) -> str:
    node = index.find(name)
    if not isinstance(node, ast.ClassDef):
        return f"class {name} is not defined"
    own = {one.name: one for one in node.body if isinstance(one, Function)}
    if method not in own:
        return f"class {name} has no method {method}"
    stub = id(own[method]) not in index.abstract and _is_stub(own[method])
    return f"{method} of class {name} is only a stub" if stub else ""


def _bases(index: Index, name: str, base: str) -> str:
    node = index.find(name)
    if not isinstance(node, ast.ClassDef):
        return f"class {name} is not defined"
    bases = {dotted(one)[-1] for one in node.bases if dotted(one)}
    return "" if base in bases else f"class {name} does not derive from {base}"


def _decorated(index: Index, name: str, decorator: str) -> str:
    node = index.find(name)
    if not isinstance(node, Function | ast.ClassDef):
        return f"{name} is not defined"
    wanted = decorator.split(".")
    found = any(dotted(one)[-len(wanted) :] == wanted for one in node.decorator_list)
    return "" if found else f"{name} is not decorated by {decorator}"


def _constant(index: Index, name: str, value: Any) -> str:
    expression = index.constants.get(name)
    if expression is None:
        return f"constant {name} is not defined"
    found = _value(expression)
    if found is _UNKNOWN:
        return f"{name} is {ast.unparse(expression)}, which is not a plain value"
    return "" if found == value and type(found) is type(value) else f"{name} is {found!r}, not {value!r}"


_UNKNOWN: Final = object()


def _value(node: ast.expr) -> Any:  # noqa: PLR0911 - one kind of expression a line
    """The value of a literal, of arithmetic over literals, and of ``timedelta(days=30)`` as seconds."""
    if isinstance(node, ast.Call) and dotted(node.func)[-1:] == ["timedelta"]:
        import datetime as dt

        parts = {keyword.arg: _value(keyword.value) for keyword in node.keywords}
        if (
            all(isinstance(value, int | float) for value in parts.values())
            and not node.args
            and None not in parts
        ):
            seconds = dt.timedelta(**{str(key): value for key, value in parts.items()}).total_seconds()
            return int(seconds) if seconds.is_integer() else seconds
        return _UNKNOWN
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Add | ast.Sub):
        left, right = _value(node.left), _value(node.right)
        if isinstance(left, int | float) and isinstance(right, int | float):
            if isinstance(node.op, ast.Mult):
                return left * right
            return left + right if isinstance(node.op, ast.Add) else left - right
        return _UNKNOWN
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return _UNKNOWN


_UNARY: dict[str, Callable[[Index, str], str]] = {"defines": _defines, "annotated": _annotated}
_BINARY: dict[str, Callable[[Index, str, str], str]] = {
    "calls": _calls,
    "never_calls": _never_calls,
    "raises": _raises,
    "handles": _handles,
    "methods": _methods,
    "bases": _bases,
    "decorated": _decorated,
}
