"""How a real store is found or started: memory, SQLite, PostgreSQL, DynamoDB Local."""

from __future__ import annotations

from planproof.backends.finding import acquire
from planproof.backends.model import EMBEDDED, Backend, BackendKind


__all__ = ["EMBEDDED", "Backend", "BackendKind", "acquire"]
