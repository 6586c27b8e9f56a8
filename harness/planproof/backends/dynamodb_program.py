"""DynamoDB Local from its jar, shut in so that only this machine's loopback reaches it."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

from planproof.backends import dynamodb
from planproof.backends.programs import Program, found, run
from planproof.backends.settings import CONSENT, PROGRAM
from planproof.backends.waiting import NotYetError, until
from planproof.errors import BackendUnavailableError


if TYPE_CHECKING:
    from pathlib import Path

    from planproof.backends.model import BackendKind
    from planproof.backends.settings import Settings
    from planproof.backends.waiting import Clock


JAVA_NEEDED = 17
INNER_PORT = 8000
MAIN_CLASS = "dynamodb.services.local.main.ServerRunner"
FLAGS = ("-inMemory", "-sharedDb", "-disableTelemetry")


def require_consent(settings: Settings) -> None:
    """DynamoDB Local is used only by people who said that they may.

    Raises:
        BackendUnavailableError: nobody said so.
    """
    if not settings.consent:
        raise BackendUnavailableError(
            "DynamoDB Local is opt-in, because its licence asks for an AWS account in good standing: "
            f"set PLANPROOF_DYNAMODB={CONSENT} if you have one"
        )


def java(settings: Settings, directory: Path) -> str:
    """The Java program, once it is known to be new enough.

    Raises:
        BackendUnavailableError: there is none, or it is too old.
    """
    program = settings.java if os.sep in settings.java else found(settings.java, settings.path)
    if program is None or not os.access(program, os.X_OK):
        raise BackendUnavailableError(
            f"there is no program {settings.java!r}; DynamoDB Local needs Java {JAVA_NEEDED}"
        )
    text = run([program, "-version"], cwd=directory, seconds=20)
    match = re.search(r'version "(?:1\.)?(\d+)', text)
    if match is None:
        raise BackendUnavailableError(f"{program} does not say which Java it is")
    if int(match[1]) < JAVA_NEEDED:
        raise BackendUnavailableError(
            f"{program} is Java {match[1]}, and DynamoDB Local needs {JAVA_NEEDED} or newer"
        )
    return program


def jar(settings: Settings) -> Path:
    """The jar, once it is known to be DynamoDB Local.

    Raises:
        BackendUnavailableError: it is not said where it is, it is not there, or it is another program.
    """
    path = settings.dynamodb_jar
    if path is None:
        raise BackendUnavailableError("PLANPROOF_DYNAMODB_JAR does not say where DynamoDBLocal.jar is")
    try:
        if not path.is_file():
            raise BackendUnavailableError(f"PLANPROOF_DYNAMODB_JAR names {path}, which is not a file")
        with zipfile.ZipFile(path) as archive:
            manifest = archive.read("META-INF/MANIFEST.MF").decode(errors="replace")
    except OSError as error:
        raise BackendUnavailableError(f"{path} cannot be read: {error.strerror or error}") from error
    except (zipfile.BadZipFile, KeyError) as error:
        raise BackendUnavailableError(f"{path} is not a jar") from error
    if MAIN_CLASS not in manifest.replace("\r\n ", "").replace("\n ", ""):
        raise BackendUnavailableError(f"{path} is a jar, but not DynamoDB Local's")
    if not (path.parent / "DynamoDBLocal_lib").is_dir():
        raise BackendUnavailableError(f"{path} lacks the folder DynamoDBLocal_lib beside it")
    return path


def shut_in(settings: Settings, directory: Path) -> list[str]:
    """The command that runs another one in a network namespace of its own.

    Raises:
        BackendUnavailableError: this machine cannot do that.
    """
    unshare = found("unshare", settings.path) if sys.platform == "linux" else None
    if unshare is None:
        raise BackendUnavailableError(
            "DynamoDB Local listens on every interface, and without Linux's unshare it cannot be shut in"
        )
    command = [unshare, "--net"] if os.geteuid() == 0 else [unshare, "--user", "--map-root-user", "--net"]
    try:
        run([*command, "true"], cwd=directory, seconds=20)
    except BackendUnavailableError as error:
        raise BackendUnavailableError(
            "DynamoDB Local listens on every interface, and this account may not make a network namespace "
            "to shut it in"
        ) from error
    return command


class DynamoProgram:
    """A DynamoDB Local of our own. See :class:`planproof.backends.servers.Server`."""

    source = PROGRAM

    def __init__(self, program: Program, url: str, version: str) -> None:
        self._program = program
        self.url = url
        self.version = version

    def failure(self) -> str | None:
        """How it ended; None while it runs."""
        return self._program.failure()

    def stop(self) -> None:
        """Stop it; it kept everything in memory."""
        self._program.stop()

    def bury(self) -> None:
        """Kill it from a process that is not its parent."""
        self._program.bury()


def start(kind: BackendKind, settings: Settings, directory: Path, clock: Clock) -> DynamoProgram:  # noqa: ARG001 - a Starter
    """Start a server behind a door on loopback; see :class:`planproof.backends.servers.Starter`."""
    require_consent(settings)
    path = jar(settings)
    program_name = java(settings, directory)
    inside = shut_in(settings, directory)
    base = [program_name, f"-Djava.library.path={path.parent / 'DynamoDBLocal_lib'}", "-Xmx1g"]
    asked = subprocess.Popen(
        [*base, "-jar", str(path), "-version"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listener:
        url = f"dynamodb://127.0.0.1:{listener.getsockname()[1]}"
        server = [*base, "-jar", str(path), *FLAGS, "-port", str(INNER_PORT)]
        door = [sys.executable, "-m", "planproof.backends.door", str(listener.fileno()), str(INNER_PORT)]
        program = Program(
            [*inside, *door, *server],
            directory=directory,
            name="DynamoDB Local",
            pass_fds=[listener.fileno()],
        )
    try:
        until(
            lambda: _answer(program, url), clock=clock, seconds=settings.start_seconds, what="DynamoDB Local"
        )
        return DynamoProgram(program, url, _version(asked))
    except BaseException:
        program.stop()
        asked.kill()
        asked.wait()
        raise


def _version(asked: subprocess.Popen[str]) -> str:
    text, _ = asked.communicate(timeout=30)
    lines = text.strip().splitlines()
    return lines[-1].strip() if lines else ""


def _answer(program: Program, url: str) -> None:
    ended = program.failure()
    if ended is not None:
        raise BackendUnavailableError(ended)
    try:
        dynamodb.ask(url)
    except NotYetError as error:
        raise NotYetError(f"{error}{program.last_words()}") from error
