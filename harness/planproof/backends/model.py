"""What a store is to the rest of the program: its kind, how to reach it, how far to trust it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class BackendKind(StrEnum):
    """The stores that planproof knows."""

    MEMORY = "memory"
    SQLITE = "sqlite"
    POSTGRES = "postgres"
    DYNAMODB = "dynamodb"


EMBEDDED = (BackendKind.MEMORY, BackendKind.SQLITE)


@dataclass(frozen=True, slots=True)
class Backend:
    """A store that can be used now.

    Attributes:
        kind: which store.
        url: how to reach it: ``memory://``, ``sqlite:///PATH``, ``postgresql://...``,
            ``dynamodb://HOST:PORT``.
        version: what the server or library says of itself.
        source: how it was had: ``embedded``, ``environment``, ``container``, ``program``.
        emulated: True where it only imitates the store inside this process (moto).
        namespace: schema, file or table prefix that belongs to this user of the store alone.
    """

    kind: BackendKind
    url: str
    version: str = ""
    source: str = "embedded"
    emulated: bool = False
    namespace: str = ""
