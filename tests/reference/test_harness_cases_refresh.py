"""Real defects of other projects' refresh and rotation (cases 11 to 19): a test each, named by source."""

from __future__ import annotations

import pytest
from tests.reference.meeting import bad, good, together
from tests.reference.places import System

from sessionkeeper import (
    AuthenticationError,
    InvalidTokenError,
    Keeper,
    Patience,
    RaceReason,
    SessionLimitRaceError,
    SessionManager,
    StoreUnavailableError,
    TokenReuseError,
    TokenRevokedError,
    refresh_access_tokens,
)


def strictly(place):
    return System.at(place, refresh_grace_seconds=0)


@pytest.mark.parametrize("attempt", range(4))
def test_case_11_cve_2026_1035_no_token_is_spent_twice(place, attempt):
    """keycloak#45647: refreshTokenMaxReuse=0, got round by asking twice at once."""
    system = strictly(place)
    login = system.login()
    outcomes = together(*[lambda: system.manager.refresh(login.tokens.refresh)] * 4)
    assert len(good(outcomes)) == 1


@pytest.mark.parametrize("attempt", range(4))
def test_case_12_keycloak_51312_a_refresh_that_races_a_revocation_leaves_nothing(system, attempt):
    login = system.login()
    refreshed, revoked = together(
        lambda: system.manager.refresh(login.tokens.refresh),
        lambda: system.manager.revoke("ann", login.session.session_id),
    )
    assert revoked is None
    for pair in [login.tokens, *(each.tokens for each in good([refreshed]))]:
        with pytest.raises(AuthenticationError):
            system.manager.validate(pair.access)
        with pytest.raises(AuthenticationError):
            system.manager.refresh(pair.refresh)


def test_case_13_ox_auth_1909_a_delay_between_the_check_and_the_claim(place, monkeypatch):
    """Also django-oauth-toolkit#1687: whatever happens after the check, the claim looks again."""
    system = strictly(place)
    login = system.login()
    real, winners = system.store.block_of, []

    def somebody_else_comes_between(token_hash):
        answer = real(token_hash)
        if not winners:
            winners.append(None)
            winners[0] = refresh_access_tokens(system.keeper, login.tokens.refresh)
        return answer

    monkeypatch.setattr(system.store, "block_of", somebody_else_comes_between)
    with pytest.raises(AuthenticationError):
        refresh_access_tokens(system.keeper, login.tokens.refresh)
    assert winners[0].tokens


def test_case_14_hydra_3604_the_loser_gets_a_retriable_answer_and_no_500(system, monkeypatch):
    """Also fosite 402: a serialization failure is neither an internal error nor a revoked family."""
    login = system.login()
    real, losses = system.store.rotate, []

    def lose_once(presented):
        if not losses:
            losses.append(1)
            raise SessionLimitRaceError("ann", RaceReason.CONFLICT)
        return real(presented)

    monkeypatch.setattr(system.store, "rotate", lose_once)
    impatient = Keeper(system.store, system.keeper.mint, clock=system.clock, patience=Patience(attempts=1))
    with pytest.raises(SessionLimitRaceError) as caught:
        SessionManager(impatient).refresh(login.tokens.refresh)
    assert caught.value.retriable
    assert 400 <= caught.value.http_status <= 599
    assert caught.value.http_status != 500
    assert system.manager.refresh(login.tokens.refresh)  # the very same token is still good


def test_case_15_nocturne_326_parallel_refreshes_are_not_theft(system):
    """415 of 679 tokens revoked as reused: within the window all get the same successor."""
    login = system.login()
    outcomes = together(*[lambda: system.manager.refresh(login.tokens.refresh)] * 6)
    assert bad(outcomes) == []
    assert len({each.tokens for each in outcomes}) == 1
    assert system.manager.validate(outcomes[0].tokens.access)


def test_case_16_supabase_auth_1202_two_tabs_and_neither_is_logged_out(system):
    """Also directus#22360: the slower tab holds the pair of the faster one, so it has nothing to clear."""
    login = system.login()
    fast = system.manager.refresh(login.tokens.refresh)
    system.clock.advance(5)
    slow = system.manager.refresh(login.tokens.refresh)
    assert slow.tokens == fast.tokens
    assert slow.session == fast.session
    system.manager.validate(slow.tokens.access)


def test_case_17_initiative_822_the_loser_does_not_kill_the_winners_child(system):
    login = system.login()
    winner, loser = together(*[lambda: system.manager.refresh(login.tokens.refresh)] * 2)
    child = system.manager.refresh(winner.tokens.refresh)
    assert loser.tokens == winner.tokens
    assert system.manager.validate(child.tokens.access)


def test_case_18_engram_389_the_reply_is_lost_and_the_client_asks_again(system, monkeypatch):
    login = system.login()
    real = system.store.rotate

    def lose_the_reply(presented):
        real(presented)
        raise StoreUnavailableError("the reply was lost")

    monkeypatch.setattr(system.store, "rotate", lose_the_reply)
    with pytest.raises(StoreUnavailableError):
        system.manager.refresh(login.tokens.refresh)
    monkeypatch.setattr(system.store, "rotate", real)
    again = system.manager.refresh(login.tokens.refresh)
    assert again.replayed
    assert system.manager.validate(again.tokens.access)
    assert system.manager.refresh(again.tokens.refresh)
    assert len(system.live()) == 1


def test_case_19_verath_206_insert_first_on_a_unique_key(system):
    until = system.clock.now() + 60
    outcomes = together(
        *[lambda owner=owner: system.store.claim("link", f"owner{owner}", until) for owner in range(8)]
    )
    assert sorted(outcomes) == [False] * 7 + [True]


def test_after_the_window_a_replay_is_theft_and_the_family_ends(system):
    """RFC 9700 4.14.2, the other half of cases 15 to 17."""
    login = system.login()
    child = system.manager.refresh(login.tokens.refresh)
    system.clock.advance(10)
    with pytest.raises(TokenReuseError):
        system.manager.refresh(login.tokens.refresh)
    with pytest.raises(TokenRevokedError):
        system.manager.refresh(child.tokens.refresh)
    with pytest.raises(InvalidTokenError):
        system.manager.validate(child.tokens.access)
