"""The front door: history and model in, verdict out."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from planproof.race.checker.answers import Refusal
from planproof.race.checker.depth import LARGEST, DepthFirst
from planproof.race.checker.parts import part_name, parts_of
from planproof.race.checker.quick import quick_answer
from planproof.race.checker.search import SLICE, OutOfMemoryError, OutOfTimeError, Search
from planproof.race.checker.verdict import Failure, Verdict


if TYPE_CHECKING:
    from collections.abc import Callable

    from planproof.race.checker.parts import Part
    from planproof.race.history.operation import History
    from planproof.race.models.base import Model


# What one configuration costs with the tables around it, measured on CPython 3.11.
BYTES_PER_CONFIGURATION = 200
FIRST_QUOTA = 50_000
# A step in depth takes some times as long as one of the other search, which is to have most of the time.
DEEP = 24


def check(
    history: History,
    model: Model,
    *,
    time_limit: float = 60.0,
    memory_limit: int = 1 << 30,
    clock: Callable[[], float] = time.perf_counter,
) -> Verdict:
    """Whether a history is linearizable.

    Args:
        history: well formed; operations that failed are taken as not having happened.
        model: the sequential specification.
        time_limit: seconds after which to give up.
        memory_limit: bytes of configurations beyond which to give up.
        clock: seconds; monotonic.

    Returns:
        The verdict; giving up is ``linearizable=None``, never True.

    Raises:
        HistoryError: the model does not know an operation.
        WorkloadError: the model raised.
    """
    began = clock()
    parts = parts_of(history, model)
    judge = _Judge(parts, began + time_limit, memory_limit // BYTES_PER_CONFIGURATION, clock)
    linearizable, reason = judge.run()
    if linearizable and history.cut is not None:
        linearizable = None
        reason = f"the file breaks off in line {history.cut}; what stands before it is linearizable"
    return Verdict(
        linearizable,
        reason,
        len(history.operations),
        clock() - began,
        judge.looked,
        judge.failure,
        model.name,
    )


class _Judge:
    """Searches the parts in turn, so that one hopeless part does not hide another that fails at once."""

    def __init__(self, parts: list[Part], until: float, most: int, clock: Callable[[], float]) -> None:
        self.parts = parts
        self.until = until
        self.most = most
        self.clock = clock
        self.looked = 0
        self.failure: Failure | None = None

    def run(self) -> tuple[bool | None, str]:
        """The answer and its reason."""
        for part in self.parts:
            answer = quick_answer(part)
            if isinstance(answer, Refusal):
                self.failure = Failure(part, answer.op, None)
                return False, self._sentence(part, answer.op, answer.why)
            part.done = answer is True
        return self._search([part for part in self.parts if not part.done])

    def _search(self, parts: list[Part]) -> tuple[bool | None, str]:
        quota = FIRST_QUOTA
        searches: list[Search | None] = [None] * len(parts)
        deep: dict[int, DepthFirst] = {}
        turn = list(range(len(parts)))
        gave_up: str | None = None
        while turn:
            again = []
            for index in turn:
                search = searches[index] or Search(parts[index], self.most, expired=self._expired)
                searches[index] = search
                before = search.looked
                try:
                    done = search.advance(quota)
                except OutOfMemoryError:
                    gave_up = f"gave up: more than {self.most} configurations at once"
                    searches[index] = None
                    continue
                except OutOfTimeError:
                    return None, self._too_late()
                finally:
                    self.looked += search.looked - before
                if done is False:
                    return False, self._fail(search)
                if done is None and self._deeper(deep, index, parts[index], min(quota, SLICE) // DEEP):
                    return False, self._fail_deep(deep[index], parts[index])
                if done is None and not parts[index].done:
                    again.append(index)
                else:
                    searches[index] = None
                if self._expired():
                    return None, self._too_late()
            turn = again
            quota *= 2
        if gave_up:
            return None, gave_up
        return True, "linearizable"

    def _deeper(self, deep: dict[int, DepthFirst], index: int, part: Part, quota: int) -> bool:
        """Let the other search have its turn; True where it finds that there is no order."""
        if len(part.ops) > LARGEST:
            return False
        search = deep.get(index)
        if search is None:
            search = deep[index] = DepthFirst(part, self.most // DEEP, expired=self._expired)
        before = search.looked
        try:
            done = search.advance(quota)
        except OutOfMemoryError:
            done = None
        self.looked += search.looked - before
        part.done = done is True
        return done is False

    def _fail_deep(self, search: DepthFirst, part: Part) -> str:
        self.failure = Failure(part, search.blocked, None)
        return self._sentence(part, search.blocked, "every order was tried, and none gets further")

    def _expired(self) -> bool:
        return self.clock() > self.until

    def _too_late(self) -> str:
        return f"gave up at the time limit, after {self.looked} configurations"

    def _fail(self, search: Search) -> str:
        part, index = search.part, search.failed
        assert index is not None
        at, frontier = search.checkpoints[0]
        self.failure = Failure(
            part, index, search.position, (at, tuple(frontier), tuple(search.table.states))
        )
        states = dict.fromkeys(c >> search.width for c in search.frontier)
        told = [search.table.model.describe(search.table.states[state]) for state in states]
        more = f" and {len(told) - 3} more" if len(told) > 3 else ""  # noqa: PLR2004 - a sentence's worth
        return self._sentence(
            part,
            index,
            f"the replies before it leave the state at {', '.join(told[:3])}{more}, "
            "and nothing in flight leads to one where it fits",
        )

    @staticmethod
    def _sentence(part: Part, index: int, why: str) -> str:
        op = part.ops[index]
        name = part_name(part.key)
        where = f" on {name}" if name else ""
        line = f", line {op.line}" if op.line is not None else ""
        return f"no order explains {op.text} -> {op.reply} of client {op.client}{where}{line}: {why}"
