"""Servers and containers of ours are gone after the run, whichever way it ended."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import uuid
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from planproof.backends import engine, keeping
from planproof.backends.settings import Settings


pytestmark = [pytest.mark.slow, pytest.mark.postgres, pytest.mark.dynamodb]

WAYS = [
    pytest.param("postgres", "program", id="postgres-program"),
    pytest.param("dynamodb", "program", id="dynamodb-program"),
    pytest.param("postgres", "container", id="postgres-container"),
    pytest.param("dynamodb", "container", id="dynamodb-container"),
]


def answers(url):
    """Whether anything listens there; a closed port is refused by the kernel."""
    parts = urlsplit(url)
    with socket.socket() as probe:
        probe.settimeout(5)
        return probe.connect_ex((parts.hostname, parts.port)) == 0


def containers(env, url=None):
    """Ids of the containers of ours, running or not; with ``url``, of the one that answers there."""
    if env["PLANPROOF_BACKEND_SOURCES"] != "container":
        return set()
    found = engine.connect(Settings.of(env)).client.api.containers(
        all=True, filters={"label": engine.KEEPER_LABEL}
    )
    return {each["Id"] for each in found if url is None or is_at(each, url)}


def is_at(container, url):
    """Whether the container answers there, through a published port or on the engine's own network."""
    parts = urlsplit(url)
    networks = container["NetworkSettings"]["Networks"].values()
    return parts.hostname in {network["IPAddress"] for network in networks} or (
        parts.port in {entry.get("PublicPort") for entry in container["Ports"]}
    )


def environment(pid):
    """The environment of a process, as ``NAME=value``; empty where it is gone or not ours to see."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    return []


def keeper_of(env):
    """The process that keeps the server of the holder that was started with ``env``.

    Its guardian is its child and has the same command line; others' keepers have another environment.
    """
    listed = subprocess.run(["ps", "-ewwo", "pid=,ppid=,args="], capture_output=True, text=True, check=True)
    rows = [line.split(None, 2) for line in listed.stdout.splitlines()]
    parents = {int(pid): int(parent) for pid, parent, args in rows if "planproof.backends.keeper" in args}
    ours = {pid for pid in parents if f"MARK={env['MARK']}".encode() in environment(pid)}
    (keeper,) = (pid for pid in ours if parents[pid] not in ours)
    return keeper


def folders(room):
    return set(room.glob(f"{keeping.FOLDER}*"))


@pytest.mark.parametrize(
    ("kind", "source", "sign"),
    [
        *(pytest.param(*way.values, signal.SIGKILL, id=f"{way.id}-killed") for way in WAYS),
        pytest.param("postgres", "program", signal.SIGINT, id="interrupted"),
        pytest.param("postgres", "container", signal.SIGTERM, id="terminated"),
    ],
)
def test_a_server_ends_with_the_run_that_started_it(kind, source, sign, only, holder, soon):
    env = only(kind, source)
    held = holder(kind, env)
    mine = containers(env, held.url)
    assert len(mine) == (source == "container")
    assert answers(held.url)

    held.end(sign)

    soon("the server's end", lambda: not answers(held.url))
    soon("the container's removal", lambda: not mine & containers(env))


@pytest.mark.parametrize(("kind", "source"), WAYS)
def test_an_orderly_end_returns_when_all_is_gone(kind, source, only, holder):
    env = only(kind, source)
    held = holder(kind, env)
    mine = containers(env, held.url)
    assert len(mine) == (source == "container")
    held.let_go()
    assert not answers(held.url)
    assert not mine & containers(env)


@pytest.mark.parametrize(("kind", "source"), WAYS)
def test_a_killed_keeper_takes_its_server_with_it(kind, source, only, holder, soon):
    env = {**only(kind, source), "MARK": uuid.uuid4().hex}
    held = holder(kind, env)
    mine = containers(env, held.url)
    assert len(mine) == (source == "container")
    os.kill(keeper_of(env), signal.SIGKILL)
    soon("the server's end", lambda: not answers(held.url))
    soon("the container's removal", lambda: not mine & containers(env))


@pytest.mark.parametrize(("kind", "source"), WAYS[:1])
def test_no_folder_stays(kind, source, only, holder, soon, open_room):
    env = only(kind, source)
    env["TMPDIR"] = str(open_room)
    held = holder(kind, env)
    made = folders(open_room)
    assert made
    held.end(signal.SIGKILL)
    soon("the folder's removal", lambda: not folders(open_room))


def test_the_next_start_sweeps_what_a_power_cut_left(only, holder, tmp_path):
    """A container whose keeper and guardian are both gone, as after a reboot of the machine."""
    env = only("postgres", "container")
    found = engine.connect(Settings.of(env))
    image = Settings.of(env).postgres_image
    dead = tmp_path / "planproof-server-gone"
    stray = found.client.containers.create(image, labels=engine.labels(dead))
    living = keeping.own_directory()
    directory = living.__enter__()
    spared = found.client.containers.create(image, labels=engine.labels(directory))
    try:
        holder("postgres", env).let_go()
        left = containers(env)
        assert stray.id not in left
        assert spared.id in left
    finally:
        spared.remove(force=True)
        living.__exit__(None, None, None)


@pytest.mark.parametrize(("kind", "source"), WAYS[:2])
def test_processes_of_one_run_share_one_server(kind, source, only, holder, tmp_path):
    env = only(kind, source)
    first, second = holder(kind, env, tmp_path / "room"), holder(kind, env, tmp_path / "room")
    assert urlsplit(first.url).port == urlsplit(second.url).port
    assert first.namespace != second.namespace

    first.let_go()
    assert answers(second.url)
    second.let_go()
    assert not answers(second.url)

    third = holder(kind, env, tmp_path / "room")
    assert answers(third.url)
    third.let_go()


SUITE = """
import os, pathlib, signal
import pytest

