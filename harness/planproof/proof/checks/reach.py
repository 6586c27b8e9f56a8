"""Sees which lines of its own file a test comes to, and where an assertion of its failed.

On Python 3.12 and later by ``sys.monitoring``, for every test. Before, by a trace function, which is dear:
only for a test whose source does not say that it surely comes to an assertion, and only until it has. Imports
nothing but the standard library.
"""

from __future__ import annotations

import functools
import sys
import threading
from typing import TYPE_CHECKING, Any, Final


if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from types import CodeType, FrameType


TOOLS: Final = (3, 4)
# How many calls of a test are traced at most, a tenth of a second or so.
MOST_CALLS: Final = 50_000
FAILED: Final = "Failed"  # pytest.fail raises it, and it is no AssertionError


def is_failure(kind: type[BaseException] | None) -> bool:
    """True for what a failing assertion raises."""
    return kind is not None and (issubclass(kind, AssertionError) or kind.__name__ == FAILED)


class Monitored:
    """Lines by ``sys.monitoring``; a line costs only once in a test, so it waits for none in particular."""

    waits = False

    def __init__(self) -> None:
        self.files: frozenset[str] = frozenset()
        self.reached: set[int] = set()
        self.failed: set[int] = set()
        self.watched: set[CodeType] = set()
        self.monitoring: Any = getattr(sys, "monitoring")  # noqa: B009 - Python 3.11 does not have it
        self.tool = next((one for one in TOOLS if self.monitoring.get_tool(one) is None), None)
        if self.tool is not None:
            self._register()

    def _register(self) -> None:
        events = self.monitoring.events
        self.monitoring.use_tool_id(self.tool, "planproof-reach")
        self.monitoring.register_callback(self.tool, events.PY_START, self._start)
        self.monitoring.register_callback(self.tool, events.LINE, self._line)
        self.monitoring.register_callback(self.tool, events.RAISE, self._raise)

    def begin(self, files: Collection[str], needed: Collection[int] | None) -> bool:
        """Watch the code of some files; False where nothing can be seen."""
        del needed
        if self.tool is None:
            return False
        self.files, self.reached, self.failed = frozenset(files), set(), set()
        events = self.monitoring.events
        self.monitoring.set_events(self.tool, events.PY_START | events.RAISE)
        self.monitoring.restart_events()
        return True

    def end(self) -> tuple[list[int], list[int]] | None:
        """Lines reached, and lines at which an assertion failed."""
        if self.tool is None:
            return None
        self.monitoring.set_events(self.tool, 0)
        return sorted(self.reached), sorted(self.failed)

    def _start(self, code: CodeType, _offset: int) -> Any:
        if code.co_filename in self.files and code not in self.watched:
            self.watched.add(code)
            self.monitoring.set_local_events(self.tool, code, self.monitoring.events.LINE)
        return self.monitoring.DISABLE

    def _line(self, code: CodeType, line: int) -> Any:
        if code.co_filename in self.files:
            self.reached.add(line)
        return self.monitoring.DISABLE

    def _raise(self, code: CodeType, _offset: int, error: BaseException) -> None:
        if code.co_filename in self.files and is_failure(type(error)) and error.__traceback__ is not None:
            self.failed.add(error.__traceback__.tb_lineno)


class Traced:
    """Lines by a trace function, from the first call in the test's file until it held an assertion."""

    waits = True

    def __init__(self) -> None:
        self.files: frozenset[str] = frozenset()
        self.needed: frozenset[int] | None = None
        self.reached: set[int] = set()
        self.failed: set[int] = set()
        self.holding: dict[CodeType, bool] = {}
        self.calls = 0
        self.entered = False
        self.held = False
        self.waiting: set[FrameType] = set()
        self.active = False
        self.by_example = False

    def begin(self, files: Collection[str], needed: Collection[int] | None) -> bool:
        """Watch, unless somebody else traces already; ``needed`` are the lines that it waits for."""
        self.active = sys.gettrace() is None
        if self.active:
            self.files = frozenset(files)
            self.needed = None if needed is None else frozenset(needed)
            self.reached, self.failed, self.waiting = set(), set(), set()
            self.holding, self.calls = {}, 0
            self.entered = self.held = self.by_example = False
            sys.settrace(self._call)
            if needed is not None:
                threading.settrace(self._call)
        return self.active

    def examples(self, body: Callable[..., Any]) -> Callable[..., Any]:
        """After ``begin``: the body of a Hypothesis test, to be watched only while one of its examples runs.

        What Hypothesis does between examples would soon be more calls than are traced. The test counts as
        entered when one example came to its end, not when it was assumed away.
        """
        self._stop()
        if self.needed is not None:
            threading.settrace(self._call)
        self.by_example = True

        @functools.wraps(body)
        def example(*args: Any, **kwargs: Any) -> Any:
            before = sys.gettrace()
            if self.needed is not None and not self.held:
                sys.settrace(self._call)
            try:
                found = body(*args, **kwargs)
            finally:
                if sys.gettrace() != before:
                    sys.settrace(before)
            self.entered = True
            return found

        return example

    def end(self) -> tuple[list[int], list[int]] | None:
        """Lines reached, and where an assertion failed; None where it saw no need to look further."""
        if not self.active:
            return None
        self._stop()
        self.waiting.clear()
        if self.held or (self.entered and self.needed is None):
            return None
        return sorted(self.reached), sorted(self.failed)

    def _stop(self) -> None:
        if sys.gettrace() == self._call:
            sys.settrace(None)
        threading.settrace(None)

    def _call(self, frame: FrameType, _event: str, _argument: Any) -> Any:
        self.calls += 1
        if self.held or self.calls > MOST_CALLS:
            self.held = True  # nobody will know, so the test has the benefit of the doubt
            sys.settrace(None)
            return None
        if frame.f_code.co_filename not in self.files:
            return None
        self.entered = self.entered or not self.by_example
        if self.needed is None:
            self._stop()
            return None
        return self._local if self._holds_needed(frame.f_code) else None

    def _holds_needed(self, code: CodeType) -> bool:
        """True where one of the lines that are waited for lies in this very function."""
        if code not in self.holding:
            lines = {line for _, _, line in code.co_lines() if line is not None}
            self.holding[code] = self.needed is not None and not self.needed.isdisjoint(lines)
        return self.holding[code]

    def _local(self, frame: FrameType, event: str, argument: Any) -> Any:
        assert self.needed is not None
        line = frame.f_lineno
        if event == "exception":
            self.waiting.discard(frame)
            if is_failure(argument[0]):
                self.failed.add(line)
            return self._local
        if event == "line":
            self.reached.add(line)
        if frame in self.waiting and (event == "return" or line not in self.needed):
            self.held = True  # it went on behind an assertion: there is nothing more to see
            self.waiting.clear()
            self._stop()
            return None
        if event == "line" and line in self.needed:
            self.waiting.add(frame)
        return self._local


def watcher() -> Monitored | Traced:
    """The best that this Python has."""
    return Monitored() if getattr(sys, "monitoring", None) is not None else Traced()
