"""Waiting is for a condition, bounded by a deadline, on a clock that is passed in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planproof.backends.waiting import LONGEST_PAUSE, NotYetError, until
from planproof.errors import BackendUnavailableError


class Clock:
    """A clock on which only sleeping passes time."""

    def __init__(self):
        self.now = 0.0
        self.pauses = []

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        assert seconds > 0
        self.now += seconds
        self.pauses.append(seconds)


def after(tries):
    """A condition that holds at the given try, counted from 1."""
    asked = []

    def condition():
        asked.append(None)
        if len(asked) < tries:
            raise NotYetError(f"try {len(asked)}")
        return len(asked)

    return condition


@given(tries=st.integers(1, 60), seconds=st.floats(0.01, 20))
def test_it_ends_by_the_deadline_and_not_a_pause_later(tries, seconds):
    clock = Clock()
    try:
        assert until(after(tries), clock=clock, seconds=seconds, what="it") == tries
    except BackendUnavailableError:
        assert clock.now == pytest.approx(seconds)
    assert clock.now <= seconds + 1e-6
    assert all(pause <= LONGEST_PAUSE for pause in clock.pauses)


def test_a_condition_that_holds_costs_no_time():
    clock = Clock()
    until(after(1), clock=clock, seconds=1, what="it")
    assert clock.pauses == []


def test_the_pauses_grow():
    clock = Clock()
    until(after(8), clock=clock, seconds=60, what="it")
    assert clock.pauses == sorted(clock.pauses)
    assert clock.pauses[0] < clock.pauses[-1]


def test_the_error_says_what_was_waited_for_and_what_was_seen():
    with pytest.raises(BackendUnavailableError, match=r"the server did not answer in 2 s: try \d+"):
        until(after(10**6), clock=Clock(), seconds=2, what="the server")


def test_another_error_ends_the_wait_at_once():
    def broken():
        raise BackendUnavailableError("it is not what it says")

    clock = Clock()
    with pytest.raises(BackendUnavailableError, match="not what it says"):
        until(broken, clock=clock, seconds=60, what="it")
    assert clock.pauses == []
