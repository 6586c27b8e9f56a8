"""The search: which configurations are left after each event.

A configuration is one integer: the state's number above a mask of the operations in flight that are placed
already. An operation in flight has a slot, one bit; slots are used again. Unknown operations keep theirs.
"""

from __future__ import annotations

from bisect import insort
from typing import TYPE_CHECKING

from planproof.race.checker.table import Row, Table
from planproof.race.history.operation import Outcome
from planproof.race.history.values import UNKNOWN


if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from planproof.race.checker.parts import Part


CHECKPOINT = 4096
"""Every how many events the configurations are kept."""
SLICE = 200_000
"""How many configurations at most are looked at before another part has its turn; some tenths of a second."""
LOOK = 4096
"""Every how many configurations of one reply the clock is looked at."""


class OutOfMemoryError(Exception):
    """More configurations are alive than the bound allows."""


class OutOfTimeError(Exception):
    """The time is up."""


class Search:
    """The configurations of one part, event by event; stops and goes on at any event.

    Args:
        part: what to search.
        most: how many configurations may be alive at once.
        expired: whether the time is up.
        keep: whether to keep the configurations before each event, and how each reply was made possible.

    Attributes:
        position: the event that comes next.
        frontier: the configurations before it.
        looked: configurations looked at so far.
        failed: the operation whose reply left no configuration.
        checkpoints: the last two of some events passed, each with the configurations before it.
        kept: with ``keep``, for each event from the start on the configurations before it, and for a reply
            that needed it the steps: configuration after it -> before it, and each step on the way.
    """

    def __init__(
        self, part: Part, most: int, *, expired: Callable[[], bool] = lambda: False, keep: bool = False
    ) -> None:
        self.part = part
        self.table = Table(part.model.reduced(part.alphabet), part.alphabet)
        self.position = 0
        self.looked = 0
        self.failed: int | None = None
        self.checkpoints: list[tuple[int, list[int]]] = []
        self.kept: list[tuple[list[int], dict[int, int], dict[int, int]]] | None = [] if keep else None
        self._most = most
        self._expired = expired
        self._layout()
        self.frontier: list[int] = [self.table.start << self.width]
        self.pending: dict[int, list[tuple[int, int]]] = {}
        self.waiting: dict[int, int] = {}
        self.unknown: dict[int, list[int]] = {}
        self._able: dict[int, list[tuple[int, list[int], tuple[int, ...]]]] = {}

    def _layout(self) -> None:
        """Give every operation a slot, and know when each reply comes."""
        part = self.part
        count = len(part.ops)
        self.deadline = deadline = [len(part.events)] * count
        self.bits = bits = [0] * count
        free: list[int] = []
        used = 0
        binding = [op.outcome is Outcome.OK for op in part.ops]
        for at, event in enumerate(part.events):
            if event < 0:
                deadline[~event] = at
                free.append(bits[~event])
            elif binding[event]:
                if free:
                    bits[event] = free.pop()
                else:
                    bits[event] = 1 << used
                    used += 1
        self.binding_slots = used
        for index in range(count):
            if not binding[index]:
                bits[index] = 1 << used
                used += 1
        self.width = used
        self.binding = binding
        self.unknown_mask = (1 << used) - (1 << self.binding_slots)
        self._twins = self._equal_calls() if not all(binding) and part.model.exact else {}

    def _equal_calls(self) -> dict[int, tuple[int, ...]]:
        """For each letter with an unknown result, the letters of the same call with a known one."""
        same: dict[object, list[int]] = {}
        for letter, (name, args, result) in enumerate(self.part.alphabet):
            if result is not UNKNOWN and not self.part.pure[letter]:
                same.setdefault((name, args), []).append(letter)
        return {
            letter: tuple(same.get((name, args), ()))
            for letter, (name, args, result) in enumerate(self.part.alphabet)
            if result is UNKNOWN
        }

    def resume(self, position: int, frontier: Sequence[int], states: Sequence[object]) -> None:
        """Go to an event with the configurations that were left before it.

        Args:
            position: the event.
            frontier: configurations of another search of the same part.
            states: that search's states by number.
        """
        for event in self.part.events[:position]:
            index = event if event >= 0 else ~event
            letter, bit = self.part.letters[index], self.bits[index]
            if event < 0:
                self._leave(letter, bit, pure=self.part.pure[letter])
            else:
                self._enter(event, letter, bit)
        number = self.table.number
        mask = (1 << self.width) - 1
        self.frontier = [number(states[c >> self.width]) << self.width | c & mask for c in frontier]
        self.position = position

    def advance(self, quota: int) -> bool | None:  # noqa: C901 - the hot loop: a call for each event would double it
        """Go on: True at the end, False where no configuration is left, None where the quota is used up.

        Args:
            quota: how many configurations to look at for one reply; it is looked at again with a larger
                quota where they are not enough.

        Raises:
            OutOfMemoryError: too many are alive.
            OutOfTimeError: the time is up.
        """
        events, letters, bits, pure = self.part.events, self.part.letters, self.bits, self.part.pure
        rows, width, frontier, kept = self.table.rows, self.width, self.frontier, self.kept
        looked, stop = self.looked, self.looked + min(quota, SLICE)
        for at in range(self.position, len(events)):
            event = events[at]
            if looked > stop or not at % CHECKPOINT:
                if looked > stop:
                    self._pause(at, frontier, looked)
                    return None
                self.checkpoints = [*self.checkpoints[-1:], (at, frontier)]
            if kept is not None:
                kept.append((frontier, {}, {}))
            if event >= 0:
                letter = letters[event]
                bit = bits[event]
                self._enter(event, letter, bit)
                if pure[letter]:
                    frontier = [c | bit if rows[c >> width][letter] else c for c in frontier]
                    looked += len(frontier)
                continue
            bit = bits[~event]
            letter = letters[~event]
            lacking = [c for c in frontier if not c & bit]
            looked += len(frontier)
            if lacking:
                found, seen = self._expand(lacking, letter, bit, quota)
                looked += len(seen)
                if kept is not None:
                    kept[-1] = (frontier, found, seen)
                if len(seen) > quota:
                    if kept is not None:
                        kept.pop()
                    self._pause(at, frontier, looked)
                    return None
                after = {c ^ bit for c in frontier if c & bit}
                after.update(found)
                if not after:
                    self._pause(at, frontier, looked)
                    self.failed = ~event
                    return False
                frontier = self._minimal(after)
            else:
                frontier = [c ^ bit for c in frontier]
            self._leave(letter, bit, pure=pure[letter])
        self._pause(len(events), frontier, looked)
        return True

    def _pause(self, at: int, frontier: list[int], looked: int) -> None:
        self.position, self.frontier, self.looked = at, frontier, looked

    def _enter(self, index: int, letter: int, bit: int) -> None:
        """An operation is called."""
        if not self.binding[index]:
            self._able.clear()
            self.unknown.setdefault(letter, []).append(bit)
        elif self.part.pure[letter]:
            self.waiting[letter] = self.waiting.get(letter, 0) | bit
        else:
            insort(self.pending.setdefault(letter, []), (self.deadline[index], bit))

    def _leave(self, letter: int, bit: int, *, pure: bool) -> None:
        """An operation is over."""
        if pure:
            left = self.waiting[letter] ^ bit
            if left:
                self.waiting[letter] = left
            else:
                del self.waiting[letter]
            return
        row = self.pending[letter]
        if len(row) == 1:
            del self.pending[letter]
        else:
            row[:] = [pair for pair in row if pair[1] != bit]

    def _expand(  # noqa: C901, PLR0912 - the hot loop: a call for each configuration would double it
        self, lacking: list[int], letter: int, bit: int, quota: int
    ) -> tuple[dict[int, int], dict[int, int]]:
        """Place operations in flight until the one with ``bit`` is placed.

        Of operations with equal letters only the one whose reply comes first is tried: any other order of
        the two can be exchanged for it.

        Returns:
            The configurations with ``bit`` placed and taken out, and those on the way, each with the one
            before it; incomplete where there are more than ``quota``.
        """
        rows, width = self.table.rows, self.width
        pure = self.part.pure[letter]
        found: dict[int, int] = {}
        seen = dict.fromkeys(lacking, -1)
        best = self._ledger(lacking) if self.unknown else None
        queue = list(lacking)
        look = min(quota, LOOK)
        others = [(other, pairs) for other, pairs in self.pending.items() if other != letter]
        waiting = list(self.waiting.items())
        for c in queue:
            state = c >> width
            row = rows[state]
            if not pure:
                for after in row[letter]:
                    d = c if after == state else self._moved(c, after, waiting)
                    found.setdefault(d & ~bit, c)
            steps = []
            for other, pairs in others:
                for _, placed in pairs:
                    if not c & placed:
                        steps.append((placed, row[other]))
                        break
            if best is not None:
                self._unknown_steps(c, row, steps)
            for placed, afters in steps:
                for after in afters:
                    d = (c | placed) if after == state else self._moved(c | placed, after, waiting)
                    if d in seen or (best is not None and self._beaten(d, best)):
                        continue
                    seen[d] = c
                    if pure and d & bit:
                        found.setdefault(d ^ bit, d)
                    else:
                        queue.append(d)
            if len(seen) > look:
                if len(seen) > quota:
                    break
                look = min(quota, len(seen) + LOOK)
                if len(seen) + len(found) > self._most:
                    raise OutOfMemoryError
                if self._expired():
                    raise OutOfTimeError
        return found, seen

    def _ledger(self, configurations: list[int]) -> dict[int, list[int]]:
        """For each configuration, unknown operations aside, the sets of unknown ones that led to it."""
        unknown = self.unknown_mask
        best: dict[int, list[int]] = {}
        for c in configurations:
            best.setdefault(c & ~unknown, []).append(c & unknown)
        return best

    def _beaten(self, c: int, best: dict[int, list[int]]) -> bool:
        """Whether the same was reached with fewer unknown operations; if not, it is entered."""
        unknown = self.unknown_mask
        used = c & unknown
        rivals = best.setdefault(c & ~unknown, [])
        for rival in rivals:
            if rival & used == rival:
                return True
        rivals.append(used)
        return False

    def _moved(self, c: int, after: int, waiting: list[tuple[int, int]]) -> int:
        """The configuration in state ``after``, with all pure operations placed that fit there."""
        row = self.table.rows[after]
        mask = c & ((1 << self.width) - 1)
        for letter, bits in waiting:
            if bits & ~mask and row[letter]:
                mask |= bits
        return after << self.width | mask

    def _unknown_steps(self, c: int, row: Row, steps: list[tuple[int, tuple[int, ...]]]) -> None:
        """Add the unknown operations that would change something, unless a binding one would do the same."""
        state = c >> self.width
        able = self._able.get(state)
        if able is None:
            able = self._able[state] = [
                (letter, bits, row[letter])
                for letter, bits in self.unknown.items()
                if row[letter] != (state,)
            ]
        pending = self.pending
        for letter, bits, afters in able:
            for bit in bits:
                if not c & bit:
                    break
            else:
                continue
            for twin in self._twins.get(letter, ()):
                if twin in pending and row[twin] == afters and not all(c & b for _, b in pending[twin]):
                    break
            else:
                steps.append((bit, afters))

    def _minimal(self, configurations: set[int]) -> list[int]:
        """Without those that differ from another one only by having used more unknown operations."""
        if len(configurations) > self._most:
            raise OutOfMemoryError
        unknown = self.unknown_mask
        if not unknown or len(configurations) == 1:
            return list(configurations)
        best: dict[int, list[int]] = {}
        for c in sorted(configurations, key=lambda c: (c & unknown).bit_count()):
            used = c & unknown
            rivals = best.setdefault(c & ~unknown, [])
            if not any(rival & used == rival for rival in rivals):
                rivals.append(used)
        return [key | used for key, rivals in best.items() for used in rivals]
