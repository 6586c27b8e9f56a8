"""SessionsRepository and ConnectionsRepository on DynamoDB Local (S4.SR.*, S4.CR.*, S4.F.14 to S4.F.16)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.sessionkeeper.aws_faults import LOST, Room, together

from sessionkeeper.clock import ManualClock
from sessionkeeper.data_access.connections_repository import Connection, ConnectionsRepository, Role
from sessionkeeper.data_access.exceptions import (
    ConditionalCheckFailedError,
    InvalidItemError,
    ItemNotFoundError,
)
from sessionkeeper.data_access.sessions_repository import SessionsRepository, SpeakerSession
from sessionkeeper.data_access.tables import SESSIONS


pytestmark = pytest.mark.dynamodb
NOW = 4_000_000_000  # far ahead: the emulator removes what has expired by the real clock
SESSION = SpeakerSession("golden-eagle-427", "c-1", "ütopist", "en", "standard", expires_at=NOW + 3600)


@pytest.fixture
def room(dynamodb_backend):
    opened = Room(dynamodb_backend.url)
    yield opened
    opened.close()


@pytest.fixture
def clock():
    return ManualClock(float(NOW))


@pytest.fixture
def sessions(room, clock):
    return SessionsRepository(room.client, clock=clock)


@pytest.fixture
def connections(room, clock):
    return ConnectionsRepository(room.client, clock=clock)


def listener(name, language="de", session=SESSION.session_id, ttl=NOW + 60):
    return Connection(name, session, Role.LISTENER, ttl, language, NOW * 1000, "192.0.2.1")


def speaker(name="c-1", session=SESSION.session_id):
    return Connection(name, session, Role.SPEAKER, NOW + 60)


class TestSessions:
    def test_a_session_is_created_once(self, sessions):
        created = sessions.create_session(SESSION)

        assert created == replace(SESSION, created_at=NOW * 1000)
        assert sessions.get_session(SESSION.session_id) == created
        with pytest.raises(ConditionalCheckFailedError):
            sessions.create_session(replace(SESSION, speaker_user_id="somebody else"))

    def test_of_many_creators_one_succeeds(self, sessions):
        results = together(12, lambda n: sessions.create_session(replace(SESSION, speaker_user_id=f"u{n}")))

        winners = [result for result in results if isinstance(result, SpeakerSession)]
        assert len(winners) == 1
        assert sessions.get_session(SESSION.session_id) == winners[0]
        assert {type(result) for result in results} == {SpeakerSession, ConditionalCheckFailedError}

    def test_a_creation_whose_answer_was_lost_succeeds(self, sessions, room):
        room.wire.next("PutItem", LOST)

        assert sessions.create_session(SESSION).is_active

    def test_there_and_active_are_two_things(self, sessions, clock):
        assert not sessions.session_exists(SESSION.session_id)
        assert not sessions.is_session_active(SESSION.session_id)
        sessions.create_session(SESSION)
        assert sessions.is_session_active(SESSION.session_id)
        assert not sessions.mark_session_inactive(SESSION.session_id).is_active
        assert not sessions.mark_session_inactive(SESSION.session_id).is_active  # twice is harmless
        assert sessions.session_exists(SESSION.session_id)
        assert not sessions.is_session_active(SESSION.session_id)
        clock.advance(3600)
        assert not sessions.session_exists(SESSION.session_id)

    @pytest.mark.parametrize(
        "touch",
        [
            lambda s: s.update_speaker_connection(SESSION.session_id, "c-2"),
            lambda s: s.increment_listener_count(SESSION.session_id),
            lambda s: s.increment_listener_count(SESSION.session_id, request_id="r"),
            lambda s: s.decrement_listener_count(SESSION.session_id),
            lambda s: s.mark_session_inactive(SESSION.session_id),
            lambda s: s.get_session(SESSION.session_id),
        ],
        ids=["update", "increment", "named increment", "decrement", "inactive", "get"],
    )
    @pytest.mark.parametrize("state", ["never made", "deleted", "expired"])
    def test_no_touch_brings_a_session_back(self, sessions, room, clock, touch, state):
        if state != "never made":
            sessions.create_session(SESSION)
        if state == "deleted":
            room.client.delete_item(SESSIONS, {"sessionId": SESSION.session_id})
        if state == "expired":
            clock.advance(3600)
        before = room.client.get_item(SESSIONS, {"sessionId": SESSION.session_id})

        with pytest.raises(ItemNotFoundError):
            touch(sessions)
        assert room.client.get_item(SESSIONS, {"sessionId": SESSION.session_id}) == before

    def test_a_speaker_who_left_can_not_refresh_and_nobody_joins(self, sessions):
        sessions.create_session(SESSION)
        sessions.increment_listener_count(SESSION.session_id)
        sessions.mark_session_inactive(SESSION.session_id)

        with pytest.raises(ConditionalCheckFailedError):
            sessions.update_speaker_connection(SESSION.session_id, "c-2")
        with pytest.raises(ConditionalCheckFailedError):
            sessions.increment_listener_count(SESSION.session_id)
        assert sessions.decrement_listener_count(SESSION.session_id) == 0  # leaving is still possible
        assert sessions.decrement_listener_count(SESSION.session_id) == 0

    def test_of_two_refreshes_at_once_one_wins(self, sessions):
        sessions.create_session(SESSION)

        results = together(
            8, lambda n: sessions.update_speaker_connection(SESSION.session_id, f"new-{n}", replacing="c-1")
        )

        assert len([result for result in results if isinstance(result, SpeakerSession)]) == 1

    def test_listeners_coming_and_going_are_all_counted(self, sessions):
        sessions.create_session(SESSION)

        together(12, lambda n: sessions.increment_listener_count(SESSION.session_id, request_id=f"in-{n}"))
        together(8, lambda n: sessions.decrement_listener_count(SESSION.session_id, request_id=f"out-{n}"))

        assert sessions.get_session(SESSION.session_id).listener_count == 4

    def test_who_joins_again_a_minute_later_under_the_same_name_is_counted_once(self, sessions, clock):
        sessions.create_session(SESSION)
        for count in (1, 1):
            assert sessions.increment_listener_count(SESSION.session_id, request_id="in") == count
            clock.advance(61)
        sessions.increment_listener_count(SESSION.session_id, request_id="another")
        for count in (1, 1):
            assert sessions.decrement_listener_count(SESSION.session_id, request_id="out") == count
            clock.advance(61)

    def test_who_repeats_a_refresh_is_not_refused(self, sessions, room):
        sessions.create_session(SESSION)
        room.wire.next("UpdateItem", LOST)

        for _ in range(2):  # the first one's answer is lost, the second one is the caller's own
            session = sessions.update_speaker_connection(SESSION.session_id, "c-2", replacing="c-1")
            assert session.speaker_connection_id == "c-2"
        with pytest.raises(ConditionalCheckFailedError):
            sessions.update_speaker_connection(SESSION.session_id, "c-3", replacing="c-1")

    def test_a_lost_answer_to_the_speaker_leaving_costs_nothing(self, sessions, room):
        sessions.create_session(SESSION)
        room.wire.next("UpdateItem", LOST)

        assert not sessions.mark_session_inactive(SESSION.session_id).is_active

    def test_a_clock_that_runs_backwards_brings_nothing_back(self, sessions, clock):
        sessions.create_session(SESSION)
        clock.advance(3600)  # the very second of its expiry
        assert not sessions.session_exists(SESSION.session_id)
        clock.advance(-60)
        assert not sessions.session_exists(SESSION.session_id)
        with pytest.raises(ItemNotFoundError):
            sessions.increment_listener_count(SESSION.session_id)

    @pytest.mark.parametrize(
        "wrong",
        [
            {"session_id": ""},
            {"session_id": None},
            {"session_id": 5},
            {"session_id": "\ud800"},
            {"session_id": "x" * 2049},
            {"speaker_user_id": "x" * 410_000},
            {"speaker_connection_id": None},
            {"expires_at": "soon"},
            {"expires_at": None},
            {"expires_at": 1.5},
            {"expires_at": -1},
            {"expires_at": 10**40},
            {"listener_count": -1},
        ],
        ids=lambda wrong: str(wrong)[:30],
    )
    def test_what_is_no_session_is_refused_and_not_stored(self, sessions, room, wrong):
        with pytest.raises(InvalidItemError) as caught:
            sessions.create_session(replace(SESSION, **wrong))
        assert caught.value.http_status == 400
        assert room.low_level.scan(TableName=room.client.table_name(SESSIONS))["Items"] == []

    @pytest.mark.parametrize("name", ["count", "ttl", "a\0b", "\U0001f985" * 500, "USER#x", " "])
    def test_any_text_is_an_id(self, sessions, name):
        sessions.create_session(replace(SESSION, session_id=name, speaker_user_id=name))
        assert sessions.increment_listener_count(name, request_id="r") == 1
        assert sessions.get_session(name).speaker_user_id == name


class TestConnections:
    def test_connecting_is_idempotent(self, connections):
        assert connections.create_connection(listener("c-2")) is True
        assert connections.create_connection(listener("c-2")) is False
        assert connections.get_connection("c-2") == listener("c-2")
        with pytest.raises(ConditionalCheckFailedError):
            connections.create_connection(listener("c-2", "fr"))

    def test_the_same_connection_asked_for_at_another_time_is_the_same(self, connections):
        connections.create_connection(listener("c-2"))
        again = replace(listener("c-2"), connected_at=NOW * 1000 + 700, ttl=NOW + 61)

        assert connections.create_connection(again) is False
        assert connections.get_connection("c-2") == listener("c-2")

    def test_one_that_has_expired_makes_room(self, connections, clock):
        connections.create_connection(listener("c-2"))
        clock.advance(60)  # the very second of its expiry
        new = listener("c-2", "fr", ttl=NOW + 120)

        assert connections.create_connection(new) is True
        assert connections.get_connection("c-2") == new

    def test_of_many_that_connect_at_once_one_stores_it(self, connections):
        results = together(
            12, lambda n: connections.create_connection(replace(listener("c-2"), ttl=NOW + 60 + n))
        )

        assert sorted(results) == [False] * 11 + [True]

    def test_the_clock_says_when_unless_the_caller_did(self, connections):
        connections.create_connection(replace(listener("c-2"), connected_at=0))
        assert connections.get_connection("c-2").connected_at == NOW * 1000

    @pytest.mark.parametrize(
        "wrong",
        [
            {"connection_id": ""},
            {"connection_id": None},
            {"session_id": ""},
            {"session_id": "\udfff"},
            {"role": "guest"},
            {"ttl": 1.5},
            {"ttl": None},
            {"target_language": "#none"},
            {"target_language": 5},
            {"ip_address": "x" * 410_000},
            {"ip_address": None},
        ],
        ids=lambda wrong: str(wrong)[:30],
    )
    def test_what_is_no_connection_is_refused(self, connections, wrong):
        with pytest.raises(InvalidItemError):
            connections.create_connection(replace(listener("c-2"), **wrong))
        with pytest.raises(ItemNotFoundError):
            connections.get_connection("c-2")

    def test_one_caller_is_told_of_the_removal(self, connections):
        connections.create_connection(listener("c-2"))

        results = together(8, lambda _n: connections.delete_connection("c-2"))

        assert [result for result in results if result is not None] == [listener("c-2")]
        with pytest.raises(ItemNotFoundError):
            connections.get_connection("c-2")

    def test_a_speaker_is_in_the_index_too(self, connections):
        connections.create_connection(speaker())
        connections.create_connection(listener("c-2"))

        found = connections.get_connections_by_session(SESSION.session_id)

        assert {connection.connection_id for connection in found} == {"c-1", "c-2"}
        assert connections.get_connection("c-1").target_language is None

    def test_by_role_and_language(self, connections):
        connections.create_connection(speaker())
        for name, language in [("c-2", "de"), ("c-3", "fr"), ("c-4", "de")]:
            connections.create_connection(listener(name, language))
        connections.create_connection(listener("c-9", "es", session="another"))

        german = connections.get_connections_by_session(SESSION.session_id, "de")
        assert {connection.connection_id for connection in german} == {"c-2", "c-4"}
        assert len(connections.get_listener_connections(SESSION.session_id)) == 3
        assert [c.connection_id for c in connections.get_listener_connections(SESSION.session_id, "fr")] == [
            "c-3"
        ]
        assert connections.get_unique_languages_for_session(SESSION.session_id) == ["de", "fr"]
        assert connections.get_unique_languages_for_session("nothing") == []

    def test_the_expired_are_not_there_though_the_store_keeps_them(self, connections, clock):
        connections.create_connection(listener("c-2"))
        clock.advance(60)

        assert connections.get_connections_by_session(SESSION.session_id) == []
        assert connections.get_unique_languages_for_session(SESSION.session_id) == []
        with pytest.raises(ItemNotFoundError):
            connections.get_connection("c-2")

    def test_all_connections_of_a_session_go(self, connections):
        connections.create_connection(speaker())
        for number in range(30):
            connections.create_connection(listener(f"l-{number}"))
        connections.create_connection(listener("other", session="another"))

        assert connections.delete_all_session_connections(SESSION.session_id) == 31
        assert connections.get_connections_by_session(SESSION.session_id) == []
        assert connections.get_connection("other").session_id == "another"
        assert connections.delete_all_session_connections(SESSION.session_id) == 0
        assert connections.batch_delete_connections([]) == 0

    def test_what_the_index_does_not_show_yet_goes_as_well(self, connections, room):
        """An index lags behind its table. The emulator's never does: its answer is made up (K4.12)."""
        connections.create_connection(listener("c-2"))
        room.wire.next("Query", (200, {"Items": [], "Count": 0, "ScannedCount": 0}))

        assert connections.delete_all_session_connections(SESSION.session_id) == 1
        with pytest.raises(ItemNotFoundError):
            connections.get_connection("c-2")
