"""Sessions of a user, bounded: a login beyond the limit evicts the oldest."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING, Any, ClassVar

from planproof.race.history.values import UNKNOWN
from planproof.race.models.base import Model


if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator


class BoundedSessions(Model):
    """``login(user)``, ``list(user)``, ``revoke(user, session)`` and ``refresh(user, session)``.

    A login returns the new session and a list all of them. A login beyond the limit evicts the session that
    logged in first. A refresh of a session that is not there returns false, and so does its revocation. A
    refresh may return a new session in place of the old one (rotation), which keeps the old one's age, or
    true or None. A login whose reply was lost makes a session that nobody can name until somebody lists it.

    Args:
        limit: how many sessions a user holds at most.
        ordered: whether ``list`` is oldest first; else its order means nothing.
        rotates: whether a refresh gives the session a new name, so that one whose reply was lost may have.
    """

    name = "sessions"
    operations: ClassVar[frozenset[str]] = frozenset({"login", "list", "revoke", "refresh"})
    exact = False

    def __init__(self, limit: int = 5, *, ordered: bool = False, rotates: bool = False) -> None:
        self.limit = limit
        self._ordered = ordered
        self._rotates = rotates

    def initial(self) -> Hashable:
        """Nobody is logged in. A state is one user's sessions, oldest first; None is one without a name."""
        return ()

    def settings(self) -> dict[str, Any]:
        """How many sessions, whether lists are ordered, whether a refresh rotates."""
        return {"limit": self.limit, "ordered": self._ordered, "rotates": self._rotates}

    def partition(self, op: str, args: tuple[Any, ...]) -> Hashable | None:
        """The user."""
        del op
        return (args[0],)

    def pure(self, op: str, args: tuple[Any, ...], result: Any, *, certain: bool = False) -> bool:
        """A refusal; a list too, unless it may give a name to a session whose login's reply was lost."""
        del args
        if op == "list":
            return certain
        return op != "login" and result is False

    def step(self, state: Any, op: str, args: tuple[Any, ...], result: Any) -> tuple[bool, Any]:
        """The first of :meth:`branches`."""
        for after in self.branches(state, op, args, result):
            return True, after
        return False, state

    def branches(self, state: Any, op: str, args: tuple[Any, ...], result: Any) -> Iterable[Any]:
        """Every way in which sessions without a name can get the names that this result shows."""
        if op == "login":
            if result is not UNKNOWN and (result is None or result in state):
                return ()
            kept = (*state, None if result is UNKNOWN else result)
            return (kept[-self.limit :],)
        if op == "list":
            return (state,) if result is UNKNOWN else tuple(dict.fromkeys(self._named(state, result)))
        return tuple(dict.fromkeys(self._one(state, op, args[1], result)))

    def _named(self, state: Any, shown: Any) -> Iterator[Any]:
        """The state with names put in so that exactly the sessions shown are there."""
        shown = tuple(shown or ())
        if len(shown) != len(state) or len(set(shown)) != len(shown):
            return
        if self._ordered:
            if all(own is None or own == seen for own, seen in zip(state, shown, strict=True)):
                yield shown
            return
        if not {own for own in state if own is not None} <= set(shown):
            return
        new = [seen for seen in shown if seen not in state]
        for order in permutations(new):
            names = iter(order)
            yield tuple([next(names) if own is None else own for own in state])

    def _one(self, state: Any, op: str, session: Any, result: Any) -> Iterator[Any]:
        """A revocation or refresh of one session."""
        done = result is UNKNOWN or result is not False
        refused = result is UNKNOWN or result is False
        if session in state:
            if done:
                yield from self._after(state, state.index(session), op, session, result)
            return
        if refused:
            yield state
        if done:
            for place, own in enumerate(state):
                if own is None:
                    yield from self._after(state, place, op, session, result)

    def _after(self, state: Any, place: int, op: str, session: Any, result: Any) -> Iterator[Any]:
        before, behind = state[:place], state[place + 1 :]
        if op == "revoke":
            yield (*before, *behind)
        elif result is UNKNOWN or result is None or result is True:
            yield (*before, session, *behind)
            if result is UNKNOWN and self._rotates:
                yield (*before, None, *behind)
        elif result == session or result not in state:
            yield (*before, result, *behind)

    def describe(self, state: Any) -> str:
        """Oldest first; ``?`` is a session that nobody can name."""
        return "[" + ", ".join("?" if own is None else str(own) for own in state) + "]"

    def check_call(self, op: str, args: tuple[Any, ...]) -> str | None:
        """Each names its user; revoke and refresh their session."""
        wanted = 2 if op in {"revoke", "refresh"} else 1
        if op in self.operations and len(args) < wanted:
            return f"{op} takes {wanted} values, not {len(args)}"
        return super().check_call(op, args)
