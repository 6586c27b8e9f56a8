"""What the broken designs have in common: no slots. There is always one more place for whoever comes.

The real stores hold the limit twice: by taking picture and change in one step, and by there being only so
many slots. A design can only be seen to be wrong where the second net is taken away, so these rules draw a
random slot.
"""

from __future__ import annotations

import random
import time
from dataclasses import replace

from sessionkeeper import Admission, EndReason, WhenFull
from sessionkeeper.rules import Change, Partition, ending


def give_way():
    """Let another thread run, once, where a real system would wait for its network."""
    time.sleep(0)


def anywhere(session):
    """Seat a session in a slot that nobody else will draw."""
    return replace(session, slot=random.randrange(100, 2**31))


def insert_unchecked(newcomer):
    """A rule that lets anybody in."""

    def decide(partition: Partition):
        seated = anywhere(newcomer)
        return Change(puts=(seated,)), seated

    return decide


def admit_unseated(newcomer, *, limit, now, most=None):
    """The right decision (evict all excess, then insert), resting on nothing but the picture it was shown.

    With ``most`` set it evicts no more than that many, and so never gets back to the limit once above it.
    """

    def decide(partition: Partition):
        live = partition.live(now)
        excess = live[: max(0, len(live) - (limit - 1))][:most]
        give_way()
        change = ending([(each, EndReason.EVICTED) for each in excess], now)
        seated = anywhere(newcomer)
        return replace(change, puts=(seated,)), Admission(seated, excess)

    return decide


class Unseated:
    """A store whose ``create`` knows no slots; whether the limit holds is left to how ``_change`` is done."""

    most = None

    def create(self, session, *, replacing="", when_full=WhenFull.EVICT_OLDEST, replayable=False):
        decide = admit_unseated(session, limit=self.limit, now=self._clock.now(), most=self.most)
        return self._change(session.user_id, decide)
