"""The checker says what plain Wing-Gong-Lowe says, on made-up histories of every model with lost replies."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.race.checker_histories import KINDS, make_history
from tests.unit.race.checker_oracle import IN_FLIGHT, plain_wgl

from planproof.race.checker import check
from planproof.race.checker.depth import DepthFirst
from planproof.race.checker.parts import parts_of
from planproof.race.checker.quick import quick_answer
from planproof.race.checker.search import Search
from planproof.race.explain import explain
from planproof.race.history import UNKNOWN, History, Operation, Outcome
from planproof.race.models import CasRegister, Model, Queue


SEEDS = st.integers(0, 10**9)


def made(name, seed):
    rng = random.Random(seed)
    return make_history(
        KINDS[name],
        seed,
        operations=rng.randrange(2, 12),
        clients=rng.randrange(2, 6),
        lost=rng.choice((0, 0, 0.1, 0.4)),
        lies=rng.choice((0, 1, 1, 2)),
    )


def plain(name, history, model):
    return plain_wgl(history, model, branching=KINDS[name].branching, partitioned="set" not in name)


@pytest.mark.parametrize("name", sorted(KINDS))
@settings(max_examples=60)
@given(seed=SEEDS)
def test_it_says_what_plain_search_says(name, seed):
    history, model = made(name, seed)
    verdict = check(history, model)
    assert verdict.linearizable is plain(name, history, model), verdict.reason


@pytest.mark.parametrize("name", sorted(KINDS))
def test_the_made_up_histories_are_of_both_kinds(name):
    answers = {check(*made(name, seed)).linearizable for seed in range(150)}
    assert answers == {True, False}


@settings(max_examples=60)
@given(seed=SEEDS, name=st.sampled_from(sorted(KINDS)))
def test_an_execution_without_a_lie_is_linearizable(seed, name):
    rng = random.Random(seed)
    history, model = make_history(
        KINDS[name], seed, operations=rng.randrange(2, 30), clients=5, lost=rng.choice((0, 0.2))
    )
    assert check(history, model).linearizable is True


@settings(max_examples=60)
@given(seed=SEEDS, name=st.sampled_from(sorted(KINDS)))
def test_the_failing_prefix_is_the_shortest(seed, name):
    history, model = made(name, seed)
    verdict = check(history, model)
    if verdict.linearizable is not False or verdict.failure.event is None:
        return
    part = verdict.failure.part
    blocked = part.ops[verdict.failure.op]
    assert plain(name, prefix(part.ops, blocked.ret, blocked), model) is True
    assert plain(name, prefix(part.ops, blocked.ret, None), model) is False


def prefix(ops, until, left_open):
    """Calls and replies up to an instant, one reply perhaps left out; what is in flight keeps its result."""
    kept = []
    for op in ops:
        if op.call > until:
            continue
        if op.outcome is Outcome.OK and (op.ret > until or op is left_open):
            kept.append(replace(op, ret=None, outcome=Outcome.INFO, error=IN_FLIGHT))
        else:
            kept.append(op)
    return History(tuple(kept))


@settings(max_examples=60)
@given(
    seed=SEEDS, name=st.sampled_from(["register", "cas-register", "kv-unique", "counter", "lock", "queue"])
)
def test_the_explanation_is_a_legal_order(seed, name):
    history, model = made(name, seed)
    verdict = check(history, model)
    if verdict.linearizable is not False:
        return
    explanation = explain(verdict.failure)
    state, latest = model.initial(), -1
    for step in explanation.steps:
        op = step.op
        binding = op.outcome is Outcome.OK
        assert not binding or op.ret >= latest
        latest = max(latest, op.call)
        allowed, state = model.step(state, op.op, op.args, op.result if binding else UNKNOWN)
        assert allowed
        assert model.describe(state) == step.after
    assert len({step.op.id for step in explanation.steps}) == len(explanation.steps)


class Greedy(CasRegister):
    """A wrong hint: a compare-and-set that happens to leave one state as it is, taken for pure."""

    def pure(self, op, args, result, *, certain=False):
        return True


def test_a_wrong_hint_would_be_seen():
    wrong = 0
    for seed in range(400):
        history, model = made("cas-register", seed)
        wrong += check(history, Greedy()).linearizable is not plain("cas-register", history, model)
    assert wrong > 0


@pytest.mark.parametrize("name", sorted(KINDS))
def test_pure_operations_leave_every_state_as_it_is(name):
    """The law behind the hint, over every state and reply that two hundred executions show."""
    kind = KINDS[name]
    model = kind.model()
    letters, states = set(), {model.initial()}
    for seed in range(200):
        history, _ = made(name, seed)
        letters |= {
            (op.op, op.args, op.result if op.outcome is Outcome.OK else UNKNOWN) for op in history.operations
        }
    letters = sorted(letters, key=repr)[:120]
    for op, args, result in letters:
        for state in sorted(states, key=repr)[:40]:
            states |= set(model.branches(state, op, args, result))
    for op, args, result in letters:
        if model.pure(op, args, result):
            for state in states:
                assert set(model.branches(state, op, args, result)) <= {state}, (state, op, args, result)


@pytest.mark.parametrize("name", sorted(name for name in KINDS if KINDS[name].model().exact))
def test_an_unknown_result_leads_where_the_known_one_does(name):
    model = KINDS[name].model()
    states = {model.initial()}
    for seed in range(100):
        history, _ = made(name, seed)
        for op in history.operations:
            for state in list(states)[:30]:
                allowed, after = model.step(state, op.op, op.args, op.result)
                if allowed and op.outcome is Outcome.OK:
                    assert model.step(state, op.op, op.args, UNKNOWN) == (True, after)
                    states.add(after)


@settings(max_examples=80)
@given(
    seed=SEEDS,
    name=st.sampled_from(["register-unique", "queue-unique", "set-grow", "kv-unique", "kv", "cas-register"]),
)
def test_an_answer_without_a_search_is_the_searchs(seed, name):
    history, model = made(name, seed)
    for part in parts_of(history, model):
        answer = quick_answer(part)
        if answer is not None:
            assert (answer is True) is plain(name, History(tuple(part.ops)), model)


class Slow(Model):
    """Every reduction off: no parts, nothing pure, no shortcut, no name that a shortcut knows."""

    exact = False

    def __init__(self, model):
        self.model = model
        self.initial, self.step, self.branches = model.initial, model.step, model.branches


@settings(max_examples=60)
@given(
    seed=SEEDS,
    name=st.sampled_from(sorted(name for name in KINDS if "kv" not in name and "sess" not in name)),
)
def test_hints_change_no_answer(seed, name):
    history, model = made(name, seed)
    assert check(history, Slow(model)).linearizable is check(history, model).linearizable


def test_equal_instants_overlap():
    write = Operation(0, 0, "write", (1,), 5, 10, Outcome.OK)
    read = Operation(1, 1, "read", (), 10, 12, Outcome.OK, None)
    assert check(History((write, read)), CasRegister()).linearizable is True
    later = replace(read, call=11)
    assert check(History((write, later)), CasRegister()).linearizable is False


@settings(max_examples=400)
@given(seed=SEEDS)
def test_queues_of_distinct_elements_take_no_search(seed):
    rng = random.Random(seed)
    ops = []

    def add(op, args, result, lost):
        call = rng.randrange(span)
        outcome = Outcome.INFO if rng.random() < lost else Outcome.OK
        ret = 2 * (call + 1 + rng.randrange(longest)) + 1
        ops.append(Operation(len(ops), len(ops), op, args, 2 * call, ret, outcome, result))

    span, longest = rng.choice((8, 14, 24)), rng.choice((3, 8))
    for value in range(rng.randrange(2, 6)):
        add("enqueue", (value,), None, 0.15)
        if rng.random() < 0.6:
            add("dequeue", (), value, 0)
    for _ in range(rng.randrange(4)):
        add("dequeue", (), None, 1)
    for _ in range(rng.randrange(3)):
        add("dequeue", (), None, 0)
    history = History.of(ops)
    verdict = check(history, Queue())
    assert verdict.linearizable is plain_wgl(history, Queue()), verdict.reason
    assert verdict.configurations == 0


def test_made_up_queues_of_distinct_elements_take_no_search():
    for seed in range(200):
        history, model = made("queue-unique", seed)
        assert check(history, model).configurations == 0


@pytest.mark.parametrize("name", sorted(KINDS))
@settings(max_examples=40)
@given(seed=SEEDS, quota=st.integers(1, 9))
def test_the_search_in_depth_says_what_plain_search_says(name, seed, quota):
    history, model = made(name, seed)
    said = True
    for part in parts_of(history, model):
        search, done = DepthFirst(part, 10**6, expired=lambda: False), None
        while done is None:
            done = search.advance(quota)
        said = said and done
    assert said is plain(name, history, model)


def test_what_only_the_search_in_depth_says_is_said_in_full(monkeypatch):
    monkeypatch.setattr(Search, "advance", lambda *_: None)
    for name in sorted(KINDS):
        for seed in range(20):
            history, model = made(name, seed)
            verdict = check(history, model)
            assert verdict.linearizable is plain(name, history, model), verdict.reason
            assert verdict.linearizable or "no order explains" in verdict.reason
