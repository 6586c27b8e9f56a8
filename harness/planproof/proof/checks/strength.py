"""Says of a test whether it can fail at all: what it asserts, and whether its run came to that.

It reads syntax and is careful the other way round from a linter: where a test does something that this
module does not understand (an unknown decorator, a helper from elsewhere that may raise), the test is taken
to be able to fail. Only what surely checks nothing is refused.
"""

from __future__ import annotations

import ast
import functools
import re
from typing import TYPE_CHECKING, Final, NamedTuple

from .callees import Bound, Callees, bound_in, imported
from .literals import Names, dead_nodes, is_constant, settled
from .replaced import asks_what_was_recorded, mock_names, passes_a_mock, replaced, replaced_by, used_fixtures
from .syntax import Function, below, dotted, inside
from .walking import Place, walk


if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator


# Words in a called name that say that the call can fail on purpose.
CHECKING: Final = frozenset(
    {"assert", "check", "verify", "validate", "expect", "raises", "fail", "should", "must", "ensure", "warns",
     "require", "compare", "match", "approve", "snapshot", "benchmark", "asserts", "checks", "expects"}
)  # fmt: skip
CHECKING_NAMES: Final = frozenset(
    {"raise_for_status", "testfile", "run_state_machine_as_test", "testmod", "main", "deprecated_call"}
)
FAILING: Final = frozenset({"fail"})
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
# What frameworks call before a test.
SETTING: Final = (
    "setUp", "setUpClass", "asyncSetUp", "setup_method", "setup_class", "setup_module", "setup_function",
    "setUpModule",
)  # fmt: skip
RETRIES: Final = frozenset({"flaky", "rerun", "retry", "retries", "reruns"})
EXPECTING: Final = frozenset({"raises", "assertRaises", "assertRaisesRegex"})
ANY_ERROR: Final = frozenset({"Exception", "BaseException"})
ONE_ARGUMENT: Final = frozenset({"assertTrue", "assertFalse", "assertIsNone", "assertIsNotNone"})
COMPARED: Final = {
    "assertNotEqual": ast.NotEq, "assertIs": ast.Is, "assertIsNot": ast.IsNot, "assertIn": ast.In,
    "assertNotIn": ast.NotIn, "assertGreater": ast.Gt, "assertGreaterEqual": ast.GtE, "assertLess": ast.Lt,
    "assertLessEqual": ast.LtE,
}  # fmt: skip
OUTCOMES: Final = frozenset({"SkipTest", "Skipped", "skip", "Exception"})
FAILURES: Final = frozenset({"AssertionError", "Failed", "failureException", "fail"})
DEPTH: Final = 4
_WORD: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


class Seen(NamedTuple):
    """What a run saw of a test: lines of its file that were reached, and those where an assertion failed."""

    reached: frozenset[int]
    failed: frozenset[int]


class Site(NamedTuple):
    """One place where a test can fail: what it is worth, and the lines by which a run comes to it.

    ``worth`` is real, constant, swallowed, mock, or any (any error at all is what it asks for).
    """

    worth: str
    lines: frozenset[int]
    sure: bool = True
    looped: bool = False


def weakness(source: bytes, name: str, subjects: Iterable[str] = (), seen: Seen | None = None) -> str:
    """Why a test shows nothing, or empty where it can fail.

    Args:
        source: the test file.
        name: what stands after the file in the node id, without parameters: ``Class::test_x``.
        subjects: names of functions and classes that the claim is about.
        seen: what its run saw, or None where nobody looked.
    """
    found = _judged(source, name, frozenset(subjects))
    if found is None or found.reason or seen is None:
        return found.reason if found else ""
    return _unseen(found, seen)


def _unseen(found: Judged, seen: Seen) -> str:
    """Why a passed run of a test that can fail shows nothing all the same."""
    if not found.sites:
        return ""
    alive = [site for site in found.sites if not site.lines.isdisjoint(seen.reached)]
    if not alive:
        return "passed without coming to any of its assertions"
    if all(not site.looped and not site.lines.isdisjoint(seen.failed) for site in alive):
        line = min(min(site.lines & seen.failed) for site in alive)
        return f"passed although its assertion on line {line} failed"
    return ""


def unsure(source: bytes, name: str, *, plain: bool = True) -> frozenset[int] | None:
    """Lines that a run must be seen to reach for the test to show something; None where it surely does.

    Args:
        source: the test file.
        name: as in :func:`weakness`.
        plain: what is called is the function as it is written, and nobody takes its failure for himself.
    """
    read = _read(source)
    function = find(read, name) if read else None
    if read is None or function is None or (plain and Judge(read, function, frozenset()).is_sure()):
        return None
    found = _judged(source, name, frozenset())
    if found is None or found.reason or (plain and any(site.sure for site in found.sites)):
        return None
    return frozenset(line for site in found.sites for line in site.lines) or None


