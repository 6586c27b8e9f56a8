"""What the clients of one run do.

A list of calls for each client, drawn from the workload's strategies by a seed.
"""

from __future__ import annotations

import ast
import inspect
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from planproof.errors import PlanproofError, WorkloadError
from planproof.race.bundles import Bundle, Reference
from planproof.race.wording import one_line


if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hypothesis.strategies import DrawFn, SearchStrategy

    from planproof.race.bundles import Values
    from planproof.race.workload import Operation, Workload


# A drawn reference names one of the first so many values: few, so that calls meet on the same one.
MOST_REFERRED = 3


@dataclass(frozen=True, slots=True)
class Call:
    """One operation of one client.

    Attributes:
        operation: name of the operation in the workload.
        arguments: name and plain value (anything that ``repr`` writes and ``ast.literal_eval`` reads), or a
            :class:`~planproof.race.bundles.Reference`.
        named: the arguments by name.
        values: the arguments in order.
        refers: True where an argument is still to be taken from a bundle.
    """

    operation: str
    arguments: tuple[tuple[str, Any], ...] = ()
    # Made once, because a loop under stress asks for them again and again.
    named: dict[str, Any] = field(init=False, compare=False, repr=False)
    values: tuple[Any, ...] = field(init=False, compare=False, repr=False)
    refers: bool = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "named", dict(self.arguments))
        object.__setattr__(self, "values", tuple([value for _, value in self.arguments]))
        object.__setattr__(self, "refers", any(isinstance(each, Reference) for each in self.values))

    def __str__(self) -> str:
        """``login(user='ann')``."""
        return f"{self.operation}({', '.join(f'{name}={value!r}' for name, value in self.arguments)})"

    def resolved(self, values: Values) -> Call | None:
        """The call with what its bundles hold now; None where one of them is empty."""
        if not self.refers:
            return self
        taken = []
        for name, value in self.arguments:
            found = values.take(value) if isinstance(value, Reference) else (value,)
            if found is None:
                return None
            taken.append((name, found[0]))
        return Call(self.operation, tuple(taken))


Program = tuple[tuple[Call, ...], ...]


def call(operation: str, /, **arguments: Any) -> Call:
    """One call of a hand-written scenario."""
    return Call(operation, tuple(arguments.items()))


def to_literal(program: Program) -> list[list[list[Any]]]:
    """The program as plain lists: ``[[["login", {"n": 1}], ["revoke", {}, {"session": ["live", 0]}]]]``.

    What a call takes from bundles stands in a third part, as name and place.
    """
    return [[_literal(each) for each in client] for client in program]


def _literal(each: Call) -> list[Any]:
    plain = {name: value for name, value in each.arguments if not isinstance(value, Reference)}
    taken = {
        name: [value.bundle, value.index] for name, value in each.arguments if isinstance(value, Reference)
    }
    return [each.operation, plain, taken] if taken else [each.operation, plain]


def from_literal(data: Sequence[Sequence[Sequence[Any]]]) -> Program:
    """Read what :func:`to_literal` wrote.

    Raises:
        WorkloadError: it is not a list of clients that each are a list of ``[operation, arguments]``.
    """
    try:
        return tuple(tuple(_call_of(*each) for each in client) for client in data)
    except (TypeError, ValueError) as error:
        raise WorkloadError(
            f"a program is a list of clients, each a list of [operation, arguments]: {error}"
        ) from error


def _call_of(name: str, arguments: Mapping[str, Any], taken: Mapping[str, Any] | None = None) -> Call:
    references = {each: Reference(str(bundle), int(index)) for each, (bundle, index) in (taken or {}).items()}
    return Call(str(name), (*dict(arguments).items(), *references.items()))


def scenarios_of(workload: type[Workload]) -> list[Program]:
    """The hand-written programs of a workload, each as :func:`checked` returns it.

    Raises:
        WorkloadError: one of them cannot be run.
    """
    return [checked(workload, scenario) for scenario in workload.scenarios]


def checked(workload: type[Workload], program: Program) -> Program:
    """The program with the arguments of each call in the order in which the method names them.

    A model and the record take them by their place, however they were drawn or written.

    Raises:
        WorkloadError: it is no list of clients with their calls, there is no such operation, it takes other
            arguments, or an argument is an object, so that a failing run could not be replayed.
    """
    try:
        clients = [tuple(client) for client in program]
    except TypeError:
        clients = []
    if not any(clients) or not all(isinstance(each, Call) for client in clients for each in client):
        raise WorkloadError(
            f"{workload.__name__}.scenarios holds what is no scenario; that is a call, or a list of calls, "
            "for each client: parallel(call('read'), [call('write', n=1), call('read')])"
        )
    return tuple(tuple(_checked(workload, each) for each in client) for client in clients)


