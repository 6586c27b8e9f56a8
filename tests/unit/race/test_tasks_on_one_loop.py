"""Clients that are asyncio tasks: stopped where they await, in orders that are chosen, replayed exactly."""

from __future__ import annotations

import asyncio
import math
from typing import ClassVar

import httpx
import pytest
from hypothesis import strategies as st

from planproof.backends.model import Backend, BackendKind
from planproof.errors import WorkloadError
from planproof.race import Bundle, Workload, call, invariant, operation, parallel, run


MEMORY = Backend(BackendKind.MEMORY, "memory://")
SQLITE = Backend(BackendKind.SQLITE, "sqlite:///a-file-for-each-schedule")


class Account:
    """Reads, awaits, writes."""

    def __init__(self, *, locked):
        self.balance = 0
        self.lock = asyncio.Lock() if locked else None

    async def read(self):
        await asyncio.sleep(0)
        return self.balance

    async def add(self, amount):
        if self.lock is None:
            await self._add(amount)
        else:
            async with self.lock:
                await self._add(amount)

    async def _add(self, amount):
        n = await self.read()
        await asyncio.sleep(0)
        self.balance = n + amount


class Adds(Workload):
    """An update is lost between two awaits."""

    backends: ClassVar = (BackendKind.MEMORY,)
    locked: ClassVar = False
    scenarios: ClassVar = (parallel(call("add", amount=1), call("add", amount=2)),)

    async def open(self, backend):
        await asyncio.sleep(0)
        self.done = 0
        return Account(locked=self.locked)

    @operation(amount=st.integers(1, 3))
    async def add(self, account, amount):
        await account.add(amount)
        self.done += amount

    @invariant(when="rest")
    async def nothing_lost(self, account):
        assert await account.read() == self.done, f"{account.balance}, not {self.done}"


class LockedAdds(Adds):
    """The same, with the lock."""

    locked: ClassVar = True


