"""Sessions, blocklist entries and claims as DynamoDB items."""

from __future__ import annotations

import json
import math
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from sessionkeeper.errors import InvalidInputError
from sessionkeeper.model import (
    BLOCK_SORT_KEY,
    Block,
    EndReason,
    LoginKind,
    Session,
    block_key,
    make_block,
    make_session,
)


if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sessionkeeper.clock import Timestamp


Item: TypeAlias = "dict[str, Any]"

UNFIT: Final = "The session table cannot hold such a value."

LONGEST_IN_KEY: Final = 1500
"""Bytes of a text in a key: DynamoDB takes 2048 of a whole partition key."""

# How each kind of value is written, and read back; what is not named here is a text.
_NUMBER: Final = (lambda value: {"N": repr(value)}, lambda held: float(held["N"]))
_COUNT: Final = (lambda value: {"N": repr(value)}, lambda held: int(held["N"]))
_TEXT: Final = (lambda value: {"S": value}, lambda held: held["S"])
_CODECS: Final[dict[str, tuple[Callable[[Any], Item], Callable[[Item], Any]]]] = {
    **dict.fromkeys(
        ("created_at", "last_used_at", "expires_at", "ends_at", "rotated_at", "blocked_at"), _NUMBER
    ),
    **dict.fromkeys(("slot", "version"), _COUNT),
    "attributes": (
        lambda value: {"S": json.dumps(dict(value))},
        lambda held: json.loads(held["S"]),
    ),
    "login": (lambda value: {"S": str(value)}, lambda held: LoginKind(held["S"])),
    "reason": (lambda value: {"S": str(value)}, lambda held: EndReason(held["S"])),
}
_OF_SESSION: Final = [(each.name, *_CODECS.get(each.name, _TEXT)) for each in fields(Session)]
_OF_BLOCK: Final = [(each.name, *_CODECS.get(each.name, _TEXT)) for each in fields(Block)]


def user_key(user_id: str) -> str:
    """Return the partition key of a user's slots; errors as of `_fitting`."""
    return f"USER#{_fitting(user_id)}"


def slot_key(user_id: str, slot: int) -> Item:
    """Return the key of one slot; two digits, so that keys sort as numbers do."""
    return {"PK": {"S": user_key(user_id)}, "SK": {"S": f"SLOT#{slot:02d}"}}


def pointer_key(session_id: str) -> Item:
    """Return the key of the item that says whose a session is; errors as of `_fitting`."""
    return {"PK": {"S": f"SESSION#{_fitting(session_id)}"}, "SK": {"S": "SESSION"}}


def block_key_of(token_hash: str) -> Item:
    """Return the key of a blocklist entry (S0.K2); errors as of `_fitting`."""
    return {"PK": {"S": block_key(_fitting(token_hash))}, "SK": {"S": BLOCK_SORT_KEY}}


def session_item(session: Session) -> Item:
    """Return a session as an item, in its slot."""
    return {
        **slot_key(session.user_id, session.slot),
        **{name: write(getattr(session, name)) for name, write, _ in _OF_SESSION},
    }


def block_item(block: Block) -> Item:
    """Return a blocklist entry as an item, with the ``ttl`` that DynamoDB removes it by."""
    return {
        **block_key_of(block.token_hash),
        **{name: write(getattr(block, name)) for name, write, _ in _OF_BLOCK},
        "ttl": _ttl(block.expires_at),
    }


def claim_item(key: str, owner: str, expires_at: Timestamp) -> Item:
    """Return a claim as an item; errors as of `_fitting`."""
    return {
        "PK": {"S": f"CLAIM#{_fitting(key)}"},
        "SK": {"S": "CLAIM"},
        "owner": {"S": owner},
        "ttl": _ttl(expires_at),
    }


def session_of_item(item: Mapping[str, Any]) -> Session:
    """Return the session that `session_item` wrote."""
    return make_session(*[read(item[name]) for name, _, read in _OF_SESSION])


def block_of_item(item: Mapping[str, Any]) -> Block:
    """Return the blocklist entry that `block_item` wrote."""
    return make_block(*[read(item[name]) for name, _, read in _OF_BLOCK])


def _fitting(text: str) -> str:
    """Return a text that a key can hold.

    Raises:
        InvalidInputError: it is none, longer than `LONGEST_IN_KEY` bytes, or has no encoding.
    """
    try:
        if len(text.encode()) <= LONGEST_IN_KEY:
            return text
    except (AttributeError, UnicodeEncodeError):
        pass
    raise InvalidInputError(UNFIT)


def _ttl(moment: Timestamp) -> Item:
    return {"N": str(math.ceil(moment))}
