"""Sessions and blocklist entries as rows: what SQLite and PostgreSQL have in common."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final

from sessionkeeper.model import Block, EndReason, LoginKind, Session


if TYPE_CHECKING:
    from collections.abc import Sequence


SESSION_COLUMNS: Final = tuple(each.name for each in fields(Session))
BLOCK_COLUMNS: Final = tuple(each.name for each in fields(Block))

_LOGINS: Final = {kind.value: kind for kind in LoginKind}
_JSON_AT: Final = SESSION_COLUMNS.index("attributes")
_LOGIN_AT: Final = SESSION_COLUMNS.index("login")
_REASON_AT: Final = BLOCK_COLUMNS.index("reason")


def row_of(session: Session) -> tuple[Any, ...]:
    """Return the values of a session in the order of `SESSION_COLUMNS`."""
    values = [getattr(session, name) for name in SESSION_COLUMNS]
    values[_JSON_AT] = json.dumps(dict(session.attributes), ensure_ascii=True) if session.attributes else "{}"
    values[_LOGIN_AT] = session.login.value
    return tuple(values)


def session_of(row: Sequence[Any]) -> Session:
    """Return the session that `row_of` wrote."""
    values = list(row)
    values[_JSON_AT] = json.loads(values[_JSON_AT]) if values[_JSON_AT] != "{}" else {}
    values[_LOGIN_AT] = _LOGINS[values[_LOGIN_AT]]
    return Session(*values)


def block_row_of(block: Block) -> tuple[Any, ...]:
    """Return the values of a blocklist entry in the order of `BLOCK_COLUMNS`."""
    values = [getattr(block, name) for name in BLOCK_COLUMNS]
    values[_REASON_AT] = block.reason.value
    return tuple(values)


def block_of_row(row: Sequence[Any]) -> Block:
    """Return the blocklist entry that `block_row_of` wrote."""
    values = list(row)
    values[_REASON_AT] = EndReason(values[_REASON_AT])
    return Block(*values)
