"""Sessions, blocklist entries and claims as DynamoDB items."""

from __future__ import annotations

import json
import math
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from sessionkeeper.model import BLOCK_SORT_KEY, Block, EndReason, LoginKind, Session, block_key


if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sessionkeeper.clock import Timestamp


Item: TypeAlias = "dict[str, Any]"

_NUMBERS: Final = {"created_at", "last_used_at", "expires_at", "ends_at", "rotated_at", "blocked_at"}
_READERS: Final[dict[str, Callable[[str], Any]]] = {
    "attributes": json.loads,
    "login": LoginKind,
    "reason": EndReason,
}
_COUNTS: Final = {"slot", "version"}


def user_key(user_id: str) -> str:
    """Return the partition key of a user's slots."""
    return f"USER#{user_id}"


def slot_key(user_id: str, slot: int) -> Item:
    """Return the key of one slot; two digits, so that keys sort as numbers do."""
    return {"PK": {"S": user_key(user_id)}, "SK": {"S": f"SLOT#{slot:02d}"}}


def pointer_key(session_id: str) -> Item:
    """Return the key of the item that says whose a session is."""
    return {"PK": {"S": f"SESSION#{session_id}"}, "SK": {"S": "SESSION"}}


def block_key_of(token_hash: str) -> Item:
    """Return the key of a blocklist entry (S0.K2)."""
    return {"PK": {"S": block_key(token_hash)}, "SK": {"S": BLOCK_SORT_KEY}}


def session_item(session: Session) -> Item:
    """Return a session as an item, in its slot."""
    return {**slot_key(session.user_id, session.slot), **_attributes(session)}


def block_item(block: Block) -> Item:
    """Return a blocklist entry as an item, with the ``ttl`` that DynamoDB removes it by."""
    return {**block_key_of(block.token_hash), **_attributes(block), "ttl": _ttl(block.expires_at)}


def claim_item(key: str, owner: str, expires_at: Timestamp) -> Item:
    """Return a claim as an item."""
    return {
        "PK": {"S": f"CLAIM#{key}"},
        "SK": {"S": "CLAIM"},
        "owner": {"S": owner},
        "ttl": _ttl(expires_at),
    }


def session_of_item(item: Mapping[str, Any]) -> Session:
    """Return the session that `session_item` wrote."""
    values = {each.name: _value(each.name, item[each.name]) for each in fields(Session)}
    return Session(**values)


def block_of_item(item: Mapping[str, Any]) -> Block:
    """Return the blocklist entry that `block_item` wrote."""
    values = {each.name: _value(each.name, item[each.name]) for each in fields(Block)}
    return Block(**values)


def _ttl(moment: Timestamp) -> Item:
    return {"N": str(math.ceil(moment))}


def _attributes(noun: Session | Block) -> Item:
    return {each.name: _attribute(getattr(noun, each.name)) for each in fields(noun)}


def _attribute(value: Any) -> Item:
    if isinstance(value, str):
        return {"S": value}
    if isinstance(value, (int, float)):
        return {"N": repr(value)}
    return {"S": json.dumps(dict(value))}


def _value(name: str, attribute: Mapping[str, str]) -> Any:
    if name in _NUMBERS:
        return float(attribute["N"])
    if name in _COUNTS:
        return int(attribute["N"])
    return _READERS.get(name, str)(attribute["S"])
