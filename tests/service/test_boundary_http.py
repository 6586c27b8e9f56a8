"""The boundary service over real HTTP, with two workers on one SQLite file (S2.B2, S2.B3, S2.B5, S2.C.22)."""

from __future__ import annotations

import contextlib
import json
import uuid

import httpx
import pytest
from tests.service.running import refused, service
from tests.unit.sessionkeeper.aws_faults import together

from sessionkeeper.boundary.idgen import generate_session_id
from sessionkeeper.boundary.layout import session_log_path


pytestmark = pytest.mark.slow


START = "/session_manager/sessions.start"
END = "/session_manager/sessions.end"


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    return tmp_path_factory.mktemp("boundary") / "logs"


@pytest.fixture(scope="module")
def address(logs):
    with service(f"sqlite:///{logs.parent}/ledger.db", logs, "--workers", 2) as url:
        yield url


@pytest.fixture
def client(address):
    with httpx.Client(base_url=address, timeout=30) as one:
        yield one


@pytest.fixture
def user():
    return f"user-{uuid.uuid4().hex}"


def start(client, user, **more):
    return client.post(START, json={"user_id": user, "performer_id": "nurse-7"} | more)


def end(client, user, session_id, **more):
    return client.post(
        END, json={"user_id": user, "session_id": session_id, "performer_id": "nurse-7"} | more
    )


def events(logs, user, session_id):
    return [
        json.loads(line)
        for line in session_log_path(user, session_id, root=logs).read_text("utf-8").splitlines()
    ]


def problem(response):
    assert set(response.json()) == {"error"}
    assert set(response.json()["error"]) == {"code", "message", "correlation_id"}
    return response.status_code, response.json()["error"]["code"]


def test_start_then_end(client, logs, user):
    started = start(client, user, is_training_data=True, session_notes="ü")
    ended = end(client, user, started.json()["session_id"])

    assert (started.status_code, ended.status_code) == (201, 200)
    assert events(logs, user, started.json()["session_id"]) == [started.json(), ended.json()]
    assert started.json()["source"] == ended.json()["source"] == "session_manager"


def test_answers_are_not_stored_and_carry_a_correlation_id(client, user):
    started = client.post(
        START, json={"user_id": user, "performer_id": "n"}, headers={"X-Correlation-ID": "order-66"}
    )
    again = start(client, user)

    assert started.headers["Cache-Control"] == again.headers["Cache-Control"] == "no-store"
    assert started.headers["X-Correlation-ID"] == "order-66"
    assert again.headers["X-Correlation-ID"] == again.json()["error"]["correlation_id"] != "order-66"
    assert started.json()["session_id"] not in str(started.url)


@pytest.mark.parametrize("path", [START, END])
@pytest.mark.parametrize(
    "change",
    [
        {"timestamp": "2026-01-01T00:00:00.000Z"},
        {"source": "somebody"},
        {"record_id": "x"},
        {"performer_id": None},
        {"performer_id": ""},
        {"performer_id": ...},
        {"user_id": ...},
        {"user_id": "a\nb"},
        {"user_id": "\x00"},
        {"user_id": "x" * 129},
        {"surprise": 1},
    ],
)
def test_a_body_that_is_refused_is_400(client, logs, user, path, change):
    body = {"user_id": user, "performer_id": "nurse-7"}
    if path == END:
        body["session_id"] = start(client, user).json()["session_id"]
    body = {name: value for name, value in (body | change).items() if value is not ...}

    assert problem(client.post(path, json=body)) == (400, "invalid_input")
    if path == END:  # nothing was recorded
        assert len(events(logs, user, body["session_id"])) == 1


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b'{"user_id": "\\ud800", "performer_id": "n"}'],
)
def test_what_is_no_body_is_400(client, content):
    assert problem(client.post(START, content=content, headers={"Content-Type": "application/json"})) == (
        400,
        "invalid_input",
    )


@pytest.mark.parametrize("session_id", ["", "sess_x", "../../../etc/passwd", "sess_" + "a" * 44, 5, None])
def test_an_id_that_was_never_ours_is_400(client, user, session_id):
    assert problem(end(client, user, session_id)) == (400, "invalid_input")


def test_domain_errors(client, user):
    session_id = start(client, user).json()["session_id"]

    assert problem(start(client, user)) == (409, "active_session_exists")
    assert problem(end(client, user, generate_session_id())) == (404, "session_not_found")
    assert problem(end(client, "somebody else", session_id)) == (403, "session_user_mismatch")
    assert end(client, user, session_id).status_code == 200
    assert problem(end(client, user, session_id)) == (409, "session_already_closed")
    assert problem(end(client, "somebody else", session_id)) == (403, "session_user_mismatch")
    assert start(client, user).status_code == 201


def test_performer_system_is_accepted_and_recorded(client, logs, user):
    session_id = start(client, user, performer_id="system", source="session_manager").json()["session_id"]
    assert end(client, user, session_id, performer_id="system").status_code == 200
    assert [event["performer_id"] for event in events(logs, user, session_id)] == ["system", "system"]


