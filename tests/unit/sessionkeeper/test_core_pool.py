"""Connections: never shared by two, not lent again after a fault, not carried across a fork."""

from __future__ import annotations

import os

import pytest

from sessionkeeper import InvalidInputError
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


def test_a_child_process_opens_its_own(pool, monkeypatch):
    with pool.lend() as parents:
        pass
    monkeypatch.setattr(os, "getpid", lambda: -1)
    with pool.lend() as childs:
        assert childs is not parents
    assert not parents.closed  # it is still the parent's


def test_closing_closes_what_is_not_lent(pool):
    with pool.lend() as lent:
        with pool.lend() as idle:
            pass
        pool.close()
        assert (idle.closed, lent.closed) == (True, False)
