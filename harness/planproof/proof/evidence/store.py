"""The evidence store: one SQLite file, a cache that a machine can lose without losing truth.

Every piece of evidence is one transaction in write-ahead mode, so a kill at any point leaves what was
recorded before, and two runs at once wait for each other. A file that is no store is set aside.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from typing import TYPE_CHECKING, Any, Final, Self

from planproof.errors import InputError
from planproof.locks import folder_locked
from planproof.proof.model import CheckKind, ControlOutcome, ControlResult, Footprint, Outcome, digest

from .record import Evidence


if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path


FORMAT: Final = 1
BUSY_SECONDS: Final = 60.0
TABLES: Final = """
CREATE TABLE IF NOT EXISTS prints (digest TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS evidence (
    key TEXT PRIMARY KEY, name TEXT NOT NULL, kind TEXT NOT NULL, target TEXT NOT NULL, backend TEXT,
    outcome TEXT NOT NULL, reason TEXT NOT NULL, seconds REAL NOT NULL, at REAL NOT NULL,
    commit_id TEXT NOT NULL,
    nodes TEXT NOT NULL, controls TEXT NOT NULL, notes TEXT NOT NULL, certificate TEXT NOT NULL,
    check_print TEXT NOT NULL, code_print TEXT NOT NULL, environment_print TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS claims (
    key TEXT NOT NULL, item TEXT NOT NULL, claim TEXT NOT NULL, PRIMARY KEY (key, item)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS durations (name TEXT PRIMARY KEY, seconds REAL NOT NULL) WITHOUT ROWID;
"""
INSERT: Final = "INSERT OR REPLACE INTO evidence VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"


class Store:
    """Evidence by key of check. Use as a context manager.

    Args:
        path: the file; its folder is made. A broken file, or one of
            another format, is renamed and begun anew.

    Raises:
        InputError: it cannot be opened here, or another run holds it for too long.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _hide_from_git(path.parent)
            self.db = _join(path) or self._begin()
        except (sqlite3.OperationalError, OSError) as error:
            said = getattr(error, "strerror", None) or str(error)
            raise InputError(f"the evidence store cannot be opened: {said}", path=str(path)) from None

    def _begin(self) -> sqlite3.Connection:
        """Make the file, unless another run did meanwhile; a broken one is set aside."""
        with folder_locked(self.path.parent):
            db = _join(self.path)
            if db is None:
                set_aside(self.path)
                _create(self.path)
                db = _connect(self.path)
            return db

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self.db.close()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield self.db
        except BaseException:
            self.db.execute("ROLLBACK")
            raise
        self.db.execute("COMMIT")

    def put(self, found: Iterable[Evidence]) -> None:
        """Record evidence, all or nothing; each replaces what was known of its check."""
        with self._transaction() as db:
            for one in found:
                self._put(db, one)

    def revise(self, change: Callable[[dict[str, Evidence]], dict[str, Evidence]]) -> dict[str, Evidence]:
        """Record what a function makes of all that is known; nobody else writes in between.

        Args:
            change: given all evidence by key, gives what is to be recorded by key.

        Returns:
            What was recorded.
        """
        with self._transaction() as db:
            made = change(self.all())
            for one in made.values():
                self._put(db, one)
        return made

    def _put(self, db: sqlite3.Connection, one: Evidence) -> None:
        foot = one.footprint
        prints = [_print(db, part) for part in (foot.check, foot.code, foot.environment)]
        packed = [
            _pack(part) for part in (one.nodes, [list(c) for c in one.controls], one.notes, one.certificate)
        ]
        row = [one.key, one.name, one.kind.value, one.target, one.backend, one.outcome.value, one.reason]
        db.execute(INSERT, [*row, one.seconds, one.at, one.commit, *packed, *prints])
        claims = [(one.key, item, claim) for item, claim in one.claims.items()]
        db.executemany("INSERT OR REPLACE INTO claims VALUES (?, ?, ?)", claims)
        took = one.seconds + sum(control.seconds for control in one.controls)
        db.execute("INSERT OR REPLACE INTO durations VALUES (?, ?)", (one.key, took))

    def all(self) -> dict[str, Evidence]:
        """All evidence by key of check."""
        return _all(self.db)

    def durations(self) -> dict[str, float]:
        """Seconds that each check took last, controls included, by key."""
        return dict(self.db.execute("SELECT name, seconds FROM durations"))

    def forget(self, keys: Iterable[str]) -> None:
        """Drop evidence of checks."""
        with self._transaction() as db:
            for key in keys:
                db.execute("DELETE FROM evidence WHERE key = ?", (key,))
                db.execute("DELETE FROM claims WHERE key = ?", (key,))

    def intact(self) -> bool:
        """True where SQLite finds the file whole."""
        return bool(self.db.execute("PRAGMA integrity_check").fetchone()[0] == "ok")


def _all(db: sqlite3.Connection) -> dict[str, Evidence]:
    prints = {name: json.loads(body) for name, body in db.execute("SELECT digest, body FROM prints")}
    claims: dict[str, dict[str, str]] = {}
    for key, item, claim in db.execute("SELECT key, item, claim FROM claims"):
        claims.setdefault(key, {})[item] = claim
    rows = db.execute("SELECT * FROM evidence")
    return {row[0]: _read(row, prints, claims.get(row[0], {})) for row in rows}


def _connect(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
    db.execute("PRAGMA synchronous=NORMAL")
    return db


def _join(path: Path) -> sqlite3.Connection | None:
    """A connection to a store of this format; None where there is none, or a file that is none.

    Raises:
        sqlite3.OperationalError: another run holds it locked for more than :data:`BUSY_SECONDS`, or it
            cannot be opened here.
    """
    if not path.exists():
        return None
    db = None
    try:
        db = _connect(path)
        if db.execute("PRAGMA user_version").fetchone()[0] == FORMAT:
            return db
        # Only what is no database, or a broken one, is set aside: a store that cannot be opened now is whole.
    except sqlite3.OperationalError:
        if db is not None:
            db.close()
        raise
    except sqlite3.DatabaseError:
        pass
    if db is not None:
        db.close()
    return None


def _create(path: Path) -> None:
    """Put an empty store in place at once. Only under the folder's lock.

    It is made beside: SQLite's change to write-ahead mode does not wait for another connection that
    makes the same change, it fails; and a kill half way leaves nothing that looks like a store.
    """
    beside = path.with_name(f"{path.name}.new")
    _remove(beside)
    with contextlib.closing(sqlite3.connect(beside, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode=WAL")
        db.executescript(f"BEGIN IMMEDIATE; {TABLES} PRAGMA user_version={FORMAT}; COMMIT;")
    beside.replace(path)


def _remove(path: Path) -> None:
    """A database file and the logs beside it."""
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def read_all(path: Path) -> dict[str, Evidence]:
    """All evidence of a store, without making one where there is none.

    A store that turns out to be broken inside is set aside; one that may not be written is only read.

    Raises:
        InputError: it cannot be opened here, or another run holds it for too long.
    """
    if not path.is_file():
        return {}
    try:
        if not os.access(path.parent, os.W_OK):
            return _read_only(path)
        with Store(path) as store:
            return store.all()
    except sqlite3.OperationalError as error:
        raise InputError(f"the evidence store cannot be read: {error}", path=str(path)) from None
    except (sqlite3.DatabaseError, ValueError, KeyError, TypeError):
        with folder_locked(path.parent):
            set_aside(path)
        return {}


def _read_only(path: Path) -> dict[str, Evidence]:
    """What a store holds where nothing may be written: its folder, or the whole file system, is read-only."""
    with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?immutable=1", uri=True)) as db:
        return _all(db)


def set_aside(path: Path) -> None:
    """Rename a broken store, so that it can be looked at, and remove its logs."""
    if path.exists():
        path.replace(path.with_name(f"{path.name}.broken-{os.getpid()}"))
    _remove(path)


def _hide_from_git(folder: Path) -> None:
    """The store's folder ignores itself, so that no repository has to."""
    ignore = folder / ".gitignore"
    if folder.name.startswith(".") and not ignore.exists():
        ignore.write_text("*\n", encoding="utf-8")


def _print(db: sqlite3.Connection, part: Mapping[str, Any]) -> str:
    """Store one part of a footprint once, under its digest."""
    plain = {name: dict(value) if not isinstance(value, str) else value for name, value in part.items()}
    name = digest(plain)
    db.execute("INSERT OR IGNORE INTO prints VALUES (?, ?)", (name, _pack(plain)))
    return name


def _pack(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), default=list)


def _read(row: tuple[Any, ...], prints: dict[str, Any], claims: dict[str, str]) -> Evidence:
    controls = tuple(
        ControlResult(name, ControlOutcome(said), why, took) for name, said, why, took in json.loads(row[11])
    )
    return Evidence(
        key=row[0],
        name=row[1],
        kind=CheckKind(row[2]),
        target=row[3],
        backend=row[4],
        outcome=Outcome(row[5]),
        reason=row[6],
        seconds=row[7],
        at=row[8],
        commit=row[9],
        nodes=json.loads(row[10]),
        controls=controls,
        notes=tuple(json.loads(row[12])),
        certificate=json.loads(row[13]),
        footprint=Footprint(prints[row[14]], prints[row[15]], prints[row[16]]),
        claims=claims,
    )
