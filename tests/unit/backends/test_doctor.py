"""The doctor on a machine with nothing and on one with everything."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator

import planproof
from planproof.backends import doctor, engine, require
from planproof.backends.doctor import State
from planproof.interfaces.cli.backends import command
from planproof.interfaces.rendering.backends import as_json, remedies


SCHEMA = json.loads((Path(planproof.__file__).parent / "schemas" / "backends.schema.json").read_text())


@pytest.fixture
def nothing(tmp_path):
    """The environment of a machine without engine, programs or addresses."""
    return {
        "PATH": str(tmp_path / "none"),
        "DOCKER_HOST": f"unix://{tmp_path}/none.sock",
        "PLANPROOF_POSTGRES_BIN": str(tmp_path),
        "PLANPROOF_DYNAMODB": "accept-licence",
    }


def executable(path, text="#!/bin/sh\n"):
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.fixture
def everything(tmp_path, monkeypatch):
    """The environment of a machine with an engine that has both images, and with both programs."""
    executable(tmp_path / "initdb")
    executable(tmp_path / "postgres", "#!/bin/sh\necho 'postgres (PostgreSQL) 17.2 (Debian 17.2-1)'\n")
    said = 'case "$1" in -version) echo \'openjdk version "21.0.1" 2023-10-17\' ;; *) echo 3.3.0 ;; esac'
    executable(tmp_path / "java", f"#!/bin/sh\n{said}\n")
    executable(tmp_path / "unshare")
    with zipfile.ZipFile(tmp_path / "DynamoDBLocal.jar", "w") as archive:
        main = "Main-Class: software.amazon.dynamodb.services.local.main.ServerRunner\n"
        archive.writestr("META-INF/MANIFEST.MF", main)
    (tmp_path / "DynamoDBLocal_lib").mkdir()
    monkeypatch.setattr(engine, "connect", lambda _settings: engine.Engine(None, "27.0"))
    monkeypatch.setattr(engine, "has_image", lambda _engine, _image: True)
    return {
        "PATH": str(tmp_path),
        "PLANPROOF_POSTGRES_BIN": str(tmp_path),
        "PLANPROOF_DYNAMODB_JAR": str(tmp_path / "DynamoDBLocal.jar"),
    }


def states(diagnoses):
    return {
        (str(diagnosis.kind), look.source): look.state for diagnosis in diagnoses for look in diagnosis.looks
    }


def test_a_machine_with_nothing_still_has_the_embedded_ones(nothing):
    seen = doctor.examine(nothing)
    assert [str(diagnosis.kind) for diagnosis in seen if diagnosis.used] == ["memory", "sqlite"]
    assert states(seen)["postgres", "container"] is State.MISSING
    assert states(seen)["postgres", "environment"] is State.OFF
    for diagnosis in seen[2:]:
        assert all(look.message for look in diagnosis.looks)
        assert any("apt install" in look.remedy for look in diagnosis.looks)


def test_a_machine_with_everything(everything):
    seen = doctor.examine(everything)
    assert all(diagnosis.used for diagnosis in seen)
    versions = {str(diagnosis.kind): diagnosis.version for diagnosis in seen}
    assert versions["postgres"] == "16-alpine"
    assert versions["dynamodb"] == "latest"
    programs = doctor.examine({**everything, "PLANPROOF_BACKEND_SOURCES": "program"})
    versions = {str(diagnosis.kind): diagnosis.version for diagnosis in programs}
    assert versions["postgres"] == "17.2"
    assert states(programs)["postgres", "container"] is State.OFF
    if sys.platform == "linux":
        assert versions["dynamodb"] == "3.3.0"


def test_an_image_that_has_to_be_fetched_is_said_to_be(everything, monkeypatch):
    monkeypatch.setattr(engine, "has_image", lambda _engine, _image: False)
    postgres = doctor.examine(everything)[2]
    assert postgres.used.state is State.FETCHABLE
    assert "postgres:16-alpine would be fetched at the first use" in postgres.used.message


def test_without_consent_dynamodb_is_not_looked_for(nothing):
    del nothing["PLANPROOF_DYNAMODB"]
    dynamodb = doctor.examine(nothing)[3]
    assert dynamodb.used is None
    assert [look.state for look in dynamodb.looks] == [State.OFF] * 3
    assert [look.message for look in dynamodb.looks[1:]] == ["not looked for: DynamoDB Local is opt-in"] * 2
    assert sum("accept-licence" in remedy for remedy in remedies(dynamodb)) == 1


def test_a_jar_that_may_not_be_read_is_a_finding(everything):
    everything["PLANPROOF_DYNAMODB_JAR"] = f"/{'long' * 99}"
    look = doctor.examine({**everything, "PLANPROOF_BACKEND_SOURCES": "program"})[3].looks[2]
    assert look.state is State.MISSING
    assert look.message.endswith(" cannot be read: File name too long")


@pytest.mark.parametrize("machine", ["nothing", "everything"])
def test_the_json_form_follows_its_schema(machine, request):
    form = as_json(doctor.examine(request.getfixturevalue(machine)))
    Draft202012Validator(SCHEMA).validate(form)
    assert form["schema"] == 1
    for backend in form["backends"]:
        assert backend["available"] == (backend["source"] is not None)
        assert bool(backend["install"]) != backend["available"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"schema": 2, "backends": []},
        {"backends": []},
        {"schema": 1, "backends": [{"kind": "redis"}]},
        {"schema": 1, "started": {"kind": "postgres"}},
    ],
)
def test_the_schema_can_fail(wrong):
    assert not Draft202012Validator(SCHEMA).is_valid(wrong)


def test_the_page_is_eighty_columns_without_colour(nothing):
    done = CliRunner().invoke(command, [], env={**nothing, "NO_COLOR": "1", "COLUMNS": "200"})
    assert done.exit_code == 0
    assert "\x1b" not in done.output
    assert max(map(len, done.output.splitlines())) <= 80
    assert "postgres    not to be had here" in done.output
    assert "→ install PostgreSQL (Debian: apt install postgresql)" in done.output


@pytest.mark.parametrize("asked", [{}, {"FORCE_COLOR": "1"}], ids=["no-terminal", "forced"])
def test_no_color_goes_first(asked, nothing):
    """An output that is no terminal, and NO_COLOR beside FORCE_COLOR."""
    bare = {"FORCE_COLOR": None, "NO_COLOR": None}
    painted = CliRunner().invoke(command, [], env={**nothing, **bare, **asked})
    assert ("\x1b" in painted.output) == bool(asked)
    assert "\x1b" not in CliRunner().invoke(command, [], env={**nothing, **asked, "NO_COLOR": "1"}).output


def test_a_locale_that_has_not_the_signs_is_no_error(nothing):
    plain = {**nothing, "LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    done = run_module("planproof", "backends", env=plain)
    assert (done.returncode, done.stderr) == (0, "")
    assert "not to be had here" in done.stdout


def test_the_command_speaks_json(nothing):
    done = CliRunner().invoke(command, ["--output-format", "json"], env=nothing)
    assert [backend["available"] for backend in json.loads(done.output)["backends"]] == [
        True,
        True,
        False,
        False,
    ]


def run_module(name, *arguments, env):
    return subprocess.run(
        [sys.executable, "-m", name, *arguments],
        env={**env, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=False,
    )


def test_require_says_in_one_line_what_is_missing_and_exits_3(nothing):
    done = run_module("planproof.backends.require", "postgres", env=nothing)
    assert done.returncode == 3
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("planproof: PostgreSQL is not to be had here (container: no container engine")
    assert line.endswith("[backend-unavailable]")


def test_require_of_the_embedded_ones(capsys):
    assert require.main(["memory", "sqlite"]) == 0
    assert capsys.readouterr().out.splitlines()[0].startswith("memory ")


@pytest.mark.parametrize("arguments", [[], ["redis"]])
def test_require_of_nothing_known(arguments, capsys):
    assert require.main(arguments) == 2
    assert "memory, sqlite, postgres, dynamodb" in capsys.readouterr().err


def test_a_start_that_cannot_be_exits_3_with_one_sentence(nothing):
    done = run_module("planproof", "backends", "--start", "postgres", env=nothing)
    assert done.returncode == 3
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.postgres
def test_start_prints_an_address_that_works_and_keeps_it_until_interrupted(postgres_backend):
    import psycopg

    with subprocess.Popen(
        [sys.executable, "-m", "planproof", "backends", "--start", "postgres"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as started:
        url = started.stdout.readline().strip()
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        started.send_signal(signal.SIGINT)
        assert started.wait(60) == 0
        assert "Ctrl-C stops it" in started.stderr.read()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url, connect_timeout=5)
