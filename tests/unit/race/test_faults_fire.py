"""Each fault fires, and does to the store and to the client what its name says."""

from __future__ import annotations

import itertools
import time
from typing import ClassVar

import pytest
from hypothesis import strategies as st

from planproof.backends.model import Backend, BackendKind
from planproof.errors import HistoryError
from planproof.race import Workload, call, invariant, operation, parallel, run
from planproof.race.execution import Bench
from planproof.race.explore import Session
from planproof.race.faults import (
    CANCELLATION_REASONS,
    Answer,
    Busy,
    ClockGoesBack,
    ClockSkew,
    CutAfterCommit,
    CutBeforeCommit,
    DiskFull,
    ExpiryLag,
    HalfOpen,
    LostResponse,
    Pause,
    ServerError,
    StaleIndex,
    Terminated,
    Throttled,
    TransactionCanceled,
    TransactionConflict,
    UnprocessedItems,
)
from planproof.race.isolation import Places
from planproof.race.schedules.orders import TakingTurns


SQLITE = Backend(BackendKind.SQLITE, "sqlite:///given-a-file-each")


def execute(workload, backend, *faults, program=None):
    """One execution with these faults, in the order in which clients take turns."""
    kind = type(workload.__name__, (workload,), {"faults": faults})
    with Places(backend) as places, Session(kind, backend.kind, places) as session:
        return session.execute(program or workload.scenarios[0], TakingTurns())


class OnPostgres(Workload):
    """A row that two clients count up, each in a transaction."""

    scenarios: ClassVar = (parallel(call("add"), call("read")),)
    seen: ClassVar = {}

    def open(self, backend):
        import psycopg

        self.connect = lambda: psycopg.connect(backend.url)
        with psycopg.connect(backend.url) as connection:
            connection.execute("CREATE TABLE counter (n int)")
            connection.execute("INSERT INTO counter VALUES (0)")

    @operation
    def add(self, _system):
        connection = self.connect()
        try:
            connection.execute("UPDATE counter SET n = n + 1")
            connection.commit()
        finally:
            connection.close()

    @operation
    def read(self, _system):
        with self.connect() as connection:
            return connection.execute("SELECT n FROM counter").fetchone()[0]

    @operation
    def wait_for_the_row(self, _system):
        import psycopg

        with self.connect() as connection:
            connection.execute("SET lock_timeout = '300ms'")
            try:
                connection.execute("SELECT n FROM counter FOR UPDATE")
            except psycopg.errors.LockNotAvailable:
                return "held"
        return "free"

    @invariant(when="rest")
    def told(self, _system):
        with self.connect() as connection:
            OnPostgres.seen["n"] = connection.execute("SELECT n FROM counter").fetchone()[0]


class InATransaction(OnPostgres):
    """The same in a transaction block, which says BEGIN."""

    @operation
    def add(self, _system):
        connection = self.connect()
        try:
            with connection.transaction():
                connection.execute("UPDATE counter SET n = n + 1")
        finally:
            connection.close()


def outcome_of(done, operation_name="add"):
    return next(op for op in done.history.operations if op.op == operation_name)


