"""One file for the histories of many short executions, one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from planproof.errors import HistoryError


if TYPE_CHECKING:
    from pathlib import Path


class ReusedFile:
    """A sink that is emptied where a new history starts: much cheaper than a new file for each.

    Args:
        path: a file that is not there yet.

    Attributes:
        wanted: whether the file stays when this is closed.

    Raises:
        HistoryError: the file cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.wanted = False
        try:
            self._file = path.open("xb", buffering=0)
        except OSError as error:
            raise HistoryError(f"the history cannot be written: {error.strerror}", path=str(path)) from None

    def restart(self) -> None:
        """A new history starts; the last one is gone."""
        self._file.seek(0)
        self._file.truncate()
        self.wanted = True

    def write(self, data: bytes, /) -> object:
        """Hand these bytes to the operating system."""
        return self._file.write(data)

    def flush(self) -> object:
        """Nothing is kept back."""

    def close(self) -> object:
        """One history is whole; the next may follow."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        if not self.wanted:
            self.path.unlink(missing_ok=True)
