"""What the law costs: a store's steps against the bare driver doing the same.

Both send the same statements in the same transaction, turn by turn in one process, to the same server and to
tables of the same shape; the sessions and the rows are made beforehand. The figure is the bare driver's time
divided by the store's, pair of turns by pair of turns, and of those the median: at least 0.8 for every step.
The same in processor time is printed beside it. A read of the SQL stores takes microseconds, so there both
sides read the same rows over the *same connection*: with two, the cores that the kernel gives to the two
server processes decide (0.32 to 0.95 in like runs). Memory has no driver and is compared with a dictionary
behind a lock, for information.

    pytest tests/bench/test_store_speed.py
"""

from __future__ import annotations

import sqlite3
import statistics
import threading
import time
import uuid
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

import pytest

from sessionkeeper import Keeper, LoginKind, Presented, SystemClock, TokenMint, hash_token, open_store
from sessionkeeper.model import Block, EndReason
from sessionkeeper.stores import postgres, sqlite
from sessionkeeper.stores.items import block_item, pointer_key, session_item, slot_key, user_key
from sessionkeeper.stores.rows import block_row_of, row_of, session_of


FLOOR = 0.8
CLOCK = SystemClock()
STEPS = ("create", "rotate", "delete", "find")


class Pace(NamedTuple):
    """How many steps each side does in a turn, and how many turns each has."""

    turns: int
    steps: int

    @property
    def needed(self):
        """Steps of one side, those of its first turn, which is not counted, included."""
        return self.steps * (self.turns + 1)


READS, WRITES, REMOTE = Pace(61, 100), Pace(45, 20), Pace(21, 5)


def sessions(store, user, count):
    """Sessions of one user, each a little older than the next, none stored yet."""
    keeper = Keeper(store, TokenMint(b"p" * 32), clock=CLOCK)
    made = [keeper.prepare(user, LoginKind.DIRECT)[0] for _ in range(count)]
    return [replace(each, created_at=each.created_at + number / 1e6) for number, each in enumerate(made)]


def timed(work, items):
    wall, processor = time.perf_counter(), time.process_time()
    for item in items:
        work(item)
    return time.perf_counter() - wall, time.process_time() - processor


def compare(ours, theirs, own_items, bare_items, pace):
    """Run both turn by turn after a first turn that is not counted; return each one's spent times."""
    sources = {ours: iter(own_items), theirs: iter(bare_items)}
    spent = {ours: [], theirs: []}
    for turn in range(pace.turns + 1):
        for work in (ours, theirs) if turn % 2 else (theirs, ours):
            spent[work].append(timed(work, [next(sources[work]) for _ in range(pace.steps)]))
    return spent[ours][1:], spent[theirs][1:]


def report(benchmark, capsys, title, ours, theirs, own_items, bare_items, pace):
    own, bare = compare(ours, theirs, own_items, bare_items, pace)
    wall, processor = (
        statistics.median(theirs[which] / ours[which] for ours, theirs in zip(own, bare, strict=True))
        for which in (0, 1)
    )
    rates = [pace.steps / statistics.median(turn[0] for turn in turns) for turns in (own, bare)]
    benchmark.extra_info.update(ratio=wall, processor_ratio=processor)
    benchmark.pedantic(lambda: None, rounds=1)
    with capsys.disabled():
        print(
            f"\n{title}: store {rates[0]:.0f}/s, bare {rates[1]:.0f}/s,"
            f" ratio {wall:.2f} (processor {processor:.2f})"
        )
    return wall


class Immediately:
    """SQLite's transaction as a caller would write it."""

    def __init__(self, connection):
        self.connection = connection

    def __enter__(self):
        self.connection.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind, error, trace):
        self.connection.execute("ROLLBACK" if kind else "COMMIT")


