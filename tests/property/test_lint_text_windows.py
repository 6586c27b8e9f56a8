"""A plan's text asked window by window answers as the whole text, decoded and blanked, would."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planproof.plan.lint import text as texts
from planproof.plan.lint.text import PlanText


PIECES = st.sampled_from(
    [
        "- [ ] T001 Parse",
        "# One two",
        "```",
        "~~~~",
        "   ```python",
        "<!-- a comment",
        "end of it --> and more",
        "<!-- planproof: ignore PP401 --> after",
        "a -> b",
        "",
        "é→🎯 wörter",
        "one",
        "two three",
        "\ttabbed  text ",
    ]
)
ENDS = st.sampled_from(["\n", "\n", "\n", "\r\n", "\r"])
SOURCES = st.lists(st.tuples(PIECES | st.text(max_size=12), ENDS), max_size=30).map(
    lambda rows: "".join(text + end for text, end in rows).encode("utf-8", "replace")
)
PATTERNS = [
    re.compile(r"\w+"),
    re.compile(r"^[-#][^\n]*$", re.MULTILINE),
    re.compile(r"^(?:one|two)\b.*\n(?!one)", re.MULTILINE),
    re.compile(r"(?<!\n)o\w*\s+t\w*", re.IGNORECASE),
    re.compile(r"\w+(?:\s+\w+){1,3}"),
    re.compile(r"<!--\s*\w"),
]
FENCE = re.compile(r"^[ \t>]*(?:[-*+] +)?(`{3,}|~{3,})([^\n]*)$", re.MULTILINE)


@pytest.fixture(scope="module", autouse=True)
def _small_windows():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(texts, "WINDOW", 24)
        patch.setattr(texts, "BEYOND", 400)
        yield


def plain(source):
    return source.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")


def plain_fences(text):
    found, opened = [], None
    for mark in FENCE.finditer(text):
        if opened is None:
            opened = None if "`" in mark[1] and "`" in mark[2] else mark
        elif mark[1].startswith(opened[1]) and not mark[2].strip():
            found.append((opened.start(), mark.end(), True))
            opened = None
    return found + ([(opened.start(), len(text), False)] if opened else [])


def blanked(text, start, end):
    return text[:start] + re.sub(r"[^\n]", " ", text[start:end]) + text[end:]


def plain_prose(text):
    for start, end, _ in plain_fences(text):
        text = blanked(text, start, end)
    start = text.find("<!--")
    while start >= 0 and (end := text.find("-->", start + 4)) >= 0:
        text = blanked(text, start, end + 3)
        start = text.find("<!--", end + 3)
    return text


def matches(pattern, text):
    return [(text.count("\n", 0, found.start()) + 1, found[0]) for found in pattern.finditer(text)]


@given(SOURCES)
def test_lines_and_fences_are_those_of_the_whole_text(source):
    text, parts = plain(source), PlanText(source)
    rows = text.split("\n")

    assert parts.whole() == text
    assert len(parts) == len(rows)
    assert [parts.lines(number, number) for number in range(1, len(rows) + 1)] == rows
    assert parts.lines(2, 5) == "\n".join(rows[1:5])
    assert parts.lines(0, 0) == parts.lines(len(rows) + 1, len(rows) + 9) == ""
    assert [tuple(fence) for fence in parts.fences] == [
        (text.count("\n", 0, start) + 1, text.count("\n", 0, end) + 1, closed)
        for start, end, closed in plain_fences(text)
    ]
    for number, start in enumerate(parts.starts):
        assert plain(source[:start]).count("\n") == number


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda pattern: pattern.pattern)
@given(SOURCES)
def test_a_search_finds_what_a_search_of_the_blanked_text_finds(pattern, source):
    parts = PlanText(source)
    found = [(line, match[0]) for line, match in parts.search(pattern)]

    assert found == matches(pattern, plain_prose(plain(source)))


@given(SOURCES, st.sampled_from(["one", "two three", "t001", "none such"]))
def test_a_needle_only_spares_the_search(source, needle):
    text, parts = plain(source), PlanText(source)
    pattern = re.compile(re.escape(needle), re.IGNORECASE)

    assert parts.has(needle) == (needle in text.lower())
    assert [line for line, _ in parts.search(pattern, needle)] == [
        line for line, _ in matches(pattern, plain_prose(text))
    ]


@given(SOURCES)
def test_comments_are_looked_at_where_they_are_asked_for(source):
    text, pattern = plain(source), re.compile(r"planproof: \w+")
    hidden = [(start, end) for start, end, _ in plain_fences(text)]
    seen = [found for found in pattern.finditer(text) if not any(a <= found.start() < b for a, b in hidden)]

    assert [line for line, _ in PlanText(source).comments(pattern, "planproof:")] == [
        text.count("\n", 0, found.start()) + 1 for found in seen
    ]


def test_a_match_that_reaches_into_the_next_window_is_found_once():
    source = b"word\n" * 3 + b"start\n" + b"\n" * 40 + b"end\n" + b"word\n" * 20
    pattern = re.compile(r"start\s+end|word\s+word")

    assert [line for line, _ in PlanText(source).search(pattern)] == [
        line for line, _ in matches(pattern, source.decode())
    ]
