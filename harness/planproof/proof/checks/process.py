"""Runs a child with bounded time and output; whatever it forks dies with it."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import threading
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final


if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence


KEEP: Final = 32 << 10
POLL_SECONDS: Final = 0.1
# Environment variable by which everything that a child starts is known, wherever it goes.
MARK: Final = "PLANPROOF_CHECK"
# How long a process may take to become another program (execve), and the kernel's flag of its own threads.
BECOMING_SECONDS: Final = 0.1
KERNEL_THREAD: Final = 0x00200000
KEEPER: Final = b"planproof.backends.keeper"


@dataclass(frozen=True, slots=True)
class Finished:
    """How a child ended.

    Attributes:
        code: exit code; negative is the signal that killed it.
        output: its stdout and stderr, the middle left out where there was too much.
        seconds: wall time.
        stopped: why it was stopped, or empty.
        size: bytes that it wrote.
    """

    code: int
    output: str
    seconds: float
    stopped: str = ""
    size: int = 0


class _Drain(threading.Thread):
    """Reads a pipe to its end and keeps the first and the last bytes."""

    def __init__(self, pipe: IO[bytes]) -> None:
        super().__init__(daemon=True)
        self.pipe = pipe
        self.head = b""
        self.tail = b""
        self.size = 0

    def run(self) -> None:
        """Read until the pipe ends or is closed."""
        try:
            while chunk := os.read(self.pipe.fileno(), 1 << 16):
                self.size += len(chunk)
                room = KEEP - len(self.head)
                if room > 0:
                    self.head += chunk[:room]
                    chunk = chunk[room:]
                self.tail = (self.tail + chunk)[-KEEP:]
        except (OSError, ValueError):
            return

    def text(self) -> str:
        """What was kept, as text."""
        left_out = self.size - len(self.head) - len(self.tail)
        gap = f"\n[... {left_out} bytes left out ...]\n".encode() if left_out > 0 else b""
        return (self.head + gap + self.tail).decode("utf-8", "replace")


def run(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    timeout: float,
    watch: Callable[[int], str] | None = None,
) -> Finished:
    """Run one child in a process group of its own, without a shell and without input.

    Args:
        argv: program and arguments.
        cwd: where it runs.
        env: its whole environment.
        timeout: seconds after which its group is killed.
        watch: called about ten times a second with the child's process group; a text that it returns is the
            reason to stop the child.

    Raises:
        OSError: the program cannot be started.
        KeyboardInterrupt: passed on after the group is dead.
    """
    started = time.monotonic()
    name = uuid.uuid4().hex
    child = subprocess.Popen(
        list(argv),
        cwd=cwd,
        env={**env, MARK: name},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        assert child.stdout is not None
        drain = _Drain(child.stdout)
        drain.start()
        stopped = _wait(child, started + timeout, timeout, watch)
    finally:
        kill_group(child)
        kill_marked(name)
    drain.join(timeout=1.0)
    return Finished(child.returncode, drain.text(), time.monotonic() - started, stopped, drain.size)


def _wait(
    child: subprocess.Popen[bytes], deadline: float, timeout: float, watch: Callable[[int], str] | None
) -> str:
    """Wait for the end; the reason why it must be stopped, or nothing."""
    with _end_of(child) as ended:
        while not ended(POLL_SECONDS):
            if time.monotonic() > deadline:
                return f"did not end within {timeout:g} s"
            reason = watch(child.pid) if watch else ""
            if reason:
                return reason
    return ""


@contextlib.contextmanager
def _end_of(child: subprocess.Popen[bytes]) -> Iterator[Callable[[float], bool]]:
    """A function that waits so many seconds for a child's end and says whether it came.

    Where the system tells of it (Linux), it is seen at once: ``Popen.wait`` with a limit sleeps in steps.
    """
    try:
        told = os.pidfd_open(child.pid)
    except (AttributeError, OSError):
        yield lambda seconds: _comes(child, seconds)
        return
    poll = select.poll()
    poll.register(told, select.POLLIN)
    try:
        yield lambda seconds: bool(poll.poll(seconds * 1000)) and _comes(child, None)
    finally:
        os.close(told)


def _comes(child: subprocess.Popen[bytes], seconds: float | None) -> bool:
    """True where a child ends within so many seconds; it is reaped then."""
    try:
        child.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def kill_group(child: subprocess.Popen[bytes]) -> None:
    """Kill the child and all that it forked into its group, and reap it."""
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        child.kill()
    child.wait()


def kill_marked(name: str) -> None:
    """Kill what left the group to live on (a daemon): it inherited the mark in its environment.

    A server that several runs share (``planproof.backends.keeper``) is left to its keeper. Needs ``/proc``;
    elsewhere only the group is killed.
    """
    mark = f"{MARK}={name}".encode()
    parents: dict[int, int] = {}
    kept: set[int] = set()
    for folder in _everybody():
        try:
            if mark in _environment(folder).split(b"\0"):
                parents[int(folder.name)] = int(_status(folder)[1])
                if KEEPER in (folder / "cmdline").read_bytes().split(b"\0"):
                    kept.add(int(folder.name))
        except (OSError, ValueError):
            continue
    for process in parents:
        above = process
        while above in parents and above not in kept:
            above = parents[above]
        if above not in kept:
            with contextlib.suppress(OSError):
                os.kill(process, signal.SIGKILL)


def _everybody() -> list[Path]:
    """Folders of all processes; none where there is no ``/proc``."""
    try:
        return [folder for folder in Path("/proc").iterdir() if folder.name.isdigit()]
    except OSError:
        return []


def _status(folder: Path) -> list[str]:
    """What the kernel says of a process behind its name: state, parent, group, and so on (proc(5), stat)."""
    return (folder / "stat").read_text().rpartition(")")[2].split()


def _environment(folder: Path) -> bytes:
    """The environment of a process; one that is just becoming another program has none for a moment."""
    found = (folder / "environ").read_bytes()
    until = time.monotonic() + BECOMING_SECONDS
    while not found and time.monotonic() < until:
        status = _status(folder)
        if status[0] == "Z" or int(status[6]) & KERNEL_THREAD:
            break
        os.sched_yield()
        found = (folder / "environ").read_bytes()
    return found


def last_lines(output: str, count: int = 6) -> str:
    """The last lines that say something, joined."""
    lines = [line.rstrip() for line in output.splitlines() if line.strip()]
    return " / ".join(lines[-count:])[-500:]