class BareSql:
    """The statements of each step, by hand, for a caller who already knows what it will find."""

    def __init__(self, connection, text, transaction, delete, lock=None):
        self.run = connection.execute
        self.text = text
        self.transaction = transaction
        self.delete_text, self.one = delete
        self.lock = lock

    def look(self, user):
        if self.lock is not None:
            self.run(self.lock, (user,)).fetchone()
        return self.run(self.text.of_user, (user,)).fetchall()

    def create(self, new):
        row, block = new
        with self.transaction():
            rows = self.look(row[1])
            if len(rows) >= 5:
                victim = min(rows, key=lambda each: (each[3], each[0]))
                self.run(self.delete_text, (self.one(victim[0]),))
                self.run(self.text.insert, (*row[:-2], victim[-2], 1))
                self.run(self.text.block, (victim[8], *block[1:]))
            else:
                self.run(self.text.insert, (*row[:-2], len(rows), 1))

    def find(self, session_id):
        return self.run(self.text.by_id, (session_id,)).fetchone()

    def rotate(self, step):
        presented, block = step
        user = self.find(presented.session_id)[1]
        with self.transaction():
            row = next(each for each in self.look(user) if each[0] == presented.session_id)
            self.run(self.delete_text, (self.one(row[0]),))
            tokens = (presented.next_access_hash, presented.next_refresh_hash, row[8], block[4])
            self.run(self.text.insert, (*row[:7], *tokens, *row[11:-1], row[-1] + 1))
            self.run(self.text.block, (row[8], *block[1:]))

    def delete(self, step):
        session_id, block = step
        user = self.find(session_id)[1]
        with self.transaction():
            row = next(each for each in self.look(user) if each[0] == session_id)
            self.run(self.delete_text, (self.one(row[0]),))
            self.run(self.text.block, block)


def rows_of(session):
    return row_of(session), block_row_of(Block.of(session, EndReason.EVICTED, CLOCK.now()))


def chain(session, count):
    """Refresh tokens of one session, each the successor of the one before; hashes, as a store sees them."""
    hashes = [session.refresh_hash, *(hash_token(uuid.uuid4().hex) for _ in range(count))]
    return [
        Presented(session.session_id, spent, hash_token("access" + spent), following)
        for spent, following in pairwise(hashes)
    ]


def work_for(step, store, user, count):
    """Return a step's arguments for a store and for the bare driver, and the sessions to have beforehand."""
    if step == "create":
        made = sessions(store, user, count)
        return made, [rows_of(each) for each in made], []
    before = sessions(store, user, 5)
    if step == "rotate":
        presented = chain(before[0], count)
        block = rows_of(before[0])[1]
        return presented, [(each, block) for each in presented], before
    if step == "find":
        ids = [before[number % 5].session_id for number in range(count)]
        return ids, ids, before
    before = [replace(each, user_id=f"u{number}") for number, each in enumerate(sessions(store, user, count))]
    return (
        [each.session_id for each in before],
        [(each.session_id, rows_of(each)[1]) for each in before],
        before,
    )


def pace_of(step):
    return READS if step == "find" else WRITES


def stored(store, step, pace):
    """Put what a step needs into a store; return the step's arguments for the store and the bare driver."""
    own, bare, before = work_for(step, store, "ann", pace.needed)
    for session in before:
        store.create(session)
    return own, bare


def run_sql(step, title, benchmark, capsys, store, other, bare):
    pace = pace_of(step)
    own, theirs = stored(store, step, pace)
    if other is not store:
        theirs = stored(other, step, pace)[1]
    ours = getattr(store, step), getattr(bare, step)
    return report(benchmark, capsys, f"{title} {step}", *ours, own, theirs, pace)


def idle_connection(store):
    """The one connection that a store has open, which it takes for its next step."""
    [connection] = store._connections.free
    return connection


@pytest.mark.parametrize("step", STEPS)
def test_sqlite(step, tmp_path, benchmark, capsys):
    store, other = (open_store(f"sqlite:///{tmp_path / name}.db", clock=CLOCK) for name in ("ours", "bare"))
    connection = sqlite3.connect(tmp_path / "bare.db", isolation_level=None)
    connection.execute("PRAGMA synchronous = FULL")
    if step == "find":
        other, connection = store, idle_connection(store)
    bare = BareSql(connection, sqlite._TEXT, lambda: Immediately(connection), (sqlite._DELETE, str))
    assert run_sql(step, "sqlite", benchmark, capsys, store, other, bare) >= FLOOR


