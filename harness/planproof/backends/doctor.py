"""The doctor: each store, how it would be had here, what was looked at, and what to install."""

from __future__ import annotations

import sqlite3
import tempfile
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from planproof import __version__
from planproof.backends import dynamodb_program, engine, postgres, postgres_program
from planproof.backends.finding import ask, configured
from planproof.backends.model import BackendKind
from planproof.backends.postgres import hidden
from planproof.backends.programs import run, unprivileged_user
from planproof.backends.settings import CONSENT, CONTAINER, ENVIRONMENT, PROGRAM, SOURCES, Settings
from planproof.backends.waiting import SystemClock
from planproof.errors import PlanproofError


if TYPE_CHECKING:
    from collections.abc import Mapping

    from planproof.backends.waiting import Clock


OPT_IN = (
    "where you have an AWS account in good standing, which its licence asks for, "
    f"export PLANPROOF_DYNAMODB={CONSENT}, then look again"
)


class State(StrEnum):
    """What a look at one rung came to."""

    READY = "ready"
    FETCHABLE = "fetchable"
    MISSING = "missing"
    OFF = "off"


class Look(NamedTuple):
    """One rung, looked at without starting anything.

    Attributes:
        source: ``embedded``, ``environment``, ``container`` or ``program``.
        state: ``fetchable`` where an image would have to be fetched first, ``off`` where the rung is not
            configured or not allowed.
        message: what was seen; one sentence.
        remedy: what to set or install; empty where nothing is missing.
    """

    source: str
    state: State
    message: str
    remedy: str = ""


class Diagnosis(NamedTuple):
    """One store: the looks, and the first that would be used."""

    kind: BackendKind
    version: str
    looks: tuple[Look, ...]

    @property
    def used(self) -> Look | None:
        """The rung by which it would be had; None where it is not to be had."""
        usable = (look for look in self.looks if look.state in {State.READY, State.FETCHABLE})
        return next(usable, None)


def examine(env: Mapping[str, str], clock: Clock | None = None) -> tuple[Diagnosis, ...]:
    """Look at every store and every rung; starts no server.

    Raises:
        ConfigError: the environment makes no sense.
    """
    settings = Settings.of(env)
    with tempfile.TemporaryDirectory(prefix="planproof-doctor-") as folder:
        room = Path(folder)
        return (
            _embedded(BackendKind.MEMORY, __version__),
            _embedded(BackendKind.SQLITE, sqlite3.sqlite_version),
            *(
                _examine_server(kind, settings, room, clock or SystemClock())
                for kind in (BackendKind.POSTGRES, BackendKind.DYNAMODB)
            ),
        )


def _embedded(kind: BackendKind, version: str) -> Diagnosis:
    return Diagnosis(kind, version, (Look("embedded", State.READY, "in this process; needs nothing"),))


def _examine_server(kind: BackendKind, settings: Settings, room: Path, clock: Clock) -> Diagnosis:
    looks = []
    versions: dict[str, str] = {}
    for source in SOURCES:
        if source not in settings.sources:
            looks.append(Look(source, State.OFF, "switched off by PLANPROOF_BACKEND_SOURCES"))
            continue
        if kind is BackendKind.DYNAMODB and source != ENVIRONMENT and not settings.consent:
            looks.append(Look(source, State.OFF, "not looked for: DynamoDB Local is opt-in", OPT_IN))
            continue
        try:
            look, version = LOOKERS[source](kind, settings, room, clock)
        except PlanproofError as error:
            look, version = Look(source, State.MISSING, error.message, _remedy(kind, source)), ""
        looks.append(look)
        versions[source] = version
    diagnosis = Diagnosis(kind, "", tuple(looks))
    used = diagnosis.used
    return diagnosis._replace(version=versions.get(used.source, "") if used else "")


def _environment(kind: BackendKind, settings: Settings, _room: Path, clock: Clock) -> tuple[Look, str]:
    url = configured(kind, settings)
    name = f"PLANPROOF_{kind.upper()}_URL"
    if not url:
        example = "postgresql://HOST/DATABASE" if kind is BackendKind.POSTGRES else "http://127.0.0.1:8000"
        return Look(ENVIRONMENT, State.OFF, f"{name} is not set", f"export {name}={example}"), ""
    told = ask(kind, url, clock)
    if told.emulated:
        look = Look(ENVIRONMENT, State.MISSING, f"{url} is moto, an imitation; no race is judged on it", "")
        return look, ""
    return Look(ENVIRONMENT, State.READY, f"answers at {hidden(url)}"), told.version


def _container(kind: BackendKind, settings: Settings, _room: Path, _clock: Clock) -> tuple[Look, str]:
    if kind is BackendKind.POSTGRES:
        postgres.driver()
    found = engine.connect(settings)
    image = settings.postgres_image if kind is BackendKind.POSTGRES else settings.dynamodb_image
    tag = image.rpartition(":")[2] if ":" in image.rpartition("/")[2] else ""
    if engine.has_image(found, image):
        return Look(CONTAINER, State.READY, f"engine {found.version} has {image}"), tag
    message = f"engine {found.version} answers; {image} would be fetched at the first use"
    return Look(CONTAINER, State.FETCHABLE, message), tag


def _program(kind: BackendKind, settings: Settings, room: Path, _clock: Clock) -> tuple[Look, str]:
    if kind is BackendKind.POSTGRES:
        postgres.driver()
        folder = postgres_program.binaries(settings)
        user = unprivileged_user()
        version = run([str(folder / "postgres"), "--version"], cwd=room).split()[2]
        account = f", run as {user}" if user else ""
        return Look(PROGRAM, State.READY, f"initdb and postgres in {folder}{account}"), version
    jar = dynamodb_program.jar(settings)
    java = dynamodb_program.java(settings, room)
    dynamodb_program.shut_in(settings, room)
    version = run([java, "-jar", str(jar), "-version"], cwd=room).split()[-1]
    return Look(PROGRAM, State.READY, f"{java} runs {jar}"), version


LOOKERS = {ENVIRONMENT: _environment, CONTAINER: _container, PROGRAM: _program}


def _remedy(kind: BackendKind, source: str) -> str:
    """What to do about a rung that does not hold."""
    if source == ENVIRONMENT:
        return f"correct or unset PLANPROOF_{kind.upper()}_URL"
    if source == CONTAINER:
        return (
            f"install a container engine (Debian: apt install docker.io) and pip install 'planproof[{kind}]'"
        )
    if kind is BackendKind.POSTGRES:
        return "install PostgreSQL (Debian: apt install postgresql) and pip install 'planproof[postgres]'"
    return "install Java 17 (Debian: apt install openjdk-17-jre-headless) and set PLANPROOF_DYNAMODB_JAR"
