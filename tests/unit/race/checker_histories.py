"""Made-up histories: clients that overlap execute a model, replies are lost, perhaps one lies."""

from __future__ import annotations

import random
from dataclasses import replace

from planproof.race.history import UNKNOWN, History, Operation, Outcome
from planproof.race.models import (
    BoundedSessions,
    CasRegister,
    Counter,
    GrowSet,
    KeyValue,
    Lock,
    Queue,
    Register,
    TokenBucket,
    own_model,
)


def _stack_step(state, op, args, result):
    """A stack, as somebody would write it in one function."""
    if op == "push":
        return True, (*state, args[0])
    if not state:
        return result is None or result is UNKNOWN, state
    return result is UNKNOWN or result == state[-1], state[:-1]


def _pick(rng, *weighted):
    return rng.choice(weighted)


class Kind:
    """How to make calls and replies for one model.

    Args:
        model: makes the model.
        call: ``(rng, serial) -> (op, args)``; serial is a number used once.
        replies: ``(state, op, args, serial) -> results`` to try; the first allowed one is true.
        branching: the model branches.
    """

    def __init__(self, model, call, replies, *, branching=False):
        self.model = model
        self.call = call
        self.replies = replies
        self.branching = branching


def _sessions_call(rng, serial):
    user = rng.choice(("ann", "bob")) if rng.random() < 0.3 else "ann"
    op = rng.choice(("login", "login", "list", "revoke", "refresh"))
    return op, (user,) if op in {"login", "list"} else (user, f"s{rng.randrange(serial + 1)}")


def _sessions_replies(state, op, args, serial):
    if op == "login":
        return [f"s{serial}"]
    if op == "list":
        return [tuple(name or f"u{place}" for place, name in enumerate(state))]
    return [True, False]


def _keyvalue_call(rng, serial, values):
    op = rng.choice(("get", "get", "put", "append", "append"))
    key = rng.choice("ab") if rng.random() < 0.3 else "a"
    return op, (key,) if op == "get" else (key, values(rng, serial))


def _unary(ops, values):
    def call(rng, serial):
        op, takes = rng.choice(ops)
        return op, (values(rng, serial),) if takes else ()

    return call


def few(rng, serial):
    return rng.randrange(3)


def unique(rng, serial):
    return serial + 1


KINDS = {
    "register": Kind(Register, _unary([("read", 0), ("write", 1)], few), lambda s, *_: [s]),
    "register-unique": Kind(Register, _unary([("read", 0), ("write", 1)], unique), lambda s, *_: [s]),
    "cas-register": Kind(
        CasRegister,
        lambda rng, serial: _pick(
            rng, ("read", ()), ("write", (few(rng, 0),)), ("cas", (few(rng, 0), few(rng, 0)))
        ),
        lambda s, op, *_: [s] if op == "read" else [True, False],
    ),
    "kv": Kind(
        KeyValue,
        lambda rng, serial: _keyvalue_call(rng, serial, lambda rng, serial: rng.choice("xy")),
        lambda s, *_: [s],
    ),
    "kv-unique": Kind(
        KeyValue,
        lambda rng, serial: _keyvalue_call(rng, serial, lambda rng, serial: f"<{serial}>"),
        lambda s, *_: [s],
    ),
    "kv-none": Kind(
        lambda: KeyValue(None),
        lambda rng, serial: _keyvalue_call(rng, serial, lambda rng, serial: rng.choice(("x", "xx", "y"))),
        lambda s, *_: [s],
    ),
    "set": Kind(
        GrowSet,
        lambda rng, serial: _pick(
            rng, ("read", ()), *((op, (few(rng, 0),)) for op in ("add", "remove", "contains", "add"))
        ),
        lambda s, op, *_: [tuple(sorted(s))] if op == "read" else [True, False],
    ),
    "set-elements": Kind(
        GrowSet,
        lambda rng, serial: _pick(rng, *((op, (few(rng, 0),)) for op in ("add", "remove", "contains"))),
        lambda s, op, *_: [None, True, False] if op != "contains" else [True, False],
    ),
    "set-grow": Kind(
        GrowSet,
        lambda rng, serial: _pick(rng, ("read", ()), ("add", (unique(rng, serial),))),
        lambda s, op, *_: [tuple(sorted(s))] if op == "read" else [None],
    ),
    "counter": Kind(
        Counter,
        lambda rng, serial: _pick(
            rng, ("read", ()), ("add", (1,)), ("sub", (1,)), ("sub", (2,)), ("add", ())
        ),
        lambda s, op, *_: [s] if op == "read" else [True, False],
    ),
    "queue": Kind(
        Queue,
        _unary([("enqueue", 1), ("dequeue", 0)], few),
        lambda s, op, *_: [None] if op == "enqueue" or not s else [s[0]],
    ),
    "queue-unique": Kind(
        Queue,
        _unary([("enqueue", 1), ("dequeue", 0)], unique),
        lambda s, op, *_: [None] if op == "enqueue" or not s else [s[0]],
    ),
    "lock": Kind(
        Lock,
        lambda rng, serial: _pick(
            rng, ("holder", ()), *((op, (rng.choice("ab"),)) for op in ("acquire", "release"))
        ),
        lambda s, op, *_: [s] if op == "holder" else [True, False],
    ),
    "sessions": Kind(lambda: BoundedSessions(limit=2), _sessions_call, _sessions_replies, branching=True),
    "sessions-ordered": Kind(
        lambda: BoundedSessions(limit=3, ordered=True, rotates=True),
        _sessions_call,
        lambda s, op, args, serial: (
            [f"s{serial}", False] if op == "refresh" else _sessions_replies(s, op, args, serial)
        ),
        branching=True,
    ),
    "token-bucket": Kind(
        lambda: TokenBucket(3),
        lambda rng, serial: _pick(rng, ("take", ()), ("take", (2,)), ("refill", (1,)), ("level", ())),
        lambda s, op, *_: [s] if op == "level" else [True, False],
    ),
    "own": Kind(
        lambda: own_model(_stack_step, (), name="stack"),
        _unary([("push", 1), ("pop", 0)], few),
        lambda s, op, *_: [None] if op == "push" or not s else [s[-1]],
    ),
}


