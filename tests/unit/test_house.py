"""The house rules that a machine can see."""

import ast
import statistics
from pathlib import Path

import pytest


ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted([*(ROOT / "harness").rglob("*.py"), *(ROOT / "reference_impl").rglob("*.py")])
MODULE_LINES = 600
FUNCTION_LINES = 80
MEDIAN_LINES = 10


def functions(tree):
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def length(node):
    return node.end_lineno - node.lineno + 1


def swallowed(tree):
    """Handlers of everything that do nothing."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler):
            everything = node.type is None or getattr(node.type, "id", "") in {"Exception", "BaseException"}
            if everything and all(isinstance(step, ast.Pass | ast.Continue) for step in node.body):
                yield node.lineno


def undocumented(tree):
    """Public names at the top of a module, and public methods of public classes, without a docstring."""
    if not ast.get_docstring(tree):
        yield "module"
    for node in tree.body:
        if is_public(node):
            if not ast.get_docstring(node):
                yield node.name
            for inner in node.body if isinstance(node, ast.ClassDef) else []:
                if is_public(inner) and not ast.get_docstring(inner):
                    yield f"{node.name}.{inner.name}"


def is_public(node):
    """A definition that people can name; overloads and setters are documented once, elsewhere."""
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) or node.name.startswith(
        "_"
    ):
        return False
    marks = {getattr(mark, "attr", getattr(mark, "id", "")) for mark in node.decorator_list}
    return not marks & {"overload", "setter"}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_module_keeps_the_rules(path):
    source = path.read_text()
    tree = ast.parse(source)

    assert source.count("\n") <= MODULE_LINES
    assert [f"{node.lineno} {node.name}" for node in functions(tree) if length(node) > FUNCTION_LINES] == []
    assert list(swallowed(tree)) == []
    assert list(undocumented(tree)) == []


def test_most_functions_are_short():
    lengths = [length(node) for path in SOURCES for node in functions(ast.parse(path.read_text()))]

    assert statistics.median(lengths) <= MEDIAN_LINES


@pytest.mark.parametrize(
    ("source", "rule"),
    [
        ("try:\n    pass\nexcept Exception:\n    pass", swallowed),
        ('"""m"""\ndef f(): ...', undocumented),
        ('"""m"""\nclass C:\n    """c"""\n    def m(self): ...', undocumented),
    ],
)
def test_a_breach_would_be_seen(source, rule):
    assert list(rule(ast.parse(source))) != []
