"""Sequential specifications: what each operation may return in each state, and the state after it."""

from __future__ import annotations

from planproof.race.models.base import Model, own_model
from planproof.race.models.counters import Counter, TokenBucket
from planproof.race.models.keyvalue import KeyValue
from planproof.race.models.locks import Lock
from planproof.race.models.queues import Queue
from planproof.race.models.registers import CasRegister, Register
from planproof.race.models.sessions import BoundedSessions
from planproof.race.models.sets import GrowSet


MODELS: dict[str, type[Model]] = {
    "register": Register,
    "cas-register": CasRegister,
    "kv": KeyValue,
    "set": GrowSet,
    "counter": Counter,
    "queue": Queue,
    "lock": Lock,
    "sessions": BoundedSessions,
    "token-bucket": TokenBucket,
}
"""Every model by the name that the command line knows."""


__all__ = [
    "MODELS",
    "BoundedSessions",
    "CasRegister",
    "Counter",
    "GrowSet",
    "KeyValue",
    "Lock",
    "Model",
    "Queue",
    "Register",
    "TokenBucket",
    "own_model",
]
