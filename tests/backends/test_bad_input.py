"""What can be wrong with a server, each said in one clear sentence."""

from __future__ import annotations

import http.server
import os
import re
import socket
import subprocess
import sys
import threading
import zipfile
from contextlib import ExitStack, closing, contextmanager, suppress
from urllib.parse import urlsplit

import psycopg
import pytest

from planproof.backends import acquire, dynamodb, engine, postgres, postgres_program
from planproof.backends.settings import Settings
from planproof.backends.waiting import SystemClock
from planproof.errors import BackendUnavailableError


pytestmark = pytest.mark.slow


class QuickClock(SystemClock):
    """Time that flies: a wait costs nothing and the deadline comes at once."""

    def __init__(self):
        self.now = 0.0

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


def refusal(kind, env, **more):
    """The one sentence with which ``kind`` is refused."""
    with pytest.raises(BackendUnavailableError) as caught, acquire(kind, env=env, **more):
        pass
    message = str(caught.value)
    assert "\n" not in message
    assert "Traceback" not in message
    assert caught.value.exit_code == 3
    return message


def program(**more):
    return {"PATH": os.environ["PATH"], "PLANPROOF_BACKEND_SOURCES": "program", **more}


def container(**more):
    return {"PATH": os.environ["PATH"], "PLANPROOF_BACKEND_SOURCES": "container", **more}


@contextmanager
def wrong_server(answer):
    """A server that is not what the address says."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST  # noqa: N815 - the name that http.server calls

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@contextmanager
def blunt_server(answer):
    """A server that says the same to whatever it hears first, and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            with suppress(OSError):
                while True:
                    visitor, _ = listener.accept()
                    with visitor:
                        visitor.recv(4096)
                        visitor.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def closed_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


# The engine


def test_no_engine(tmp_path):
    message = refusal("postgres", container(DOCKER_HOST=f"unix://{tmp_path}/none.sock"))
    assert f"container: no container engine answers at unix://{tmp_path}/none.sock" in message
    assert "set PLANPROOF_POSTGRES_URL, start a container engine, or install PostgreSQL" in message


REFUSED_BY_AN_ENGINE = """
import os, sys
from planproof.backends import engine
from planproof.backends.settings import Settings
def connect(path):
    os.environ["DOCKER_HOST"] = f"unix://{path}"
    try:
        engine.connect(Settings(docker_host=os.environ["DOCKER_HOST"]))
    except Exception as error:
        return str(error)
connect("/none")  # all modules are loaded while we may still read them
if os.geteuid() == 0:
    os.setgroups([])
    os.setuid(65534)
print(connect(sys.argv[1]))
"""


