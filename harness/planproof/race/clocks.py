"""A clock per client: real time, plus what the scheduler let pass, plus a skew that a fault may set."""

from __future__ import annotations

import time
from contextvars import Context, ContextVar
from dataclasses import dataclass, field


_real_time = time.time
# A thread starts without one; a task has that of who made it, so what a client starts belongs to it.
_identity: ContextVar[int | None] = ContextVar("planproof_client", default=None)


def current_client() -> int | None:
    """Number of the client that runs here; None outside clients (observer, setup, main thread)."""
    return _identity.get()


def client_in(context: Context) -> int | None:
    """Number of the client that a context belongs to; None outside clients."""
    return context.get(_identity)


def enter_client(client: int | None) -> None:
    """Say that the current thread or task is this client from now on (None: no client any more)."""
    _identity.set(client)


@dataclass(slots=True)
class ClientClock:
    """Seconds since the epoch as the calling client sees them.

    Attributes:
        skew: seconds that each client's clock is ahead (behind, if negative).
        ahead: seconds of virtual time that the controlled scheduler has let pass for all.
    """

    skew: dict[int, float] = field(default_factory=dict)
    ahead: float = 0.0

    def __call__(self) -> float:
        """The time now, for the calling client."""
        client = current_client()
        skew = 0.0 if client is None else self.skew.get(client, 0.0)
        return _real_time() + self.ahead + skew

    def advance(self, seconds: float) -> None:
        """Let time pass for every client at once, without waiting."""
        self.ahead += seconds

    def set_skew(self, client: int, seconds: float) -> None:
        """Put one client's clock ahead of (or, negative, behind) the others; it may jump back."""
        self.skew[client] = seconds
