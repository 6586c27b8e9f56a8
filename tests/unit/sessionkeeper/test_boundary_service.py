"""Starting and ending sessions on every ledger, with all that can fail in between (S2.B1, B4, B5)."""

from __future__ import annotations

import os
import re
import uuid
from contextlib import contextmanager
from dataclasses import replace

import pytest
from tests.unit.sessionkeeper.aws_faults import together

from sessionkeeper.boundary import repository as repository_module
from sessionkeeper.boundary import schema_recorder
from sessionkeeper.boundary.domain import (
    ActiveSessionExistsError,
    BoundaryInProgressError,
    RecordingFailedError,
    SessionAlreadyClosed,
    SessionNotFound,
    SessionUserMismatch,
)
from sessionkeeper.boundary.idgen import generate_session_id
from sessionkeeper.boundary.layout import session_log_path
from sessionkeeper.boundary.ledger import open_ledger
from sessionkeeper.boundary.repository import SessionRepository
from sessionkeeper.boundary.schema_recorder import RecorderConfig, recorded_events
from sessionkeeper.boundary.schemas import (
    SessionManagerEndInput,
    SessionManagerEndOutput,
    SessionManagerStartInput,
    SessionManagerStartOutput,
)
from sessionkeeper.boundary.service import SessionService
from sessionkeeper.clock import ManualClock
from sessionkeeper.errors import ConfigurationError, StoreUnavailableError


