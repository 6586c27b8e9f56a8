"""Long histories of busy clients on one compare-and-set register, made by running it."""

from __future__ import annotations

import heapq
import random
from dataclasses import replace

from planproof.race.checker import check
from planproof.race.history import History, Operation, Outcome
from planproof.race.models import CasRegister


CALLED, TAKES_EFFECT, ANSWERED = range(3)


def busy_register(calls, clients, seed, *, lost=0.0, values=5):
    """Clients that call again soon after each answer: reads, writes and compare-and-sets in equal parts.

    Args:
        calls: how many.
        clients: how many; nearly all have a call open at any time.
        seed: the same seed, the same history.
        lost: share of calls whose answer is lost after they took effect.
        values: how many values there are.
    """
    rng = random.Random(seed)
    agenda = [(rng.random(), client, CALLED) for client in range(clients)]
    heapq.heapify(agenda)
    state, made, running, done = None, 0, {}, []
    while agenda:
        now, client, what = heapq.heappop(agenda)
        if what == CALLED:
            if made < calls:
                made += 1
                op = rng.choice(("read", "write", "cas"))
                args = tuple(rng.randrange(values) for _ in range(("read", "write", "cas").index(op)))
                running[client] = [op, args, now, None]
                heapq.heappush(agenda, (now + rng.random(), client, TAKES_EFFECT))
        elif what == TAKES_EFFECT:
            op, args, _, _ = call = running[client]
            call[3] = state if op == "read" else None if op == "write" else state == args[0]
            state = args[-1] if op == "write" or call[3] is True else state
            heapq.heappush(agenda, (now + rng.random(), client, ANSWERED))
        else:
            done.append((client, *running.pop(client), now))
            heapq.heappush(agenda, (now + rng.random() * 0.2, client, CALLED))
    done.sort(key=lambda call: call[3])
    return History(
        tuple(
            Operation(
                number,
                client,
                op,
                args,
                int(began * 1e9),
                int(ended * 1e9),
                Outcome.INFO if rng.random() < lost else Outcome.OK,
                result,
            )
            for number, (client, op, args, began, result, ended) in enumerate(done)
        )
    )


def swapped(history, seed):
    """The same with the values of two reads of its last third swapped, so that it is wrong.

    With many clients a swap is often explained by what else is in flight; such a pair is passed over.
    """
    rng = random.Random(seed)
    ops = list(history.operations)
    reads = [at for at, op in enumerate(ops) if op.op == "read" and op.outcome is Outcome.OK][
        -len(ops) // 9 :
    ]
    for _ in range(1000):
        one, two = rng.sample(reads, 2)
        if ops[one].result == ops[two].result:
            continue
        wrong = ops.copy()
        wrong[one] = replace(ops[one], result=ops[two].result)
        wrong[two] = replace(ops[two], result=ops[one].result)
        made = History(tuple(wrong))
        if check(made, CasRegister()).linearizable is False:
            return made
    raise AssertionError("no swap of two reads makes this history wrong")
