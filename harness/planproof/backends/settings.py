"""What the environment says about stores: addresses, images, the jar, consent to a licence."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from planproof.errors import ConfigError


if TYPE_CHECKING:
    from collections.abc import Mapping


POSTGRES_IMAGE = "postgres:16-alpine"
DYNAMODB_IMAGE = "amazon/dynamodb-local:latest"
CONSENT = "accept-licence"
ENVIRONMENT, CONTAINER, PROGRAM = "environment", "container", "program"
SOURCES = (ENVIRONMENT, CONTAINER, PROGRAM)


@dataclass(frozen=True, slots=True)
class Settings:
    """How stores are to be found; read from the environment once.

    Attributes:
        postgres_url: ``PLANPROOF_POSTGRES_URL``, ``postgresql://...``, or empty.
        dynamodb_url: ``PLANPROOF_DYNAMODB_URL``, ``http://HOST:PORT``, or empty.
        postgres_image: ``PLANPROOF_POSTGRES_IMAGE``, name and tag.
        dynamodb_image: ``PLANPROOF_DYNAMODB_IMAGE``, name and tag.
        postgres_bin: ``PLANPROOF_POSTGRES_BIN``, folder of ``initdb`` and ``postgres``; None to search.
        dynamodb_jar: ``PLANPROOF_DYNAMODB_JAR``, path of ``DynamoDBLocal.jar``; None where not said.
        java: ``PLANPROOF_JAVA``, the program to run the jar with.
        consent: whether the user opted in to DynamoDB Local, whose licence asks for an AWS account.
        sources: ``PLANPROOF_BACKEND_SOURCES``, which rungs may be tried, in this order.
        room: ``PLANPROOF_BACKENDS_ROOM``, folder in which processes of one run share a server.
        start_seconds: ``PLANPROOF_BACKEND_START_SECONDS``, the longest wait for a server to answer.
        docker_host: ``DOCKER_HOST``, where the engine is, or empty.
        docker_tls_verify: ``DOCKER_TLS_VERIFY``, as Docker's own client reads it.
        docker_cert_path: ``DOCKER_CERT_PATH``, the same.
        path: ``PATH``, where programs are looked for.
    """

    postgres_url: str = ""
    dynamodb_url: str = ""
    postgres_image: str = POSTGRES_IMAGE
    dynamodb_image: str = DYNAMODB_IMAGE
    postgres_bin: Path | None = None
    dynamodb_jar: Path | None = None
    java: str = "java"
    consent: bool = False
    sources: tuple[str, ...] = SOURCES
    room: Path | None = None
    start_seconds: float = 60.0
    docker_host: str = ""
    docker_tls_verify: str = ""
    docker_cert_path: str = ""
    path: str = ""

    @classmethod
    def of(cls, env: Mapping[str, str]) -> Settings:
        """Read ``PLANPROOF_*`` from ``env``.

        A configured address, image or jar of DynamoDB counts as consent: whoever names one has it.

        Raises:
            ConfigError: a value makes no sense; the message names the variable.
        """
        named = any(env.get(f"PLANPROOF_DYNAMODB_{what}") for what in ("URL", "IMAGE", "JAR"))
        return cls(
            postgres_url=env.get("PLANPROOF_POSTGRES_URL", ""),
            dynamodb_url=env.get("PLANPROOF_DYNAMODB_URL", ""),
            postgres_image=env.get("PLANPROOF_POSTGRES_IMAGE") or POSTGRES_IMAGE,
            dynamodb_image=env.get("PLANPROOF_DYNAMODB_IMAGE") or DYNAMODB_IMAGE,
            postgres_bin=_path(env, "PLANPROOF_POSTGRES_BIN"),
            dynamodb_jar=_path(env, "PLANPROOF_DYNAMODB_JAR"),
            java=env.get("PLANPROOF_JAVA") or "java",
            consent=named or _consent(env),
            sources=_sources(env),
            room=_path(env, "PLANPROOF_BACKENDS_ROOM"),
            start_seconds=_seconds(env),
            docker_host=env.get("DOCKER_HOST", ""),
            docker_tls_verify=env.get("DOCKER_TLS_VERIFY", ""),
            docker_cert_path=env.get("DOCKER_CERT_PATH", ""),
            path=env.get("PATH", os.defpath),
        )


def _path(env: Mapping[str, str], name: str) -> Path | None:
    value = env.get(name)
    return Path(value) if value else None


def _consent(env: Mapping[str, str]) -> bool:
    value = env.get("PLANPROOF_DYNAMODB", "")
    if value not in {"", CONSENT}:
        raise ConfigError(f"PLANPROOF_DYNAMODB is {value!r}; the only value it may have is {CONSENT!r}")
    return value == CONSENT


def _sources(env: Mapping[str, str]) -> tuple[str, ...]:
    value = env.get("PLANPROOF_BACKEND_SOURCES")
    if not value:
        return SOURCES
    chosen = tuple(part.strip() for part in value.split(",") if part.strip())
    unknown = [part for part in chosen if part not in SOURCES]
    if unknown or not chosen:
        raise ConfigError(
            f"PLANPROOF_BACKEND_SOURCES is {value!r}; it may list {', '.join(SOURCES)}, split by commas"
        )
    return chosen


def _seconds(env: Mapping[str, str]) -> float:
    value = env.get("PLANPROOF_BACKEND_START_SECONDS", "60")
    try:
        seconds = float(value)
    except ValueError:
        seconds = -1.0
    if not 0 < seconds <= 3600:  # noqa: PLR2004 - one hour is longer than any server takes
        raise ConfigError(f"PLANPROOF_BACKEND_START_SECONDS is {value!r}; it must be seconds, 0 to 3600")
    return seconds
