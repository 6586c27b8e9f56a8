"""What a task is about: whether it tests, runs, makes or only looks, and which files it writes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from planproof.plan.lint.words import CODE_SPAN


if TYPE_CHECKING:
    from planproof.plan.model import Item

_LOOKS = re.compile(
    r"^\W*(?:review|read|verify|run|check|inspect|research|confirm|validate"
    r"|execute|analy[sz]e|investigate|audit|lint"
    r"|measure|benchmark|explore|locate|identify|search|study|understand|ensure|manual(?:ly)?|smoke)\b",
    re.IGNORECASE,
)
_SOURCE_WORDS = frozenset(
    [
        "from",
        "see",
        "per",
        "like",
        "using",
        "with",
        "against",
        "matching",
        "following",
        "by",
        "reference",
        "references",
        "mirroring",
        "via",
        "calls",
        "call",
        "under",
        "than",
        "per_",
        "reuse",
        "reusing",
        "extends",
        "extending",
        "imports",
        "import",
        "uses",
        "use",
        "consume",
        "consuming",
        "after",
        "before",
        "until",
        "of",
        "on",
        "vs",
    ]
)
_TARGET_WORDS = frozenset(
    [
        "in",
        "into",
        "to",
        "add",
        "create",
        "write",
        "update",
        "edit",
        "modify",
        "extend",
        "change",
        "delete",
        "remove",
    ]
)
_TEST_PATH = re.compile(
    r"(?:^|/)(?:tests?|spec|specs|__tests__|e2e)/|(?:^|/)test_|[._-](?:test|spec)\.|_test\.|Tests?\.\w+$"
)
_TEST_TEXT = re.compile(
    r"\b(?:(?:unit|integration|e2e|end-to-end|contract|property"
    r"|property-based|acceptance|regression|performance|load|smoke"
    r"|snapshot|component|ui|api|guardrail|failing|new)[ -]+)*tests?\b|\btest (?:cases?|suite|scenarios?)\b",
    re.IGNORECASE,
)
_WRITE_TEST = re.compile(
    r"^\W*(?:\[[^\]]*\]\s*)*(?:add|write|create|implement|extend|build"
    r"|define|update)\b[^.;:]{0,60}?\btests?\b"
    r"|^\W*(?:unit|integration|e2e|end-to-end|contract|property|acceptance"
    r"|regression)[ -]tests?\b[^.]{0,12}\b(?:for|of|in|-|:)",
    re.IGNORECASE,
)
_RUN_TESTS = re.compile(
    r"^\W*(?:run|execute|re-?run)\b[^.;]{0,50}\b(?:tests?|test suite|suite|pytest|specs?)\b"
    r"|\b(?:all|full|entire|whole)\b[^.;]{0,40}\btests?(?: "
    r"suite)?\b[^.;]{0,25}\b(?:pass|passes|passing|green|succeed)\b",
    re.IGNORECASE,
)


def looks_only(text: str) -> bool:
    """Whether a task's words say that it looks at something and writes nothing."""
    return _LOOKS.search(text) is not None


def written(item: Item) -> tuple[str, ...]:
    """Files that the task writes: those it names, without folders, patterns, and what it only reads."""
    if not item.files or looks_only(item.text):
        return ()
    return tuple(file for file in item.files if _is_file(file) and not _only_read(item.text, file))


def _is_file(file: str) -> bool:
    return (
        "." in file.rsplit("/", 1)[-1]
        and not any(sign in file for sign in "*{}<>[]…")
        and not file.endswith("...")
    )


def _only_read(text: str, file: str) -> bool:
    """Whether the words before a path say that it is a source, an example or a topic.

    A bare file name counts only where the words before it say that it is written.
    """
    position = text.find(file)
    if position < 0:
        return "/" not in file
    before = re.findall(r"[A-Za-z_-]+", text[:position])
    last = before[-1].lower() if before else ""
    return last in _SOURCE_WORDS if "/" in file else last not in _TARGET_WORDS


def is_test(item: Item) -> bool:
    """Whether the task writes or runs tests."""
    return bool(_TEST_TEXT.search(CODE_SPAN.sub(" ", item.text))) or any(map(is_test_path, item.files))


def is_test_path(path: str) -> bool:
    """Whether a path is that of a test."""
    return _TEST_PATH.search(path) is not None


def writes_tests(text: str) -> bool:
    """Whether the words are about writing tests."""
    return _WRITE_TEST.search(text) is not None and not runs_tests(text)


def runs_tests(text: str) -> bool:
    """Whether the words are about running tests, or about all of them passing."""
    return _RUN_TESTS.search(text) is not None


def has_id(item: Item) -> bool:
    """Whether the plan itself gives the item an id such as ``T001``, ``IMPL_003`` or ``2.1``."""
    return re.fullmatch(r"[A-Za-z]{0,12}[-_ ]?\d+(?:\.\d+)*[a-z]?", item.local) is not None
