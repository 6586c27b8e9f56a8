"""`SessionCleanupMiddleware`: removes expired sessions on an interval, beside the requests."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any, TypeAlias

from sessionkeeper.errors import SessionKeeperError


if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    from sessionkeeper.manager import SessionManager

    Scope: TypeAlias = MutableMapping[str, Any]
    Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
    Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
    Application: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]


_log = logging.getLogger(__name__)


class SessionCleanupMiddleware:
    """ASGI middleware that starts a cleanup when one is due and lets the request pass at once (S1.IMPL_004).

    A request only looks at the clock. The cleanup runs in a thread of its own, at most one at a time, in
    batches; its statistics are logged at DEBUG, its failure at WARNING. At the end of the application's
    lifespan the one that is under way is waited for. The interval is read anew each time, so new settings
    take effect (S1.SC-011).

    Args:
        app: the application that is wrapped.
        manager: whose cleanup to run.
        batch: users per cleanup.
        monotonic: how to measure the interval, in seconds.
    """

    def __init__(
        self,
        app: Application,
        manager: SessionManager,
        *,
        batch: int = 100,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app = app
        self._manager = manager
        self._batch = batch
        self._monotonic = monotonic
        self._last = monotonic()
        self._running: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request, socket or lifespan on."""
        if scope["type"] != "lifespan":
            self._start_if_due()
            await self._app(scope, receive, send)
            return
        try:
            await self._app(scope, receive, send)
        finally:
            await self.finished()

    def _start_if_due(self) -> None:
        now = self._monotonic()
        due = now - self._last >= self._manager.settings.cleanup_interval_seconds
        if due and (self._running is None or self._running.done()):
            self._last = now
            self._running = asyncio.create_task(self._clean_up())

    async def _clean_up(self) -> None:
        try:
            removed = await asyncio.to_thread(self._manager.cleanup, self._batch)
        except SessionKeeperError as error:
            _log.warning("cleanup failed and will be tried again: %s", error)
        else:
            _log.debug("cleanup: %d sessions, %d blocklist entries removed", removed.sessions, removed.blocks)

    async def finished(self) -> None:
        """Wait for the cleanup that is under way, if there is one."""
        if self._running is not None:
            await self._running