class Judged(NamedTuple):
    """A test, judged by its syntax: why it is weak, else where it can fail (empty: nobody knows)."""

    reason: str
    sites: tuple[Site, ...] = ()


@functools.lru_cache(maxsize=4096)
def _judged(source: bytes, name: str, subjects: frozenset[str]) -> Judged | None:
    read = _read(source)
    function = find(read, name) if read else None
    if read is None or function is None:
        return None
    return Judge(read, function, subjects, _around(read, name) if subjects else ()).judged()


class Module(NamedTuple):
    """A test file: functions by plain name and with their classes, own names, those of other test modules."""

    helpers: dict[str, Function]
    tests: dict[str, Function]
    classes: dict[str, ast.ClassDef]
    top: tuple[ast.stmt, ...]
    bound: Bound
    imports: dict[str, list[str]]
    definitions: frozenset[str]
    foreign: frozenset[str]


@functools.lru_cache(maxsize=16)
def _read(source: bytes) -> Module | None:
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return None
    nodes = below(tree)
    helpers = {node.name: node for node in nodes if isinstance(node, Function)}
    defined = frozenset(node.name for node in tree.body if isinstance(node, Function | ast.ClassDef))
    foreign = {
        alias.asname or alias.name
        for node in nodes
        if isinstance(node, ast.ImportFrom)
        and (node.level or (node.module or "").split(".")[0] in {"tests", "test", "conftest", "testing"})
        for alias in node.names
    }
    tests = dict(_tests(tree.body, ""))
    bound = bound_in(tree.body)
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            bound.update({f"self.{name}": values for name, values in bound_in(node.body).items()})
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    top = tuple(node for node in tree.body if not isinstance(node, Function | ast.ClassDef))
    return Module(helpers, tests, classes, top, bound, imported(nodes), defined, frozenset(foreign))


def _tests(body: list[ast.stmt], prefix: str) -> Iterator[tuple[str, Function]]:
    """Functions of a module and of its classes, by what stands after the file in a node id."""
    last = {node.name: node for node in body if isinstance(node, ast.ClassDef)}
    for node in body:
        if isinstance(node, Function):
            yield prefix + node.name, node
        elif isinstance(node, ast.ClassDef) and last[node.name] is node:
            yield from _tests(node.body, f"{prefix}{node.name}::")


def _around(module: Module, name: str) -> list[ast.AST]:
    """What runs before a test: statements of its module, decorators of its class, and what sets it up."""
    inner = name.split("::")[:-1]
    places = ["::".join([*inner[:count], ""]) for count in range(len(inner) + 1)]
    setting = [
        module.tests[key] for place in places for one in SETTING if (key := place + one) in module.tests
    ]
    decorators = module.classes[inner[0]].decorator_list if inner and inner[0] in module.classes else []
    return [*module.top, *decorators, *setting]


def replaced_elsewhere(source: bytes, names: Collection[str], subjects: Iterable[str]) -> str:
    """Why a test shows nothing for what another file does to it before, such as conftest.py; or empty.

    Args:
        source: that file.
        names: fixtures that the test uses, its own way or not.
        subjects: as in :func:`weakness`.
    """
    read = _read(source)
    parts = [*used_fixtures(read.helpers, names), *read.top] if read else []
    found = replaced_by(parts, subjects)
    return _replaced(found) if found else ""


def _replaced(name: str) -> str:
    return f"replaces {name}, which it is to prove, by a mock or a function of its own"


def find(module: Module, name: str) -> Function | None:
    """The function of that name, as in :func:`weakness`; None where it is made otherwise."""
    return module.tests.get(name)