@pytest.mark.postgres
class TestPostgres:
    def test_a_connection_cut_before_commit_leaves_nothing_and_the_client_does_not_know(
        self, postgres_backend
    ):
        done = execute(OnPostgres, postgres_backend, CutBeforeCommit(client=0))
        assert done.faults == {"CutBeforeCommit": 1}
        assert str(outcome_of(done).outcome) == "info"
        assert OnPostgres.seen["n"] == 0

    def test_a_connection_cut_after_commit_gives_the_same_error_and_the_change_is_there(
        self, postgres_backend
    ):
        done = execute(OnPostgres, postgres_backend, CutAfterCommit(client=0))
        assert done.faults == {"CutAfterCommit": 1}
        assert str(outcome_of(done).outcome) == "info"
        assert OnPostgres.seen["n"] == 1

    def test_a_half_open_connection_keeps_its_row_lock(self, postgres_backend):
        program = parallel([call("add"), call("wait_for_the_row")])
        done = execute(OnPostgres, postgres_backend, HalfOpen(client=0), program=program)
        assert done.faults == {"HalfOpen": 1}
        assert str(outcome_of(done).outcome) == "info"
        assert outcome_of(done, "wait_for_the_row").result == "held"

    @pytest.mark.parametrize("sqlstate", ["40001", "40P01", "55P03", "57014"])
    @pytest.mark.parametrize("at", ["UPDATE", "COMMIT"])
    def test_a_server_error_comes_with_its_code_and_undoes_the_transaction(
        self, postgres_backend, sqlstate, at
    ):
        fault = ServerError(client=0, sqlstate=sqlstate, operation=at)
        done = execute(OnPostgres, postgres_backend, fault)
        assert done.faults == {f"ServerError {sqlstate}": 1}
        assert str(outcome_of(done).outcome) == "fail"
        assert [sub.note for sub in outcome_of(done).subs][-1] == sqlstate
        assert OnPostgres.seen["n"] == 0

    def test_a_server_error_at_any_statement_strikes_at_one_that_can_fail(self, postgres_backend):
        done = execute(InATransaction, postgres_backend, ServerError(client=0))
        op = outcome_of(done)
        assert [(sub.text.split()[0], sub.note) for sub in op.subs][-2:] == [
            ("UPDATE", "40001"),
            ("ROLLBACK", None),
        ]
        assert str(op.outcome) == "fail"
        assert OnPostgres.seen["n"] == 0

    def test_an_administrator_ends_the_connection(self, postgres_backend):
        done = execute(OnPostgres, postgres_backend, Terminated(client=0))
        assert done.faults == {"Terminated 57P01": 1}
        assert outcome_of(done).subs[-1].note == "57P01"
        assert str(outcome_of(done).outcome) == "info"
        assert OnPostgres.seen["n"] == 0

    def test_faults_strike_under_stress_too(self, postgres_backend):
        kind = type("Cut", (OnPostgres,), {"faults": (CutAfterCommit(client=0),)})
        result = run(kind, backend=postgres_backend, schedules=1, mode="stress")
        assert result.certificate["faults"] == {"CutAfterCommit": 1}
        assert result.certificate["operations"]["info"] == 1


class OnDynamoDB(Workload):
    """A table with an index; every operation is one request of the SDK."""

    scenarios: ClassVar = (parallel(call("add"), call("add")),)
    seen: ClassVar = {}

    def open(self, backend):
        import boto3
        from botocore.config import Config

        self.table = f"{backend.namespace}_t"
        client = boto3.client(
            "dynamodb",
            endpoint_url=backend.url.replace("dynamodb://", "http://"),
            region_name="eu-central-1",
            aws_access_key_id="x",
            aws_secret_access_key="x",
            config=Config(retries={"mode": "standard"}),
        )
        client.create_table(
            TableName=self.table,
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "owner", "AttributeType": "S"},
            ],
            GlobalSecondaryIndexes=[
                {
                    "IndexName": "by_owner",
                    "KeySchema": [{"AttributeName": "owner", "KeyType": "HASH"}],
                    "Projection": {"ProjectionType": "ALL"},
                }
            ],
            BillingMode="PAY_PER_REQUEST",
        )
        return client

    def close(self, system):
        system.delete_table(TableName=self.table)

    @operation
    def add(self, system):
        system.update_item(
            TableName=self.table,
            Key={"pk": {"S": "n"}},
            UpdateExpression="ADD n :one",
            ExpressionAttributeValues={":one": {"N": "1"}},
        )

    @operation
    def put(self, system):
        system.put_item(TableName=self.table, Item={"pk": {"S": "s"}, "owner": {"S": "ann"}})

    @operation
    def listed(self, system):
        found = system.query(
            TableName=self.table,
            IndexName="by_owner",
            KeyConditionExpression="#o = :o",
            ExpressionAttributeNames={"#o": "owner"},
            ExpressionAttributeValues={":o": {"S": "ann"}},
        )
        return found["Count"]

    @operation
    def batch(self, system):
        item = {"PutRequest": {"Item": {"pk": {"S": "b"}, "owner": {"S": "bob"}}}}
        return len(system.batch_write_item(RequestItems={self.table: [item]})["UnprocessedItems"])

    @operation
    def transact(self, system):
        try:
            system.transact_write_items(
                TransactItems=[
                    {"Put": {"TableName": self.table, "Item": {"pk": {"S": name}}}} for name in ("x", "y")
                ]
            )
        except system.exceptions.TransactionCanceledException as error:
            return [reason["Code"] for reason in error.response["CancellationReasons"]]
        return []

    @operation
    def expire(self, system):
        system.update_time_to_live(
            TableName=self.table, TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires"}
        )
        return system.describe_time_to_live(TableName=self.table)["TimeToLiveDescription"]["TimeToLiveStatus"]

    @invariant(when="rest")
    def told(self, system):
        item = system.get_item(TableName=self.table, Key={"pk": {"S": "n"}}).get("Item", {})
        OnDynamoDB.seen["n"] = int(item.get("n", {"N": "0"})["N"])