class TestExplore:
    def test_a_lost_update_between_awaits_is_found_and_small(self):
        result = run(Adds, backend=MEMORY, schedules=50, seed=3)
        assert result.outcome == "failed", result.reason
        assert result.failure.violation.property == "nothing_lost"
        assert result.failure.size == (2, 2, 2)
        assert any("after test_tasks_on_one_loop.py:" in step for step in result.failure.steps)

    def test_the_lock_is_seen_as_a_lock_and_every_order_is_run(self):
        result = run(LockedAdds, backend=MEMORY, schedules=5000, orders="all")
        assert result.outcome == "passed", result.reason or result.failure.reason
        assert result.certificate["exhausted"]
        assert result.certificate["waits"]["unseen"] == 0

    def test_every_order_is_run_once(self):
        class Steps(Workload):
            seen: ClassVar = []
            scenarios: ClassVar = (parallel(call("go", steps=2), call("go", steps=3)),)

            def open(self, backend):
                return []

            @operation(steps=st.integers(1, 3))
            async def go(self, log, steps):
                me = len(log)
                log.append(me)
                for _ in range(steps):
                    await asyncio.sleep(0)
                    log.append(steps)

            @invariant(when="rest")
            def written(self, log):
                type(self).seen.append(tuple(log))

        result = run(Steps, backend=MEMORY, schedules=500, orders="all")
        assert result.certificate["exhausted"], result.reason
        assert result.certificate["schedules"]["distinct"] == math.comb(7, 3)

    def test_the_same_seed_gives_the_same_run_and_its_choices_give_it_again(self):
        failures = [run(Adds, backend=MEMORY, schedules=50, seed=8, shrink=False).failure for _ in range(2)]
        assert failures[0].choices == failures[1].choices
        assert failures[0].steps == failures[1].steps

    def test_all_that_wait_for_each_other_are_a_deadlock_with_stacks(self):
        class Crossed(Workload):
            scenarios: ClassVar = (parallel(call("take", first=0), call("take", first=1)),)

            def open(self, backend):
                return [asyncio.Lock(), asyncio.Lock()]

            @operation(first=st.integers(0, 1))
            async def take(self, locks, first):
                async with locks[first]:
                    await asyncio.sleep(0)
                    async with locks[1 - first]:
                        pass

            @invariant
            def nothing(self, locks):
                pass

        failure = run(Crossed, backend=MEMORY, schedules=50).failure
        assert failure.violation.property == "progress"
        assert "async with locks[1 - first]" in failure.violation.detail

    def test_sleeps_take_no_time_and_any_order_of_them_is_tried(self):
        class Late(Workload):
            scenarios: ClassVar = (parallel(call("put", n=1, after=3600.0), call("put", n=2, after=60.0)),)

            def open(self, backend):
                return []

            @operation(n=st.just(1), after=st.just(1.0))
            async def put(self, log, n, after):
                log.append(-n)
                await asyncio.sleep(after)
                log.append(n)

            @invariant(when="rest")
            def in_order(self, log):
                assert log[2:] != [1, 2] or log[1] > 0, "the longer of two sleeps ended first"

        result = run(Late, backend=MEMORY, schedules=100, orders="all")
        assert result.outcome == "passed", result.failure and result.failure.reason

    def test_a_timeout_fires_when_nobody_can_move(self):
        class Waits(Workload):
            scenarios: ClassVar = (parallel(call("wait"), call("pass_by")),)

            def open(self, backend):
                return asyncio.Event()

            @operation
            async def wait(self, event):
                try:
                    async with asyncio.timeout(5):
                        await event.wait()
                except TimeoutError:
                    return "late"

            @operation
            async def pass_by(self, event):
                await asyncio.sleep(0)

            @invariant
            def nothing(self, event):
                pass

        result = run(Waits, backend=MEMORY, schedules=20, orders="all")
        assert result.outcome == "passed", result.reason

    def test_tasks_of_a_client_are_stopped_too(self):
        class Fans(Adds):
            scenarios: ClassVar = (parallel(call("add", amount=1), call("look")),)

            @operation(amount=st.integers(1, 3))
            async def add(self, account, amount):
                async with asyncio.TaskGroup() as group:
                    for _ in range(2):
                        group.create_task(account.add(amount))
                self.done += 2 * amount

            @operation
            async def look(self, account):
                return await account.read()

        assert run(Fans, backend=MEMORY, schedules=20).outcome == "failed"

    def test_the_observer_sees_between_the_awaits(self):
        class Half(Workload):
            scenarios: ClassVar = (parallel(call("move"), call("move")),)

            def open(self, backend):
                return {"a": 1, "b": 0}

            @operation
            async def move(self, both):
                both["a"] -= 1
                await asyncio.sleep(0)
                both["b"] += 1

            @invariant
            async def nothing_is_lost(self, both):
                await asyncio.sleep(0)
                assert both["a"] + both["b"] == 1

        failure = run(Half, backend=MEMORY, schedules=5).failure
        assert failure.violation.property == "nothing_is_lost"

    def test_a_task_that_never_comes_back_is_told_with_its_stack(self):
        class Hangs(Workload):
            limit_seconds: ClassVar = 0.5

            def open(self, backend):
                return None

            @operation
            async def hang(self, _):
                reader, _writer = await asyncio.open_connection("127.0.0.1", self.port)
                await reader.read()

            async def setup(self, _):
                held = []  # a connection that nobody holds is closed by Python 3.13
                self.server = await asyncio.start_server(lambda *ends: held.append(ends), "127.0.0.1", 0)
                self.port = self.server.sockets[0].getsockname()[1]

            async def teardown(self, _):
                self.server.close()

            @invariant
            def nothing(self, _):
                pass

        result = run(Hangs, backend=MEMORY, schedules=1)
        assert result.outcome == "inconclusive" or result.failure.violation.property == "progress"
        told = result.reason or result.failure.violation.detail
        assert "await reader.read()" in told


class TestStress:
    def test_a_lost_update_is_found(self):
        result = run(Adds, backend=MEMORY, schedules=20, mode="stress", seed=1)
        assert result.outcome == "failed", result.reason

    def test_the_locked_one_passes(self):
        result = run(LockedAdds, backend=MEMORY, schedules=20, mode="stress", seed=1)
        assert result.outcome == "passed", result.reason or result.failure.reason
        assert result.certificate["overlap"]["pairs"]


class TestDeclared:
    def test_a_plain_operation_among_coroutines_runs_whole(self):
        class Mixed(Adds):
            scenarios: ClassVar = (parallel(call("plain"), call("plain")),)

            @operation
            def plain(self, account):
                account.balance += 1
                self.done += 1

        assert run(Mixed, backend=MEMORY, orders="all", schedules=50).outcome == "passed"

    def test_threads_run_no_coroutine(self):
        class Opens(Workload):
            async def open(self, backend):
                pass

            @operation
            def look(self, system):
                pass

        with pytest.raises(WorkloadError, match="open is a coroutine, but the operations are not"):
            run(Opens, backend=MEMORY)

    def test_bundles_work_with_tasks(self):
        made = Bundle("made")

        class Makes(Workload):
            scenarios: ClassVar = (parallel([call("make"), call("use", it=made[0])], [call("make")]),)

            def open(self, backend):
                return []

            @operation(target=made)
            async def make(self, log):
                await asyncio.sleep(0)
                return 7

            @operation(it=made)
            async def use(self, log, it):
                log.append(it)

            @invariant(when="rest")
            def used(self, log):
                assert log == [7]

        result = run(Makes, backend=MEMORY, schedules=100, orders="all")
        assert result.outcome == "passed", result.reason or result.failure.reason


