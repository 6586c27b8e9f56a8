"""Orders that are drawn: taking turns, at random, by priorities (PCT), and the replay of a recorded one."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from planproof.race.schedules.step import DivergedError


if TYPE_CHECKING:
    from collections.abc import Sequence

    from planproof.race.schedules.step import Step, Taken


class Plain:
    """What the drawn orders have in common: nothing to learn from a schedule."""

    def begin(self) -> None:
        """A schedule starts."""

    def refused(self, client: int) -> None:
        """The call just chosen waits."""

    def end(self, trace: list[Taken]) -> None:
        """The schedule is over."""


def turn(ready: Sequence[int], last: int | None) -> int:
    """The next one after the last, round and round."""
    if last is None:
        return min(ready)
    return min((each for each in ready if each > last), default=min(ready))


class TakingTurns(Plain):
    """Every client makes one call, then the next client.

    The order in which most lost updates show at once.
    """

    def choose(self, ready: dict[int, Step], last: int | None) -> int:
        """The next client after the last one."""
        return turn(list(ready), last)


class RandomOrder(Plain):
    """A fair draw at each step.

    Args:
        seed: the same seed draws the same order.
    """

    def __init__(self, seed: str) -> None:
        self._random = random.Random(seed)  # noqa: S311 - an order, not a secret

    def choose(self, ready: dict[int, Step], last: int | None) -> int:
        """Any of them."""
        del last
        return self._random.choice(sorted(ready))


class Priorities(Plain):
    """PCT (Burckhardt and others, ASPLOS 2010): random priorities, lowered at ``depth - 1`` random steps.

    A bug that needs ``depth`` ordered steps among ``k`` steps of ``n`` clients is met with a chance of at
    least ``1 / (n * k ** (depth - 1))``.

    Args:
        seed: the same seed draws the same order.
        depth: ordered steps that the bug needs; 1 is one client after the other.
        length: steps of a schedule, about.
    """

    def __init__(self, seed: str, *, depth: int, length: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - an order, not a secret
        self._priority: dict[int, float] = {}
        self._steps = 0
        span = max(length, depth)
        self._changes = set(self._random.sample(range(1, span + 1), max(0, depth - 1)))
        self._lowest = 0.0

    def choose(self, ready: dict[int, Step], last: int | None) -> int:
        """The one of highest priority, after lowering the last one where a change is due."""
        for client in sorted(ready):
            if client not in self._priority:
                self._priority[client] = 1.0 + self._random.random()
        self._steps += 1
        best = max(sorted(ready), key=lambda each: self._priority[each])
        if self._steps in self._changes:
            self._lowest -= 1.0
            self._priority[best] = self._lowest
            best = max(sorted(ready), key=lambda each: self._priority[each])
        elif last is not None and ready[best].kind == "sleep" and len(ready) > 1:
            # A client that polls would keep the others from moving for ever.
            self._lowest -= 1.0
            self._priority[best] = self._lowest
        return best

    def refused(self, client: int) -> None:
        """One that waits lets the others move first."""
        self._lowest -= 1.0
        self._priority[client] = self._lowest


class SwitchAfterEffect(Priorities):
    """One client leads up to its first effect; then the others run to their end, and then it goes on.

    PCT of depth 2 with its change point not drawn but put where it matters: what a client believes about the
    store is out of date first between its own write and its next call. One switch is the least that a race
    needs (bounding of preemptions: Musuvathi and Qadeer, PLDI 2007).

    Args:
        leader: number of the client that begins.
    """

    def __init__(self, leader: int) -> None:
        super().__init__("", depth=1, length=1)
        self._leader = leader
        self._switched = False
        self._effect = False

    def choose(self, ready: dict[int, Step], last: int | None) -> int:
        """The leader up to its first effect, the others from the lowest number on, then the leader."""
        for client in ready:
            self._priority.setdefault(client, 2.0 if client == self._leader else 1.0 / (client + 1))
        if self._effect and not self._switched:
            self._switched = True
            self._lowest -= 1.0
            self._priority[self._leader] = self._lowest
        chosen = super().choose(ready, last)
        self._effect = chosen == self._leader and bool(ready[chosen].writes)
        return chosen

    def refused(self, client: int) -> None:
        """A call that waits had no effect yet; the others still come first as soon as they can."""
        del client
        self._effect = False


class Recorded(Plain):
    """Replays recorded choices; after them each client goes on as long as it can.

    Args:
        choices: which client moves, step by step.
        strict: True raises where a recorded choice cannot be made; False makes the nearest one.
    """

    def __init__(self, choices: Sequence[int], *, strict: bool = True) -> None:
        self._choices = list(choices)
        self._strict = strict
        self._at = 0

    def choose(self, ready: dict[int, Step], last: int | None) -> int:
        """The recorded one.

        Raises:
            DivergedError: it cannot move; the application made other calls than in the recording.
        """
        while self._at < len(self._choices):
            wanted = self._choices[self._at]
            self._at += 1
            if wanted in ready:
                return wanted
            if self._strict:
                raise DivergedError(
                    f"at step {self._at} client {wanted} was to move, and it makes no call there now: the "
                    "application is not the one that was recorded, or does not repeat itself"
                )
        return last if last in ready else min(ready)


class Switching(Plain):
    """Each client goes on as long as it can, but for the given switches.

    Args:
        switches: number of the step, from 0, and the client that is to move from there on, if it can.
    """

    def __init__(self, switches: dict[int, int]) -> None:
        self._switches = switches
        self._at = 0

    def begin(self) -> None:
        """A schedule starts."""
        self._at = 0

    def choose(self, ready: dict[int, Step], last: int | None) -> int:
        """The one switched to, else the last one, else the lowest number."""
        wanted = self._switches.get(self._at, last)
        self._at += 1
        return wanted if wanted in ready else min(ready)