def make_history(kind, seed, *, operations=8, clients=3, lost=0.1, lies=0):
    """An execution in which each operation takes effect at one instant within its interval.

    Args:
        kind: which model.
        seed: the same seed, the same history.
        operations: how many.
        clients: how many at most at once.
        lost: share of operations whose reply is lost; half of them never happened.
        lies: how many results are swapped with another of the same operation, or made up.
    """
    rng = random.Random(seed)
    model = kind.model()
    state = {}
    now = 0
    open_calls = {}  # client -> [op, args, call time, result or absent]
    done = []
    serial = 0
    while len(done) + len(open_calls) < operations or open_calls:
        now += rng.randrange(1, 3)
        client = rng.randrange(clients)
        if client not in open_calls:
            if len(done) + len(open_calls) < operations:
                op, args = kind.call(rng, serial)
                open_calls[client] = [op, args, now, None, False, serial]
                serial += 1
            continue
        call = open_calls[client]
        if not call[4] and (rng.random() < 0.7 or len(done) + len(open_calls) >= operations):
            _happen(kind, model, state, call, rng)
            continue
        if call[4]:
            done.append((client, call, now, rng.random() < lost))
            del open_calls[client]
        elif rng.random() < lost:
            done.append((client, call, now, True))
            del open_calls[client]
    built = [
        Operation(
            number, client, call[0], call[1], call[2], end, Outcome.INFO if gone else Outcome.OK, call[3]
        )
        for number, (client, call, end, gone) in enumerate(done)
    ]
    return History.of(_lie(rng, built, lies)), model


def _happen(kind, model, state, call, rng):
    op, args = call[0], call[1]
    part = None if isinstance(model, GrowSet) else model.partition(op, args)
    before = state.get(part, model.initial())
    for reply in kind.replies(before, op, args, call[5]):
        after = list(model.branches(before, op, args, reply))
        if after:
            state[part] = rng.choice(after)
            call[3], call[4] = reply, True
            return
    raise AssertionError((before, op, args))


def _lie(rng, built, lies):
    for _ in range(lies):
        index = rng.randrange(len(built))
        same = [op for op in built if op.op == built[index].op]
        other = rng.choice(same)
        at = built.index(other)
        built[index], built[at] = (
            replace(built[index], result=other.result),
            replace(other, result=built[index].result),
        )
    return built