async def _connect(url):
    import psycopg

    return await psycopg.AsyncConnection.connect(url, autocommit=False)


class Row(Workload):
    """Clients with connections of their own read a row, then write it."""

    backends: ClassVar = (BackendKind.POSTGRES,)
    lock: ClassVar = ""
    scenarios: ClassVar = (parallel(call("add", amount=1), call("add", amount=2)),)

    async def open(self, backend):
        self.url, self.done = backend.url, 0
        system = await _connect(self.url)
        await system.execute("CREATE TABLE t (n integer)")
        await system.execute("INSERT INTO t VALUES (0)")
        await system.commit()
        await system.set_autocommit(True)
        return system

    @operation(amount=st.integers(1, 3))
    async def add(self, _, amount):
        connection = await _connect(self.url)
        async with connection:
            cursor = await connection.execute(f"SELECT n FROM t {self.lock}")
            (n,) = await cursor.fetchone()
            await connection.execute("UPDATE t SET n = %s", (n + amount,))
        self.done += amount

    @invariant(when="rest")
    async def nothing_lost(self, system):
        (n,) = await (await system.execute("SELECT n FROM t")).fetchone()
        assert n == self.done, f"{n}, not {self.done}"


class LockedRow(Row):
    """The same with a lock on the row: the second one waits in the server."""

    lock: ClassVar = "FOR UPDATE"


class StaleCache(Row):
    """What is kept in memory after the reply may be older than what another task put there."""

    async def open(self, backend):
        system = await super().open(backend)
        self.cache = 0
        return system

    @operation(amount=st.integers(1, 3))
    async def add(self, _, amount):
        connection = await _connect(self.url)
        async with connection:
            cursor = await connection.execute("UPDATE t SET n = n + %s RETURNING n", (amount,))
            (n,) = await cursor.fetchone()
        self.cache = n

    @invariant(when="rest")
    async def nothing_lost(self, system):
        (n,) = await (await system.execute("SELECT n FROM t")).fetchone()
        assert n == self.cache, f"{self.cache} in the cache, {n} in the table"


@pytest.mark.postgres
class TestPostgres:
    @pytest.mark.parametrize("workload", [Row, StaleCache])
    def test_a_race_is_found_with_the_statements_in_order(self, workload, postgres_backend):
        result = run(workload, backend=postgres_backend, schedules=60, seed=1)
        assert result.outcome == "failed", result.reason
        assert result.failure.violation.property == "nothing_lost"
        assert any("UPDATE t SET n =" in step for step in result.failure.steps)
        assert any(
            sub.text.startswith("UPDATE") for op in result.failure.history.operations for sub in op.subs
        )

    def test_a_row_lock_is_seen_as_a_wait(self, postgres_backend):
        result = run(LockedRow, backend=postgres_backend, schedules=40, seed=1)
        assert result.outcome == "passed", result.reason or result.failure.reason
        assert result.certificate["waits"]["seen"] > 0
        assert result.certificate["waits"]["unseen"] == 0

    def test_stress(self, postgres_backend):
        result = run(Row, backend=postgres_backend, schedules=20, seed=1, mode="stress")
        assert result.outcome == "failed", result.reason

    def test_the_same_seed_gives_the_same_run(self, postgres_backend):
        failures = [
            run(Row, backend=postgres_backend, schedules=60, seed=4, shrink=False).failure for _ in range(2)
        ]
        assert failures[0].steps == failures[1].steps


class OverSockets(Workload):
    """Reads, then writes, with httpx over real sockets."""

    scenarios: ClassVar = (parallel(call("add"), call("add")),)

    async def open(self, backend):
        self.n = self.done = 0
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        port = self.server.sockets[0].getsockname()[1]
        return httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}")

    async def serve(self, reader, writer):
        while line := await reader.readline():
            while (await reader.readline()).strip():
                pass
            path = line.split()[1].decode()
            if path != "/":
                self.n = int(path[1:])
            body = str(self.n).encode()
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body))
            await writer.drain()
            writer.write(body)  # in a second piece
            await writer.drain()

    async def close(self, client):
        await client.aclose()
        self.server.close()

    @operation
    async def add(self, client):
        n = int((await client.get("/")).text)
        await client.get(f"/{n + 1}")
        self.done += 1

    @invariant(when="rest")
    def nothing_lost(self, client):
        assert self.n == self.done, f"{self.n}, not {self.done}"


def test_replies_over_sockets_are_stops_however_many_pieces_they_come_in():
    failures = [run(OverSockets, backend=MEMORY, schedules=10, seed=3).failure for _ in range(2)]
    assert failures[0].violation.property == "nothing_lost"
    assert failures[0].steps == failures[1].steps
    assert failures[0].size[2] <= 3