@pytest.fixture(params=["memory", "sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def ledger(request, tmp_path):
    if request.param == "postgres":
        backend = request.getfixturevalue("postgres_backend")
        opened = open_ledger(backend.url, namespace=f"b{uuid.uuid4().hex[:12]}")
    else:
        opened = open_ledger(
            {"memory": "memory://", "sqlite": f"sqlite:///{tmp_path}/ledger.db"}[request.param]
        )
    yield opened
    opened.close()


@pytest.fixture
def clock():
    return ManualClock(1_700_000_000.1239)


@pytest.fixture
def recorder(tmp_path):
    return RecorderConfig(tmp_path / "logs", sync=False)


@pytest.fixture
def service(ledger, recorder, clock):
    return SessionService(ledger, recorder, clock=clock, timeout=3600, settle_seconds=10)


def start(service, user="u1", performer="nurse-7", **more):
    return service.start_session(SessionManagerStartInput(user_id=user, performer_id=performer, **more))


def end(service, session_id, user="u1", performer="nurse-7"):
    return service.end_session(
        SessionManagerEndInput(user_id=user, session_id=session_id, performer_id=performer)
    )


class Broken:
    """Makes the recorder fail, before or after it has written."""

    def __init__(self, monkeypatch):
        self._patch = monkeypatch
        self._real = schema_recorder.append_event

    def before(self, error):
        def fail(*_args):
            raise error

        self._patch.setattr(repository_module.schema_recorder, "append_event", fail)

    def after(self, error):
        def fail(*args):
            self._real(*args)
            raise error

        self._patch.setattr(repository_module.schema_recorder, "append_event", fail)

    def mend(self):
        self._patch.setattr(repository_module.schema_recorder, "append_event", self._real)


@pytest.fixture
def broken(monkeypatch):
    return Broken(monkeypatch)


class WorkerDied(BaseException):
    """Stands for a process that is gone: nothing handles it."""


class TestEvents:
    def test_start_and_end_record_two_events_in_order(self, service, recorder, clock):
        started = start(service, is_training_data=True, session_notes="ü\n", training_intent_label="wave")
        clock.advance(12.5)
        ended = end(service, started.session_id, performer="doctor-2")

        assert recorded_events(recorder, "u1", started.session_id) == [
            started.model_dump(),
            ended.model_dump(),
        ]
        assert (started.event, ended.event) == ("session_started", "session_ended")
        assert (started.timestamp, ended.timestamp) == (
            "2023-11-14T22:13:20.123Z",
            "2023-11-14T22:13:32.623Z",
        )
        assert ended.start_time == started.timestamp
        assert (started.performer_id, ended.performer_id) == ("nurse-7", "doctor-2")

    def test_every_event_carries_what_it_must(self, service, recorder):
        started = start(service)
        ended = end(service, started.session_id)

        for event in recorded_events(recorder, "u1", started.session_id):
            assert event["source"] == "session_manager"
            assert event["user_id"] == "u1"
            assert event["session_id"] == started.session_id == ended.session_id
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", event["timestamp"])
            assert uuid.UUID(event["record_id"]).version == 4
            assert event["performer_id"] == "nurse-7"
        assert started.record_id != ended.record_id

    def test_record_ids_are_never_used_twice(self, service):
        ids = []
        for _ in range(20):
            started = start(service)
            ids += [started.record_id, end(service, started.session_id).record_id]
        assert len(set(ids)) == 40

    def test_the_ledger_refuses_a_record_id_that_was_used(self, ledger, service, recorder, clock):
        started = start(service)
        with ledger.transaction() as rows:
            session = SessionRepository(rows, recorder).get_active_session(started.session_id)
        twin = replace(session, session_id=generate_session_id(), user_id="u2")
        with pytest.raises(StoreUnavailableError), ledger.transaction() as rows:
            SessionRepository(rows, recorder).reserve_start(
                twin, started.record_id, now=clock.now(), settle_by=clock.now()
            )

    def test_what_fails_in_a_transaction_is_undone_whole(self, ledger, service, recorder, clock):
        first, second = start(service), start(service, "u2")
        with ledger.transaction() as rows:
            before = [rows.get(first.session_id), rows.get(second.session_id)]

        def change_all_then_fail():
            with ledger.transaction() as rows:
                repository = SessionRepository(rows, recorder)
                repository.reserve_end(first.session_id, str(uuid.uuid4()), settle_by=clock.now())
                repository.mark_session_closed(first.session_id, before[0].session.start_time)
                rows.delete(second.session_id)
                rows.insert(replace(before[1], start_record_id=str(uuid.uuid4())))
                third = replace(before[1].session, session_id=generate_session_id())
                rows.insert(replace(before[1], session=third, start_record_id=str(uuid.uuid4())))

        with pytest.raises(ActiveSessionExistsError):
            change_all_then_fail()
        with ledger.transaction() as rows:
            assert [rows.get(first.session_id), rows.get(second.session_id)] == before
            assert rows.open_row_of("u1") == before[0]
        with pytest.raises(ActiveSessionExistsError):
            start(service)

    def test_a_clock_that_was_set_back_ends_no_session_before_it_began(self, service, clock):
        started = start(service)
        clock.advance(-3600)
        assert end(service, started.session_id).timestamp == started.timestamp

    @pytest.mark.parametrize("user", ["../../escape", "ütopist", "用户 1", "a/b", "%2e%2e"])
    def test_any_user_has_a_log_in_the_right_place(self, service, recorder, user):
        started = start(service, user)
        end(service, started.session_id, user)

        files = [path for path in recorder.root.rglob("*") if path.is_file()]
        assert files == [session_log_path(user, started.session_id, root=recorder.root)]
        assert len(recorded_events(recorder, user, started.session_id)) == 2


class TestRules:
    def test_a_user_has_one_active_session(self, service):
        started = start(service)

        with pytest.raises(ActiveSessionExistsError) as caught:
            start(service)
        assert caught.value.http_status == 409
        assert start(service, "u2").session_id != started.session_id
        end(service, started.session_id)
        assert start(service).session_id != started.session_id

    def test_a_session_ends_once(self, service, recorder):
        started = start(service)
        end(service, started.session_id)

        with pytest.raises(SessionAlreadyClosed) as caught:
            end(service, started.session_id)
        assert caught.value.http_status == 409
        assert len(recorded_events(recorder, "u1", started.session_id)) == 2

    def test_only_its_user_ends_a_session(self, service, recorder):
        started = start(service)

        with pytest.raises(SessionUserMismatch):
            end(service, started.session_id, "u2")
        assert len(recorded_events(recorder, "u1", started.session_id)) == 1
        assert end(service, started.session_id)

    def test_an_unknown_session_is_not_found(self, service, recorder):
        with pytest.raises(SessionNotFound):
            end(service, generate_session_id())
        assert not recorder.root.exists()

    def test_closed_sessions_are_not_active(self, service, ledger, recorder):
        started = start(service)
        with ledger.transaction() as rows:
            session = SessionRepository(rows, recorder).get_active_session(started.session_id)
            assert (session.user_id, session.performer_id) == ("u1", "nurse-7")
        end(service, started.session_id)
        with ledger.transaction() as rows:
            assert SessionRepository(rows, recorder).get_active_session(started.session_id) is None


class TestRaces:
    def test_of_many_starts_one_succeeds(self, service, recorder):
        results = together(12, lambda _n: start(service))

        winners = [result for result in results if isinstance(result, SessionManagerStartOutput)]
        assert len(winners) == 1
        assert {type(result) for result in results} == {SessionManagerStartOutput, ActiveSessionExistsError}
        logs = list(recorder.root.rglob("*.jsonl"))
        assert logs == [session_log_path("u1", winners[0].session_id, root=recorder.root)]
        assert recorded_events(recorder, "u1", winners[0].session_id) == [winners[0].model_dump()]

    def test_of_many_ends_one_succeeds(self, service, recorder):
        started = start(service)

        results = together(12, lambda _n: end(service, started.session_id))

        winners = [result for result in results if isinstance(result, SessionManagerEndOutput)]
        assert len(winners) == 1
        losers = {type(result) for result in results} - {SessionManagerEndOutput}
        assert losers <= {SessionAlreadyClosed, BoundaryInProgressError}
        assert recorded_events(recorder, "u1", started.session_id)[1:] == [winners[0].model_dump()]

    def test_starts_and_ends_at_once_never_overlap(self, service, recorder):
        """What the logs say of one user: sessions one after the other, each ended once."""

        def work(_number):
            for _ in range(4):
                try:
                    end(service, start(service).session_id)
                except ActiveSessionExistsError:
                    continue

        assert together(6, work) == [None] * 6
        logs = list(recorder.root.rglob("*.jsonl"))
        assert logs
        for log in logs:
            events = [event["event"] for event in recorded_events(recorder, "u1", log.stem)]
            assert events == ["session_started", "session_ended"]
        assert start(service)


class TestRecordingFails:
    def test_a_start_that_can_not_be_recorded_has_not_happened(self, service, recorder, broken):
        broken.before(OSError("no space left"))
        with pytest.raises(RecordingFailedError) as caught:
            start(service)
        assert (caught.value.http_status, caught.value.retriable) == (503, True)

        broken.mend()
        started = start(service)  # the place is free again, at once
        assert [path.stem for path in recorder.root.rglob("*.jsonl")] == [started.session_id]

    def test_an_end_that_can_not_be_recorded_has_not_happened(self, service, recorder, broken):
        started = start(service)
        broken.before(OSError("no space left"))
        with pytest.raises(RecordingFailedError):
            end(service, started.session_id)
        with pytest.raises(ActiveSessionExistsError):
            start(service)

        broken.mend()
        ended = end(service, started.session_id)
        assert recorded_events(recorder, "u1", started.session_id) == [
            started.model_dump(),
            ended.model_dump(),
        ]

    def test_a_log_directory_that_can_not_be_made(self, ledger, tmp_path, clock):
        (tmp_path / "file").write_text("in the way")
        service = SessionService(ledger, RecorderConfig(tmp_path / "file"), clock=clock)

        with pytest.raises(RecordingFailedError):
            start(service)


class TestWorkerDies:
    """A worker is gone between two steps; the clock shows when others notice (K2.22)."""

    def test_before_the_start_was_recorded_nothing_has_happened(self, service, recorder, clock, broken):
        broken.before(WorkerDied())
        with pytest.raises(WorkerDied):
            start(service)
        broken.mend()

        with pytest.raises(ActiveSessionExistsError):
            start(service)  # the worker might still be at it
        clock.advance(11)
        started = start(service)
        assert [path.stem for path in recorder.root.rglob("*.jsonl")] == [started.session_id]

    def test_after_the_start_was_recorded_the_session_is_there(self, service, recorder, clock, broken):
        broken.after(WorkerDied())
        with pytest.raises(WorkerDied):
            start(service)
        broken.mend()
        (log,) = recorder.root.rglob("*.jsonl")

        clock.advance(11)
        with pytest.raises(ActiveSessionExistsError):
            start(service)
        assert service.recover() == 1
        assert service.recover() == 0
        end(service, log.stem)
        assert [e["event"] for e in recorded_events(recorder, "u1", log.stem)] == [
            "session_started",
            "session_ended",
        ]

    def test_a_session_that_is_just_starting_is_not_there_yet(self, service, recorder, clock, broken):
        broken.after(WorkerDied())
        with pytest.raises(WorkerDied):
            start(service)
        broken.mend()
        (log,) = recorder.root.rglob("*.jsonl")

        with pytest.raises(SessionNotFound):
            end(service, log.stem)
        clock.advance(11)
        assert end(service, log.stem).session_id == log.stem  # whoever meets it settles it

    def test_before_the_end_was_recorded_the_session_goes_on(self, service, recorder, clock, broken):
        started = start(service)
        broken.before(WorkerDied())
        with pytest.raises(WorkerDied):
            end(service, started.session_id)
        broken.mend()

        with pytest.raises(BoundaryInProgressError):
            end(service, started.session_id)
        clock.advance(11)
        end(service, started.session_id)
        assert len(recorded_events(recorder, "u1", started.session_id)) == 2

    def test_after_the_end_was_recorded_the_session_is_closed(self, service, recorder, clock, broken):
        started = start(service)
        broken.after(WorkerDied())
        with pytest.raises(WorkerDied):
            end(service, started.session_id)
        broken.mend()

        clock.advance(11)
        with pytest.raises(SessionAlreadyClosed):
            end(service, started.session_id)
        assert start(service)
        assert len(recorded_events(recorder, "u1", started.session_id)) == 2

    def test_a_worker_that_was_only_slow_records_nothing_any_more(self, service, recorder, clock, ledger):
        """Its reservation was taken over while it slept between its two transactions."""
        slow = SessionService(
            Pausing(ledger, lambda: (clock.advance(11), start(service))), recorder, clock=clock
        )

        with pytest.raises(BoundaryInProgressError):
            start(slow)
        assert len(list(recorder.root.rglob("*.jsonl"))) == 1

    def test_a_commit_that_fails_after_recording(self, service, recorder, clock, ledger):
        failing = SessionService(FailingCommit(ledger, second=True), recorder, clock=clock)
        with pytest.raises(StoreUnavailableError):
            start(failing)
        (log,) = recorder.root.rglob("*.jsonl")

        clock.advance(11)
        assert service.recover() == 1
        assert end(service, log.stem).session_id == log.stem

    def test_a_log_that_somebody_else_wrote_into_is_said_so(self, service, recorder, clock, broken):
        broken.after(WorkerDied())
        with pytest.raises(WorkerDied):
            start(service)
        (log,) = recorder.root.rglob("*.jsonl")
        log.write_text("not json\n")
        clock.advance(11)

        with pytest.raises(RecordingFailedError):
            service.recover()


class Pausing:
    """A ledger; something else happens after the first transaction."""

    def __init__(self, ledger, meanwhile):
        self._ledger = ledger
        self._meanwhile = meanwhile

    @contextmanager
    def transaction(self):
        with self._ledger.transaction() as rows:
            yield rows
        meanwhile, self._meanwhile = self._meanwhile, lambda: None
        meanwhile()


class FailingCommit:
    """A ledger whose second transaction is undone at its end, as if the commit had failed."""

    def __init__(self, ledger, *, second):
        self._ledger = ledger
        self._left = 2 if second else 1

    @contextmanager
    def transaction(self):
        with self._ledger.transaction() as rows:
            yield rows
            self._left -= 1
            if not self._left:
                raise StoreUnavailableError("the commit failed")


class TestSystem:
    def test_old_sessions_are_ended_by_the_system(self, service, recorder, clock):
        old = [start(service, f"u{number}") for number in range(3)]
        clock.advance(1800)
        young = start(service, "young")
        clock.advance(1800)

        assert service.close_expired_sessions() == 3
        assert service.close_expired_sessions() == 0
        for number, started in enumerate(old):
            first, last = recorded_events(recorder, f"u{number}", started.session_id)
            assert last["performer_id"] == "system"
            assert last["session_id"] == first["session_id"] == started.session_id
            assert last["record_id"] != first["record_id"]
            assert last["timestamp"] == "2023-11-14T23:13:20.123Z"
        assert end(service, young.session_id, "young")
        with pytest.raises(SessionAlreadyClosed):
            end(service, old[0].session_id, "u0")

    def test_more_than_one_batch(self, service, clock, monkeypatch):
        monkeypatch.setattr("sessionkeeper.boundary.service._BATCH", 2)
        for number in range(5):
            start(service, f"u{number}")
        clock.advance(3600)

        assert service.close_expired_sessions() == 5

    def test_many_workers_sweeping_end_each_session_once(self, service, recorder, clock):
        started = [start(service, f"u{number}") for number in range(6)]
        clock.advance(3600)

        results = together(6, lambda _n: service.close_expired_sessions())

        assert sum(results) == 6
        for number, one in enumerate(started):
            assert len(recorded_events(recorder, f"u{number}", one.session_id)) == 2

    def test_a_sweep_that_can_not_record_says_so(self, service, clock, broken):
        start(service)
        clock.advance(3600)
        broken.before(OSError("no space left"))
        with pytest.raises(RecordingFailedError):
            service.close_expired_sessions()

    def test_performer_system_is_accepted_from_a_request(self, service, recorder):
        started = start(service, performer="system")
        end(service, started.session_id, performer="system")

        assert {e["performer_id"] for e in recorded_events(recorder, "u1", started.session_id)} == {"system"}


class TestLedgers:
    @pytest.mark.parametrize("url", ["", "mysql://x", "sqlite://", "sqlite:///", "dynamodb://localhost:1"])
    def test_an_address_of_nothing(self, url):
        with pytest.raises(ConfigurationError):
            open_ledger(url)

    def test_a_file_that_is_no_database(self, tmp_path):
        (tmp_path / "x.db").write_text("this is no database, and long enough to be told so" * 20)
        with pytest.raises(StoreUnavailableError):
            open_ledger(f"sqlite:///{tmp_path}/x.db")

    def test_a_server_that_is_down(self):
        with pytest.raises(StoreUnavailableError):
            open_ledger("postgresql://nobody@127.0.0.1:9/none")

    def test_a_ledger_outlives_its_process(self, tmp_path, recorder, clock):
        url = f"sqlite:///{tmp_path}/ledger.db"
        first = open_ledger(url)
        started = start(SessionService(first, recorder, clock=clock))
        first.close()

        second = SessionService(open_ledger(url), recorder, clock=clock)
        with pytest.raises(ActiveSessionExistsError):
            start(second)
        assert end(second, started.session_id)

    @pytest.mark.parametrize("moment", ["before", "after"])
    def test_a_real_process_killed_at_the_worst_moment(self, tmp_path, recorder, clock, moment):
        url = f"sqlite:///{tmp_path}/ledger.db"
        open_ledger(url).close()
        child = os.fork()
        if child == 0:
            real = schema_recorder.append_event

            def die(*args):
                if moment == "after":
                    real(*args)
                os._exit(9)

            repository_module.schema_recorder.append_event = die
            start(SessionService(open_ledger(url), recorder, clock=clock))
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9

        clock.advance(11)
        service = SessionService(open_ledger(url), recorder, clock=clock)
        assert service.recover() == 1
        if moment == "after":
            (log,) = recorder.root.rglob("*.jsonl")
            with pytest.raises(ActiveSessionExistsError):
                start(service)
            assert end(service, log.stem)
        else:
            assert list(recorder.root.rglob("*.jsonl")) == []
            assert start(service)