@pytest.mark.dynamodb
class TestDynamoDB:
    def test_a_lost_reply_makes_the_sdk_add_twice_and_both_requests_are_on_the_record(self, dynamodb_backend):
        done = execute(OnDynamoDB, dynamodb_backend, LostResponse(client=0), program=parallel(call("add")))
        assert done.faults == {"LostResponse": 1}
        added = outcome_of(done)
        assert str(added.outcome) == "ok"
        assert [sub.note for sub in added.subs] == ["no reply", "200"]
        assert OnDynamoDB.seen["n"] == 2

    @pytest.mark.parametrize("reason", CANCELLATION_REASONS)
    def test_every_reason_of_a_cancelled_transaction(self, dynamodb_backend, reason):
        fault = TransactionCanceled(reason=reason, action=1)
        done = execute(OnDynamoDB, dynamodb_backend, fault, program=parallel(call("transact")))
        assert done.faults == {f"TransactionCanceled {reason}": 1}
        assert outcome_of(done, "transact").result == ("None", reason)

    def test_a_conflict_is_sent_once_and_did_not_happen(self, dynamodb_backend):
        done = execute(OnDynamoDB, dynamodb_backend, TransactionConflict(), program=parallel(call("add")))
        assert done.faults == {"Answer TransactionConflictException": 1}
        assert [sub.note for sub in outcome_of(done).subs] == ["TransactionConflictException"]
        assert str(outcome_of(done).outcome) == "fail"

    @pytest.mark.parametrize("fault", [Throttled(times=2), Answer(times=2)])
    def test_throttling_and_500_are_tried_again_by_the_sdk(self, dynamodb_backend, fault):
        done = execute(OnDynamoDB, dynamodb_backend, fault, program=parallel(call("add")))
        assert done.faults == {fault.name: 2}
        assert [sub.note for sub in outcome_of(done).subs] == [fault.code, fault.code, "200"]
        assert OnDynamoDB.seen["n"] == 1

    def test_unprocessed_items_come_back(self, dynamodb_backend):
        done = execute(OnDynamoDB, dynamodb_backend, UnprocessedItems(), program=parallel(call("batch")))
        assert done.faults == {"UnprocessedItems": 1}
        assert outcome_of(done, "batch").result == 1

    def test_a_stale_index_does_not_see_what_was_put(self, dynamodb_backend):
        program = parallel([call("put"), call("listed"), call("listed")])
        done = execute(OnDynamoDB, dynamodb_backend, StaleIndex(), program=program)
        assert done.faults == {"StaleIndex": 1}
        assert [op.result for op in done.history.operations] == [None, 0, 1]

    def test_expiry_lags_because_the_sweep_stays_off(self, dynamodb_backend):
        done = execute(OnDynamoDB, dynamodb_backend, ExpiryLag(), program=parallel(call("expire")))
        assert done.faults == {"ExpiryLag": 1}
        assert outcome_of(done, "expire").result == "DISABLED"