@pytest.mark.postgres
@pytest.mark.parametrize("step", STEPS)
def test_postgres(step, postgres_backend, benchmark, capsys):
    import psycopg

    schemas = [f"b{uuid.uuid4().hex[:10]}" for _ in range(2)]
    store, other = (open_store(postgres_backend.url, clock=CLOCK, namespace=each) for each in schemas)
    delete = postgres._DELETE, lambda session_id: [session_id]
    with psycopg.connect(postgres_backend.url, autocommit=True) as connection:
        connection.execute(f"SET search_path TO {schemas[1]}")
        connection.execute(postgres._ADD_USER, ("ann",))
        if step == "find":
            source, bare = store, PlainReads(idle_connection(store), psycopg.Connection)
        else:
            source = other
            bare = BareSql(connection, postgres._TEXT, connection.transaction, delete, postgres._LOCK)
        ratio = run_sql(step, "postgres", benchmark, capsys, store, source, bare)
        for each, schema in zip((store, other), schemas, strict=True):
            each.close()
            connection.execute(f"DROP SCHEMA {schema} CASCADE")
    assert ratio >= FLOOR


class PlainReads:
    """Reads over a store's own connection, as the driver does them without what the store adds to it."""

    def __init__(self, connection, plain):
        self.connection = connection
        self.kinds = plain, type(connection)

    def find(self, session_id):
        self.connection.__class__, kept = self.kinds
        row = self.connection.execute(postgres._TEXT.by_id, (session_id,)).fetchone()
        self.connection.__class__ = kept
        return row


class BareDynamoDB:
    """The requests of each step, by hand, for a caller who already knows what it will find."""

    def __init__(self, client, table):
        self.client = client
        self.table = table

    def look(self, user):
        return self.client.query(
            TableName=self.table,
            ConsistentRead=True,
            KeyConditionExpression="PK = :user AND begins_with(SK, :slot)",
            ExpressionAttributeValues={":user": {"S": user_key(user)}, ":slot": {"S": "SLOT#"}},
        )["Items"]

    def write(self, actions):
        self.client.transact_write_items(TransactItems=actions, ClientRequestToken=str(uuid.uuid4()))

    def create(self, new):
        session, items = new
        self.write(swap(self.table, self.look("ann"), session, items))

    def find(self, session_id):
        key = pointer_key(session_id)
        pointer = self.client.get_item(TableName=self.table, Key=key, ConsistentRead=True)["Item"]
        rows = self.look(pointer["user_id"]["S"])
        return next(each for each in rows if each["session_id"]["S"] == session_id)

    def seen(self, session_id):
        """Find a session and look again at all its user's, as a change does."""
        user = self.find(session_id)["user_id"]["S"]
        return next(each for each in self.look(user) if each["session_id"]["S"] == session_id)

    def rotate(self, step):
        presented, block = step
        row = self.seen(presented.session_id)
        tokens = {
            "access_hash": {"S": presented.next_access_hash},
            "refresh_hash": {"S": presented.next_refresh_hash},
            "previous_hash": row["refresh_hash"],
            "version": {"N": str(int(row["version"]["N"]) + 1)},
        }
        put = {"Put": {"TableName": self.table, "Item": {**row, **tokens}, **same(row)}}
        self.write([put, self.blocked(row, block)])

    def delete(self, step):
        session_id, block = step
        row = self.seen(session_id)
        slot = {"TableName": self.table, "Key": {"PK": row["PK"], "SK": row["SK"]}, **same(row)}
        pointer = {"TableName": self.table, "Key": pointer_key(session_id)}
        self.write([{"Delete": slot}, {"Delete": pointer}, self.blocked(row, block)])

    def blocked(self, row, block):
        entry = {**block, "PK": {"S": "BLOCK#refresh#" + row["refresh_hash"]["S"]}}
        return {"Put": {"TableName": self.table, "Item": entry, **ABSENT}}


