"""Pure parts of the boundary service: ids, configuration, layout, rules, schemas (S2.C, S2.B1)."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sessionkeeper.boundary import config, domain, idgen
from sessionkeeper.boundary.layout import session_log_path, user_directory_name
from sessionkeeper.boundary.models import Session, SessionStatus
from sessionkeeper.boundary.schemas import (
    SessionManagerEndInput,
    SessionManagerStartInput,
    SessionManagerStartOutput,
)
from sessionkeeper.errors import ConfigurationError, InvalidInputError


START = datetime(2026, 1, 31, 8, 30, tzinfo=UTC)
SESSION = Session("sess_" + "a" * 43, "u1", START)


class TestConfig:
    def test_the_names_of_the_document(self):
        assert (config.MODULE_SOURCE, config.SESSION_ID_PREFIX) == ("session_manager", "sess_")
        assert config.get_timeout_seconds({}) == config.DEFAULT_TIMEOUT_SECONDS == 3600
        assert config.get_timeout_seconds({config.TIMEOUT_VARIABLE: "60"}) == 60

    @pytest.mark.parametrize("text", ["59", "0", "-60", "ten", "3600.0", "٣٦٠٠", " 60"])
    def test_a_timeout_that_makes_no_sense_is_refused(self, text):
        with pytest.raises(ConfigurationError):
            config.get_timeout_seconds({config.TIMEOUT_VARIABLE: text})


class TestIds:
    def test_session_ids_are_ours_and_never_twice(self):
        ids = {idgen.generate_session_id() for _ in range(20_000)}

        assert len(ids) == 20_000
        assert all(idgen.is_valid_session_id(name) for name in ids)
        assert all(len(name) == len("sess_") + 43 for name in ids)  # 256 bits in base64url

    @pytest.mark.parametrize(
        "text",
        ["", "sess_", "sess_" + "a" * 42, "sess_" + "a" * 44, "sess-" + "a" * 43, "sess_" + "a" * 42 + "/",
         "sess_" + "a" * 43 + "\n", "SESS_" + "a" * 43, "sess_" + "ä" * 43, " sess_" + "a" * 43],
    )  # fmt: skip
    def test_what_can_not_be_an_id(self, text):
        assert not idgen.is_valid_session_id(text)

    def test_record_ids_are_uuids_of_version_4(self):
        assert {uuid.UUID(idgen.generate_record_id()).version for _ in range(100)} == {4}


class TestLayout:
    def test_a_plain_user_is_its_own_directory(self):
        path = session_log_path("maria.k-2", SESSION.session_id, root=Path("logs"))

        assert path == Path(f"logs/users/maria.k-2/sessions/{SESSION.session_id}.jsonl")

    @given(st.text(min_size=1, max_size=200))
    def test_no_user_id_leaves_its_directory(self, user_id):
        name = user_directory_name(user_id)

        assert re.fullmatch(r"[A-Za-z0-9_%-][A-Za-z0-9_%.~-]*", name)
        assert len(name) <= 200
        path = session_log_path(user_id, SESSION.session_id, root=Path("logs"))
        assert path.parts == ("logs", "users", name, "sessions", f"{SESSION.session_id}.jsonl")

    @given(st.text(min_size=1, max_size=60), st.text(min_size=1, max_size=60))
    def test_two_users_have_two_directories(self, one, other):
        assert (user_directory_name(one) == user_directory_name(other)) == (one == other)

    @pytest.mark.parametrize(
        ("user_id", "name"),
        [
            ("..", "%2E."),
            ("../../etc", "%2E.%2F..%2Fetc"),
            ("a/b", "a%2Fb"),
            ("a\\b", "a%5Cb"),
            ("%2F", "%252F"),
            ("ü", "%C3%BC"),
            ("a\x00b", "a%00b"),
        ],
    )
    def test_dangerous_names_are_spelt_out(self, user_id, name):
        assert user_directory_name(user_id) == name

    def test_long_names_stay_apart(self):
        assert user_directory_name("ü" * 128) != user_directory_name("ü" * 127 + "x")
        assert len(user_directory_name("ü" * 128)) < 255

    @pytest.mark.parametrize(
        ("user_id", "session_id"), [("", "ok"), ("\ud800", "ok"), ("u", "../x"), ("u", "sess_x")]
    )
    def test_what_can_have_no_log(self, user_id, session_id):
        with pytest.raises(InvalidInputError):
            session_log_path(user_id, SESSION.session_id if session_id == "ok" else session_id)


class TestRules:
    def test_the_owner_may_end_an_active_session(self):
        domain.assert_can_end_session(SESSION, "u1")
        closed = domain.close_session(SESSION, START + timedelta(hours=1))

        assert (closed.status, closed.end_time, closed.start_time) == (
            SessionStatus.CLOSED,
            START + timedelta(hours=1),
            START,
        )
        assert SESSION.status is SessionStatus.ACTIVE

    def test_nobody_else_may_even_a_closed_one(self):
        closed = domain.close_session(SESSION, START)

        for session in (SESSION, closed):
            with pytest.raises(domain.SessionUserMismatch) as caught:
                domain.assert_can_end_session(session, "u2")
            assert caught.value.http_status == 403

    def test_a_session_ends_once(self):
        closed = domain.close_session(SESSION, START)

        with pytest.raises(domain.SessionAlreadyClosed) as caught:
            domain.assert_can_end_session(closed, "u1")
        assert caught.value.http_status == 409
        with pytest.raises(domain.SessionAlreadyClosed):
            domain.close_session(closed, START)

    def test_no_session_ends_before_it_begins(self):
        assert domain.close_session(SESSION, START - timedelta(days=1)).end_time == START

    @given(st.floats(0, 4e9))
    def test_timestamps_are_utc_milliseconds_and_come_back(self, seconds):
        text = domain.timestamp(domain.instant(seconds))

        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", text)
        assert domain.moment(text) == domain.instant(seconds)
        assert abs(domain.moment(text).timestamp() - seconds) < 0.0011


class TestSchemas:
    START: ClassVar = {"user_id": "u1", "performer_id": "nurse-7"}

    @pytest.mark.parametrize(
        "change",
        [
            {"timestamp": "2026-01-01T00:00:00.000Z"},
            {"record_id": str(uuid.uuid4())},
            {"session_id": SESSION.session_id},
            {"source": "another"},
            {"source": "session_manager "},
            {"user_id": ""},
            {"user_id": "x" * 129},
            {"user_id": " u1"},
            {"user_id": "a\nb"},
            {"user_id": "a\x00b"},
            {"user_id": 5},
            {"performer_id": ""},
            {"performer_id": None},
            {"is_training_data": "yes"},
            {"is_training_data": 1},
            {"session_notes": "x" * 2001},
        ],
    )
    def test_a_start_that_is_refused(self, change):
        with pytest.raises(ValidationError):
            SessionManagerStartInput.model_validate(self.START | change)

    @pytest.mark.parametrize("missing", ["user_id", "performer_id"])
    def test_a_start_without(self, missing):
        with pytest.raises(ValidationError):
            SessionManagerStartInput.model_validate({k: v for k, v in self.START.items() if k != missing})

    @pytest.mark.parametrize("user_id", ["ütopist", "用户", "🙂", "a b", "o'neil", "../x"])
    def test_users_of_any_script(self, user_id):
        assert SessionManagerStartInput.model_validate(self.START | {"user_id": user_id}).user_id == user_id

    @pytest.mark.parametrize("session_id", ["", "sess_x", "../../etc/passwd", SESSION.session_id + "\n"])
    def test_an_end_of_an_id_that_was_never_ours(self, session_id):
        with pytest.raises(ValidationError):
            SessionManagerEndInput.model_validate(self.START | {"session_id": session_id})

    @pytest.mark.parametrize(
        "change",
        [
            {"record_id": str(uuid.uuid1())},
            {"record_id": "x"},
            {"record_id": uuid.uuid4().hex},
            {"timestamp": "2026-01-01T00:00:00Z"},
            {"timestamp": "2026-01-01T00:00:00.000+01:00"},
            {"source": "x"},
            {"performer_id": ""},
            {"extra": 1},
        ],
    )
    def test_an_event_that_is_not_valid_can_not_be_made(self, change):
        event = {
            "record_id": str(uuid.uuid4()),
            "user_id": "u1",
            "session_id": SESSION.session_id,
            "timestamp": "2026-01-01T00:00:00.000Z",
            "performer_id": "nurse-7",
        }
        SessionManagerStartOutput.model_validate(event)
        with pytest.raises(ValidationError):
            SessionManagerStartOutput.model_validate(event | change)