class Clocks(Workload):
    """Each client writes down what time it has."""

    scenarios: ClassVar = (parallel([call("look"), call("look")], [call("look"), call("look")]),)

    def open(self, backend):
        import sqlite3

        path = backend.url.removeprefix("sqlite:///")
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        connection.execute("CREATE TABLE looks (at REAL)")
        return connection

    @operation
    def look(self, system):
        system.execute("SELECT COUNT(*) FROM looks")
        return self.clock()

    @invariant(when="rest")
    def holds(self, system):
        pass


def times_of(done):
    return {
        client: [op.result for op in done.history.operations if op.client == client]
        for client in done.history.clients
    }


class TestClients:
    def test_one_clock_is_ahead(self):
        done = execute(Clocks, SQLITE, ClockSkew(client=1, seconds=600))
        assert done.faults == {"ClockSkew": 1}
        times = times_of(done)
        assert times[1][0] - times[0][0] > 590

    def test_a_clock_goes_back(self):
        done = execute(Clocks, SQLITE, ClockGoesBack(client=0, nth=2, seconds=600))
        assert done.faults == {"ClockGoesBack": 1}
        before, after = times_of(done)[0]
        assert after < before - 590

    def test_expiry_lags_time_passes_and_nothing_was_swept(self):
        done = execute(Clocks, SQLITE, ExpiryLag(nth=2, seconds=600))
        assert done.faults == {"ExpiryLag": 1}
        times = [op.result for op in done.history.operations]
        assert max(times) - min(times) > 590

    def test_a_client_that_pauses_lets_the_others_go_on_and_no_real_time_passes(self):
        began = time.monotonic()
        done = execute(Clocks, SQLITE, Pause(client=0, nth=1, seconds=60))
        assert done.faults == {"Pause": 1}
        assert time.monotonic() - began < 20
        assert done.choices.index(1) < len(done.choices) - 1

    def test_a_database_that_stays_locked(self):
        done = execute(Clocks, SQLITE, Busy(client=0))
        assert done.faults == {"Busy": 1}
        outcomes = [str(op.outcome) for op in done.history.operations if op.client == 0]
        assert outcomes == ["fail", "ok"]

    def test_a_full_disk_under_the_recorder_is_never_green(self):
        kind = type("Full", (Clocks,), {"faults": (DiskFull(after=300),)})
        with pytest.raises(HistoryError, match="No space left on device"):
            run(kind, backend=SQLITE, schedules=3)

    def test_a_fault_that_never_had_its_call_is_told_as_nought(self):
        done = execute(Clocks, SQLITE, Busy(operation="DELETE"))
        assert done.faults == {"Busy": 0}

    def test_the_fault_is_on_the_time_line(self):
        done = execute(Clocks, SQLITE, Busy(client=0))
        assert [(note.kind, note.text, note.client) for note in done.history.notes] == [("fault", "Busy", 0)]


def test_without_faults_nothing_is_armed():
    workload = Clocks()
    assert Bench(workload, None).injector is None


def test_a_fault_hits_the_calls_that_it_says():
    hits = []
    for nth, times in itertools.product((1, 2), (1, 2)):
        done = execute(Clocks, SQLITE, Busy(client=1, nth=nth, times=times))
        hits.append([str(op.outcome) for op in done.history.operations if op.client == 1])
    assert hits == [["fail", "ok"], ["fail", "fail"], ["ok", "fail"], ["ok", "fail"]]


def test_strategies_are_still_drawn_with_faults():
    class Drawn(Clocks):
        faults: ClassVar = (Busy(nth=3),)

        @operation(n=st.integers(0, 3))
        def number(self, system, n):
            return system.execute("SELECT ?", (n,)).fetchone()[0]

    result = run(Drawn, backend=SQLITE, schedules=5)
    assert result.certificate["faults"]["Busy"] >= 1
