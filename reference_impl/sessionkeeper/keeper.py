"""`Keeper`: what every operation needs, put together once by whoever starts the program."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from sessionkeeper.clock import Clock, ForwardClock, SystemClock
from sessionkeeper.configuration import SessionSettings
from sessionkeeper.errors import SessionLimitRaceError
from sessionkeeper.identifiers import (
    checked_attributes,
    checked_client,
    checked_login,
    checked_request_id,
    checked_user_id,
)
from sessionkeeper.model import LoginKind, Session
from sessionkeeper.tokens import TokenMint, TokenPair, hash_token


if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sessionkeeper.store import SessionStore


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a change that lost a race is tried again: bounded in count and in time, with full jitter.

    Attributes:
        attempts: tries in all.
        seconds: no further try is begun after this time.
        longest_pause: upper end of the pause, in seconds, once it has doubled often enough.
        sleep: how to pause.
        monotonic: how to measure time.
    """

    attempts: int = 60
    seconds: float = 10.0
    longest_pause: float = 0.05
    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic

    def run(self, step: Callable[[], T]) -> T:
        """Return what ``step`` returns, the first time that it does not lose a race.

        Raises:
            SessionLimitRaceError: it lost every one.
        """
        deadline = self.monotonic() + self.seconds
        for attempt in range(1, self.attempts):
            try:
                return step()
            except SessionLimitRaceError:
                if self.monotonic() >= deadline:
                    raise
                ceiling = min(self.longest_pause, 0.001 * 2 ** min(attempt, 10))
                self.sleep(random.uniform(0, ceiling))  # noqa: S311 - a pause is no secret
        return step()


@dataclass(frozen=True, slots=True)
class Keeper:
    """A store and the means to use it.

    Attributes:
        store: where sessions are.
        mint: what makes their tokens.
        settings: how long they live.
        clock: the time; here, as in a store, it never runs backwards.
        patience: how often a lost race is run again.
    """

    store: SessionStore
    mint: TokenMint
    settings: SessionSettings = field(default_factory=SessionSettings)
    clock: Clock = field(default_factory=SystemClock)
    patience: Patience = field(default_factory=Patience)

    def __post_init__(self) -> None:
        if not isinstance(self.clock, ForwardClock):
            object.__setattr__(self, "clock", ForwardClock(self.clock))

    def prepare(
        self,
        user_id: str,
        login: LoginKind,
        *,
        request_id: str | None = None,
        client: str = "",
        attributes: Mapping[str, str] | None = None,
    ) -> tuple[Session, TokenPair]:
        """Return a session that is not stored yet, and its tokens.

        With a request id both follow from it, so that a repeated request prepares the same again.

        Raises:
            InvalidInputError: an argument has the wrong shape.
        """
        user_id = checked_user_id(user_id)
        if request_id is None:
            session_id, tokens = self.mint.fresh()
        else:
            session_id, tokens = self.mint.for_request(user_id, checked_request_id(request_id))
        now = self.clock.now()
        ends_at = now + self.settings.absolute_lifetime_seconds
        session = Session(
            session_id=session_id,
            user_id=user_id,
            login=checked_login(login),
            created_at=now,
            last_used_at=now,
            expires_at=min(now + self.settings.timeout_seconds, ends_at),
            ends_at=ends_at,
            access_hash=hash_token(tokens.access),
            refresh_hash=hash_token(tokens.refresh),
            client=checked_client(client),
            attributes=checked_attributes(attributes),
        )
        return session, tokens


@dataclass(frozen=True, slots=True)
class Login:
    """A session with the tokens that open it.

    Attributes:
        session: the session as stored.
        tokens: the pair for the client.
        ended: sessions that left in the same step: the expired, the replaced, then the evicted, oldest first.
        replayed: True where the same request had been answered before, with the same tokens.
    """

    session: Session
    tokens: TokenPair
    ended: tuple[Session, ...] = ()
    replayed: bool = False
