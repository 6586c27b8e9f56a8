"""The error of a lost race says what happened, to whom, and that a retry is safe."""

import pickle

import pytest

from sessionkeeper import RaceReason, SessionKeeperError, SessionLimitRaceError


@pytest.mark.proves("session-eviction-transact:T002", "session-eviction-transact:T003")
@pytest.mark.parametrize("reason", list(RaceReason))
def test_it_is_retriable_and_names_its_reason(reason):
    error = SessionLimitRaceError("ann", reason, retry_after=2)

    assert isinstance(error, SessionKeeperError)
    assert error.retriable
    assert (error.user_id, error.reason, error.retry_after) == ("ann", reason, 2)
    assert reason.value in str(error)
    assert "ann" not in str(error)


@pytest.mark.proves("session-eviction-transact:T003", part=True)
def test_it_crosses_a_process_boundary():
    error = pickle.loads(pickle.dumps(SessionLimitRaceError("ann", RaceReason.CONFLICT)))

    assert (error.user_id, error.reason) == ("ann", RaceReason.CONFLICT)
