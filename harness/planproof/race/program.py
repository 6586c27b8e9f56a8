"""What the clients of one run do.

A list of calls for each client, drawn from the workload's strategies by a seed.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from planproof.errors import WorkloadError


if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hypothesis.strategies import SearchStrategy

    from planproof.race.workload import Workload


@dataclass(frozen=True, slots=True)
class Call:
    """One operation of one client.

    Attributes:
        operation: name of the operation in the workload.
        arguments: name and plain value (anything that ``repr`` writes and ``ast.literal_eval`` reads).
        named: the arguments by name.
        values: the arguments in order.
    """

    operation: str
    arguments: tuple[tuple[str, Any], ...] = ()
    # Made once, because a loop under stress asks for them again and again.
    named: dict[str, Any] = field(init=False, compare=False, repr=False)
    values: tuple[Any, ...] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "named", dict(self.arguments))
        object.__setattr__(self, "values", tuple([value for _, value in self.arguments]))

    def __str__(self) -> str:
        """``login(user='ann')``."""
        return f"{self.operation}({', '.join(f'{name}={value!r}' for name, value in self.arguments)})"


Program = tuple[tuple[Call, ...], ...]


def call(operation: str, /, **arguments: Any) -> Call:
    """One call of a hand-written scenario."""
    return Call(operation, tuple(arguments.items()))


def to_literal(program: Program) -> list[list[list[Any]]]:
    """The program as plain lists: ``[[["login", {"user": "ann"}], ...], ...]``."""
    return [[[each.operation, dict(each.arguments)] for each in client] for client in program]


def from_literal(data: Sequence[Sequence[Sequence[Any]]]) -> Program:
    """Read what :func:`to_literal` wrote.

    Raises:
        WorkloadError: it is not a list of clients that each are a list of ``[operation, arguments]``.
    """
    try:
        return tuple(
            tuple(Call(str(name), tuple(dict(arguments).items())) for name, arguments in client)
            for client in data
        )
    except (TypeError, ValueError) as error:
        raise WorkloadError(
            f"a program is a list of clients, each a list of [operation, arguments]: {error}"
        ) from error


def check_plain(program: Program) -> Program:
    """Return the program if each argument can be written down and read back.

    Raises:
        WorkloadError: an argument is an object; a failing run could not be replayed.
    """
    for each in (each for client in program for each in client):
        for name, value in each.arguments:
            if not _is_plain(value):
                raise WorkloadError(
                    f"argument {name!r} of operation {each.operation!r} is a {type(value).__name__}, which "
                    "cannot be written into a replay: draw plain values and build objects in the operation"
                )
    return program


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
    scenarios = [check_plain(scenario) for scenario in workload.scenarios]
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
        found.setdefault(repr(to_literal(check_plain(program))), program)

    collect()
    return list(found.values())


def _programs(workload: type[Workload], clients: int, steps: int) -> SearchStrategy[Program]:
    from hypothesis import strategies as st

    calls = [
        st.fixed_dictionaries(dict(each.strategies)).map(_caller(name))
        for name, each in workload.operations().items()
        for _ in range(each.weight)
    ]
    one_client = st.lists(st.one_of(calls), min_size=1, max_size=steps).map(tuple)
    least = min(2, clients)
    return st.lists(one_client, min_size=least, max_size=clients).map(tuple)


def _caller(name: str) -> Any:
    def make(arguments: Mapping[str, Any]) -> Call:
        return Call(name, tuple(arguments.items()))

    return make
