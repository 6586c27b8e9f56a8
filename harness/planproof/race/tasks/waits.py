"""What a suspended task waits for, read off the chain of coroutines that it is in."""

from __future__ import annotations

import asyncio
import linecache
import sysconfig
from dataclasses import dataclass
from pathlib import Path, PurePath
from types import AsyncGeneratorType, CoroutineType, FrameType, GeneratorType
from typing import TYPE_CHECKING, Any


if TYPE_CHECKING:
    from collections.abc import Collection, Iterator


_ASYNCIO = str(Path(asyncio.__file__).parent)
_LIBRARIES = tuple({sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")})
_OWN = str(Path(__file__).parent.parent)
_CHILDREN = frozenset({"tasks.py", "taskgroups.py", "timeouts.py", "runners.py"})


@dataclass(frozen=True, slots=True)
class Wait:
    """What a task waits for.

    Attributes:
        outside: perhaps something that comes from outside the loop: a reply, a thread.
        sleeps: ``asyncio.sleep`` with a time.
        by_library: the await is a library's, not the application's own.
        awaited: the library's coroutine that the application awaits; None where there is none.
        frame: the application's innermost frame, else the first one; None where nothing is known.
    """

    outside: bool = False
    sleeps: bool = False
    by_library: bool = False
    awaited: Any = None
    frame: FrameType | None = None

    @property
    def place(self) -> str:
        """``shop.py:14 n = await self.read()``."""
        if self.frame is None:
            return "goes on"
        file, line = self.frame.f_code.co_filename, self.frame.f_lineno
        text = linecache.getline(file, line).strip()
        return f"{PurePath(file).name}:{line} {text}".rstrip()


def look(task: asyncio.Task[Any], executing: Collection[asyncio.Future[Any]] = ()) -> Wait:
    """Look at a task that is not running.

    Args:
        task: suspended, or not begun.
        executing: futures of calls that threads make for the loop.
    """
    links = list(_chain(task.get_coro()))
    if not links:
        return Wait()
    last = links[-1]
    own = max((at for at, (_, frame) in enumerate(links) if _is_application(frame)), default=-1)
    frame = links[own][1] if own >= 0 else links[0][1]
    awaited = links[own + 1][0] if own + 1 < len(links) else None
    name, file = _name(last), _file(last)
    future = getattr(task, "_fut_waiter", None)
    if future is None:  # a bare yield: it goes on at once
        return Wait(by_library=own < len(links) - 1, awaited=awaited, frame=frame)
    if future in executing:
        return Wait(outside=True, by_library=True, awaited=awaited, frame=frame)
    if isinstance(future, asyncio.Task) or type(future).__name__ == "_GatheringFuture":
        return Wait(frame=frame)  # its own tasks, which are looked at one by one
    if file.startswith(_ASYNCIO):
        return _of_asyncio(PurePath(file).name, name, links, awaited, frame)
    return Wait(outside=True, by_library=own < len(links) - 1, awaited=awaited, frame=frame)


def _of_asyncio(module: str, name: str, links: list[Any], awaited: Any, frame: FrameType | None) -> Wait:
    if module == "tasks.py" and name == "sleep":
        return Wait(sleeps=True, frame=frame)
    if module in _CHILDREN:
        return Wait(frame=frame)
    if module == "locks.py" and name != "Event.wait":
        return Wait(frame=frame)  # whoever frees it is on this loop
    if module in {"locks.py", "queues.py"}:
        # Libraries build replies upon events and queues; the application's own are for its tasks.
        outer = [each for each in links if not _file(each).startswith(_ASYNCIO)]
        if outer and _is_application(outer[-1][1]):
            return Wait(frame=frame)
    return Wait(outside=True, by_library=True, awaited=awaited, frame=frame)


def stack(task: asyncio.Task[Any]) -> list[str]:
    """Where a task stands, outermost first, as lines of text."""
    return [
        f"    {frame.f_code.co_filename}:{frame.f_lineno} {frame.f_code.co_name}: "
        f"{linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip()}"
        for _, frame in _chain(task.get_coro())
        if frame is not None and not frame.f_code.co_filename.startswith(_OWN)
    ]


def _chain(link: Any) -> Iterator[tuple[Any, FrameType | None]]:
    """Coroutines and generators from the outermost to the innermost, each with its frame."""
    while link is not None:
        if isinstance(link, CoroutineType):
            frame, inner = link.cr_frame, link.cr_await
        elif isinstance(link, GeneratorType):
            frame, inner = link.gi_frame, link.gi_yieldfrom
        elif isinstance(link, AsyncGeneratorType):
            frame, inner = link.ag_frame, link.ag_await
        else:
            if not isinstance(link, asyncio.Future) and type(link).__name__ != "FutureIter":
                yield link, None
            return
        yield link, frame
        link = inner


def _is_application(frame: FrameType | None) -> bool:
    return frame is not None and not frame.f_code.co_filename.startswith((*_LIBRARIES, _OWN))


def _name(link: tuple[Any, FrameType | None]) -> str:
    return getattr(link[0], "__qualname__", "")


def _file(link: tuple[Any, FrameType | None]) -> str:
    return link[1].f_code.co_filename if link[1] is not None else ""
