"""Laws of the verdict: the table, parents and their parts, and what nothing can do."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planproof.plan.model import Claim, Item, Kind, Plan, Span
from planproof.proof.model import BoundBy
from planproof.proof.verdict import DROPPED, State, Verdict, is_required, judge_all, verdict


claims = st.sampled_from(list(Claim))
states = st.sampled_from(list(State))
TABLE = {
    (Claim.DONE, State.PROVED): "verified",
    (Claim.DONE, State.REFUTED): "false_claim",
    (Claim.DONE, State.STALE): "stale_claim",
    (Claim.DONE, State.NONE): "unproved_claim",
    (Claim.DONE, State.WEAK): "unproved_claim",
    (Claim.DONE, State.UNAVAILABLE): "unproved_claim",
    (Claim.OPEN, State.PROVED): "ready_to_tick",
    (Claim.OPEN, State.REFUTED): "open",
    (Claim.IN_PROGRESS, State.PROVED): "ready_to_tick",
    (Claim.IN_PROGRESS, State.STALE): "open",
    (Claim.DEFERRED, State.PROVED): "done_early",
    (Claim.DEFERRED, State.REFUTED): "deferred",
    (Claim.SKIPPED, State.PROVED): "done_early",
    (Claim.SKIPPED, State.NONE): "deferred",
    (Claim.NONE, State.PROVED): "verified",
    (Claim.NONE, State.REFUTED): "open",
}


@pytest.mark.parametrize(("claim", "state"), TABLE)
def test_the_table(claim, state):
    assert verdict(claim, state).value == TABLE[claim, state]


@given(claims, states)
def test_only_what_is_proved_is_ever_good(claim, state):
    good = {Verdict.VERIFIED, Verdict.READY_TO_TICK, Verdict.DONE_EARLY}

    assert (verdict(claim, state) in good) == (state is State.PROVED)


@given(claims, states)
def test_only_a_done_claim_can_be_false_stale_or_unproved(claim, state):
    bad = {Verdict.FALSE_CLAIM, Verdict.STALE_CLAIM, Verdict.UNPROVED_CLAIM}

    assert (verdict(claim, state) in bad) == (claim is Claim.DONE and state is not State.PROVED)


def view(state):
    """A check that somebody declared."""
    return SimpleNamespace(binding=SimpleNamespace(bound_by=BoundBy.SIDECAR), state=state)


class Fixed:
    """A judge that says what it was told."""

    def __init__(self, told):
        self.told = told

    def own(self, item):
        state, bound = self.told[item.id]
        return state, f"{item.local} is {state}", (view(state),) if bound else ()


@st.composite
def trees(draw):
    """A plan whose items hang below earlier ones, and what each one's own checks say."""
    items, told = [], {}
    for number in range(draw(st.integers(1, 8))):
        parent = draw(st.sampled_from([None, *(one.id for one in items)]))
        kind = draw(st.sampled_from([Kind.TASK, Kind.STEP, Kind.NOTE]))
        item = Item(
            f"p:{number}", str(number), kind, draw(claims), "t", number + 1, Span(0, 0), parent=parent
        )
        items.append(item)
        bound = draw(st.booleans())
        told[item.id] = (draw(states) if bound else State.NONE, bound)
    return Plan("p", "p.md", "P", (), tuple(items), ()), told


@given(trees())
def test_a_parent_is_proved_only_with_all_its_required_parts(tree):
    plan, told = tree
    found = {one.item.id: one for one in judge_all([plan], Fixed(told))}

    for one in found.values():
        parts = [found[item.id] for item in plan.items if item.parent == one.item.id and is_required(item)]
        own, bound = told[one.item.id]
        if one.state is State.PROVED:
            assert all(part.state is State.PROVED for part in parts)
            assert own is State.PROVED or (not bound and parts)
        if any(part.state is State.REFUTED for part in parts) or own is State.REFUTED:
            assert one.state is State.REFUTED


@given(trees())
def test_every_item_is_judged_once_in_the_order_of_the_plan(tree):
    plan, told = tree

    assert [one.item.id for one in judge_all([plan], Fixed(told))] == [item.id for item in plan.items]


@given(trees())
def test_dropped_and_optional_parts_hold_nobody_back(tree):
    plan, told = tree
    items = tuple(item._replace(claim=Claim.DEFERRED) if item.parent else item for item in plan.items)
    found = judge_all([replace(plan, items=items)], Fixed(told))

    for one in found:
        if one.item.claim not in DROPPED:
            assert one.state is told[one.item.id][0]


def test_a_ring_of_parents_ends():
    one = Item("p:1", "1", Kind.TASK, Claim.DONE, "t", 1, Span(0, 0), parent="p:2")
    two = Item("p:2", "2", Kind.TASK, Claim.DONE, "t", 2, Span(0, 0), parent="p:1")
    plan = Plan("p", "p.md", "P", (), (one, two), ())

    found = judge_all([plan], Fixed({"p:1": (State.PROVED, True), "p:2": (State.PROVED, True)}))

    assert len(found) == 2
