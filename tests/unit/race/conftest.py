"""What is found is made small within so many runs, not within what this machine does in some seconds."""

from __future__ import annotations

import pytest

from planproof.race import pinning, replay, shrinking


@pytest.fixture(autouse=True)
def unhurried(monkeypatch):
    monkeypatch.setattr(shrinking, "_now", lambda: 0.0)
    monkeypatch.setattr(pinning, "_now", lambda: 0.0)
    monkeypatch.setattr(replay, "OTHER_SECONDS", float("inf"))
