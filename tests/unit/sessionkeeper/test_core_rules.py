"""The law itself, over pictures that chance has drawn: what holds after every change."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessionkeeper import (
    AuthenticationError,
    EndReason,
    LoginKind,
    RotationOutcome,
    Session,
    SessionLimitReachedError,
    WhenFull,
)
from sessionkeeper.model import Block
from sessionkeeper.rules import Partition, Presented, admit, end, evict, expire, rotate


NOW = 1000.0


def session(number, created, expires, slot):
    return Session(
        session_id=f"{number:022d}",
        user_id="ann",
        login=LoginKind.DIRECT,
        created_at=created,
        last_used_at=created,
        expires_at=expires,
        ends_at=5000.0,
        access_hash=f"a{number}",
        refresh_hash=f"r{number}",
        slot=slot,
    )


@st.composite
def partitions(draw):
    """Any sessions in any slots, live or expired, more than the limit or none."""
    slots = draw(st.lists(st.integers(0, 30), unique=True, max_size=12))
    times = st.tuples(st.integers(1, 5), st.sampled_from([NOW - 1, NOW, NOW + 1]))
    return Partition(
        "ann",
        tuple(session(number, *draw(times), slot) for number, slot in enumerate(slots)),
        lambda _: None,
    )


def after(partition, change):
    """The sessions that a store would hold once it has written a change."""
    gone = {each.session_id for each in (*change.removes, *change.puts)}
    return [each for each in partition.sessions if each.session_id not in gone] + list(change.puts)


NEWCOMER = session(99, NOW, NOW + 100, 0)


@given(partitions(), st.integers(1, 8))
def test_after_an_admission_nobody_is_too_many_and_nobody_has_no_place(partition, limit):
    change, admission = admit(NEWCOMER, limit=limit, now=NOW)(partition)
    left = after(partition, change)
    assert len(left) == min(limit, len(partition.live(NOW)) + 1)
    assert not [each for each in left if each.expired(NOW)]
    assert len({each.slot for each in left}) == len(left)
    assert all(0 <= each.slot < limit for each in left)
    assert admission.session in left


@given(partitions(), st.integers(1, 8))
def test_who_leaves_is_older_than_who_stays_and_is_blocked(partition, limit):
    change, admission = admit(NEWCOMER, limit=limit, now=NOW)(partition)
    reasons = {block.session_id: block.reason for block in change.blocks}
    assert set(reasons) == {each.session_id for each in change.removes}
    assert {block.token_hash for block in change.blocks} == {each.refresh_hash for each in admission.ended}
    evicted = [each for each in change.removes if reasons[each.session_id] is EndReason.EVICTED]
    stayed = [each for each in after(partition, change) if each.session_id != NEWCOMER.session_id]
    assert all(gone.age < kept.age for gone in evicted for kept in stayed)
    assert change.whole is bool(evicted)


@given(partitions(), st.integers(1, 8))
def test_a_refusal_writes_nothing_and_an_admission_then_evicts_nobody(partition, limit):
    decide = admit(NEWCOMER, limit=limit, now=NOW, when_full=WhenFull.REFUSE)
    if len(partition.live(NOW)) >= limit:
        with pytest.raises(SessionLimitReachedError):
            decide(partition)
    else:
        assert EndReason.EVICTED not in {block.reason for block in decide(partition)[0].blocks}


@given(partitions(), st.integers(1, 8))
def test_the_same_admission_again_changes_nothing(partition, limit):
    decide = admit(NEWCOMER, limit=limit, now=NOW, replayable=True)
    change, admission = decide(partition)
    again, replay = decide(Partition("ann", tuple(after(partition, change)), lambda _: None))
    assert not again
    assert (replay.session, replay.ended, replay.replayed) == (admission.session, (), True)


@given(partitions(), st.integers(0, 8))
def test_eviction_keeps_the_youngest(partition, keep):
    change, evicted = evict(keep=keep, now=NOW)(partition)
    live = partition.live(NOW)
    assert evicted == live[: max(0, len(live) - keep)]
    assert sorted(each.age for each in after(partition, change)) == [each.age for each in live][-keep or 99 :]


@given(partitions())
def test_expiry_takes_all_that_is_over_and_nothing_else(partition):
    change, gone = expire(now=NOW)(partition)
    assert {each.session_id for each in gone} == {
        each.session_id for each in partition.sessions if each.expires_at <= NOW
    }
    assert {block.reason for block in change.blocks} <= {EndReason.EXPIRED}
    assert sorted(s.session_id for s in after(partition, change)) == sorted(
        s.session_id for s in partition.live(NOW)
    )


@given(partitions(), st.integers(0, 12))
def test_ending_all_but_one_leaves_one_or_none(partition, kept):
    name = f"{kept:022d}"
    change, _ = end(lambda each: each.session_id != name, EndReason.REVOKED, now=NOW)(partition)
    assert {each.session_id for each in after(partition, change)} <= {name}


@given(st.lists(st.tuples(st.integers(0, 6), st.floats(0, 20)), max_size=30), st.sampled_from([0.0, 10.0]))
def test_a_family_has_one_living_token_at_most_and_none_after_a_replay(steps, grace):
    """Tokens of one family in any order: 0 is the first, each other follows the one before it."""
    now, present, blocked = NOW, session(0, NOW, 1e9, 0), {}
    present = replace(present, refresh_hash="0", ends_at=1e9)
    minted, current, rotated_at = {"0"}, 0, None
    for presented, pause in steps:
        now += pause
        token = Presented("0" * 22, str(presented), "a", str(presented + 1), grace=grace, timeout=1e9)
        partition = Partition("ann", (present,) if present else (), blocked.get)
        try:
            change, rotation = rotate(token, now=now)(partition)
        except AuthenticationError:
            assert present is None or str(presented) not in minted
            continue
        blocked.update({block.token_hash: block for block in change.blocks})
        if rotation.outcome is RotationOutcome.ROTATED:
            assert presented == current
            current, rotated_at, present = current + 1, now, rotation.session
            minted.add(str(current))
        elif rotation.outcome is RotationOutcome.REPEATED:
            assert presented == current - 1
            assert now - rotated_at < grace
            assert rotation.session == present
        else:
            assert presented < current
            present = None
        assert present is None or present.refresh_hash == str(current)
        assert minted == set(blocked) | ({str(current)} if present else set())
    assert all(isinstance(block, Block) for block in blocked.values())
