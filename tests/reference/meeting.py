"""Calls that are made at one moment."""

from __future__ import annotations

import threading


def together(*calls):
    """Make calls at the same time, a thread each; return what each returned or raised, in their order."""
    outcomes, start = [None] * len(calls), threading.Barrier(len(calls))

    def one(index, call):
        start.wait()
        try:
            outcomes[index] = call()
        except Exception as error:  # noqa: BLE001 - what was raised is what the test judges
            outcomes[index] = error

    threads = [threading.Thread(target=one, args=pair) for pair in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def good(outcomes):
    """Those that raised nothing."""
    return [each for each in outcomes if not isinstance(each, Exception)]


def bad(outcomes):
    """Those that raised."""
    return [each for each in outcomes if isinstance(each, Exception)]
