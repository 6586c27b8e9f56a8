"""Sessions and blocklist entries as rows: what SQLite and PostgreSQL have in common."""

from __future__ import annotations

import json
from dataclasses import fields
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

from sessionkeeper.drafts import draft_of
from sessionkeeper.model import Block, EndReason, LoginKind, Session, make_block


if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


SESSION_COLUMNS: Final = tuple(each.name for each in fields(Session))
BLOCK_COLUMNS: Final = tuple(each.name for each in fields(Block))

_SESSION_VALUES: Final = attrgetter(*SESSION_COLUMNS)
_BLOCK_VALUES: Final = attrgetter(*BLOCK_COLUMNS)
_LOGINS: Final = {kind.value: kind for kind in LoginKind}
_REASONS: Final = {reason.value: reason for reason in EndReason}
_JSON_AT: Final = SESSION_COLUMNS.index("attributes")
_LOGIN_AT: Final = SESSION_COLUMNS.index("login")
_REASON_AT: Final = BLOCK_COLUMNS.index("reason")
_NO_ATTRIBUTES: Final = "{}"

_draft_session: Final = draft_of(Session)


def row_of(session: Session) -> tuple[Any, ...]:
    """Return the values of a session in the order of `SESSION_COLUMNS`."""
    values = list(_SESSION_VALUES(session))
    values[_LOGIN_AT] = str(session.login)
    values[_JSON_AT] = _written(session.attributes)
    return tuple(values)


def session_of(row: Sequence[Any]) -> Session:
    """Return the session that `row_of` wrote."""
    made = _draft_session(*row)
    made.login = _LOGINS[made.login]
    held = made.attributes
    made.attributes = {} if held == _NO_ATTRIBUTES else json.loads(held)
    made.__class__ = Session
    return made  # type: ignore[no-any-return]  # it has just become one


def block_row_of(block: Block) -> tuple[Any, ...]:
    """Return the values of a blocklist entry in the order of `BLOCK_COLUMNS`."""
    values = list(_BLOCK_VALUES(block))
    values[_REASON_AT] = str(block.reason)
    return tuple(values)


def block_of_row(row: Sequence[Any]) -> Block:
    """Return the blocklist entry that `block_row_of` wrote."""
    values = list(row)
    values[_REASON_AT] = _REASONS[values[_REASON_AT]]
    return make_block(*values)


def _written(attributes: Mapping[str, str]) -> str:
    return json.dumps(dict(attributes), ensure_ascii=True) if attributes else _NO_ATTRIBUTES
