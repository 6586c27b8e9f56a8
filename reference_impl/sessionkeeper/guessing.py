"""`GuessGuard`: who presents one unknown token after another is made to wait (ST20)."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, TypeVar

from sessionkeeper.errors import InvalidTokenError, TooManyGuessesError


if TYPE_CHECKING:
    from collections.abc import Callable

    from sessionkeeper.clock import Clock, Timestamp


T = TypeVar("T")


class GuessGuard:
    """Counts unknown tokens by their source and shuts the door to one that guesses.

    A token of 256 bits is not guessed; what this shows is that somebody tries. Only tokens that were never
    issued count, so nobody is locked out by an expired session or a limit (keycloak#44474). The counts are
    this process's own and their number is bounded: the source that was quiet longest is forgotten first.

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
        self._windows: OrderedDict[str, tuple[Timestamp, int]] = OrderedDict()

    def watch(self, source: str, attempt: Callable[[], T]) -> T:
        """Return what ``attempt`` returns; an unknown token counts against ``source``, e.g. an address.

        Raises:
            TooManyGuessesError: the source has guessed too often; nothing was attempted.
            SessionKeeperError: what the attempt raised.
        """
        self._refuse_if_shut(source)
        try:
            return attempt()
        except InvalidTokenError:
            self._count(source)
            raise

    def _refuse_if_shut(self, source: str) -> None:
        with self._lock:
            until, count = self._windows.get(source, (0.0, 0))
            left = until - self._clock.now()
        if left > 0 and count >= self._guesses:
            raise TooManyGuessesError("Too many unknown tokens from this source.", retry_after=int(left) + 1)

    def _count(self, source: str) -> None:
        now = self._clock.now()
        with self._lock:
            until, count = self._windows.pop(source, (0.0, 0))
            self._windows[source] = (until, count + 1) if until > now else (now + self._seconds, 1)
            while len(self._windows) > self._sources:
                self._windows.popitem(last=False)