@pytest.mark.parametrize("n", range(4))
def test_it(n, postgres_backend):
    seen = pathlib.Path(os.environ["SEEN"], f"{os.getpid()}-{n}")
    seen.with_name(f".{seen.name}").write_text(postgres_backend.url)
    seen.with_name(f".{seen.name}").rename(seen)
    if "WAIT" in os.environ:
        signal.pause()
"""


@pytest.fixture
def run_of_two(tmp_path):
    """``run_of_two(env)``: pytest over two workers, whose tests tell their addresses in a folder ``seen``."""
    seen = tmp_path / "seen"
    seen.mkdir()
    (tmp_path / "test_it.py").write_text(SUITE)
    (tmp_path / "conftest.py").write_text("pytest_plugins = ['planproof.backends.pytest_fixtures']\n")
    started = []

    def start(env):
        options = ["-q", "-n", "2", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", str(tmp_path)]
        run = subprocess.Popen(
            [sys.executable, "-m", "pytest", *options, str(tmp_path)],
            env={**env, "SEEN": str(seen)},
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        started.append(run)
        run.seen = seen
        return run

    yield start
    for run in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(run.pid, signal.SIGKILL)
        run.stdout.close()
        run.wait()


def told(run):
    """What the tests of a run told so far: (worker, address)."""
    return [(each.name.partition("-")[0], each.read_text()) for each in run.seen.glob("[!.]*")]


def test_a_run_of_pytest_over_two_workers_starts_one_server_and_leaves_none(only, run_of_two):
    run = run_of_two(only("postgres", "program"))
    output, _ = run.communicate(timeout=120)
    assert run.returncode == 0, output
    urls = [urlsplit(url) for _, url in told(run)]
    assert len({worker for worker, _ in told(run)}) == 2
    assert len({url.port for url in urls}) == 1
    assert len({url.path for url in urls}) == 2
    assert not answers(urls[0].geturl())


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGINT], ids=["killed", "interrupted"])
@pytest.mark.parametrize("source", ["program", "container"])
def test_a_run_of_pytest_that_is_ended_over_two_workers_leaves_none(source, sign, only, run_of_two, soon):
    """Ctrl-C goes to every process of the terminal; kill -9 to the first alone."""
    env = only("postgres", source)
    run = run_of_two({**env, "WAIT": "1"})
    soon("both workers' tests", lambda: len({worker for worker, _ in told(run)}) == 2)
    url = told(run)[0][1]
    mine = containers(env, url)
    assert len(mine) == (source == "container")

    (os.kill if sign == signal.SIGKILL else os.killpg)(run.pid, sign)

    soon("the server's end", lambda: not answers(url))
    soon("the container's removal", lambda: not mine & containers(env))


def test_no_process_is_left_to_wait_for(only):
    """Python warns of a child that nobody waited for; whoever makes warnings errors must not meet that."""
    script = "from planproof.backends import acquire\nwith acquire('postgres'):\n    pass\n"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        env=only("postgres", "program"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
