"""Programs of this machine as servers: started, watched, stopped, and gone when their keeper is gone."""

from __future__ import annotations

import contextlib
import ctypes
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from planproof.errors import BackendUnavailableError


if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


PR_SET_PDEATHSIG = 1
STOP_SECONDS = 10.0
# What programs and servers write in front of the reason why they end.
FAULTS = ("FATAL", "PANIC", "rror", "could not", "No space left")
# How programs and engines say that a disk has no room left.
NO_ROOM = ("no space left on device", "disk quota exceeded")
# In this order; the last is there on every machine and owns nothing.
UNPRIVILEGED = ("postgres", "nobody")


def free_port() -> int:
    """A TCP port of the loopback address that nothing listened on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def unprivileged_user() -> str | None:
    """The account that a server refusing root runs under; None where we are not root ourselves.

    Raises:
        BackendUnavailableError: we are root and the machine has no such account.
    """
    if os.geteuid() != 0:
        return None
    for name in UNPRIVILEGED:
        with contextlib.suppress(KeyError):
            pwd.getpwnam(name)
            return name
    raise BackendUnavailableError(
        "PostgreSQL refuses to run as root, and there is no account to run it under"
    )


def give_to(user: str | None, path: Path) -> None:
    """Make ``user`` the owner of ``path``, and let it reach it; nothing for None."""
    if user is not None:
        record = pwd.getpwnam(user)
        os.chown(path, record.pw_uid, record.pw_gid)


def die_with_parent(sign: int) -> Callable[[], None]:
    """What a child does before its program starts: ask for ``sign`` at its parent's death."""
    parent = os.getpid()

    def ask() -> None:
        signal_on_parent_death(sign)
        if os.getppid() != parent:
            os._exit(1)

    return ask


def signal_on_parent_death(sign: int) -> None:
    """Have the kernel send us ``sign`` however our parent dies; Linux only, elsewhere nothing."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(sign), 0, 0, 0)


class Program:
    """A child process with a log, in a process group of its own.

    Args:
        arguments: the program and its arguments.
        directory: folder for its log.
        user: account to run it under; None for our own.
        stop_signal: what makes it stop at once and in order.
        name: what messages call it.
        pass_fds: descriptors that it inherits.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        directory: Path,
        name: str,
        user: str | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        pass_fds: Sequence[int] = (),
        cwd: Path | None = None,
    ) -> None:
        self.name = name
        self.log = directory / f"{Path(arguments[0]).name}.log"
        self._stop_signal = stop_signal
        with self.log.open("wb") as log:
            self._child = _spawn(arguments, log, user, stop_signal, pass_fds, cwd or directory)

    def failure(self) -> str | None:
        """How it ended and the last it said; None while it runs."""
        code = self._child.poll()
        if code is None:
            return None
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit status {code}"
        return f"{self.name} {how}{self.last_words()}"

    def last_words(self) -> str:
        """The last line of its log that says what went wrong, led by a colon; empty where there is none."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        said = telling(lines)
        return f": {said}" if said else ""

    def stop(self) -> None:
        """Stop it in order, and by force where it does not."""
        for sign in (self._stop_signal, signal.SIGKILL):
            if self._child.poll() is not None:
                break
            with contextlib.suppress(ProcessLookupError):
                self._child.send_signal(sign)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(STOP_SECONDS)
        self.bury()

    def bury(self) -> None:
        """Kill what is left of its process group; also from a process that is not its parent."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._child.pid, signal.SIGKILL)


def _spawn(
    arguments: Sequence[str],
    log: IO[bytes],
    user: str | None,
    stop_signal: signal.Signals,
    pass_fds: Sequence[int],
    cwd: Path,
) -> subprocess.Popen[bytes]:
    extra: dict[str, Any] = {}
    if user is not None:
        extra = {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}
    return subprocess.Popen(
        arguments,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        cwd=cwd,
        start_new_session=True,
        pass_fds=tuple(pass_fds),
        preexec_fn=die_with_parent(stop_signal),  # noqa: PLW1509 - the keeper has one thread
        **extra,
    )


def is_full(text: str) -> bool:
    """Whether somebody says that a disk has no room left."""
    return any(sign in text.lower() for sign in NO_ROOM)


def telling(lines: Sequence[str]) -> str:
    """The last line of a log that tells of a fault, else the last; empty where there is none."""
    said = [line.strip() for line in lines if line.strip()]
    faults = [line for line in said if any(sign in line for sign in FAULTS)]
    return (faults or said or [""])[-1][:300]


def run(arguments: Sequence[str], *, user: str | None = None, cwd: Path, seconds: float = 60.0) -> str:
    """Run a helper program to its end and return what it printed.

    Raises:
        BackendUnavailableError: it cannot be started, fails or does not end; one sentence.
    """
    extra: dict[str, Any] = {"user": user, "extra_groups": []} if user is not None else {}
    name = Path(arguments[0]).name
    try:
        done = subprocess.run(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            timeout=seconds,
            check=False,
            text=True,
            errors="replace",
            **extra,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BackendUnavailableError(f"{name} cannot be run: {error}") from error
    if done.returncode != 0:
        said = telling(done.stdout.splitlines()) or "it says nothing"
        raise BackendUnavailableError(f"{name} failed with exit status {done.returncode}: {said}")
    return str(done.stdout)


def found(name: str, path: str) -> str | None:
    """Where a program is on ``path``, or None."""
    return shutil.which(name, path=path)
