"""Sequential specifications: what each operation may return in each state, and the state after it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from planproof.errors import HistoryError
from planproof.race.models.base import Model, own_model
from planproof.race.models.counters import Counter, TokenBucket
from planproof.race.models.keyed import Keyed
from planproof.race.models.keyvalue import KeyValue
from planproof.race.models.locks import Lock
from planproof.race.models.queues import Queue
from planproof.race.models.registers import CasRegister, Register
from planproof.race.models.sessions import BoundedSessions
from planproof.race.models.sets import GrowSet


if TYPE_CHECKING:
    from collections.abc import Mapping


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


def told(model: Model | None) -> dict[str, Any]:
    """What the head of a history says of its model, for :func:`model_of`; nothing of a model of one's own."""
    for name, kind in MODELS.items():
        if type(model) is kind:
            settings = model.settings()
            if all(each is None or isinstance(each, str | int | float) for each in settings.values()):
                return {"model": name, "model_settings": settings}
    return {}


def model_of(meta: Mapping[str, Any], path: str | None = None) -> Model | None:
    """The model that the head of a history names; None where it names none.

    Args:
        meta: from the file.
        path: of the file, for messages.

    Raises:
        HistoryError: there is no such model, or it does not take these settings.
    """
    name, settings = meta.get("model"), meta.get("model_settings", {})
    if name is None:
        return None
    if not isinstance(name, str) or name not in MODELS:
        raise HistoryError(
            f"follows a model {name!r}, which is none of {', '.join(MODELS)}", path=path, line=1
        )
    try:
        return MODELS[name](**settings)
    except TypeError:
        raise HistoryError(f"the model {name} does not take {settings!r}", path=path, line=1) from None


__all__ = [
    "MODELS",
    "BoundedSessions",
    "CasRegister",
    "Counter",
    "GrowSet",
    "KeyValue",
    "Keyed",
    "Lock",
    "Model",
    "Queue",
    "Register",
    "TokenBucket",
    "model_of",
    "own_model",
    "told",
]
