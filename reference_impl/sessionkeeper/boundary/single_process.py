"""One process at a time: what a ledger in memory needs and no start command can promise (S2.CON3, K2.20)."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING, Final

from sessionkeeper.errors import ConfigurationError


if TYPE_CHECKING:
    from pathlib import Path

LOCK_NAME: Final = ".single-process.lock"


class SingleProcess:
    """Holds a directory for this process until it ends or :meth:`release` is called.

    Args:
        root: the directory, made if absent.

    Raises:
        ConfigurationError: another process, or another service in this one, holds it.
    """

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(root / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(self._descriptor)
            raise ConfigurationError(
                "A ledger in memory serves one process, and another one is running on this log directory; "
                "use sqlite:// or postgresql:// for several workers."
            ) from error

    def release(self) -> None:
        """Let another process have it."""
        os.close(self._descriptor)
