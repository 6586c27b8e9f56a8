"""What a race is about: operations that clients run at once, invariants that must hold wherever one looks.

A model.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import inspect
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, overload

from planproof.backends.model import EMBEDDED, Backend, BackendKind
from planproof.errors import PlanproofError, WorkloadError
from planproof.race.bundles import Bundle, Values
from planproof.race.clocks import ClientClock
from planproof.race.wording import one_line


if TYPE_CHECKING:
    import unittest
    from collections.abc import Callable, Mapping, Sequence

    from hypothesis.strategies import SearchStrategy

    from planproof.race.program import Program


F = TypeVar("F", bound="Callable[..., Any]")

_OPERATION = "_planproof_operation"
_INVARIANT = "_planproof_invariant"
_FILE_MODULE = "planproof_workload_"


@dataclass(frozen=True, slots=True)
class Operation:
    """What ``@operation`` was told.

    Attributes:
        strategies: Hypothesis strategy of each argument, or the bundle that it is taken from.
        weight: how often it is drawn, relative to the others.
        precondition: asked with the workload just before the call; False skips the call.
        target: name of the bundle that takes what it returns; empty for none.
    """

    strategies: Mapping[str, SearchStrategy[Any] | Bundle] = field(default_factory=dict)
    weight: int = 1
    precondition: Callable[[Any], bool] | None = None
    target: str = ""

    @property
    def takes(self) -> frozenset[str]:
        """Names of the bundles that its arguments are taken from."""
        return frozenset(each.name for each in self.strategies.values() if isinstance(each, Bundle))


@dataclass(frozen=True, slots=True)
class Invariant:
    """What ``@invariant`` was told.

    ``always`` (while clients run, and at rest) or ``rest`` (when all are done).
    """

    name: str
    when: str = "always"
    wants_history: bool = False


@overload
def operation(function: F, /) -> F: ...
@overload
def operation(
    *,
    weight: int = 1,
    precondition: Callable[[Any], bool] | None = None,
    target: Bundle | None = None,
    **strategies: SearchStrategy[Any] | Bundle,
) -> Callable[[F], F]: ...
def operation(
    function: Callable[..., Any] | None = None,
    /,
    *,
    weight: int = 1,
    precondition: Callable[[Any], bool] | None = None,
    target: Bundle | None = None,
    **strategies: SearchStrategy[Any] | Bundle,
) -> Any:
    """Mark a method ``(self, system, **arguments)`` as something that clients do.

    Args:
        function: the method, where the decorator is used without brackets.
        weight: how often it is drawn, relative to the others; at least 1.
        precondition: asked with the workload just before the call; False skips the call.
        target: the bundle that takes what it returns, unless that is None.
        **strategies: for each argument a Hypothesis strategy, or a bundle: then the call takes a value that
            came in by the time it is made, and is skipped while there is none.

    Raises:
        WorkloadError: the weight is less than 1, or an argument has no strategy.
    """
    if weight < 1:
        raise WorkloadError(f"the weight of an operation is at least 1, not {weight}")
    for name, strategy in strategies.items():
        if not isinstance(strategy, Bundle) and not hasattr(strategy, "flatmap"):
            raise WorkloadError(
                f"argument {name!r} of an operation is drawn from a Hypothesis strategy or taken from a "
                f"bundle, not from a {type(strategy).__name__}"
            )

    def mark(method: F) -> F:
        setattr(
            method,
            _OPERATION,
            Operation(strategies, weight, precondition, "" if target is None else target.name),
        )
        return method

    return mark if function is None else mark(function)


@overload
def invariant(function: F, /) -> F: ...
@overload
def invariant(*, when: str = "always") -> Callable[[F], F]: ...
def invariant(function: Callable[..., Any] | None = None, /, *, when: str = "always") -> Any:
    """Mark a method ``(self, system)`` or ``(self, system, history)`` that asserts what must hold.

    Args:
        function: the method, where the decorator is used without brackets.
        when: ``always``: wherever a state can be seen, by an observer beside the clients, and at rest;
            ``rest``: only when every client is done.

    Raises:
        WorkloadError: ``when`` is neither.
    """
    if when not in {"always", "rest"}:
        raise WorkloadError(f"an invariant holds 'always' or at 'rest', not {when!r}")

    def mark(method: F) -> F:
        wants = "history" in inspect.signature(method).parameters
        setattr(method, _INVARIANT, Invariant(method.__name__, when, wants))
        return method

    return mark if function is None else mark(function)


class _TestCaseOf:
    """``Workload.TestCase``: a unittest.TestCase of the workload, made once a class."""

    def __get__(self, instance: object, owner: type[Workload]) -> type[unittest.TestCase]:
        made: Any = owner.__dict__.get("_test_case")
        if made is None:
            from planproof.race.test_case import make_test_case

            made = make_test_case(owner)
            owner._test_case = made  # noqa: SLF001 - a cache on the class it is about
        case: type[unittest.TestCase] = made
        return case


class Workload:
    """A race to be run: subclass it, mark operations and invariants, say how to open the system.

    Attributes:
        clients: the most clients that run at once.
        steps: the most calls of one client in one run.
        scenarios: hand-written programs that are tried before drawn ones; see :func:`parallel`.
        model: sequential specification for the linearizability checker; None for invariants alone.
        expected: exceptions that say "this did not happen" (a refusal); they are recorded as *fail*.
        backends: where ``TestCase`` runs it.
        reuse: True keeps one opened system for all schedules of a run; ``setup`` must then bring it back to
            its start. False opens a fresh one, in a place of its own, for each schedule.
        limit_seconds: how long one schedule may take before it is called hung.
        faults: faults to inject; see ``planproof.race.faults``.
        clock: seconds since the epoch as the calling client sees them; give it to the system under test,
            so that skew per client can be injected.
        values: what the bundles hold in the present schedule.
        TestCase: a ``unittest.TestCase`` that runs this workload, as in ``hypothesis.stateful``.
    """

    clients: ClassVar[int] = 3
    steps: ClassVar[int] = 3
    scenarios: ClassVar[Sequence[Program]] = ()
    model: ClassVar[Any] = None
    expected: ClassVar[tuple[type[BaseException], ...]] = ()
    backends: ClassVar[Sequence[BackendKind]] = EMBEDDED
    reuse: ClassVar[bool] = False
    limit_seconds: ClassVar[float] = 30.0
    faults: ClassVar[Sequence[Any]] = ()
    _test_case: ClassVar[type[unittest.TestCase] | None] = None
    TestCase = _TestCaseOf()

    def __init__(self) -> None:
        self.clock = ClientClock()
        self.values = Values()

    def give(self, bundle: Bundle, value: Any) -> None:
        """Put a value into a bundle: what ``setup`` made, for the clients to take."""
        self.values.put(bundle.name, value)

    def open(self, backend: Backend) -> Any:
        """Open the system under test on this store.

        Raises:
            WorkloadError: the workload does not say how.
        """
        del backend
        raise WorkloadError(f"workload {type(self).__name__} does not define open(self, backend)")

    def attach(self, backend: Backend) -> Any:
        """Open the system once more, from another process; by default the same as ``open``."""
        return self.open(backend)

    def close(self, system: Any) -> Any:
        """Close what ``open`` returned; by default calls its ``close`` if it has one."""
        close = getattr(system, "close", None)
        return close() if callable(close) else None

    def setup(self, system: Any) -> Any:
        """Bring the system to the state in which the clients start; runs before each schedule."""

    def teardown(self, system: Any) -> Any:
        """Undo what a schedule left outside the system; runs after each schedule, also after a failure."""

    def finish_client(self, system: Any) -> Any:
        """Release what a client holds (a connection of its own).

        Runs in the client's thread or task when it is done.
        """

    @classmethod
    def operations(cls) -> dict[str, Operation]:
        """Name and declaration of each operation, in the order in which the class lists them.

        Raises:
            WorkloadError: there is none.
        """
        found = dict(_marked(cls, _OPERATION))
        if not found:
            raise WorkloadError(
                f"workload {cls.__name__} has no @operation, so its clients have nothing to do"
            )
        return found

    @classmethod
    def asynchronous(cls) -> bool:
        """True where an operation is a coroutine: the clients are then tasks on one event loop.

        Plain operations then run whole, as plain functions do in a service on asyncio.
        """
        return any(inspect.iscoroutinefunction(getattr(cls, name)) for name in cls.operations())

    @classmethod
    def invariants(cls) -> tuple[Invariant, ...]:
        """The invariants, in the order in which the class lists them."""
        return tuple(mark for _, mark in _marked(cls, _INVARIANT))


def _marked(cls: type, attribute: str) -> list[tuple[str, Any]]:
    names: dict[str, None] = {}
    for base in reversed(cls.__mro__):
        for name in vars(base):
            names.setdefault(name)
    found = [(name, getattr(getattr(cls, name, None), attribute, None)) for name in names]
    return [(name, mark) for name, mark in found if mark is not None]


def parallel(*clients: Any) -> Program:
    """A hand-written scenario: one call, or a list of calls, for each client."""
    return tuple(tuple(each) if isinstance(each, list | tuple) else (each,) for each in clients)


def reference_of(workload: type[Workload]) -> str:
    """``path/to/file.py:Class`` or ``module:Class``: how another process finds this class again."""
    module = sys.modules.get(workload.__module__)
    file = getattr(module, "__file__", None)
    spec = getattr(module, "__spec__", None)
    own_name = workload.__module__.startswith(_FILE_MODULE)
    if (
        not own_name
        and spec is not None
        and importlib.util.find_spec(spec.name.partition(".")[0]) is not None
    ):
        with contextlib.suppress(ImportError, ValueError):
            if importlib.util.find_spec(workload.__module__) is not None:
                return f"{workload.__module__}:{workload.__qualname__}"
    return (
        f"{_relative(file)}:{workload.__qualname__}"
        if file
        else f"{workload.__module__}:{workload.__qualname__}"
    )


def _relative(file: str) -> str:
    path = Path(file).resolve()
    with contextlib.suppress(ValueError):
        return path.relative_to(Path.cwd()).as_posix()
    return path.as_posix()


def load_workload(reference: str, *, root: Path | None = None) -> type[Workload]:
    """The class that a reference names.

    Args:
        reference: ``package.module:Class`` or ``path/to/file.py:Class``.
        root: folder that a relative path starts from; the current one by default.

    Raises:
        WorkloadError: there is no such file, module or class, importing it fails, or it is no Workload.
    """
    place, _, name = reference.rpartition(":")
    if not place or not name:
        raise WorkloadError(f"{reference!r} is neither MODULE:Class nor path/to/file.py:Class")
    module = _module_of_file(root or Path.cwd(), place) if place.endswith(".py") else _module(place)
    found: Any = module
    for part in name.split("."):
        found = getattr(found, part, None)
    if not isinstance(found, type) or not issubclass(found, Workload):
        what = "has no" if found is None else "holds, but it is no Workload:"
        raise WorkloadError(f"{place} {what} {name}")
    return found


def workload_of(given: object) -> type[Workload]:
    """The class itself, or the one that a reference names.

    Raises:
        WorkloadError: it is no Workload, or :func:`load_workload` says so.
    """
    if isinstance(given, str):
        return load_workload(given)
    if not isinstance(given, type) or not issubclass(given, Workload):
        raise WorkloadError(f"{given!r} is no class of Workload")
    return given


def _module(place: str) -> Any:
    try:
        return importlib.import_module(place)
    except ModuleNotFoundError as error:
        raise WorkloadError(f"module {place} cannot be imported: {error}") from error
    except PlanproofError as error:
        raise WorkloadError(error.message, path=place) from error
    except Exception as error:
        raise WorkloadError(f"importing {place} fails: {one_line(error)}") from error


def _module_of_file(root: Path, place: str) -> Any:
    path = (root / place).resolve()
    if not path.is_file():
        raise WorkloadError("there is no such workload file", path=place)
    name = _module_name(path)
    if name in sys.modules and getattr(sys.modules[name], "__file__", None) == str(path):
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise WorkloadError("this is not a Python file", path=place)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        with _importable(path):
            spec.loader.exec_module(module)
    except PlanproofError as error:
        sys.modules.pop(name, None)
        raise WorkloadError(error.message, path=place) from error
    except Exception as error:
        sys.modules.pop(name, None)
        raise WorkloadError(f"importing it fails: {one_line(error)}", path=place) from error
    return module


def _module_name(path: Path) -> str:
    """The dotted name under which the current path finds the file, else a name made of the file's own."""
    for entry in sys.path:
        with contextlib.suppress(ValueError, OSError):
            relative = path.relative_to(Path(entry or ".").resolve()).with_suffix("")
            if all(part.isidentifier() for part in relative.parts):
                return ".".join(relative.parts)
    return f"{_FILE_MODULE}{path.stem}"


@contextlib.contextmanager
def _importable(path: Path) -> Any:
    """While a workload file is imported, its own folder and the current one are on the path."""
    added = [entry for entry in (str(Path.cwd()), str(path.parent)) if entry not in sys.path]
    sys.path.extend(added)
    try:
        yield
    finally:
        for entry in added:
            with contextlib.suppress(ValueError):
                sys.path.remove(entry)
