"""What calls returned, for later calls to take: "revoke a session that a login returned".

As bundles in ``hypothesis.stateful``, with one difference that concurrency makes: a call takes its value when
it is made, not when it is drawn, since which calls have returned by then is for the schedule to say.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Bundle:
    """Where calls leave what they returned, and later calls of any client take it.

    ``@operation(target=sessions)`` leaves it there, ``@operation(session=sessions)`` takes one, and
    ``call("revoke", session=sessions[0])`` takes the oldest.

    Args:
        name: for people and for replays; one workload has no two of one name.
    """

    name: str

    def __getitem__(self, index: int) -> Reference:
        """The value that came in at this place, from 0; counted round where there are fewer."""
        return Reference(self.name, index)


@dataclass(frozen=True, slots=True)
class Reference:
    """An argument that is taken from a bundle when the call is made.

    Attributes:
        bundle: its name.
        index: which value, from 0, in the order in which they came in; counted round where there are fewer.
    """

    bundle: str
    index: int

    def __repr__(self) -> str:
        """``sessions[0]``."""
        return f"{self.bundle}[{self.index}]"


@dataclass(slots=True)
class Values:
    """The values of one execution. Clients share it.

    Attributes:
        given: bundle name -> values in the order in which they came in.
    """

    given: dict[str, list[Any]] = field(default_factory=dict)
    lock: Any = field(default_factory=threading.Lock, repr=False)

    def put(self, bundle: str, value: Any) -> None:
        """Add a value; None is none."""
        if value is not None:
            with self.lock:
                self.given.setdefault(bundle, []).append(value)

    def take(self, reference: Reference) -> tuple[Any] | None:
        """The value, in a tuple of one; None where the bundle is empty."""
        with self.lock:
            found = self.given.get(reference.bundle)
            return (found[reference.index % len(found)],) if found else None

    def clear(self) -> None:
        """A schedule begins."""
        self.given = {}
