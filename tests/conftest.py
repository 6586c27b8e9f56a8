"""Fixtures that the whole suite shares."""

from __future__ import annotations


pytest_plugins = ["planproof.backends.pytest_fixtures"]