def test_an_engine_that_does_not_let_us_in(open_room):
    path = open_room / "engine.sock"
    with closing(socket.socket(socket.AF_UNIX)) as listener:
        listener.bind(str(path))
        listener.listen()
        path.chmod(0)
        done = subprocess.run(
            [sys.executable, "-c", REFUSED_BY_AN_ENGINE, str(path)],
            env={"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "HOME": "/"},
            capture_output=True,
            text=True,
            check=True,
        )
    expected = (
        f"the container engine at unix://{path} does not let this account in; add it to the engine's group\n"
    )
    assert done.stdout == expected


def test_something_else_at_the_engines_address():
    with wrong_server(b"<html>hello</html>") as port:
        message = refusal("postgres", container(DOCKER_HOST=f"tcp://127.0.0.1:{port}"))
    assert f"tcp://127.0.0.1:{port}" in message
    assert "engine" in message


@pytest.mark.postgres
def test_an_image_that_is_absent_and_cannot_be_fetched(only):
    env = only("postgres", "container")
    message = refusal("postgres", {**env, "PLANPROOF_POSTGRES_IMAGE": "127.0.0.1:9/absent:1"})
    assert "image 127.0.0.1:9/absent:1 is not on this machine and cannot be fetched" in message


@pytest.mark.postgres
@pytest.mark.dynamodb
def test_an_image_of_something_else(only):
    """The DynamoDB image does not know PostgreSQL's command line: its end and its last words are told."""
    env = only("postgres", "container")
    image = Settings.of(only("dynamodb", "container")).dynamodb_image
    message = refusal("postgres", {**env, "PLANPROOF_POSTGRES_IMAGE": image})
    assert f"the container of {image} ended with exit status" in message


# Programs


@pytest.mark.postgres
def test_a_port_that_was_taken_meanwhile_is_chosen_again(only, open_room, monkeypatch):
    settings = Settings.of(only("postgres", "program"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ports = [taken.getsockname()[1], closed_port()]
        monkeypatch.setattr(postgres_program, "free_port", lambda: ports.pop(0))
        server = postgres_program.start("postgres", settings, open_room, SystemClock())
        try:
            assert ports == []
            assert server.failure() is None
        finally:
            server.stop()


@pytest.mark.postgres
def test_a_port_that_stays_taken(only, open_room, monkeypatch):
    settings = Settings.of(only("postgres", "program"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setattr(postgres_program, "free_port", lambda: port)
        with pytest.raises(BackendUnavailableError, match=f"port {port} was taken by another program"):
            postgres_program.start("postgres", settings, open_room, SystemClock())


ON_A_SMALL_DISK = """
import sys
import psycopg
from planproof.backends import acquire
from planproof.errors import BackendUnavailableError
try:
    with acquire("postgres") as backend, psycopg.connect(backend.url, autocommit=True) as connection:
        connection.execute("CREATE TABLE large (text text)")
        for _ in range(99):  # 300 megabytes
            connection.execute(
                "INSERT INTO large SELECT repeat(md5(n::text), 9) FROM generate_series(1, 9999) n"
            )
except BackendUnavailableError as error:
    print(error)
"""
FULL = r"the disk that holds \S+ is full"


@pytest.fixture
def on_a_small_disk(open_room):
    """``on_a_small_disk(options, env)``: what is said where TMPDIR is a tmpfs with these options."""

    def said(options, env):
        disk = open_room / "disk"
        disk.mkdir()
        script = f'mount -t tmpfs -o {options},mode=1777 none "$1" && TMPDIR="$1" exec "$2" -c "$3"'
        done = subprocess.run(
            ["unshare", "--mount", "sh", "-c", script, "sh", str(disk), sys.executable, ON_A_SMALL_DISK],
            env=env,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    if os.geteuid() != 0:
        pytest.skip("a small disk can only be made by root")
    return said


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        pytest.param("size=1m,nr_inodes=2", FULL, id="no-folder"),
        pytest.param("size=1m,nr_inodes=3", FULL, id="no-folder-for-the-server"),
        pytest.param("size=4k", FULL, id="no-password-file"),
        pytest.param("size=4m", FULL + ", so PostgreSQL cannot lay out its files", id="no-data"),
    ],
)
def test_a_disk_that_is_full_at_the_start(options, sentence, only, on_a_small_disk):
    said = on_a_small_disk(options, only("postgres", "program"))
    assert re.search(sentence, said), said
    assert len(said.splitlines()) == 1


@pytest.mark.postgres
def test_a_disk_that_fills_in_mid_test(only, on_a_small_disk):
    said = on_a_small_disk("size=100m", only("postgres", "program"))
    assert re.match(r"the disk of PostgreSQL is full: could not .* file [^\n]*\n$", said)


@pytest.fixture
def cramped_image(only):
    """``cramped_image(*env)``: PostgreSQL's image, but with its data in the 64 megabytes of /dev/shm."""
    settings = Settings.of(only("postgres", "container"))
    api = engine.connect(settings).client.api
    made = []

    def make(*more):
        name = f"planproof-test/cramped-{len(made)}:{os.getpid()}"
        container = api.create_container(settings.postgres_image, "true")["Id"]
        changes = [f"ENV {each}" for each in ("PGDATA=/dev/shm/data", *more)]
        made.append(api.commit(container, *name.split(":"), changes=changes)["Id"])
        api.remove_container(container)
        return name

    yield make
    for image in made:
        api.remove_image(image, force=True)


@pytest.mark.postgres
def test_an_engine_without_room_at_the_start(only, cramped_image):
    image = cramped_image("POSTGRES_INITDB_ARGS=--wal-segsize=64")
    message = refusal("postgres", {**only("postgres", "container"), "PLANPROOF_POSTGRES_IMAGE": image})
    assert f"container: the disk of the container engine is full, so {image} cannot start" in message


@pytest.mark.postgres
def test_an_engine_whose_room_ends_in_mid_test(only, cramped_image):
    env = {**only("postgres", "container"), "PLANPROOF_POSTGRES_IMAGE": cramped_image()}

    def fill():
        with acquire("postgres", env=env) as backend, psycopg.connect(backend.url) as connection:
            connection.execute(
                "CREATE TABLE large AS SELECT repeat(md5(n::text), 9) FROM generate_series(1, 199999) n"
            )

    with pytest.raises(BackendUnavailableError, match=r"the disk of PostgreSQL is full: could not .* file"):
        fill()


def test_no_postgres_programs(tmp_path):
    message = refusal("postgres", program(PLANPROOF_POSTGRES_BIN=str(tmp_path)))
    assert f"program: {tmp_path} holds no program initdb and no postgres" in message


def java_that_says(tmp_path, text):
    path = tmp_path / "java"
    path.write_text(f"#!/bin/sh\ncat >&2 <<'END'\n{text}\nEND\n")
    path.chmod(0o755)
    return str(path)


def jar(tmp_path, manifest="Main-Class: software.amazon.dynamodb.services.local.main.ServerRunner\r\n"):
    path = tmp_path / "DynamoDBLocal.jar"
    with zipfile.ZipFile(path, "w") as archive:
        if manifest is not None:
            archive.writestr("META-INF/MANIFEST.MF", manifest)
    (tmp_path / "DynamoDBLocal_lib").mkdir(exist_ok=True)
    return str(path)


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ('openjdk version "11.0.22" 2024-01-16', "is Java 11, and DynamoDB Local needs 17 or newer"),
        ('java version "1.8.0_392"', "is Java 8, and DynamoDB Local needs 17 or newer"),
        ("hello", "does not say which Java it is"),
    ],
)
def test_a_wrong_java(said, sentence, tmp_path):
    env = program(PLANPROOF_DYNAMODB_JAR=jar(tmp_path), PLANPROOF_JAVA=java_that_says(tmp_path, said))
    assert sentence in refusal("dynamodb", env)


def test_no_java(tmp_path):
    env = program(PLANPROOF_DYNAMODB_JAR=jar(tmp_path), PLANPROOF_JAVA="no-such-java")
    assert "there is no program 'no-such-java'; DynamoDB Local needs Java 17" in refusal("dynamodb", env)


def test_a_wrong_jar(tmp_path):
    path = tmp_path / "DynamoDBLocal.jar"
    env = program(PLANPROOF_DYNAMODB_JAR=str(path))
    assert f"names {path}, which is not a file" in refusal("dynamodb", env)
    path.write_text("not a jar")
    assert f"{path} is not a jar" in refusal("dynamodb", env)
    jar(tmp_path, manifest=None)
    assert f"{path} is not a jar" in refusal("dynamodb", env)
    jar(tmp_path, manifest="Main-Class: org.example.Other\r\n")
    assert f"{path} is a jar, but not DynamoDB Local's" in refusal("dynamodb", env)
    jar(tmp_path)
    (tmp_path / "DynamoDBLocal_lib").rmdir()
    assert "lacks the folder DynamoDBLocal_lib" in refusal("dynamodb", env)


def test_dynamodb_is_opt_in():
    message = refusal("dynamodb", program())
    assert message == (
        "DynamoDB Local is opt-in, because its licence asks for an AWS account in good standing: "
        "set PLANPROOF_DYNAMODB=accept-licence if you have one"
    )


# Addresses


def test_postgres_address_where_nothing_listens():
    url = f"postgresql://ann:secret@127.0.0.1:{closed_port()}/db"
    message = refusal("postgres", {"PLANPROOF_POSTGRES_URL": url}, clock=QuickClock())
    assert "did not answer in 5 s: " in message
    assert message.endswith("Connection refused")
    assert "secret" not in message


def test_postgres_address_of_a_web_server():
    with blunt_server(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        message = refusal("postgres", {"PLANPROOF_POSTGRES_URL": f"postgresql://ann@127.0.0.1:{port}/db"})
    assert f"what listens at postgresql://ann@127.0.0.1:{port}/db is not PostgreSQL" in message


def test_an_address_that_is_not_one():
    message = refusal("postgres", {"PLANPROOF_POSTGRES_URL": "localhost:5432"})
    assert "PLANPROOF_POSTGRES_URL is 'localhost:5432'; it looks like postgresql://HOST/DATABASE" in message
    message = refusal("dynamodb", {"PLANPROOF_DYNAMODB_URL": "localhost"})
    assert "'localhost' is not the address of a DynamoDB Local" in message
    message = refusal("dynamodb", {"PLANPROOF_DYNAMODB_URL": "http://[::1"})
    assert "'http://[::1' is not the address of a DynamoDB Local" in message


def test_an_address_with_a_host_that_is_not_known():
    url = "postgresql://ann:secret@no-such-host.invalid/db"
    message = refusal("postgres", {"PLANPROOF_POSTGRES_URL": url})
    assert message == "there is no host of the name in postgresql://ann:***@no-such-host.invalid/db"
    message = refusal("dynamodb", {"PLANPROOF_DYNAMODB_URL": "http://no-such-host.invalid:8000"})
    assert message == "there is no host of the name in http://no-such-host.invalid:8000"


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("postgresql://ann@h/db?nonsense=1", "is not an address of PostgreSQL: invalid URI query parameter"),
        ("postgresql://ann:se@cret@h/db", "an @ in a name or password is written %40"),
        ("postgresql://ann@[::1/db", "is not an address of PostgreSQL"),
    ],
)
def test_an_address_with_a_slip_in_it(url, sentence):
    message = refusal("postgres", {"PLANPROOF_POSTGRES_URL": url})
    assert sentence in message
    assert "cret" not in message


def test_the_real_service_is_never_written_to():
    message = refusal("dynamodb", {"PLANPROOF_DYNAMODB_URL": "http://dynamodb.eu-west-1.amazonaws.com:80"})
    assert "is the real service; races run on DynamoDB Local only" in message


@pytest.mark.parametrize("answer", [b"<html>hello</html>", b"[]", b'{"hello": 1}', b'"\xff'])
def test_dynamodb_address_of_a_web_server(answer):
    with wrong_server(answer) as port:
        message = refusal("dynamodb", {"PLANPROOF_DYNAMODB_URL": f"http://127.0.0.1:{port}"})
    assert f"what listens at http://127.0.0.1:{port} is not DynamoDB" in message


def test_dynamodb_address_where_nothing_listens():
    url = f"http://127.0.0.1:{closed_port()}"
    message = refusal("dynamodb", {"PLANPROOF_DYNAMODB_URL": url}, clock=QuickClock())
    assert "did not answer in 5 s: Connection refused" in message


@pytest.mark.dynamodb
def test_a_dynamodb_address_that_is_postgres_and_the_reverse(postgres_backend, dynamodb_backend):
    there = urlsplit(postgres_backend.url)
    clock = QuickClock()
    message = refusal("dynamodb", {"PLANPROOF_DYNAMODB_URL": f"http://127.0.0.1:{there.port}"}, clock=clock)
    assert f"127.0.0.1:{there.port}" in message
    here = urlsplit(dynamodb_backend.url)
    message = refusal("postgres", {"PLANPROOF_POSTGRES_URL": f"postgresql://127.0.0.1:{here.port}/x"})
    assert "is not PostgreSQL" in message


def test_postgres_address_of_a_server_that_says_nothing():
    with wrong_server(b"hello") as port:
        message = refusal("postgres", {"PLANPROOF_POSTGRES_URL": f"postgresql://ann@127.0.0.1:{port}/db"})
    assert "did not answer in 5 s: connection timeout expired" in message


@pytest.mark.postgres
def test_a_wrong_password(postgres_backend):
    parts = urlsplit(postgres_backend.url)
    url = f"postgresql://nobody:wrong@127.0.0.1:{parts.port}/postgres"
    message = refusal("postgres", {"PLANPROOF_POSTGRES_URL": url})
    assert "does not let us in" in message
    assert "wrong" not in message.replace("wrong password", "")


# In the middle of the work


@pytest.mark.postgres
def test_a_container_that_is_killed_in_mid_test(only):
    env = only("postgres", "container")
    api = engine.connect(Settings.of(env)).client.api

    def work():
        with acquire("postgres", env=env) as backend, psycopg.connect(backend.url) as connection:
            port = urlsplit(backend.url).port
            (mine,) = (
                found["Id"]
                for found in api.containers()
                if port in {entry.get("PublicPort") for entry in found["Ports"]}
            )
            api.kill(mine)
            connection.execute("SELECT 1")

    with pytest.raises(
        BackendUnavailableError, match="PostgreSQL died while it was used: the container of"
    ) as caught:
        work()
    assert "exit status 137" in str(caught.value)


@pytest.mark.postgres
def test_a_program_that_is_killed_in_mid_test(only):
    def work():
        with (
            acquire("postgres", env=only("postgres", "program")) as backend,
            psycopg.connect(backend.url) as connection,
        ):
            (pid,) = connection.execute("SELECT pg_read_file('postmaster.pid', 0, 10)").fetchone()
            os.kill(int(pid.split()[0]), 9)
            while True:
                connection.execute("SELECT 1")

    with pytest.raises(
        BackendUnavailableError, match="died while it was used: postgres was killed by SIGKILL"
    ):
        work()


@pytest.mark.postgres
def test_an_error_of_the_test_itself_is_left_alone(only):
    env = only("postgres", "program")
    with pytest.raises(ZeroDivisionError), acquire("postgres", env=env):
        1 / 0  # noqa: B018


# Foreign tables


@pytest.mark.postgres
def test_foreign_tables_are_never_touched(only):
    """A database of somebody else, with a table of the same name and a schema that looks like ours."""
    with acquire("postgres", env=only("postgres", "program")) as theirs, psycopg.connect(theirs.url) as owner:
        owner.execute("CREATE TABLE sessions (id text); INSERT INTO sessions VALUES ('theirs')")
        owner.execute("CREATE SCHEMA planproof_0123456789ab")
        owner.commit()
        with ExitStack() as stack:
            env = {"PLANPROOF_POSTGRES_URL": theirs.url}
            ours, other = (stack.enter_context(acquire("postgres", env=env)) for _ in range(2))
            assert ours.source == "environment"
            assert ours.namespace != other.namespace
            with psycopg.connect(ours.url, autocommit=True) as connection:
                connection.execute("CREATE TABLE sessions (id text)")
                assert connection.execute("SELECT * FROM sessions").fetchall() == []
        schemas = owner.execute("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'planproof%'").fetchall()
        assert schemas == [("planproof_0123456789ab",)]
        assert owner.execute("SELECT id FROM sessions").fetchall() == [("theirs",)]


@pytest.mark.postgres
def test_a_schema_whose_owner_was_killed_is_swept_and_a_living_one_is_not(only, holder):
    with acquire("postgres", env=only("postgres", "program")) as theirs:
        env = {**only("postgres", "program"), "PLANPROOF_POSTGRES_URL": theirs.url}
        env["PLANPROOF_BACKEND_SOURCES"] = "environment"
        dead, alive = holder("postgres", env), holder("postgres", env)
        dead.end(9)
        with psycopg.connect(theirs.url, autocommit=True) as owner:
            # The server notices a killed client at its own pace; a lock of its own says when.
            owner.execute("SELECT pg_advisory_lock(%s, hashtext(%s))", (postgres.LOCK_CLASS, dead.namespace))
            owner.execute(
                "SELECT pg_advisory_unlock(%s, hashtext(%s))", (postgres.LOCK_CLASS, dead.namespace)
            )
            with acquire("postgres", env=env):
                rows = owner.execute("SELECT nspname FROM pg_namespace").fetchall()
            assert (dead.namespace,) not in rows
            assert (alive.namespace,) in rows
        alive.let_go()


@pytest.mark.postgres
def test_a_role_that_may_not_make_a_schema(only):
    with acquire("postgres", env=only("postgres", "program")) as theirs, psycopg.connect(theirs.url) as owner:
        owner.execute("CREATE ROLE reader LOGIN PASSWORD 'reader'")
        owner.commit()
        parts = urlsplit(theirs.url)
        url = f"postgresql://reader:reader@127.0.0.1:{parts.port}{parts.path}"
        assert "no schema of our own can be made in" in refusal("postgres", {"PLANPROOF_POSTGRES_URL": url})


@pytest.mark.dynamodb
def test_foreign_dynamodb_tables_are_never_touched(dynamodb_backend):
    name = f"{dynamodb_backend.namespace}theirs"
    keys = {
        "AttributeDefinitions": [{"AttributeName": "k", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
    }
    dynamodb.call(dynamodb_backend.url, "CreateTable", {"TableName": name, **keys})
    env = {"PLANPROOF_DYNAMODB_URL": dynamodb_backend.url}
    with acquire("dynamodb", env=env) as ours:
        dynamodb.call(ours.url, "CreateTable", {"TableName": f"{ours.namespace}sessions", **keys})
    left = list(dynamodb.tables(dynamodb_backend.url))
    assert name in left
    assert not [table for table in left if table.startswith(ours.namespace)]


@pytest.mark.dynamodb
def test_the_local_program_is_reached_through_loopback_only(only, holder):
    """DynamoDB Local binds every interface; from the machine's other addresses it must not answer."""
    held = holder("dynamodb", only("dynamodb", "program"))
    port = urlsplit(held.url).port
    listed = subprocess.run(["ss", "-Hltn", f"sport = :{port}"], capture_output=True, text=True, check=True)
    assert [line.split()[3] for line in listed.stdout.splitlines()] == [f"127.0.0.1:{port}"]


@pytest.mark.dynamodb
def test_the_container_is_published_on_loopback_only(only, holder):
    held = holder("dynamodb", only("dynamodb", "container"))
    port = urlsplit(held.url).port
    listed = subprocess.run(["ss", "-Hltn", f"sport = :{port}"], capture_output=True, text=True, check=True)
    assert [line.split()[3] for line in listed.stdout.splitlines()] == [f"127.0.0.1:{port}"]
