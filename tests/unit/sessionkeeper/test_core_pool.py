"""Connections: never shared by two, not lent again after a fault, not carried across a fork."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import sessionkeeper
from sessionkeeper import InvalidInputError, StoreUnavailableError
from sessionkeeper.stores.pool import FreeList


class Connection:
    def __init__(self):
        self.closed = False

    def close(self):
        self.closed = True


@pytest.fixture
def pool():
    return FreeList(Connection)


def test_one_is_lent_again_and_two_are_never_one(pool):
    with pool.lend() as first, pool.lend() as second:
        assert first is not second
    with pool.lend() as again:
        assert again in (first, second)


def test_after_a_fault_it_is_closed_and_after_a_refusal_kept(pool):
    with pytest.raises(ValueError, match="driver"), pool.lend() as faulty:
        raise ValueError("driver")
    with pytest.raises(InvalidInputError), pool.lend() as sound:
        raise InvalidInputError("a rule said no")
    assert (faulty.closed, sound.closed) == (True, False)
    with pool.lend() as next_one:
        assert next_one is sound


FORKS = """
import os
from sessionkeeper.stores.pool import FreeList

class Connection:
    def close(self):
        os._exit(3)  # it is still the parent's

pool = FreeList(Connection)
with pool.lend() as idle:
    pass
with pool.lend(), pool.lend() as lent:
    pool.use(lambda one, two: None, 1)
    child = os.fork()
with pool.lend() as first, pool.lend() as second, pool.lend() as third:
    own = {first, second, third}.isdisjoint({idle, lent})
if child == 0:
    os._exit(0 if own else 2)
assert not own
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
os._exit(0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_child_process_opens_its_own_and_leaves_the_parents_alone():
    # In a process of its own: one that runs tests may have threads, and those do not go through a fork.
    found = {**os.environ, "PYTHONPATH": str(Path(sessionkeeper.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", FORKS], capture_output=True, text=True, check=False, env=found
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_step_on_a_connection_gives_it_back_or_closes_it(pool):
    used = [pool.use(lambda connection, word: (connection, word), "word") for _ in range(2)]
    assert used[0] == used[1] == (used[0][0], "word")

    def refuse(_connection, error):
        raise error

    with pytest.raises(InvalidInputError):
        pool.use(refuse, InvalidInputError("a rule said no"))
    assert pool.use(lambda connection, _: connection, None) is used[0][0]
    with pytest.raises(ValueError, match="driver"):
        pool.use(refuse, ValueError("driver"))
    assert used[0][0].closed
    assert pool.use(lambda connection, _: connection, None) is not used[0][0]


def test_an_error_of_a_driver_is_told_in_our_own_words_however_the_connection_was_come_by():
    def meaning(error, about):
        return StoreUnavailableError(f"down for {about}") if isinstance(error, OSError) else None

    def connect():
        raise ConnectionError("no route")

    broken = FreeList(connect, meaning)
    with pytest.raises(StoreUnavailableError, match="down for ann"), broken.lend("ann"):
        pass
    with pytest.raises(StoreUnavailableError):
        broken.use(lambda connection, _: connection, None)


def test_closing_closes_what_is_not_lent(pool):
    with pool.lend() as lent:
        with pool.lend() as idle:
            pass
        pool.close()
        assert (idle.closed, lent.closed) == (True, False)