@pytest.mark.dynamodb
@pytest.mark.parametrize("step", STEPS)
def test_dynamodb(step, dynamodb_backend, benchmark, capsys):
    prefixes = [f"b{uuid.uuid4().hex[:10]}" for _ in range(2)]
    store, other = (open_store(dynamodb_backend.url, clock=CLOCK, namespace=each) for each in prefixes)
    bare = BareDynamoDB(store._client, other._table)
    if step == "create":
        own, theirs = (sessions(each, "ann", REMOTE.needed) for each in (store, other))
        theirs = [(each, items_of(each)) for each in theirs]
    else:
        own, theirs = stored(store, step, REMOTE)[0], stored(other, step, REMOTE)[0]
        if step != "find":
            block = items_of(sessions(other, "ann", 1)[0])[1]
            theirs = [(each, block) for each in theirs]
    ours = getattr(store, step), getattr(bare, step)
    ratio = report(benchmark, capsys, f"dynamodb {step}", *ours, own, theirs, REMOTE)
    for each in (store, other):
        each._client.delete_table(TableName=each._table)
    assert ratio >= FLOOR


ABSENT = {"ConditionExpression": "attribute_not_exists(PK)"}


def same(row):
    """The condition that a slot still holds the session that was seen in it."""
    return {
        "ConditionExpression": "#s = :s",
        "ExpressionAttributeNames": {"#s": "session_id"},
        "ExpressionAttributeValues": {":s": row["session_id"]},
    }


def items_of(session):
    return session_item(session), block_item(Block.of(session, EndReason.EVICTED, CLOCK.now()))


def swap(table, rows, session, items):
    """The actions of the store's own transaction, written out by hand."""
    item, block = items
    pointer = {**pointer_key(session.session_id), "user_id": {"S": "ann"}}
    put_pointer = {"Put": {"TableName": table, "Item": pointer, **ABSENT}}
    if len(rows) < 5:
        seated = {**item, **slot_key("ann", len(rows)), "slot": {"N": str(len(rows))}}
        return [{"Put": {"TableName": table, "Item": seated, **ABSENT}}, put_pointer]
    victim = min(rows, key=lambda each: (float(each["created_at"]["N"]), each["session_id"]["S"]))
    seated = {**item, "SK": victim["SK"], "slot": victim["slot"]}
    checks = [
        {"ConditionCheck": {"TableName": table, "Key": {"PK": row["PK"], "SK": row["SK"]}, **same(row)}}
        for row in rows
        if row is not victim
    ]
    blocked = {**block, "PK": {"S": "BLOCK#refresh#" + victim["refresh_hash"]["S"]}}
    return [
        {"Put": {"TableName": table, "Item": seated, **same(victim)}},
        *checks,
        put_pointer,
        {"Delete": {"TableName": table, "Key": pointer_key(victim["session_id"]["S"])}},
        {"Put": {"TableName": table, "Item": blocked, **ABSENT}},
    ]


def test_memory_for_information(benchmark, capsys):
    store = open_store("memory://", clock=CLOCK)
    lock, users, blocks = threading.Lock(), {}, {}

    def bare(session):
        with lock:
            held = users.setdefault(session.user_id, {})
            if len(held) >= 5:
                victim = min(held.values(), key=lambda each: each.age)
                blocks[victim.refresh_hash] = Block.of(victim, EndReason.EVICTED, CLOCK.now())
                del held[victim.session_id]
            held[session.session_id] = session

    pace = Pace(15, 500)
    mine, others = (sessions(store, "ann", pace.needed) for _ in range(2))
    assert report(benchmark, capsys, "memory", store.create, bare, mine, others, pace) > 0
    assert session_of(row_of(mine[0])) == mine[0]
