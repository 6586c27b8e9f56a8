"""`GuessGuard`: who presents one unknown token after another is made to wait (ST20)."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, TypeVar

from sessionkeeper.errors import InvalidTokenError, TooManyGuessesError
from sessionkeeper.tokens import hash_token


if TYPE_CHECKING:
    from collections.abc import Callable

    from sessionkeeper.clock import Clock, Timestamp


T = TypeVar("T")


class GuessGuard:
    """Counts unknown tokens by their source and shuts the door to one that guesses.

    A token of 256 bits is not guessed; what this shows is that somebody tries. Nobody is locked out by an
    expired session or a limit (keycloak#44474). The access token of a session that has ended is unknown as
    well, since nothing is left of it; where the token is told, different ones are counted, so one that a
    browser presents again and again counts once. The counts are this process's own and their
    number is bounded: the source that was quiet longest is forgotten first.

    Args:
        clock: the time.
        guesses: unknown tokens that a source may present within ``seconds``.
        seconds: length of the window.
        sources: how many sources to remember.
    """

    def __init__(
        self, clock: Clock, *, guesses: int = 10, seconds: float = 60.0, sources: int = 10_000
    ) -> None:
        self._clock = clock
        self._guesses = guesses
        self._seconds = seconds
        self._sources = sources
        self._lock = threading.Lock()
        self._windows: OrderedDict[str, _Window] = OrderedDict()

    def watch(self, source: str, attempt: Callable[[], T], *, token: str | None = None) -> T:
        """Return what ``attempt`` returns; an unknown token counts against ``source``, e.g. an address.

        Args:
            source: who presents it.
            attempt: what is done with it.
            token: the token itself: the same one counts once. Without it every failed attempt counts.

        Raises:
            TooManyGuessesError: the source has guessed too often; nothing was attempted.
            SessionKeeperError: what the attempt raised.
        """
        self._refuse_if_shut(source)
        try:
            return attempt()
        except InvalidTokenError:
            self._count(source, secrets.token_hex() if token is None else hash_token(token))
            raise

    def _refuse_if_shut(self, source: str) -> None:
        with self._lock:
            window = self._windows.get(source)
            left = window.left(self._clock.now(), self._seconds) if window is not None else 0.0
            shut = window is not None and len(window.seen) >= self._guesses
        if shut and left > 0:
            raise TooManyGuessesError("Too many unknown tokens from this source.", retry_after=int(left) + 1)

    def _count(self, source: str, guess: str) -> None:
        now = self._clock.now()
        with self._lock:
            window = self._windows.pop(source, None)
            if window is None or window.left(now, self._seconds) <= 0:
                window = _Window(now + self._seconds)
            if len(window.seen) < self._guesses:
                window.seen.add(guess)
            self._windows[source] = window
            while len(self._windows) > self._sources:
                self._windows.popitem(last=False)


class _Window:
    """What one source has presented until a certain time."""

    __slots__ = ("seen", "until")

    def __init__(self, until: Timestamp) -> None:
        self.until = until
        self.seen: set[str] = set()

    def left(self, now: Timestamp, seconds: float) -> float:
        """Return how long it lasts yet; a clock that was set back does not make it longer than it may be."""
        left = self.until - now
        return left if left <= seconds else 0.0
