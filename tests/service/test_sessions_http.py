"""Sessions over real HTTP: the service by its one command, two workers on one store (ST3, ST10-ST20)."""

from __future__ import annotations

import threading
import uuid

import httpx
import pytest
from tests.reference.conftest import place_of
from tests.reference.meeting import together
from tests.service.running import free_port, refused_by, running, serving

from sessionkeeper import (
    ACCESS_COOKIE,
    REFRESH_COOKIE,
    REFRESH_PATH,
    GuessGuard,
    Keeper,
    ManualClock,
    StoreUnavailableError,
    SystemClock,
    TokenMint,
    issue_magic_link_token,
    open_store,
)
from sessionkeeper.web.app import create_app


pytestmark = pytest.mark.slow

PEPPER = bytes(range(32))
MODULE = "sessionkeeper.web"
UNKNOWN = "x" * 22 + "." + "y" * 43


def cookies_of(response):
    """The cookies that a response gives, by name: value and attributes."""
    given = {}
    for field in response.headers.get_list("Set-Cookie"):
        name, _, rest = field.partition("=")
        value, *attributes = rest.split("; ")
        given[name] = (value, set(attributes))
    return given


class Browser:
    """Keeps the cookies of one user and brings them along, as a browser would over TLS."""

    def __init__(self, client):
        self.client = client
        self.access = self.refresh_token = None

    def ask(self, method, path, **more):
        cookies = {ACCESS_COOKIE: self.access}
        if path == REFRESH_PATH:
            cookies[REFRESH_COOKIE] = self.refresh_token
        header = "; ".join(f"{name}={value}" for name, value in cookies.items() if value)
        headers = {"Cookie": header} if header else {}
        response = self.client.request(method, path, headers=headers | more.pop("headers", {}), **more)
        given = cookies_of(response)
        if given:
            self.access, self.refresh_token = given[ACCESS_COOKIE][0], given[REFRESH_COOKIE][0]
        return response

    def follow(self, link, **more):
        return self.ask("POST", "/session/magic-link", json={"token": link}, **more)


def problem(response):
    assert set(response.json()) == {"error"}
    assert response.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in response.headers  # a loser never clears the winner's cookie (cases 16, 25)
    return response.status_code, response.json()["error"]["code"]


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def keeper(clock):
    return Keeper(open_store("memory://", clock=clock), TokenMint(PEPPER), clock=clock)


@pytest.fixture
def client(keeper, clock):
    with serving(create_app(keeper, guard=GuessGuard(clock, guesses=3))) as one:
        yield one


@pytest.fixture
def browser(client, keeper, clock):
    def open_it(user="ann"):
        clock.advance(1)
        one = Browser(client)
        assert one.follow(issue_magic_link_token(keeper, user)).status_code == 201
        return one

    return open_it


class TestCookies:
    def test_tokens_travel_in_cookies_and_nowhere_else(self, client, keeper):
        response = client.post("/session/magic-link", json={"token": issue_magic_link_token(keeper, "ann")})
        given = cookies_of(response)
        assert given[ACCESS_COOKIE][1] == {"Path=/", "Secure", "HttpOnly", "SameSite=Strict"}
        assert given[REFRESH_COOKIE][1] == {f"Path={REFRESH_PATH}", "Secure", "HttpOnly", "SameSite=Strict"}
        assert response.headers.get_list("Cache-Control") == ["no-store"]
        assert not any(value in response.text for value, _ in given.values())
        assert response.json()["session"]["user_id"] == "ann"

    def test_they_open_the_session_and_refresh_replaces_both(self, browser):
        ann = browser()
        before = ann.access
        assert ann.ask("GET", "/session").json()["user_id"] == "ann"
        assert ann.ask("POST", REFRESH_PATH).status_code == 200
        assert ann.access != before
        assert ann.ask("GET", "/session").status_code == 200
        ann.access = before
        assert problem(ann.ask("GET", "/session")) == (401, "invalid_token")

    def test_a_logout_takes_them_back_and_nothing_opens_any_more(self, browser):
        ann = browser()
        access, refresh = ann.access, ann.refresh_token
        response = ann.ask("POST", "/session/end")
        assert all(value == "" and "Max-Age=0" in more for value, more in cookies_of(response).values())
        ann.access, ann.refresh_token = access, refresh
        assert problem(ann.ask("GET", "/session")) == (401, "invalid_token")
        assert problem(ann.ask("POST", REFRESH_PATH)) == (401, "token_revoked")

    def test_an_id_that_a_client_made_up_is_never_adopted(self, client, keeper):
        eve = Browser(client)
        eve.access = UNKNOWN
        response = eve.follow(issue_magic_link_token(keeper, "ann"))
        assert response.status_code == 201
        assert eve.access != UNKNOWN
        assert response.json()["session"]["session_id"] != "x" * 22

    def test_a_login_ends_the_session_that_the_browser_brought(self, browser, keeper):
        ann = browser()
        before = ann.access
        ann.follow(issue_magic_link_token(keeper, "ann"))
        assert len(keeper.store.sessions_of("ann")) == 1
        ann.access = before
        assert problem(ann.ask("GET", "/session")) == (401, "invalid_token")


