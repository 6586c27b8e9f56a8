"""The failure page of any race: what the checker cannot place, or what the observer saw that must not be."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from planproof.race.history import Operation, Outcome
from planproof.race.models.base import Model


if TYPE_CHECKING:
    from planproof.race.history import History
    from planproof.race.result import Failure


OBSERVER = "observer"


class _Law(Model):
    """Lets every operation be, except what the observer saw against the law of that name."""

    name = OBSERVER
    exact = False

    def __init__(self, law: str) -> None:
        self._law = law

    def initial(self) -> int:
        """Nothing has been done."""
        return 0

    def step(self, state: Any, op: str, args: tuple[Any, ...], result: Any) -> tuple[bool, Any]:
        """Count operations; refuse the observation, wherever it is placed."""
        del args, result
        return op != self._law, state + 1

    def describe(self, state: Any) -> str:
        """How much was done."""
        return f"{state} operation{'' if state == 1 else 's'} done"


def page(failure: Failure, model: Any) -> str:
    """The page of this failure, one HTML file that needs nothing else.

    Args:
        failure: what was found.
        model: the workload's model, for what is not linearizable.
    """
    from planproof.race.checker import check
    from planproof.race.page import Seen, html_of

    order = [
        (client, step.partition(": ")[2])
        for client, step in zip(failure.choices, failure.steps, strict=False)
    ]
    history = replace(failure.history, meta={**failure.history.meta, **_facts(failure)})
    if failure.violation.property == "linearizable":
        verdict = check(history, model)
        return html_of(history, verdict, order=order)
    history = _with_observation(history, failure)
    verdict = replace(check(history, _Law(failure.violation.property)), reason=failure.reason)
    seen = Seen(failure.violation.message, failure.violation.detail)
    return html_of(history, verdict, title=failure.reason, order=order, seen=seen)


def _facts(failure: Failure) -> dict[str, Any]:
    operations, clients, switches = failure.size
    return {
        "switches": switches,
        "replay": failure.replay_command,
        "clients": clients,
        "operations": operations,
    }


def _with_observation(history: History, failure: Failure) -> History:
    """The history with what the observer saw as its last operation."""
    last = max((max(op.call, op.ret or 0) for op in history.operations), default=0)
    seen = Operation(
        id=max((op.id for op in history.operations), default=0) + 1,
        client=OBSERVER,
        op=failure.violation.property,
        args=(),
        call=last + 1,
        ret=last + 2,
        outcome=Outcome.OK,
        result=failure.violation.message,
    )
    return replace(history, operations=(*history.operations, seen))