class Judge:
    """Weighs one test function."""

    def __init__(
        self, module: Module, function: Function, subjects: frozenset[str], around: Iterable[ast.AST] = ()
    ) -> None:
        self.around = around
        self.module = module
        self.function = function
        self.subjects = subjects
        self.mocks = mock_names(function)

    def judged(self) -> Judged:
        """Why this test cannot fail, or where it can."""
        decorators = [dotted(one) for one in self.function.decorator_list]
        if any(parts and RETRIES & {part.lower() for part in parts} for parts in decorators):
            return Judged("is retried until it passes")
        known = all(parts and KNOWN_DECORATORS & set(parts) for parts in decorators)
        patched = replaced(self.function, self.module.helpers, self.around, self.subjects)
        if patched and known:
            return Judged(_replaced(patched))
        sites = tuple(self.sites(self.function, DEPTH, frozenset()))
        real = tuple(site for site in sites if site.worth == "real")
        if not known:  # what the decorator does with the function is not known
            return Judged("", tuple(site._replace(sure=False) for site in real))
        return Judged("", real) if real else Judged(_weak({site.worth for site in sites}))

    def is_sure(self) -> bool:
        """True where whoever runs the test surely comes to a real assertion; it looks no further than that.

        It says nothing of subjects that are replaced, nor of retries.
        """
        known = all(set(dotted(one)) & KNOWN_DECORATORS for one in self.function.decorator_list)
        found = self.sites(self.function, DEPTH, frozenset())
        return known and any(site.sure and site.worth == "real" for site in found)

    def sites(self, function: Function, depth: int, seen: frozenset[str]) -> Iterator[Site]:
        """The places where a function can fail."""
        known = settled(function)
        dead = dead_nodes(function)
        callees = Callees(function, self.module.bound, self.module.imports, self.module.helpers)
        whole = not isinstance(function, ast.AsyncFunctionDef) and not _is_generator(function)
        for node, place in walk(function):
            if id(node) in dead:
                continue
            for site in self._worth(node, place, known, callees, depth, seen):
                worth = "swallowed" if site.worth == "real" and place.caught else site.worth
                sure = site.sure and place.sure and whole
                yield site._replace(worth=worth, sure=sure, looped=site.looped or place.looped)

    def _worth(
        self, node: ast.AST, place: Place, known: Names, callees: Callees, depth: int, seen: frozenset[str]
    ) -> Iterable[Site]:
        if isinstance(node, ast.Assert):
            return [Site(self._assertion(node.test, known, callees), _lines(node))]
        if isinstance(node, ast.Raise):
            return self._raise(node, place)
        if not isinstance(node, ast.Call):
            return []
        parts = dotted(node.func)
        if not parts:
            return []
        found: list[Site] = []
        for end in callees.leads_to(parts):
            found.extend(self._led_to(end, parts, node, place, known, depth, seen))
        return found

    def _led_to(  # a call is judged by all that is known of its place
        self, end: list[str], parts: list[str], node: ast.Call, place: Place, known: Names,
        depth: int, seen: frozenset[str],
    ) -> Iterable[Site]:  # fmt: skip
        """What a call is worth that was written as ``parts`` and leads to ``end``."""
        name = end[-1]
        helper = self.module.helpers.get(name) if len(end) == 1 or end[0] == "self" else None
        if helper is not None and helper is not self.function:
            return self._of_helper(name, helper, node, depth, seen)
        method = self._method(end)
        if method is not None:
            return self._of_helper(".".join(end), method, node, depth, seen)
        is_subject = {name, parts[-1]} & self.subjects and not name.startswith("assert")
        # Where the name at hand says nothing, a word of the module that it comes from does not either.
        if not is_subject and _is_checking(end if _is_checking(parts) else end[-1:]):
            return self._call(node, end, place, known)
        # A helper that is imported from another test module may assert.
        is_foreign = name in self.module.foreign or parts[-1] in self.module.foreign
        return [Site("real", _lines(node))] if is_foreign else []

    def _method(self, end: list[str]) -> Function | None:
        """What runs when a class of the file is called by name, or a method of what that makes.

        None where the file does not say: a class with bases, or a method that it does not define.
        """
        made = self.module.classes.get(end[0])
        if made is None or made.bases or made.keywords or len(end) > 2:  # noqa: PLR2004 - a class and a method
            return None
        name = end[1] if len(end) > 1 else "__init__"
        return self.module.tests.get(f"{end[0]}::{name}")

    def _raise(self, node: ast.Raise, place: Place) -> Iterable[Site]:
        """A raise that a passing test does not come to; what a fake raises inside is no assertion."""
        name = (dotted(node.exc) or [""])[-1] if node.exc else ""
        if name in OUTCOMES - FAILURES - ANY_ERROR or (place.inner and name not in FAILURES):
            return []
        return [Site("real", _lines(node) | place.guard)]

    def _of_helper(
        self, name: str, helper: Function, call: ast.Call, depth: int, seen: frozenset[str]
    ) -> Iterable[Site]:
        if not depth:  # too deep to be followed, so given the benefit of the doubt
            return [Site("real", _lines(call))]
        return [] if name in seen else self.sites(helper, depth - 1, seen | {name})

    def _assertion(self, test: ast.expr, known: Names, callees: Callees) -> str:
        if is_constant(test, known):
            return "constant"
        named = _only_there(test)
        is_imported = named in self.module.imports and named in self.subjects and named.islower()
        if named not in callees.local and (is_imported or named in self.module.definitions):
            return "constant"  # a function is always true; nobody called it
        roots = {node.id for node in below(test) if isinstance(node, ast.Name)} - {"call", "len", "list"}
        if not roots or not roots <= self.mocks:
            return "real"
        told = asks_what_was_recorded(test) and passes_a_mock(self.function, self.mocks)
        return "real" if told else "mock"

    def _call(self, call: ast.Call, parts: list[str], place: Place, known: Names) -> Iterable[Site]:
        lines, name = _lines(call), parts[-1]
        if place.own and not place.named and len(call.args) < 2 and not call.keywords:  # noqa: PLR2004 - an error and who raises it
            return [Site("constant", lines)]
        if name in EXPECTING:
            return [] if place.bare and len(call.args) < 2 else [Site(_expected(call, place), lines)]  # noqa: PLR2004 - an error and who raises it
        if name in FAILING:
            return [Site("real", lines | place.guard)]
        arguments = [*call.args, *(keyword.value for keyword in call.keywords)]
        if parts[0] == "self" and name.startswith("assert") and arguments:
            return [Site("constant" if _is_settled(name, arguments, known) else "real", lines)]
        if (
            name.startswith("assert_")
            and parts[0] in self.mocks
            and not passes_a_mock(self.function, self.mocks)
        ):
            return [Site("mock", lines)]
        return [Site("real", lines)]


