"""The stores, and the one address that chooses between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessionkeeper.errors import ConfigurationError
from sessionkeeper.model import SESSION_LIMIT


if TYPE_CHECKING:
    from sessionkeeper.clock import Clock
    from sessionkeeper.store import SessionStore


def open_store(url: str, *, clock: Clock, limit: int = SESSION_LIMIT, namespace: str = "") -> SessionStore:
    """Open the store that an address names; tables are made where they are absent.

    ============================== ====================================================================
    ``memory://``                  this process's memory
    ``sqlite:///PATH``             a file; an absolute path makes four slashes
    ``postgresql://...``           a PostgreSQL server; needs psycopg 3
    ``dynamodb://HOST:PORT``       DynamoDB Local; ``?prefix=`` names the tables, ``dynamodb://`` alone is AWS
    ============================== ====================================================================

    Args:
        url: the address.
        clock: the time.
        limit: live sessions that one user may hold.
        namespace: PostgreSQL schema or DynamoDB table prefix that keeps several users of one server apart.

    Raises:
        ConfigurationError: the address names no store that is known, or its driver is not installed.
        StoreUnavailableError: the store does not answer.
    """
    scheme, separator, rest = url.partition("://")
    try:
        if (scheme, rest) == ("memory", "") and separator:
            from sessionkeeper.stores.memory import InMemorySessionStore

            return InMemorySessionStore(clock=clock, limit=limit)
        if scheme == "sqlite" and rest.startswith("/") and len(rest) > 1:
            from sessionkeeper.stores.sqlite import SqliteSessionStore

            return SqliteSessionStore(rest.removeprefix("/"), clock=clock, limit=limit)
        if scheme in {"postgresql", "postgres"} and separator:
            from sessionkeeper.stores.postgres import PostgresSessionStore

            return PostgresSessionStore(url, clock=clock, limit=limit, schema=namespace)
        if scheme == "dynamodb" and separator:
            from sessionkeeper.stores.dynamodb import DynamoDBSessionStore

            return DynamoDBSessionStore.at(url, clock=clock, limit=limit, prefix=namespace)
    except ModuleNotFoundError as error:
        raise ConfigurationError(f"The store {scheme}:// needs the package {error.name}.") from error
    raise ConfigurationError(f"{scheme or url!r} is no store: use memory, sqlite, postgresql or dynamodb.")
