"""Sessions over HTTP as an ASGI application, for any ASGI server with any number of workers."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from fastapi import FastAPI

from sessionkeeper.boundary.envelope import Envelope, describe_refusals_as_400, translate_errors
from sessionkeeper.clock import SystemClock
from sessionkeeper.errors import ConfigurationError
from sessionkeeper.keeper import Keeper
from sessionkeeper.middleware import SessionCleanupMiddleware
from sessionkeeper.stores import open_store
from sessionkeeper.tokens import TokenMint
from sessionkeeper.web.door import SessionDoor
from sessionkeeper.web.routes import build_router


if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from sessionkeeper.guessing import GuessGuard

STORE_VARIABLE: Final = "SESSIONKEEPER_STORE"
NAMESPACE_VARIABLE: Final = "SESSIONKEEPER_NAMESPACE"
PEPPER_VARIABLE: Final = "SESSIONKEEPER_PEPPER"
"""The environment variable of the pepper: 32 secret bytes or more in hexadecimal, one for all workers."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How to run the service.

    Attributes:
        store: address of the store; see :func:`sessionkeeper.open_store`.
        pepper: the secret of the tokens.
        namespace: PostgreSQL schema or DynamoDB table prefix.
    """

    store: str
    pepper: bytes = field(repr=False)
    namespace: str = ""

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Settings:
        """The settings in the environment.

        Raises:
            ConfigurationError: there is no store, or the pepper is absent or no hexadecimal number.
        """
        try:
            pepper = bytes.fromhex(environment.get(PEPPER_VARIABLE, ""))
        except ValueError:
            raise ConfigurationError(f"{PEPPER_VARIABLE} must be hexadecimal.") from None
        store = environment.get(STORE_VARIABLE, "")
        if not store:
            raise ConfigurationError(f"{STORE_VARIABLE} must name a store.")
        return cls(store, pepper, environment.get(NAMESPACE_VARIABLE, ""))

    def keeper(self) -> Keeper:
        """Open the store; errors as of :func:`open_store` and :class:`TokenMint`."""
        mint, clock = TokenMint(self.pepper), SystemClock()
        return Keeper(open_store(self.store, clock=clock, namespace=self.namespace), mint, clock=clock)


def create_app(keeper: Keeper, *, guard: GuessGuard | None = None) -> FastAPI:
    """The service for a keeper, whose store it closes when it ends.

    Args:
        keeper: the store and the means to use it.
        guard: who notices guessing; by default as of `SessionDoor`.
    """

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        keeper.store.close()

    door = SessionDoor(keeper, guard)
    app = FastAPI(title="Sessions", version="1.0", lifespan=lifespan)
    app.include_router(build_router(door))
    app.add_middleware(SessionCleanupMiddleware, manager=door.manager)
    app.add_middleware(Envelope)
    translate_errors(app)
    describe_refusals_as_400(app)
    app.state.door = door
    return app


def create_app_from_environment() -> FastAPI:
    """The service under the settings in the environment; errors as of `Settings`."""
    return create_app(Settings.of(os.environ).keeper())