class TestOwnSessions:
    def test_users_see_and_end_their_own(self, browser):
        first, second, bob = browser(), browser(), browser("bob")
        shown = second.ask("GET", "/session/all").json()
        assert [each["user_id"] for each in shown] == ["ann", "ann"]
        assert problem(bob.ask("DELETE", f"/session/{shown[0]['session_id']}")) == (
            403,
            "session_user_mismatch",
        )
        assert second.ask("DELETE", f"/session/{shown[0]['session_id']}").status_code == 200
        assert problem(first.ask("GET", "/session")) == (401, "invalid_token")
        assert problem(second.ask("DELETE", f"/session/{shown[0]['session_id']}")) == (
            404,
            "session_not_found",
        )

    def test_all_others_end_together(self, browser):
        one, two, three = browser(), browser(), browser()
        assert len(two.ask("POST", "/session/end-others").json()["ended"]) == 2
        assert [each.ask("GET", "/session").status_code for each in (one, two, three)] == [401, 200, 401]

    def test_the_sixth_login_says_whom_it_displaced(self, browser, keeper):
        browsers = [browser() for _ in range(5)]
        oldest = browsers[0].ask("GET", "/session").json()["session_id"]
        sixth = Browser(browsers[0].client)
        assert sixth.follow(issue_magic_link_token(keeper, "ann")).json()["ended"] == [oldest]
        assert problem(browsers[0].ask("POST", REFRESH_PATH)) == (401, "token_revoked")


class TestBadInput:
    @pytest.mark.parametrize("session_id", ["x", "x" * 23, "x" * 21 + "!", "%00" * 22, "ü" * 22, "x" * 5000])
    def test_an_id_of_another_shape_is_400(self, browser, session_id):
        assert problem(browser().ask("DELETE", f"/session/{session_id}")) == (400, "invalid_input")

    @pytest.mark.parametrize(
        "cookie", ["", "theme=dark", f"{ACCESS_COOKIE}=", f"{ACCESS_COOKIE}=x.y", "\\;=;"]
    )
    def test_no_token_or_no_token_s_shape_is_401(self, client, cookie):
        for method, path in (("GET", "/session"), ("GET", "/session/all"), ("POST", "/session/end")):
            response = client.request(method, path, headers={"Cookie": cookie} if cookie else {})
            assert problem(response)[0] in {401, 429}

    @pytest.mark.parametrize(
        "body", ["", "{", "[]", '{"token": 5}', '{"token": "x", "more": 1}', '{"token": null}']
    )
    def test_a_body_of_another_shape_is_400(self, client, body):
        response = client.post(
            "/session/magic-link", content=body, headers={"Content-Type": "application/json"}
        )
        assert problem(response) == (400, "invalid_input")

    def test_400_kilobytes_are_not_read(self, client):
        response = client.post("/session/magic-link", json={"token": "x" * 400_000})
        assert problem(response) == (413, "body_too_large")

    @pytest.mark.parametrize("user", ["Zoë", "用户", "🙂", "name with spaces", "count", "ttl", "SLOT#00"])
    def test_users_of_any_script_and_words_that_are_reserved(self, browser, user):
        assert browser(user).ask("GET", "/session").json()["user_id"] == user

    def test_a_link_for_the_second_time_an_old_one_and_one_that_is_not_ours(self, client, keeper, clock):
        link = issue_magic_link_token(keeper, "ann")
        assert Browser(client).follow(link).status_code == 201
        assert problem(Browser(client).follow(link)) == (401, "link_used")
        old = issue_magic_link_token(keeper, "ann")
        clock.advance(900)
        assert problem(Browser(client).follow(old)) == (401, "session_expired")
        assert problem(Browser(client).follow(old[:-1] + "?")) == (401, "invalid_token")

    def test_expired_replayed_and_a_clock_that_is_set_back(self, browser, clock):
        ann = browser()
        spent = ann.refresh_token
        ann.ask("POST", REFRESH_PATH)
        clock.advance(11)
        winner, ann.refresh_token = ann.refresh_token, spent
        assert problem(ann.ask("POST", REFRESH_PATH)) == (401, "token_reused")
        ann.refresh_token = winner
        assert problem(ann.ask("POST", REFRESH_PATH)) == (401, "token_revoked")
        bob = browser("bob")
        clock.advance(3600)
        assert problem(bob.ask("GET", "/session")) == (401, "session_expired")
        clock.advance(-7200)
        assert problem(bob.ask("GET", "/session")) == (401, "session_expired")

    def test_two_tabs_refresh_at_once_and_both_go_on(self, browser):
        ann = browser()
        other = Browser(ann.client)
        other.access, other.refresh_token = ann.access, ann.refresh_token
        together(lambda: ann.ask("POST", REFRESH_PATH), lambda: other.ask("POST", REFRESH_PATH))
        assert (ann.access, ann.refresh_token) == (other.access, other.refresh_token)
        assert ann.ask("GET", "/session").status_code == 200

    def test_a_store_that_is_down_is_503_and_says_when_to_come_back(self, browser, keeper, monkeypatch):
        ann = browser()

        def down(*_):
            raise StoreUnavailableError("postgres at 10.0.0.7 does not answer")

        monkeypatch.setattr(keeper.store, "find", down)
        response = ann.ask("GET", "/session")
        assert problem(response) == (503, "store_unavailable")
        assert response.headers["Retry-After"] == "1"
        assert "10.0.0.7" not in response.text
        monkeypatch.undo()
        assert ann.ask("GET", "/session").status_code == 200

    def test_a_reply_that_was_lost_is_asked_for_again(self, client, keeper):
        link, key = issue_magic_link_token(keeper, "ann"), {"Idempotency-Key": uuid.uuid4().hex}
        first, again = Browser(client), Browser(client)
        first.follow(link, headers=key)
        assert again.follow(link, headers=key).status_code == 201
        assert (first.access, first.refresh_token) == (again.access, again.refresh_token)
        assert len(keeper.store.sessions_of("ann")) == 1
        assert problem(Browser(client).follow(link, headers={"Idempotency-Key": uuid.uuid4().hex})) == (
            401,
            "link_used",
        )

    def test_a_key_that_could_be_guessed_is_refused(self, client):
        response = client.post("/session/anonymous", headers={"Idempotency-Key": "1"})
        assert problem(response) == (400, "invalid_input")


