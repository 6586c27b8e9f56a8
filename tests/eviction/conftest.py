"""One keeper on each embedded store, on a clock that the test holds."""

import pytest

from sessionkeeper import Keeper, ManualClock, SessionSettings, TokenMint, open_store


START = 2_000_000_000.0


class Logins:
    """A keeper whose logins are a second apart."""

    def __init__(self, url):
        self.clock = ManualClock(START)
        self.store = open_store(url, clock=self.clock)
        self.keeper = Keeper(
            self.store, TokenMint(b"a pepper for tests, 32 bytes long"), SessionSettings(), self.clock
        )

    def after(self, login, *args, **options):
        """Call a login a second after whatever came before."""
        self.clock.advance(1)
        return login(self.keeper, *args, **options)


@pytest.fixture(params=["memory", "sqlite"])
def logins(request, tmp_path):
    url = "memory://" if request.param == "memory" else f"sqlite:///{tmp_path / 'sessions.db'}"
    made = Logins(url)
    yield made
    made.store.close()
