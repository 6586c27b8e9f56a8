"""PostgreSQL: is it one, which version, and a room of one's own in it."""

from __future__ import annotations

import contextlib
import re
import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from planproof.backends.servers import Told
from planproof.backends.waiting import NotYetError
from planproof.errors import BackendUnavailableError


if TYPE_CHECKING:
    from collections.abc import Iterator


PREFIX = "planproof_"
OURS = re.compile(r"planproof_[0-9a-f]{12}\Z")
# First half of the two-number advisory locks that say "this schema is in use".
LOCK_CLASS = 0x70700F
MANY_TRIES_LATER = (
    "the database system is starting up",
    "the database system is shutting down",
    "Connection refused",
    "server closed the connection unexpectedly",
    "connection timeout",
    "Connection reset",
)
# Before the last @ (one that holds an @ is not told in part either), or among the parameters.
PASSWORD = re.compile(r"(\A\w+://[^:/?#@]*:)[^?#]*(?=@)|(?<=[?&]password=)[^&]*")
NO_SUCH_HOST = ("failed to resolve host", "could not translate host name")


def hidden(url: str) -> str:
    """``url`` without its password, fit for messages, also where it is no proper URL."""
    return PASSWORD.sub(r"\1***", url)


def driver() -> Any:
    """The psycopg module.

    Raises:
        BackendUnavailableError: it is not installed.
    """
    try:
        import psycopg
    except ImportError as error:
        raise BackendUnavailableError(
            "PostgreSQL needs the psycopg driver, which is not installed: pip install 'planproof[postgres]'"
        ) from error
    return psycopg


def connect(url: str, *, seconds: int = 5) -> Any:
    """A connection in autocommit mode; ``seconds`` bounds the wait for the server's greeting."""
    return driver().connect(url, autocommit=True, connect_timeout=seconds)


def ask(url: str) -> Told:
    """What the server at ``url`` says of itself.

    Raises:
        NotYetError: nothing answers there yet, or it is starting.
        BackendUnavailableError: what answers is not a PostgreSQL that lets us in.
    """
    psycopg = driver()
    try:
        psycopg.conninfo.conninfo_to_dict(url)
    except psycopg.Error as error:
        raise BackendUnavailableError(
            f"{hidden(url)} is not an address of PostgreSQL: {_short(str(error))}"
        ) from error
    try:
        with connect(url) as connection:
            row = connection.execute("SELECT version(), current_setting('server_version')").fetchone()
    except psycopg.OperationalError as error:
        raise _translated(url, str(error)) from error
    except psycopg.Error as error:
        raise BackendUnavailableError(
            f"{hidden(url)} does not answer as PostgreSQL does: {_short(str(error))}"
        ) from error
    if row is None or not str(row[0]).startswith("PostgreSQL "):
        raise BackendUnavailableError(f"{hidden(url)} is not PostgreSQL; it says it is {row and row[0]!r}")
    return Told(str(row[1]).split(" ")[0])


def _translated(url: str, text: str) -> Exception:
    """A driver's words as ours: come back later, or never."""
    short = _short(text)
    if any(sign in text for sign in MANY_TRIES_LATER):
        return NotYetError(short)
    if "received invalid response" in text or "invalid length" in text or "lost synchronization" in text:
        return BackendUnavailableError(f"what listens at {hidden(url)} is not PostgreSQL ({short})")
    if any(sign in text for sign in NO_SUCH_HOST):
        return BackendUnavailableError(f"there is no host of the name in {hidden(url)}")
    return BackendUnavailableError(f"PostgreSQL at {hidden(url)} does not let us in: {short}")


def _short(text: str) -> str:
    """The reason out of a driver's words, which put the address before it and advice below it."""
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()] or ["no reason given"]
    return next((line for line in lines if "failed: " in line), lines[0]).split("failed: ")[-1]


def with_database(url: str, name: str) -> str:
    """``url`` pointing at another database of the same server."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def with_schema(url: str, name: str) -> str:
    """``url`` whose sessions see the schema ``name`` and nothing else by bare names."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    query["options"] = f"{query.get('options', '')} -csearch_path={name}".strip()
    return urlunsplit(parts._replace(query=urlencode(query, quote_via=quote)))


@contextmanager
def own_database(url: str) -> Iterator[tuple[str, str]]:
    """A new database on a server of ours; yields ``(url, name)`` and drops it at the end.

    A whole database rather than a schema: advisory locks and lock tables belong to a database, so two
    workers cannot be seen to wait for each other.
    """
    name = PREFIX + secrets.token_hex(6)
    psycopg = driver()
    with connect(url) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    try:
        yield with_database(url, name), name
    finally:
        # Where the server is gone, the database is gone with it.
        with contextlib.suppress(psycopg.Error), connect(url) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@contextmanager
def own_schema(url: str) -> Iterator[tuple[str, str]]:
    """A new schema in a database that belongs to somebody else; yields ``(url, name)``.

    A lock held by an open connection says that the schema is in use, so a schema whose owner was killed
    is recognised and dropped by the next one. Nothing outside such schemas is ever touched.

    Raises:
        BackendUnavailableError: the role may not create a schema there.
    """
    name = PREFIX + secrets.token_hex(6)
    psycopg = driver()
    with connect(url) as connection:
        try:
            _sweep(connection)
            connection.execute("SELECT pg_advisory_lock(%s, hashtext(%s))", (LOCK_CLASS, name))
            connection.execute(f'CREATE SCHEMA "{name}"')
            connection.execute(f"COMMENT ON SCHEMA \"{name}\" IS 'planproof'")
        except psycopg.Error as error:
            raise BackendUnavailableError(
                f"no schema of our own can be made in {hidden(url)}: {_short(str(error))}"
            ) from error
        try:
            yield with_schema(url, name), name
        finally:
            with contextlib.suppress(psycopg.Error):  # the server is gone; the next run sweeps
                connection.execute(f'DROP SCHEMA IF EXISTS "{name}" CASCADE')


def _sweep(connection: Any) -> None:
    """Drop schemas of ours whose owner no longer lives."""
    rows = connection.execute(
        "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'planproof\\_%'"
        " AND obj_description(oid, 'pg_namespace') = 'planproof'"
        " AND pg_has_role(nspowner, 'MEMBER')"
    ).fetchall()
    for (name,) in rows:
        if not OURS.match(name):
            continue
        key = (LOCK_CLASS, name)
        if connection.execute("SELECT pg_try_advisory_lock(%s, hashtext(%s))", key).fetchone()[0]:
            connection.execute(f'DROP SCHEMA IF EXISTS "{name}" CASCADE')
            connection.execute("SELECT pg_advisory_unlock(%s, hashtext(%s))", key)
