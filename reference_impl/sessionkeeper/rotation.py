"""Refresh: a token is good for one successor; a replay ends the session (S0.US2, ST13)."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from sessionkeeper.errors import TokenReuseError
from sessionkeeper.identifiers import checked_client
from sessionkeeper.keeper import Keeper, Login
from sessionkeeper.model import EndReason, RotationOutcome
from sessionkeeper.rules import Presented, refusal
from sessionkeeper.tokens import hash_token, session_id_of


if TYPE_CHECKING:
    from sessionkeeper.store import SessionStore


_log = logging.getLogger(__name__)


def is_token_blocklisted(store: SessionStore, refresh_token: str) -> bool:
    """Say whether a refresh token is on the blocklist (S0.T009).

    Args:
        store: where sessions are.
        refresh_token: the token as the client holds it.

    Raises:
        InvalidTokenError: it has not the shape of a token.
        StoreUnavailableError: the store does not answer; never taken for "no".
    """
    session_id_of(refresh_token)
    return store.block_of(hash_token(refresh_token)) is not None


def refresh_access_tokens(keeper: Keeper, refresh_token: str, *, client: str = "") -> Login:
    """Exchange a refresh token for the next pair; the blocklist is asked first (S0.T010).

    Within the grace window after a rotation the replaced token yields the *same* pair again, which is what
    two tabs, or a client whose reply was lost, need; after it the token counts as stolen and its session
    ends.

    Args:
        keeper: the store and the means to use it.
        refresh_token: the token as the client holds it.
        client: who presents it.

    Raises:
        InvalidTokenError: it was never issued.
        TokenRevokedError: its session was evicted, revoked or replaced.
        TokenReuseError: it had been used before; its session is revoked now.
        SessionExpiredError: its session has expired.
        ClientMismatchError: it was issued to another client.
        SessionLimitRaceError: every attempt lost to another change; present the same token again.
        StoreUnavailableError: the store does not answer; present the same token again.
    """
    session_id = session_id_of(refresh_token)
    token_hash = hash_token(refresh_token)
    block = keeper.store.block_of(token_hash)
    if block is not None and block.reason is not EndReason.ROTATED:
        _log.info("session %s: a blocked token was refused (%s)", session_id, block.reason.value)
        raise refusal(block)
    successor = keeper.mint.successor(refresh_token)
    presented = Presented(
        session_id,
        token_hash,
        hash_token(successor.access),
        hash_token(successor.refresh),
        client=checked_client(client),
        grace=keeper.settings.refresh_grace_seconds,
        timeout=keeper.settings.timeout_seconds,
    )
    rotation = keeper.patience.run(lambda: keeper.store.rotate(presented))
    if rotation.outcome is RotationOutcome.REUSED:
        _log.warning("session %s: a used refresh token came back; session revoked", session_id)
        raise TokenReuseError("This refresh token had been used before: its session is revoked.")
    _log.info("session %s: refreshed (%s)", session_id, rotation.outcome.value)
    return Login(rotation.session, successor, replayed=rotation.outcome is RotationOutcome.REPEATED)
