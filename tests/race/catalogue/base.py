"""What the catalogue's workloads share.

Rows to work on, ids that two clients never share, a start of their own.
"""

from __future__ import annotations

import itertools
from typing import ClassVar

from tests.race.catalogue.rows import open_rows

from planproof.backends import BackendKind
from planproof.race import Workload


class Refused(Exception):  # noqa: N818 - a refusal is no error
    """The service says no: what was asked for did not happen."""


class OnRows(Workload):
    """A service on rows; ``start`` puts the first ones there."""

    clients: ClassVar = 3
    steps: ClassVar = 2
    expected: ClassVar = (Refused,)
    backends: ClassVar = (BackendKind.MEMORY, BackendKind.SQLITE, BackendKind.POSTGRES)
    reuse: ClassVar = True

    def open(self, backend):
        return open_rows(backend)

    def setup(self, rows):
        rows.reset()
        self.ids = itertools.count()
        self.acknowledged = []
        self.start(rows)

    def start(self, rows):
        """Nothing is there."""

    def finish_client(self, rows):
        rows.release()

    def fresh(self, stem):
        return f"{stem}{next(self.ids):03}"
