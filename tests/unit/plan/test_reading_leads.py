"""What an item's text begins with, and what stays of the words behind it; work that grows with the file."""

import sys

import pytest

from planproof.plan.reading import read_bytes
from planproof.plan.reading.leads import lead


@pytest.mark.parametrize(
    "words",
    ["`shared/` folders", "**bold** words", "__bold__ words", "~~struck~~ words", "`a` and `b`"],
)
@pytest.mark.parametrize("name", ["1.1", "T001", "1.1.", "1.1:", "AC-1", "Task 3:"])
def test_marks_behind_an_id_belong_to_the_words(name, words):
    assert lead(f"{name} {words}").text == words


@pytest.mark.parametrize(
    ("text", "name", "words"),
    [
        ("**T001** Write it", "T001", "Write it"),
        ("**T001:** Write it", "T001", "Write it"),
        ("**T001: Write it**", "T001", "Write it"),
        ("`T001` Write it", "T001", "Write it"),
        ("**1.1** Write it", "1.1", "Write it"),
        ("~~T001 Write it~~", "T001", "Write it"),
    ],
)
def test_marks_around_an_id_are_no_words(text, name, words):
    found = lead(text)
    assert (found.name, found.text) == (name, words)


def test_a_path_in_backticks_is_kept_whole():
    (item,) = read_bytes(b"# Tasks\n\n- [ ] 1.1 `shared/` is made\n", "p.md").items
    assert (item.text, item.files) == ("`shared/` is made", ("shared/",))


def calls(data):
    """How many calls of Python's own functions reading takes: a count of work that no clock disturbs."""
    count = 0

    def note(frame, event, argument):
        nonlocal count
        count += event == "call"

    sys.setprofile(note)
    try:
        read_bytes(data, "stories.md")
    finally:
        sys.setprofile(None)
    return count


def stories(count):
    return "# Tasks\n\n" + "".join(
        f"## Phase {number + 2}: User Story {number} - Log\n\n- [ ] T{number:05d} [US{number}] Write it\n\n"
        for number in range(1, count + 1)
    )


def test_twice_the_stories_take_twice_the_work():
    calls(stories(5).encode())
    few, many = calls(stories(200).encode()), calls(stories(400).encode())
    assert many <= 2.1 * few
