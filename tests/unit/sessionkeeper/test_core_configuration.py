"""Settings: defaults, minimums, and every way of getting one wrong (S1.IMPL_005)."""

from __future__ import annotations

import pytest

from sessionkeeper import (
    NIST_AAL1,
    NIST_AAL2,
    NIST_AAL3,
    ConfigurationError,
    ManualClock,
    SessionSettings,
    open_store,
)


def test_the_defaults():
    settings = SessionSettings()
    assert settings.timeout_seconds == 3600
    assert settings.cleanup_interval_seconds == 300
    assert settings.sliding
    assert settings.absolute_lifetime_seconds == 30 * 24 * 3600
    assert SessionSettings.of({}) == settings


def test_the_minimums_are_allowed_and_nothing_below():
    SessionSettings(timeout_seconds=60, cleanup_interval_seconds=30, refresh_grace_seconds=0)
    with pytest.raises(ConfigurationError, match=r"session\.timeout_seconds .* at least 60"):
        SessionSettings(timeout_seconds=59.9, refresh_grace_seconds=0)
    with pytest.raises(ConfigurationError, match=r"session\.cleanup_interval_seconds .* at least 30"):
        SessionSettings(cleanup_interval_seconds=29)


@pytest.mark.parametrize(
    "values",
    [
        {"timeout_seconds": True},
        {"timeout_seconds": "3600"},
        {"timeout_seconds": float("nan")},
        {"timeout_seconds": float("inf")},
        {"timeout_seconds": None},
        {"timeout_seconds": -1},
        {"cleanup_interval_seconds": float("nan")},
        {"sliding": 1},
        {"touch_interval_seconds": 1801},
        {"absolute_lifetime_seconds": 3599},
        {"absolute_lifetime_seconds": 31 * 24 * 3600},
        {"refresh_grace_seconds": -1},
        {"refresh_grace_seconds": 3601},
    ],
)
def test_a_wrong_value_is_named(values):
    with pytest.raises(ConfigurationError, match=f"session.{next(iter(values))}"):
        SessionSettings(**values)


def test_a_section_is_read_and_its_unknown_keys_are_named():
    assert SessionSettings.of({"session": {"timeout_seconds": 900}, "other": 1}).timeout_seconds == 900
    with pytest.raises(ConfigurationError, match=r"session\.time_out is not a setting"):
        SessionSettings.of({"session": {"time_out": 900}})
    with pytest.raises(ConfigurationError):
        SessionSettings.of({"session": 900})


def test_the_profiles_grow_stricter():
    lifetimes = [profile.absolute_lifetime_seconds for profile in (NIST_AAL1, NIST_AAL2, NIST_AAL3)]
    idle = [profile.timeout_seconds for profile in (NIST_AAL1, NIST_AAL2, NIST_AAL3)]
    assert lifetimes == [30 * 86400, 12 * 3600, 12 * 3600]
    assert idle == [30 * 86400, 1800, 900]


@pytest.mark.parametrize("url", ["", "redis://x", "sqlite://", "sqlite:///", "memory", "postgres"])
def test_an_address_that_names_no_store_is_an_error(url):
    with pytest.raises(ConfigurationError):
        open_store(url, clock=ManualClock())


@pytest.mark.parametrize("limit", [0, -1, 26, 5.0, True, "5", None])
def test_a_limit_out_of_range_is_an_error(limit):
    with pytest.raises(ConfigurationError):
        open_store("memory://", clock=ManualClock(), limit=limit)