class TestGuessing:
    def test_who_presents_many_unknown_tokens_has_to_wait(self, client, browser, clock):
        ann = browser()
        eve = Browser(client)
        for number in range(3):
            eve.access = f"{number}" + UNKNOWN[1:]
            assert problem(eve.ask("GET", "/session")) == (401, "invalid_token")
        response = eve.ask("GET", "/session")
        assert problem(response) == (429, "too_many_guesses")
        assert int(response.headers["Retry-After"]) <= 61
        clock.advance(61)
        assert ann.ask("GET", "/session").status_code == 200

    def test_one_stale_cookie_however_often_is_one_guess(self, browser):
        ann = browser()
        stale = ann.access
        ann.ask("POST", "/session/end")
        ann.access = stale
        for _ in range(8):
            assert problem(ann.ask("GET", "/session")) == (401, "invalid_token")
        assert browser().ask("GET", "/session").status_code == 200


@pytest.mark.parametrize(
    "kind",
    [
        "sqlite",
        pytest.param("postgres", marks=pytest.mark.postgres),
        pytest.param("dynamodb", marks=pytest.mark.dynamodb),
    ],
)
def test_workers_on_one_store_hold_the_limit_at_every_instant(kind, request):
    """Two processes of the service, many logins of one user, and a watcher with a connection of its own."""
    place = place_of(kind, request)
    store = place.open(SystemClock())
    keeper = Keeper(store, TokenMint(PEPPER))
    seen, over = [], threading.Event()

    def watch():
        while not over.is_set():
            seen.append(len(store.sessions_of("ann")))

    where = ("--store", place.url, "--namespace", place.namespace)
    line = ("-m", MODULE, *where, "--workers", 2, "--port", free_port())
    with running(line, SESSIONKEEPER_PEPPER=PEPPER.hex()) as address:
        limits = httpx.Limits(max_connections=8)
        with httpx.Client(base_url=address, timeout=60, limits=limits) as client:
            watcher = threading.Thread(target=watch)
            watcher.start()
            try:
                browsers = [Browser(client) for _ in range(24)]
                links = [issue_magic_link_token(keeper, "ann") for _ in browsers]
                calls = [lambda b=b, t=t: b.follow(t) for b, t in zip(browsers, links, strict=True)]
                answers = together(*calls)
            finally:
                over.set()
                watcher.join()
            assert [each.status_code for each in answers] == [201] * 24
            opened = [each.ask("GET", "/session").status_code for each in browsers]
    assert max(seen) == 5
    assert sorted(opened) == [200] * 5 + [401] * 19
    live = {each.session_id for each in store.sessions_of("ann")}
    made = [each.json()["session"]["session_id"] for each in answers]
    ended = [one for each in answers for one in each.json()["ended"]]
    assert len(ended) == len(set(ended)) == 19  # each acknowledged one is live, or ended once
    assert live == set(made) - set(ended)
    place.close()


@pytest.mark.parametrize(
    ("arguments", "pepper"),
    [
        (["--store", "mysql://x"], PEPPER.hex()),
        (["--store", "postgresql://nobody@127.0.0.1:9/none", "--workers", 2], PEPPER.hex()),
        (["--workers", 2], PEPPER.hex()),
        ([], "00"),
        ([], "no number"),
    ],
)
def test_a_start_that_can_not_work_is_told_in_one_sentence(arguments, pepper):
    code, said = refused_by(MODULE, *arguments, SESSIONKEEPER_PEPPER=pepper)
    assert (code, said.count("\n")) == (2, 1)
    assert "Traceback" not in said