@pytest.mark.parametrize(
    "name", ["../../../../tmp/escape", "..", "用户", "a/b", "%2e%2e%2f", "🙂" * 60, ".hidden"]
)
def test_any_name_of_a_user_stays_below_the_logs(client, logs, name):
    name += uuid.uuid4().hex
    session_id = start(client, name).json()["session_id"]

    path = session_log_path(name, session_id, root=logs)
    assert path.resolve().is_relative_to(logs.resolve() / "users")
    assert path.resolve().relative_to(logs.resolve()).parts[2] == "sessions"
    assert events(logs, name, session_id)[0]["user_id"] == name


def test_the_frameworks_own_refusals_have_the_same_form(client):
    assert problem(client.get(START)) == (405, "method_not_allowed")
    assert client.get(START).headers["Allow"] == "POST"
    assert problem(client.post("/session_manager/nothing")) == (404, "not_found")
    assert problem(client.post(START, content=b"x" * 70_000)) == (413, "body_too_large")
    assert problem(client.post(START, content=iter([b"{}"]))) == (411, "length_required")


@pytest.mark.parametrize("callers", [2, 24])
def test_of_many_starts_one_succeeds(address, logs, user, callers):
    with httpx.Client(base_url=address, timeout=30, limits=httpx.Limits(max_connections=callers)) as client:
        results = together(callers, lambda _n: start(client, user))

    statuses = sorted(result.status_code for result in results)
    assert statuses == [201] + [409] * (callers - 1)
    (winner,) = [result.json() for result in results if result.status_code == 201]
    directory = session_log_path(user, winner["session_id"], root=logs).parent
    assert [path.stem for path in directory.iterdir()] == [winner["session_id"]]
    assert events(logs, user, winner["session_id"]) == [winner]


def test_of_many_ends_one_succeeds(client, logs, user):
    started = start(client, user).json()

    results = together(16, lambda _n: end(client, user, started["session_id"]))

    assert sorted(result.status_code for result in results) == [200] + [409] * 15
    (winner,) = [result.json() for result in results if result.status_code == 200]
    assert events(logs, user, started["session_id"]) == [started, winner]


@pytest.mark.parametrize("store", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_two_servers_on_one_store_agree(request, tmp_path, store):
    """Two processes that share nothing but the store and the logs: Option B (S2.CON4)."""
    logs, extra = tmp_path / "logs", []
    url = f"sqlite:///{tmp_path}/ledger.db"
    if store == "postgres":
        url = request.getfixturevalue("postgres_backend").url
        extra = ["--schema", f"h{uuid.uuid4().hex[:12]}"]
    with contextlib.ExitStack() as stack:
        addresses = [stack.enter_context(service(url, logs, *extra)) for _ in range(2)]
        client = stack.enter_context(httpx.Client(timeout=30))

        def post(number, path, **body):
            address = addresses[number % 2]
            return client.post(address + path, json={"user_id": "u1", "performer_id": "n"} | body)

        for _ in range(3):
            starts = together(12, lambda n: post(n, START))
            (won,) = [answer.json() for answer in starts if answer.status_code == 201]
            assert sorted(answer.status_code for answer in starts) == [201] + [409] * 11
            ends = together(12, lambda n, won=won: post(n, END, session_id=won["session_id"]))
            (done,) = [answer.json() for answer in ends if answer.status_code == 200]
            assert sorted(answer.status_code for answer in ends) == [200] + [409] * 11
            assert events(logs, "u1", won["session_id"]) == [won, done]
    assert len(list(logs.rglob("*.jsonl"))) == 3


def test_a_log_that_can_not_be_written_is_503_and_the_place_stays_free(tmp_path):
    logs = tmp_path / "logs"
    with service("memory://", logs) as url, httpx.Client(base_url=url, timeout=30) as client:
        (logs / "users").write_text("in the way")
        failed = start(client, "u1")
        assert problem(failed) == (503, "recording_failed")
        assert failed.headers["Retry-After"] == "5"

        (logs / "users").unlink()
        assert start(client, "u1").status_code == 201


def test_a_ledger_in_memory_serves_one_process(tmp_path):
    code, said = refused("--workers", 2)
    assert (code, said.count("\n")) == (2, 1)
    with service("memory://", tmp_path / "logs"):
        code, said = refused("--logs", tmp_path / "logs", "--port", 0)
    assert (code, said.count("\n")) == (2, 1)
    assert "another one is running" in said


@pytest.mark.parametrize(
    "arguments",
    [
        ["--store", "mysql://x"],
        ["--store", "postgresql://nobody@127.0.0.1:9/none"],
        ["--store", "postgresql://nobody@127.0.0.1:9/none", "--workers", 2],
        ["--timeout-seconds", "5"],
    ],
)
def test_a_command_line_that_can_not_work_is_told_in_one_sentence(tmp_path, arguments):
    code, said = refused("--logs", tmp_path, *arguments)
    assert (code, said.count("\n")) == (2, 1)
    assert "Traceback" not in said
