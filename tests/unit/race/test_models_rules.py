"""Each model: a right history is accepted, a wrong one refused."""

from __future__ import annotations

import pytest

from planproof.errors import HistoryError, WorkloadError
from planproof.race.checker import check
from planproof.race.history import UNKNOWN, History, Operation, Outcome
from planproof.race.models import (
    MODELS,
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


LOST = object()


def in_turn(*calls):
    """One client, one call after the other; a result of LOST is a lost reply."""
    return History(
        tuple(
            Operation(
                number,
                0,
                op,
                args,
                2 * number,
                2 * number + 1,
                Outcome.INFO if result is LOST else Outcome.OK,
                None if result is LOST else result,
            )
            for number, (op, args, result) in enumerate(calls)
        )
    )


def login(token, user="ann"):
    return ("login", (user,), token)


def listed(*tokens, user="ann"):
    return ("list", (user,), tokens)


RIGHT_AND_WRONG = {
    "register": (
        Register(),
        [("read", (), None), ("write", (1,), None), ("read", (), 1)],
        [("write", (1,), None), ("write", (2,), None), ("read", (), 1)],
    ),
    "cas that compared unequal": (
        CasRegister(),
        [("write", (1,), None), ("cas", (2, 3), False), ("cas", (1, 3), True), ("read", (), 3)],
        [("write", (1,), None), ("cas", (1, 3), False)],
    ),
    "cas that was lost": (
        CasRegister(0),
        [("cas", (0, 1), LOST), ("read", (), 1), ("read", (), 1)],
        [("cas", (0, 1), LOST), ("read", (), 1), ("read", (), 0)],
    ),
    "append": (
        KeyValue(),
        [
            ("append", ("a", "x"), None),
            ("append", ("a", "y"), None),
            ("get", ("a",), "xy"),
            ("get", ("b",), ""),
        ],
        [("append", ("a", "x"), None), ("append", ("a", "y"), None), ("get", ("a",), "yx")],
    ),
    "append to a list": (
        KeyValue(()),
        [("append", ("a", 1), None), ("append", ("a", 2), None), ("get", ("a",), (1, 2))],
        [("append", ("a", 1), None), ("append", ("a", 2), None), ("get", ("a",), (2, 1))],
    ),
    "append to a number": (
        KeyValue(),
        [("put", ("a", 5), None), ("append", ("a", "x"), None), ("put", ("a", 6), None), ("get", ("a",), 6)],
        [("put", ("a", 5), None), ("append", ("a", "x"), None), ("get", ("a",), 5)],
    ),
    "set": (
        GrowSet(),
        [
            ("add", (1,), True),
            ("add", (1,), False),
            ("contains", (1,), True),
            ("remove", (1,), True),
            ("read", (), ()),
        ],
        [("add", (1,), None), ("read", (), (2,))],
    ),
    "set that loses": (
        GrowSet(),
        [("add", (1,), None), ("read", (), (1,))],
        [("add", (1,), None), ("read", (), ())],
    ),
    "counter with a floor": (
        Counter(1),
        [("sub", (), 0), ("sub", (1,), False), ("add", (2,), 2), ("read", (), 2)],
        [("sub", (1,), True), ("sub", (1,), True)],
    ),
    "counter without a floor": (
        Counter(0, floor=None),
        [("sub", (1,), -1), ("read", (), -1)],
        [("sub", (1,), False)],
    ),
    "queue": (
        Queue(),
        [
            ("enqueue", (1,), None),
            ("enqueue", (2,), None),
            ("dequeue", (), 1),
            ("dequeue", (), 2),
            ("dequeue", (), None),
        ],
        [("enqueue", (1,), None), ("enqueue", (2,), None), ("dequeue", (), 2)],
    ),
    "queue found empty": (Queue(), [("dequeue", (), None)], [("enqueue", (1,), None), ("dequeue", (), None)]),
    "queue, twice": (
        Queue(),
        [("enqueue", (1,), None), ("enqueue", (1,), None), ("dequeue", (), 1), ("dequeue", (), 1)],
        [("enqueue", (1,), None), ("dequeue", (), 1), ("dequeue", (), 1)],
    ),
    "lock": (
        Lock(),
        [
            ("acquire", ("a",), None),
            ("acquire", ("b",), False),
            ("release", ("a",), True),
            ("holder", (), None),
        ],
        [("acquire", ("a",), True), ("acquire", ("b",), True)],
    ),
    "lock released by another": (
        Lock(),
        [("acquire", ("a",), None), ("release", ("b",), False), ("holder", (), "a")],
        [("acquire", ("a",), None), ("release", ("b",), True)],
    ),
    "sessions evict the oldest": (
        BoundedSessions(2),
        [login("s1"), login("s2"), login("s3"), listed("s3", "s2"), ("refresh", ("ann", "s1"), False)],
        [login("s1"), login("s2"), login("s3"), ("refresh", ("ann", "s1"), True)],
    ),
    "one session too many": (
        BoundedSessions(2),
        [login("s1"), login("s2"), login("s3"), listed("s2", "s3")],
        [login("s1"), login("s2"), login("s3"), listed("s1", "s2", "s3")],
    ),
    "the wrong session evicted": (
        BoundedSessions(2),
        [login("s1"), login("s2"), login("s3", user="bob"), listed("s1", "s2")],
        [login("s1"), login("s2"), login("s3"), listed("s1", "s3")],
    ),
    "a revoked session comes back": (
        BoundedSessions(2),
        [login("s1"), ("revoke", ("ann", "s1"), True), ("revoke", ("ann", "s1"), False), listed()],
        [login("s1"), ("revoke", ("ann", "s1"), True), listed("s1")],
    ),
    "a session whose login was lost": (
        BoundedSessions(2),
        [login("s1"), login(LOST), listed("s1", "new"), ("refresh", ("ann", "new"), True)],
        [login("s1"), login(LOST), listed("s1", "new"), listed("s1", "other")],
    ),
    "a rotated session": (
        BoundedSessions(2, ordered=True, rotates=True),
        [login("s1"), ("refresh", ("ann", "s1"), "t1"), login("s2"), listed("t1", "s2")],
        [login("s1"), ("refresh", ("ann", "s1"), "t1"), ("refresh", ("ann", "s1"), "t2")],
    ),
    "a rotation that was lost": (
        BoundedSessions(2, rotates=True),
        [login("s1"), ("refresh", ("ann", "s1"), LOST), listed("t1")],
        [login("s1"), ("refresh", ("ann", "s1"), LOST), listed("t1"), listed("s1")],
    ),
    "token bucket": (
        TokenBucket(2),
        [("take", (2,), True), ("take", (), False), ("refill", (5,), None), ("level", (), 2)],
        [("take", (2,), True), ("take", (1,), True)],
    ),
}


@pytest.mark.parametrize("name", RIGHT_AND_WRONG)
def test_right_is_accepted_and_wrong_refused(name):
    model, right, wrong = RIGHT_AND_WRONG[name]
    assert check(in_turn(*right), model).linearizable is True
    verdict = check(in_turn(*wrong), model)
    assert verdict.linearizable is False
    assert verdict.failure is not None


def test_every_model_of_the_command_line_is_shown_wrong_here():
    shown = {type(model) for model, _, _ in RIGHT_AND_WRONG.values()}
    assert shown == set(MODELS.values())


def test_a_model_of_ones_own_is_one_function():
    def highest(state, op, args, result):
        """The highest value ever put."""
        if op == "put":
            return True, max(state, args[0])
        return result is UNKNOWN or result == state, state

    model = own_model(highest, 0, pure=["get"])
    assert model.name == "highest"
    assert check(in_turn(("put", (5,), None), ("put", (3,), None), ("get", (), 5)), model).linearizable
    assert (
        check(in_turn(("put", (5,), None), ("put", (3,), None), ("get", (), 3)), model).linearizable is False
    )
    split = own_model(highest, 0, partition=lambda op, args: args[-1:] or None, name="by key")
    assert check(in_turn(("put", (1,), None), ("put", (2,), None)), split).linearizable


def test_a_model_that_raises_is_named():
    def broken(state, op, args, result):
        raise KeyError("limit")

    with pytest.raises(WorkloadError, match="the model broken raised KeyError at read"):
        check(in_turn(("read", (), 1)), own_model(broken))
    with pytest.raises(WorkloadError, match="TypeError"):
        check(in_turn(("read", (), 1)), own_model(lambda *_: (True, []), 0))


@pytest.mark.parametrize(
    ("model", "op", "args"),
    [
        (Register(), "cas", (1, 2)),
        (Register(), "write", ()),
        (CasRegister(), "cas", (1,)),
        (KeyValue(), "put", ("a",)),
        (GrowSet(), "add", ()),
        (Queue(), "enqueue", ()),
        (Lock(), "acquire", ()),
        (BoundedSessions(), "revoke", ("ann",)),
        (TokenBucket(), "drain", ()),
    ],
)
def test_a_call_that_the_model_does_not_know_is_refused(model, op, args):
    with pytest.raises(HistoryError):
        check(in_turn((op, args, None)), model)


def test_an_empty_history_is_linearizable():
    for model in MODELS.values():
        assert check(History(()), model()).linearizable is True
