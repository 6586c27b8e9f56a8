"""When the order of two steps cannot matter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from planproof.backends.model import BackendKind
from planproof.race.schedules.step import independent


if TYPE_CHECKING:
    from collections.abc import Callable

    from planproof.race.schedules.step import Step


def independence(
    kind: BackendKind, *, ordered: bool, tasks: bool = False
) -> tuple[Callable[[Step, Step], bool], tuple[str, ...]]:
    """The relation for a store, and what it rests on, in words for the certificate.

    Args:
        kind: the store. In memory nothing commutes: what code does between two locks cannot be seen.
        ordered: the order of calls and replies is judged too (a model, an invariant over the history); then
            the first call of an operation commutes with nothing.
        tasks: clients are tasks on one loop; they share memory between their awaits, so nothing commutes.
    """
    if tasks:
        return (lambda _a, _b: False), (
            "every order in which tasks go on after their awaits is a distinct one",
            "code awaits where it reaches outside its process",
        )
    if kind is BackendKind.MEMORY:
        return (lambda _a, _b: False), (
            "every order of lock acquisitions and starts of operations is a distinct one",
        )
    rests = (
        "reads commute, and what a transaction wrote is seen at its commit and not before",
        "clients share nothing but the store and locks",
    )
    if not ordered:
        return independent, rests
    return (lambda a, b: not (a.begins or b.begins) and independent(a, b)), rests
