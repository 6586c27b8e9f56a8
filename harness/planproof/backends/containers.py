"""PostgreSQL and DynamoDB Local in containers, through testcontainers."""

from __future__ import annotations

import contextlib
import secrets
import warnings
from typing import TYPE_CHECKING, Any

from planproof.backends import dynamodb, engine, postgres
from planproof.backends.dynamodb_program import FLAGS, require_consent
from planproof.backends.model import BackendKind
from planproof.backends.postgres_program import options
from planproof.backends.programs import is_full, telling
from planproof.backends.settings import CONTAINER
from planproof.backends.waiting import NotYetError, until
from planproof.errors import BackendUnavailableError


if TYPE_CHECKING:
    from pathlib import Path

    from planproof.backends.servers import Told
    from planproof.backends.settings import Settings
    from planproof.backends.waiting import Clock


POSTGRES_PORT = 5432
DYNAMODB_PORT = 8000
LOOPBACK = "127.0.0.1"


class ContainerServer:
    """A container of ours. See :class:`planproof.backends.servers.Server`."""

    source = CONTAINER

    def __init__(self, container: Any, image: str) -> None:
        self._container = container
        self._image = image
        self.url = ""
        self.version = ""

    def failure(self) -> str | None:
        """How it ended; None while it runs."""
        docker = engine.sdk()
        try:
            wrapped = self._container.get_wrapped_container()
            wrapped.reload()
        except docker.errors.NotFound:
            return f"the container of {self._image} was removed from outside"
        except Exception as error:  # noqa: BLE001 - whatever the engine says, the server cannot be trusted
            return f"the container engine no longer tells of {self._image} ({engine.reason(error)})"
        state = wrapped.attrs["State"]
        if state.get("Running"):
            return None
        why = " for want of memory" if state.get("OOMKilled") else ""
        code = state.get("ExitCode")
        return f"the container of {self._image} ended{why} with exit status {code}{self._last()}"

    def _last(self) -> str:
        """The last line of its log that tells of a fault, led by a colon."""
        try:
            text = self._container.get_wrapped_container().logs(tail=20).decode(errors="replace")
        except Exception:  # noqa: BLE001 - a log is a help, not a need
            return ""
        said = telling(text.splitlines())
        return f": {said}" if said else ""

    def stop(self) -> None:
        """Remove it and its volumes."""
        with contextlib.suppress(Exception):
            self._container.stop()

    bury = stop


def start(kind: BackendKind, settings: Settings, directory: Path, clock: Clock) -> ContainerServer:
    """Start a container and wait for a real query. See :class:`planproof.backends.servers.Starter`."""
    if kind is BackendKind.DYNAMODB:
        require_consent(settings)
    found = engine.connect(settings)
    engine.sweep(found)
    image = settings.postgres_image if kind is BackendKind.POSTGRES else settings.dynamodb_image
    engine.need_image(found, image)
    make = _postgres if kind is BackendKind.POSTGRES else _dynamodb
    port = POSTGRES_PORT if kind is BackendKind.POSTGRES else DYNAMODB_PORT
    container = make(image)
    container.with_kwargs(labels=engine.labels(directory.parent))
    if is_local(settings):
        container.ports = {str(port): (LOOPBACK, None)}
    server = ContainerServer(container, image)
    try:
        _run(container, image)
        _become_ready(kind, server, container, settings, clock)
    except BaseException:
        server.stop()
        raise
    return server


def _postgres(image: str) -> Any:
    postgres.driver()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the class moved; both places are looked at
        try:
            from testcontainers.community.postgres import PostgresContainer
        except ImportError:
            from testcontainers.postgres import PostgresContainer

    class Postgres(PostgresContainer):  # type: ignore[misc,unused-ignore]
        """Readiness is ours: a query from outside, on the address that the tests will use."""

        def _connect(self) -> None:
            """Do not wait here."""

    container = Postgres(
        image, username="planproof", password=secrets.token_hex(16), dbname="postgres", driver=None
    )
    return container.with_command(["postgres", *options()])


def _dynamodb(image: str) -> Any:
    from testcontainers.core.container import DockerContainer

    return (
        DockerContainer(image)
        .with_command(["-jar", "DynamoDBLocal.jar", *FLAGS])
        .with_exposed_ports(DYNAMODB_PORT)
    )


def is_local(settings: Settings) -> bool:
    """Whether the engine is on this machine, so that a published port can stay on its loopback address."""
    return settings.docker_host.startswith(("unix://", "npipe://")) or not settings.docker_host


def full(image: str) -> str:
    """What is said where the engine has no room for a container's files."""
    return f"the disk of the container engine is full, so {image} cannot start"


def _run(container: Any, image: str) -> None:
    try:
        container.start()
    except Exception as error:
        text = engine.reason(error)
        if is_full(text):
            raise BackendUnavailableError(full(image)) from error
        raise BackendUnavailableError(f"{image} cannot be started: {text}") from error


def _become_ready(
    kind: BackendKind, server: ContainerServer, container: Any, settings: Settings, clock: Clock
) -> None:
    """Fill in where the server is and what it is, once it has answered a query."""
    port = POSTGRES_PORT if kind is BackendKind.POSTGRES else DYNAMODB_PORT

    def answered() -> Told:
        ended = server.failure()
        if ended is not None:
            raise BackendUnavailableError(full(container.image) if is_full(ended) else ended)
        seen = "its port is not published yet"
        for host, outside in _doors(container, port):
            url = _url(kind, container, host, outside)
            try:
                told = postgres.ask(url) if kind is BackendKind.POSTGRES else dynamodb.ask(url, seconds=10)
            except (NotYetError, BackendUnavailableError) as error:
                seen = str(error)
                continue
            server.url = url
            return told
        raise NotYetError(seen)

    what = f"the container of {container.image}"
    told = until(answered, clock=clock, seconds=settings.start_seconds, what=what)
    server.version = told.version or _dynamodb_version(container)


def _doors(container: Any, port: int) -> list[tuple[str, int]]:
    """Where the container may be reached, likeliest first.

    Which one works depends on whether we are on the engine's machine, in a container beside it, or
    elsewhere, and no file tells for sure; so each is asked a real query and the first that answers is used.
    """
    settings = container.get_wrapped_container().attrs["NetworkSettings"]
    published = (settings.get("Ports") or {}).get(f"{port}/tcp") or []
    outside = [int(entry["HostPort"]) for entry in published if entry.get("HostPort")][:1]
    beside = [(net["IPAddress"], port) for net in settings["Networks"].values() if net.get("IPAddress")]
    named = str(container.get_docker_client().host())
    hosts = dict.fromkeys((LOOPBACK, named) if named == "localhost" or _on_loopback(published) else (named,))
    doors = [(host, number) for number in outside for host in hosts if host != "localhost"]
    return [*doors, *beside]


def _on_loopback(published: list[dict[str, str]]) -> bool:
    return any(entry.get("HostIp") == LOOPBACK for entry in published)


def _url(kind: BackendKind, container: Any, host: str, port: int) -> str:
    if kind is BackendKind.POSTGRES:
        return f"postgresql://{container.username}:{container.password}@{host}:{port}/{container.dbname}"
    return f"dynamodb://{host}:{port}"


def _dynamodb_version(container: Any) -> str:
    """Ask the jar in the container; it does not tell its version over HTTP."""
    result = container.exec(["java", "-jar", "DynamoDBLocal.jar", "-version"])
    lines = result.output.decode(errors="replace").split()
    return lines[-1] if result.exit_code == 0 and lines else str(container.image).rsplit(":", 1)[-1]
