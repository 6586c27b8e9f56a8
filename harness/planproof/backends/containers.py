from __future__ import annotations

from planproof.errors import BackendUnavailableError


def start(kind, settings, directory, clock):
    raise BackendUnavailableError("no container engine answers")
