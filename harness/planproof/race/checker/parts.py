"""A history made ready for the search: independent parts, letters for operations, numbers for everything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from planproof.errors import HistoryError
from planproof.race.history.operation import History, Operation, Outcome, show
from planproof.race.history.values import UNKNOWN, frozen
from planproof.race.models.base import Model


if TYPE_CHECKING:
    from collections.abc import Hashable


class Part:
    """The operations of one independent part, ordered by call.

    Attributes:
        key: what the model calls the part; None where there is one part only.
        ops: the operations that matter: not those that did not happen, nor unknown ones without effect.
        letters: each operation's letter: operations with equal name, arguments and result share it.
        alphabet: for each letter its name, arguments and result.
        pure: for each letter whether it leaves every state as it is.
        certain: how many operations have a reply that binds; the others may happen any time after the call.
        done: whether it was found linearizable without a search.
        events: calls ``i`` and replies ``~i`` of operations by index, in the order of time.
    """

    __slots__ = ("alphabet", "certain", "done", "events", "key", "letters", "model", "ops", "pure")

    def __init__(self, key: Hashable | None, model: Model) -> None:
        self.key = key
        self.model = model
        self.ops: list[Operation] = []
        self.letters: list[int] = []
        self.alphabet: list[tuple[str, tuple[Any, ...], Any]] = []
        self.pure: list[bool] = []
        self.certain = 0
        self.events: list[int] = []
        self.done = False

    def finish(self) -> None:
        """Give letters to the operations and put their events in order."""
        ok = Outcome.OK
        self.certain = sum([op.outcome is ok for op in self.ops])
        all_certain = self.certain == len(self.ops)
        known: dict[Any, int] = {}
        find = known.get
        letters = self.letters
        add = letters.append
        for op in self.ops:
            result = op.result if op.outcome is ok else UNKNOWN
            name, args = op.op, op.args
            try:
                letter = find((name, args, result))
            except TypeError:
                args, result = frozen(args), frozen(result)
                letter = find((name, args, result))
            if letter is None:
                letter = known[name, args, result] = len(known)
                self.alphabet.append((name, args, result))
                self.pure.append(self.model.pure(name, args, result, certain=all_certain))
            add(letter)
        if not all_certain:
            self._drop_idle()
        self._order()

    def _drop_idle(self) -> None:
        """Leave out unknown operations without effect: they may as well not have happened."""
        ok = Outcome.OK
        keep = [
            index
            for index, op in enumerate(self.ops)
            if op.outcome is ok or not self.pure[self.letters[index]]
        ]
        if len(keep) < len(self.ops):
            self.ops = [self.ops[index] for index in keep]
            self.letters = [self.letters[index] for index in keep]

    def _order(self) -> None:
        """Sort events by time; at one instant calls come first, for such operations overlap."""
        ops = self.ops
        binding = [index for index, op in enumerate(ops) if op.outcome is Outcome.OK]
        moments = [2 * op.call for op in ops]
        moments += [2 * (ops[index].ret or 0) + 1 for index in binding]
        events = [*range(len(ops)), *(~index for index in binding)]
        # Both halves are nearly in order already, which the sort makes use of.
        self.events = [events[at] for at in sorted(range(len(moments)), key=moments.__getitem__)]


def parts_of(history: History, model: Model) -> list[Part]:
    """The independent parts of a history, those with the fewest operations first.

    Args:
        history: well formed.
        model: says which operation touches which part.

    Raises:
        HistoryError: the model does not know an operation, with file and line.
    """
    parts: dict[Hashable | None, Part] = {}
    checked: dict[tuple[str, int], str | None] = {}
    fail, ok = Outcome.FAIL, Outcome.OK
    partition = model.partition
    whole = type(model).partition is Model.partition
    for op in history.operations:
        kind = (op.op, len(op.args))
        if kind not in checked:
            checked[kind] = model.check_call(op.op, op.args)
        if checked[kind] is not None:
            raise HistoryError(str(checked[kind]), path=history.path, line=op.line)
        if op.outcome is fail:
            continue
        if op.outcome is ok and op.ret is None:
            raise HistoryError(f"operation {op.id} is ok but has no reply", path=history.path, line=op.line)
        key = None if whole else partition(op.op, op.args)
        if key is None and not whole:
            return _one_part(history, model)
        part = parts.get(key)
        if part is None:
            part = parts[key] = Part(key, model)
        part.ops.append(op)
    for part in parts.values():
        part.finish()
    return sorted(parts.values(), key=lambda part: len(part.ops))


def _one_part(history: History, model: Model) -> list[Part]:
    part = Part(None, model)
    for op in history.operations:
        problem = model.check_call(op.op, op.args)
        if problem is not None:
            raise HistoryError(problem, path=history.path, line=op.line)
        if op.outcome is not Outcome.FAIL:
            part.ops.append(op)
    part.finish()
    return [part]


def part_name(key: Hashable | None) -> str:
    """The part for people; empty where there is one part only."""
    if key is None:
        return ""
    return show(key[0]) if isinstance(key, tuple) and len(key) == 1 else show(key)
