"""What the law costs: a store's ``create`` at the limit against the bare driver doing the same.

Both send the same statements in the same transaction, turn by turn in one process, to the same server and to
tables of the same shape; the sessions and the rows are made beforehand. The figure is the bare driver's time
divided by the store's, turn by turn, and of those the median: at least 0.8. Memory has no driver and is
compared with a dictionary behind a lock, for information.

    pytest tests/bench/test_store_speed.py
"""

from __future__ import annotations

import sqlite3
import statistics
import threading
import time
import uuid
from dataclasses import replace

import pytest

from sessionkeeper import Keeper, LoginKind, SystemClock, TokenMint, open_store
from sessionkeeper.model import Block, EndReason
from sessionkeeper.stores import postgres, sqlite
from sessionkeeper.stores.items import block_item, pointer_key, session_item, slot_key, user_key
from sessionkeeper.stores.rows import block_row_of, row_of, session_of


FLOOR = 0.8
ROUNDS = 15
CLOCK = SystemClock()


def sessions(store, user, count):
    """Sessions of one user, each a little older than the next, none stored yet."""
    keeper = Keeper(store, TokenMint(b"p" * 32), clock=CLOCK)
    made = [keeper.prepare(user, LoginKind.DIRECT)[0] for _ in range(count)]
    return [replace(each, created_at=each.created_at + number / 1e6) for number, each in enumerate(made)]


def timed(work, items):
    began = time.perf_counter()
    for item in items:
        work(item)
    return time.perf_counter() - began


def compare(ours, theirs, own_sessions, bare_sessions, count):
    """Run both turn by turn after filling both up to the limit; return the median ratio."""
    own, bare = iter(own_sessions), iter(bare_sessions)

    def next_of(source, number):
        return [next(source) for _ in range(number)]

    timed(ours, next_of(own, 5 + count))
    timed(theirs, next_of(bare, 5 + count))
    spent = {"ours": [], "theirs": []}
    for turn in range(ROUNDS):
        both = [("ours", ours, own), ("theirs", theirs, bare)]
        for name, work, source in both if turn % 2 else reversed(both):
            spent[name].append(timed(work, next_of(source, count)))
    times = {name: statistics.median(each) / count for name, each in spent.items()}
    ratios = [bare / own for own, bare in zip(spent["ours"], spent["theirs"], strict=True)]
    return statistics.median(ratios), times


def report(benchmark, capsys, kind, ours, theirs, own_sessions, bare_sessions, count):
    ratio, times = compare(ours, theirs, own_sessions, bare_sessions, count)
    benchmark.extra_info["ratio"] = ratio
    benchmark.pedantic(lambda: None, rounds=1)
    with capsys.disabled():
        print(
            f"\n{kind}: store {1 / times['ours']:.0f}/s, bare {1 / times['theirs']:.0f}/s, ratio {ratio:.2f}"
        )
    return ratio


def needed(count):
    return 5 + count * (ROUNDS + 1)


def test_sqlite(tmp_path, benchmark, capsys):
    store = open_store(f"sqlite:///{tmp_path / 'ours.db'}", clock=CLOCK)
    open_store(f"sqlite:///{tmp_path / 'bare.db'}", clock=CLOCK).close()
    connection = sqlite3.connect(tmp_path / "bare.db", isolation_level=None)
    connection.execute("PRAGMA synchronous = FULL")

    def bare(new):
        row, block = new
        connection.execute("BEGIN IMMEDIATE")
        rows = connection.execute(sqlite._TEXT.of_user, ("ann",)).fetchall()
        if len(rows) >= 5:
            victim = min(rows, key=lambda each: (each[3], each[0]))
            connection.execute(sqlite._DELETE, (victim[0],))
            connection.execute(sqlite._TEXT.insert, (*row[:-2], victim[-2], 1))
            connection.execute(sqlite._TEXT.block, (victim[8], *block[1:]))
        else:
            connection.execute(sqlite._TEXT.insert, (*row[:-2], len(rows), 1))
        connection.execute("COMMIT")

    count = 60
    mine = sessions(store, "ann", needed(count))
    others = [rows_of(each) for each in sessions(store, "ann", needed(count))]
    ratio = report(benchmark, capsys, "sqlite", store.create, bare, mine, others, count)
    assert ratio >= FLOOR


