"""What a child process must not share with its parent: connections, whose answers only one of them can read.

A fork happens to the process as a whole, so this is one list for all of it. To ask for the process's number
with every use instead would be a call of the system each time.
"""

from __future__ import annotations

import os
import sys
import weakref
from typing import Final, Protocol


class Forsaking(Protocol):
    """Whatever holds connections."""

    def forsake(self) -> None:
        """Begin anew in a child process and leave the parent's connections as they are."""
        ...


_ALL: Final[weakref.WeakSet[Forsaking]] = weakref.WeakSet()


def forsaken_in_a_child(holder: Forsaking) -> None:
    """Let a holder of connections begin anew in every child of this process, for as long as it lives.

    Args:
        holder: who holds connections.
    """
    _ALL.add(holder)


def _forsake_all() -> None:
    for each in _ALL:
        each.forsake()


if sys.platform != "win32":
    os.register_at_fork(after_in_child=_forsake_all)