def _weak(kinds: Collection[str]) -> str:
    """Why a test without a real assertion is weak."""
    if not kinds:
        return "asserts nothing"
    if kinds == {"constant"}:
        return "asserts only what is always true"
    if "swallowed" in kinds:
        return "swallows the failure of its own assertions"
    if "any" in kinds:
        return "accepts any exception, so a slip in the test itself would pass too"
    return "asserts only about its own mocks" if "mock" in kinds else "asserts nothing that can fail"


def _is_checking(parts: list[str]) -> bool:
    """True where a called name says that the call checks something."""
    if parts[-1] in CHECKING_NAMES:
        return True
    if parts[0] == "re":
        return False
    return any(word.lower() in CHECKING for part in parts for word in _WORD.findall(part))


def _expected(call: ast.Call, place: Place) -> str:
    """``any`` where the error that is waited for may be whatever it wants, and nobody looks at it."""
    first = call.args[0] if call.args else None
    kinds = first.elts if isinstance(first, ast.Tuple) else [first] if first is not None else []
    broad = any((dotted(one) or [""])[-1] in ANY_ERROR for one in kinds)
    calls_another = len(call.args) > 1 and not isinstance(call.args[1], ast.Lambda)
    looked = place.named or calls_another or any(one.arg in {"match", "check"} for one in call.keywords)
    return "any" if broad and not looked else "real"


def _is_settled(name: str, arguments: list[ast.expr], known: Names) -> bool:
    """True for ``assertTrue("ok", x)``, ``assertEqual(1, 1)`` and ``assertEqual(x, x)``."""
    if name in ONE_ARGUMENT:
        return is_constant(arguments[0], known)
    if len(arguments) < 2 or not (name in COMPARED or name == "assertIsInstance" or name.endswith("Equal")):  # noqa: PLR2004 - one with another
        return False
    left, right = arguments[:2]
    if is_constant(left, known) and is_constant(right, known):
        return True
    if name == "assertIsInstance":
        return is_constant(ast.Call(ast.Name("isinstance", ast.Load()), [left, right], []), known)
    op = COMPARED.get(name, ast.Eq if name.endswith("Equal") and "Not" not in name else None)
    return op is not None and is_constant(ast.Compare(left, [op()], [right]), known)


def _only_there(test: ast.expr) -> str:
    """The name of which only that it is there is asked: ``x``, ``x is not None``, ``callable(x)``."""
    if isinstance(test, ast.Call) and dotted(test.func) == ["callable"] and len(test.args) == 1:
        test = test.args[0]
    elif (
        isinstance(test, ast.Compare)
        and len(test.ops) == 1
        and isinstance(test.ops[0], ast.IsNot | ast.NotEq)
    ):
        last = test.comparators[-1]
        test = test.left if isinstance(last, ast.Constant) and last.value is None else test
    return test.id if isinstance(test, ast.Name) else ""


def _lines(node: ast.stmt | ast.expr) -> frozenset[int]:
    return frozenset(range(node.lineno, (node.end_lineno or node.lineno) + 1))


def _is_generator(function: Function) -> bool:
    return any(isinstance(node, ast.Yield | ast.YieldFrom) for node in inside(function))
