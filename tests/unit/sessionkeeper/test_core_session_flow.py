"""TEST_003: a session's whole way, the middleware in a pipeline, settings that change (SC-009 to SC-011)."""

from __future__ import annotations

import asyncio
import logging
import threading

import pytest

from sessionkeeper import (
    InvalidTokenError,
    Keeper,
    ManualClock,
    SessionCleanupMiddleware,
    SessionExpiredError,
    SessionManager,
    SessionSettings,
    StoreUnavailableError,
    TokenMint,
    open_store,
)


@pytest.fixture
def clock():
    return ManualClock(1_000_000.0)


@pytest.fixture
def manager(clock):
    store = open_store("memory://", clock=clock)
    return SessionManager(Keeper(store, TokenMint(b"p" * 32), clock=clock))


async def request(app):
    sent = []

    async def receive():
        return {"type": "http.request"}

    async def send(message):
        sent.append(message)

    await app({"type": "http"}, receive, send)
    return sent


async def answer(_scope, _receive, send):
    await send({"type": "http.response.start", "status": 204})


def test_sc_009_create_use_expire_clean_up(manager, clock):
    login = manager.create("ann")
    clock.advance(1800)
    assert manager.validate(login.tokens.access).last_used_at == clock.now()
    clock.advance(3600)
    with pytest.raises(SessionExpiredError):
        manager.validate(login.tokens.access)
    assert manager.cleanup().sessions == 1
    assert manager.cleanup().sessions == 0
    with pytest.raises(InvalidTokenError):
        manager.validate(login.tokens.access)


def test_sc_010_the_middleware_cleans_up_in_the_pipeline_and_says_so(manager, clock, caplog):
    caplog.set_level(logging.DEBUG, "sessionkeeper.middleware")
    manager.create("ann")
    clock.advance(4000)

    async def scenario():
        app = SessionCleanupMiddleware(answer, manager, monotonic=clock.now)
        assert await request(app) == [{"type": "http.response.start", "status": 204}]
        assert caplog.records == []  # the interval has just begun
        clock.advance(300)
        await request(app)
        await app.finished()
        await request(app)  # and the next has not passed
        await app.finished()

    asyncio.run(scenario())
    assert [(each.levelname, each.getMessage()) for each in caplog.records] == [
        ("DEBUG", "cleanup: 1 sessions, 0 blocklist entries removed")
    ]


def test_a_request_does_not_wait_for_the_cleanup_and_there_is_one_at_a_time(manager, clock):
    let_go, under_way, begun = threading.Event(), threading.Event(), []

    def slow(batch):
        begun.append(batch)
        under_way.set()
        let_go.wait(timeout=30)
        return type(manager).cleanup(manager, batch)

    manager.cleanup = slow

    async def scenario():
        app = SessionCleanupMiddleware(answer, manager, monotonic=clock.now, batch=7)
        for _ in range(3):
            clock.advance(300)
            assert await request(app)
        await asyncio.to_thread(under_way.wait, 30)
        let_go.set()
        await app.finished()

    asyncio.run(scenario())
    assert begun == [7]


def test_the_end_of_the_application_waits_for_the_cleanup(manager, clock):
    done = []
    manager.cleanup = lambda batch: done.append(batch) or type(manager).cleanup(manager, batch)

    async def scenario():
        app = SessionCleanupMiddleware(answer, manager, monotonic=clock.now)
        clock.advance(300)
        await request(app)

        async def nothing(*_):
            return {}

        await app({"type": "lifespan"}, nothing, nothing)
        assert done == [100]

    asyncio.run(scenario())


def test_a_cleanup_that_fails_harms_no_request_and_is_tried_again(manager, clock, caplog):
    def down(_batch):
        raise StoreUnavailableError("down")

    manager.cleanup = down

    async def scenario():
        app = SessionCleanupMiddleware(answer, manager, monotonic=clock.now)
        for _ in range(2):
            clock.advance(300)
            assert await request(app)
            await app.finished()

    asyncio.run(scenario())
    assert [each.levelname for each in caplog.records] == ["WARNING", "WARNING"]


def test_sc_011_new_settings_take_effect(manager, clock):
    first = manager.create("ann")
    manager.configure(SessionSettings(timeout_seconds=60, cleanup_interval_seconds=30))
    second = manager.create("ann")
    assert second.session.expires_at - second.session.created_at == 60
    clock.advance(61)
    with pytest.raises(SessionExpiredError):
        manager.validate(second.tokens.access)
    manager.validate(first.tokens.access)  # made under the old timeout, and from now on under the new
    clock.advance(60)
    with pytest.raises(SessionExpiredError):
        manager.validate(first.tokens.access)

    async def scenario():
        app = SessionCleanupMiddleware(answer, manager, monotonic=clock.now)
        clock.advance(30)
        await request(app)
        await app.finished()

    asyncio.run(scenario())
    assert manager.cleanup().sessions == 0  # the middleware has removed both