def rows_of(session):
    return row_of(session), block_row_of(Block.of(session, EndReason.EVICTED, CLOCK.now()))


@pytest.mark.postgres
def test_postgres(postgres_backend, benchmark, capsys):
    import psycopg

    schemas = [f"b{uuid.uuid4().hex[:10]}" for _ in range(2)]
    store = open_store(postgres_backend.url, clock=CLOCK, namespace=schemas[0])
    open_store(postgres_backend.url, clock=CLOCK, namespace=schemas[1]).close()
    connection = psycopg.connect(postgres_backend.url, autocommit=True)
    connection.execute(f"SET search_path TO {schemas[1]}")
    connection.execute(postgres._ADD_USER, ("ann",))

    def bare(new):
        row, block = new
        with connection.transaction():
            connection.execute(postgres._LOCK, ("ann",)).fetchone()
            rows = connection.execute(postgres._TEXT.of_user, ("ann",)).fetchall()
            if len(rows) >= 5:
                victim = min(rows, key=lambda each: (each[3], each[0]))
                connection.execute(postgres._DELETE, ([victim[0]],))
                connection.execute(postgres._TEXT.insert, (*row[:-2], victim[-2], 1))
                connection.execute(postgres._TEXT.block, (victim[8], *block[1:]))
            else:
                connection.execute(postgres._TEXT.insert, (*row[:-2], len(rows), 1))

    count = 40
    mine = sessions(store, "ann", needed(count))
    others = [rows_of(each) for each in sessions(store, "ann", needed(count))]
    ratio = report(benchmark, capsys, "postgres", store.create, bare, mine, others, count)
    for schema in schemas:
        connection.execute(f"DROP SCHEMA {schema} CASCADE")
    connection.close()
    store.close()
    assert ratio >= FLOOR


@pytest.mark.dynamodb
def test_dynamodb(dynamodb_backend, benchmark, capsys):
    prefixes = [f"b{uuid.uuid4().hex[:10]}" for _ in range(2)]
    store, other = (open_store(dynamodb_backend.url, clock=CLOCK, namespace=each) for each in prefixes)
    client, table = other._client, other._table

    def bare(new):
        session, items = new
        answer = client.query(
            TableName=table,
            ConsistentRead=True,
            KeyConditionExpression="PK = :user AND begins_with(SK, :slot)",
            ExpressionAttributeValues={":user": {"S": user_key("ann")}, ":slot": {"S": "SLOT#"}},
        )
        rows = answer["Items"]
        client.transact_write_items(
            TransactItems=swap(table, rows, session, items), ClientRequestToken=str(uuid.uuid4())
        )

    count = 15
    mine = sessions(store, "ann", needed(count))
    others = [(each, items_of(each)) for each in sessions(store, "ann", needed(count))]
    ratio = report(benchmark, capsys, "dynamodb", store.create, bare, mine, others, count)
    for each in (store, other):
        each._client.delete_table(TableName=each._table)
    assert ratio >= FLOOR


def items_of(session):
    return session_item(session), block_item(Block.of(session, EndReason.EVICTED, CLOCK.now()))


def swap(table, rows, session, items):
    """The actions of the store's own transaction, written out by hand."""
    item, block = items
    absent = {"ConditionExpression": "attribute_not_exists(PK)"}
    pointer = {**pointer_key(session.session_id), "user_id": {"S": "ann"}}
    put_pointer = {"Put": {"TableName": table, "Item": pointer, **absent}}
    if len(rows) < 5:
        seated = {**item, **slot_key("ann", len(rows)), "slot": {"N": str(len(rows))}}
        return [{"Put": {"TableName": table, "Item": seated, **absent}}, put_pointer]
    victim = min(rows, key=lambda each: (float(each["created_at"]["N"]), each["session_id"]["S"]))

    def same(row):
        return {
            "ConditionExpression": "#s = :s",
            "ExpressionAttributeNames": {"#s": "session_id"},
            "ExpressionAttributeValues": {":s": row["session_id"]},
        }

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
        {"Put": {"TableName": table, "Item": blocked, **absent}},
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

    count = 500
    mine, others = (sessions(store, "ann", needed(count)) for _ in range(2))
    assert report(benchmark, capsys, "memory", store.create, bare, mine, others, count) > 0
    assert session_of(row_of(mine[0])) == mine[0]
