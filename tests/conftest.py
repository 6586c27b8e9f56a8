"""Fixtures that the whole suite shares."""

from __future__ import annotations

from hypothesis import HealthCheck, settings


pytest_plugins = ["planproof.backends.pytest_fixtures"]

# How fast an example is drawn or run says something of the machine, nothing of the law under test.
settings.register_profile("laws", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("laws")
