"""The boundary service as an ASGI application (S2.B5, S2.C.22).

``create_app_from_environment`` is a factory for any ASGI server with any number of workers; a ledger in
memory refuses the second one.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fastapi import FastAPI

from sessionkeeper.boundary.config import DEFAULT_TIMEOUT_SECONDS, get_timeout_seconds
from sessionkeeper.boundary.envelope import Envelope, describe_refusals_as_400, translate_errors
from sessionkeeper.boundary.ledger import open_ledger
from sessionkeeper.boundary.routes.sessions import build_router
from sessionkeeper.boundary.schema_recorder import RecorderConfig
from sessionkeeper.boundary.service import SessionService
from sessionkeeper.boundary.single_process import SingleProcess
from sessionkeeper.clock import Clock, SystemClock
from sessionkeeper.errors import SessionKeeperError


if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

LOGGER: Final = logging.getLogger(__name__)
STORE_VARIABLE: Final = "SESSIONKEEPER_BOUNDARY_STORE"
LOGS_VARIABLE: Final = "SESSIONKEEPER_BOUNDARY_LOGS"
SCHEMA_VARIABLE: Final = "SESSIONKEEPER_BOUNDARY_SCHEMA"
MEMORY: Final = "memory://"


@dataclass(frozen=True, slots=True)
class Settings:
    """How to run the service.

    Attributes:
        store: address of the ledger; see :func:`sessionkeeper.boundary.ledger.open_ledger`.
        logs: directory that holds ``users``.
        namespace: PostgreSQL schema of the ledger.
        timeout: seconds after which the system ends a session.
        sweep_seconds: how often it looks for such sessions; 0 for never.
        sync: whether events are on the disk before they count as recorded.
    """

    store: str = MEMORY
    logs: Path = Path("logs")
    namespace: str = ""
    timeout: int = DEFAULT_TIMEOUT_SECONDS
    sweep_seconds: float = 60.0
    sync: bool = True

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Settings:
        """The settings in the environment; errors as of :func:`get_timeout_seconds`."""
        return cls(
            store=environment.get(STORE_VARIABLE, MEMORY),
            logs=Path(environment.get(LOGS_VARIABLE, "logs")),
            namespace=environment.get(SCHEMA_VARIABLE, ""),
            timeout=get_timeout_seconds(environment),
        )


def create_app(settings: Settings, *, clock: Clock | None = None) -> FastAPI:
    """The service under some settings.

    Args:
        settings: how to run it.
        clock: the server's time.

    Raises:
        ConfigurationError: the store is unknown, or in memory while another process is running.
        StoreUnavailableError: the ledger does not answer.
    """
    held = SingleProcess(settings.logs) if settings.store.startswith(MEMORY) else None
    ledger = open_ledger(settings.store, namespace=settings.namespace)
    service = SessionService(
        ledger,
        RecorderConfig(settings.logs, sync=settings.sync),
        clock=clock or SystemClock(),
        timeout=settings.timeout,
    )

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        sweeper = asyncio.create_task(_sweep(service, settings.sweep_seconds))
        try:
            yield
        finally:
            sweeper.cancel()
            await asyncio.gather(sweeper, return_exceptions=True)
            ledger.close()
            if held is not None:
                held.release()

    app = FastAPI(title="Session boundaries", version="1.0", lifespan=lifespan)
    app.include_router(build_router(service))
    app.add_middleware(Envelope)
    translate_errors(app)
    describe_refusals_as_400(app)
    app.state.service = service
    return app


def create_app_from_environment() -> FastAPI:
    """The service under the settings in the environment; errors as of :func:`create_app`."""
    return create_app(Settings.of(os.environ))


async def _sweep(service: SessionService, seconds: float) -> None:
    """Settle what a worker left behind and end what has expired, for ever."""
    while seconds:
        try:
            await asyncio.to_thread(service.recover)
            await asyncio.to_thread(service.close_expired_sessions)
        except SessionKeeperError:
            LOGGER.exception("could not look for sessions to end; next try in %s s", seconds)
        await asyncio.sleep(seconds)
