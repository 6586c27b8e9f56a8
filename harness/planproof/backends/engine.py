"""The container engine: does it answer, has it the image, and what an earlier run left in it."""

from __future__ import annotations

import contextlib
import importlib
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from planproof.backends.keeping import is_abandoned
from planproof.errors import BackendUnavailableError


if TYPE_CHECKING:
    from planproof.backends.settings import Settings


SOCKET = "unix:///var/run/docker.sock"
HOST_LABEL = "planproof.host"
KEEPER_LABEL = "planproof.keeper"
# Long enough for an engine that is busy; fetching an image is a stream and has no such limit.
CALL_SECONDS = 60


class Engine(NamedTuple):
    """A container engine that answers.

    Attributes:
        client: the Docker SDK's client.
        version: what the engine says of itself.
    """

    client: Any
    version: str


def sdk() -> Any:
    """The Docker SDK, which testcontainers brings.

    Raises:
        BackendUnavailableError: it is not installed.
    """
    try:
        importlib.import_module(
            "testcontainers"
        )  # containers are started through it; without it they are not
        docker = importlib.import_module("docker")
        importlib.import_module("docker.errors")
    except ImportError as error:
        raise BackendUnavailableError(
            "testcontainers is not installed: pip install 'planproof[postgres,dynamodb]'"
        ) from error
    return docker


def connect(settings: Settings) -> Engine:
    """The engine that ``DOCKER_HOST``, or this machine's socket, leads to.

    Raises:
        BackendUnavailableError: there is none, or it does not let us in; one sentence.
    """
    docker = sdk()
    where = settings.docker_host or SOCKET
    environment = {
        "DOCKER_HOST": settings.docker_host,
        "DOCKER_TLS_VERIFY": settings.docker_tls_verify,
        "DOCKER_CERT_PATH": settings.docker_cert_path,
    }
    try:
        client = docker.from_env(
            timeout=CALL_SECONDS, environment={name: value for name, value in environment.items() if value}
        )
        version = client.version()["Version"]
    except docker.errors.DockerException as error:
        text = str(error)
        if "Permission denied" in text or "PermissionError" in text:
            raise BackendUnavailableError(
                f"the container engine at {where} does not let this account in; add it to the engine's group"
            ) from error
        raise BackendUnavailableError(f"no container engine answers at {where}") from error
    except Exception as error:  # the SDK lets errors of its HTTP layer through
        raise BackendUnavailableError(f"what answers at {where} is no container engine: {error}") from error
    return Engine(client, str(version))


def has_image(engine: Engine, image: str) -> bool:
    """Whether the image is on this engine already."""
    docker = sdk()
    try:
        engine.client.images.get(image)
    except docker.errors.DockerException:
        return False
    return True


def need_image(engine: Engine, image: str) -> None:
    """Have the image here, fetched where it is not.

    Raises:
        BackendUnavailableError: it is not here and cannot be fetched.
    """
    if has_image(engine, image):
        return
    try:
        engine.client.images.pull(image)
    except Exception as error:
        raise BackendUnavailableError(
            f"image {image} is not on this machine and cannot be fetched ({reason(error)})"
        ) from error


def reason(error: BaseException) -> str:
    """What the engine said, without the HTTP around it."""
    text = getattr(error, "explanation", None) or str(error)
    if isinstance(text, bytes):
        text = text.decode(errors="replace")
    return " ".join(str(text).split())[:200]


def labels(directory: Path) -> dict[str, str]:
    """What a container of ours carries, so that the next run can tell whether its keeper lives."""
    return {HOST_LABEL: socket.gethostname(), KEEPER_LABEL: str(directory)}


def sweep(engine: Engine) -> list[str]:
    """Remove containers of this machine whose keeper no longer lives; their ids."""
    gone = []
    mine = {"label": f"{HOST_LABEL}={socket.gethostname()}"}
    for container in engine.client.api.containers(all=True, filters=mine):
        keeper = container["Labels"].get(KEEPER_LABEL)
        if keeper and is_abandoned(Path(keeper)):
            with contextlib.suppress(Exception):  # another run sweeps at the same time
                engine.client.api.remove_container(container["Id"], force=True, v=True)
                gone.append(container["Id"])
    return gone