def _checked(workload: type[Workload], each: Call) -> Call:
    operations = workload.operations()
    if each.operation not in operations:
        known = ", ".join(operations)
        raise WorkloadError(f"{workload.__name__} has no operation {each.operation!r}; it has {known}")
    try:
        signature = inspect.signature(getattr(workload, each.operation))
        signature.bind(None, None, **each.named)
    except TypeError as error:
        raise WorkloadError(f"{workload.__name__} cannot be asked for {each}: {error}") from error
    for name, value in each.arguments:
        if not isinstance(value, Reference) and not _is_plain(value):
            raise WorkloadError(
                f"argument {name!r} of operation {each.operation!r} is a {type(value).__name__}, which "
                "cannot be written into a replay: draw plain values and build objects in the operation"
            )
    names = dict.fromkeys([*signature.parameters, *operations[each.operation].strategies, *each.named])
    return Call(each.operation, tuple((name, each.named[name]) for name in names if name in each.named))


def _is_plain(value: object) -> bool:
    try:
        return bool(ast.literal_eval(repr(value)) == value)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return False


def draw(workload: type[Workload], *, seed: int, count: int, clients: int, steps: int) -> list[Program]:
    """Draw programs from the workload's strategies; the simplest come first, the same seed gives the same.

    Args:
        workload: its operations, weights and hand-written ``scenarios``, which lead the list.
        seed: any integer.
        count: how many are wanted; fewer come back where the strategies have no more different ones.
        clients: the most clients of one program; the least is two.
        steps: the most calls of one client; the least is one.

    Raises:
        WorkloadError: hypothesis is not installed, or an argument cannot be replayed.
    """
    scenarios = scenarios_of(workload)
    if count <= len(scenarios):
        return scenarios[:count]
    return scenarios + _drawn(workload, seed, count - len(scenarios), clients, steps)


def _drawn(workload: type[Workload], seed: int, count: int, clients: int, steps: int) -> list[Program]:
    try:
        import hypothesis
    except ImportError as error:
        raise WorkloadError(
            "workloads draw their arguments with Hypothesis: pip install 'planproof[race]'"
        ) from error
    found: dict[str, Program] = {}

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=count,
        database=None,
        deadline=None,
        derandomize=False,
        phases=(hypothesis.Phase.generate,),
        suppress_health_check=list(hypothesis.HealthCheck),
        verbosity=hypothesis.Verbosity.quiet,
    )
    @hypothesis.given(_programs(workload, clients, steps))
    def collect(program: Program) -> None:
        program = checked(workload, program)
        found.setdefault(repr(to_literal(program)), program)

    try:
        collect()
    except PlanproofError:
        raise
    except Exception as error:
        raise WorkloadError(
            f"the arguments of {workload.__name__} cannot be drawn: {one_line(error)}"
        ) from error
    return list(found.values())


def _programs(workload: type[Workload], clients: int, steps: int) -> SearchStrategy[Program]:
    from hypothesis import strategies as st

    one_client = _client(workload, steps)
    least = min(2, clients)
    return st.lists(one_client, min_size=least, max_size=clients).map(tuple)


def _client(workload: type[Workload], steps: int) -> SearchStrategy[tuple[Call, ...]]:
    """What one client does; a call that takes from a bundle mostly has one before it that fills it."""
    from hypothesis import strategies as st

    operations = workload.operations()
    calls = {name: _call(name, each) for name, each in operations.items()}
    free = st.lists(
        st.one_of([calls[name] for name, each in operations.items() for _ in range(each.weight)]),
        min_size=1,
        max_size=steps,
    )
    if not any(each.takes for each in operations.values()):
        return free.map(tuple)
    from planproof.race.workload import Workload as Base

    given = st.booleans() if workload.setup is not Base.setup else st.just(value=False)

    @st.composite
    def client(draw: DrawFn) -> tuple[Call, ...]:
        drawn, held = draw(free), set[str]()
        if draw(given):  # others, or setup, may have left something
            return tuple(drawn)
        made: list[Call] = []
        for each in drawn:
            for bundle in sorted(operations[each.operation].takes - held):
                makers = [name for name, one in operations.items() if one.target == bundle and not one.takes]
                made += [draw(calls[makers[0]])] if makers else []
            held |= operations[each.operation].takes | {operations[each.operation].target}
            made.append(each)
        return tuple(made[: max(steps, 2)])

    return client()


def _call(name: str, operation: Operation) -> SearchStrategy[Call]:
    from hypothesis import strategies as st

    return st.fixed_dictionaries(
        {
            key: _reference(each) if isinstance(each, Bundle) else each
            for key, each in operation.strategies.items()
        }
    ).map(_caller(name))


def _reference(bundle: Bundle) -> SearchStrategy[Reference]:
    from hypothesis import strategies as st

    return st.integers(0, MOST_REFERRED - 1).map(bundle.__getitem__)


def _caller(name: str) -> Callable[[Mapping[str, Any]], Call]:
    def make(arguments: Mapping[str, Any]) -> Call:
        return Call(name, tuple(arguments.items()))

    return make
