"""Bytes as they come: line endings, marks, tabs, long lines, signs of all scripts; and what is refused."""

import os
import time
from pathlib import Path

import pytest

from planproof.errors import InputError
from planproof.plan.model import Claim
from planproof.plan.reading import intake, read_bytes, read_plan, read_plans


LINES = [
    "# P",
    "",
    "## Phase 1: A",
    "",
    "- [ ] T001 one",
    "  - [x] two",
    "",
    "- [X] T002 three (depends on T001)",
]


def read(data):
    return read_bytes(data, "p.md")


@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("last", [True, False])
def test_line_endings_and_byte_order_marks(ending, mark, last):
    data = mark + ending.join(line.encode() for line in LINES) + (ending if last else b"")
    plan = read(data)
    assert plan.source == data
    assert plan.title == "P"
    assert [(item.local, item.line, item.claim) for item in plan.items] == [
        ("T001", 5, Claim.OPEN), ("T001/two", 6, Claim.DONE), ("T002", 8, Claim.DONE),
    ]  # fmt: skip
    for item in plan.items:
        assert data[item.box - 1 : item.box + 2] in {b"[ ]", b"[x]", b"[X]"}
        assert data[item.span.start : item.span.end].strip().startswith(b"- [")


def test_mixed_endings():
    plan = read(b"# P\r\n- [ ] T001 a\n- [x] T002 b\r- [ ] T003 c\r\n")
    assert [(item.local, item.line) for item in plan.items] == [("T001", 2), ("T002", 3), ("T003", 4)]


def test_tabs_and_trailing_spaces():
    data = b"-\t[ ] T001 a  \n\t- [x] T002 b\t\n"
    plan = read(data)
    assert [item.parent for item in plan.items] == [None, "p:T001"]
    assert [data[item.box : item.box + 1] for item in plan.items] == [b" ", b"x"]


def test_signs_of_all_scripts():
    text = (
        "- [ ] T001 اكتب المخزن\n- [x] T002 naïve cafe\u0301 👩‍💻\n- [ ] 読む\x00書く\n- [ ] a\u2028b\x0bc\n"
    )
    plan = read(text.encode() + b"x" * 200)
    assert [item.line for item in plan.items] == [1, 2, 3, 4]
    assert plan.items[0].text == "اكتب المخزن"
    assert plan.items[2].local == "読む-書く"
    assert [plan.source[item.box : item.box + 1] for item in plan.items] == [b" ", b"x", b" ", b" "]


@pytest.mark.parametrize(
    "body",
    [b"a", b"- ", b"> ", b"[ ] ", b"<!-- ", b"T001 -> ", b"`", b"*", b"(", b"a.py/", b"| ", b"~~", b"x, "],
)
def test_a_line_of_a_megabyte_is_read_in_a_moment(body):
    line = body * (1_000_000 // len(body))
    data = (
        b"# P\n\n## Dependencies\n\n- [ ] T001 "
        + line
        + b"\n"
        + line
        + b"\n\n```\n"
        + line
        + b"\n```\n\n- [x] T002 after\n"
    )
    before = time.process_time()
    plan = read(data)
    assert time.process_time() - before < 10
    assert plan.items[0].local == "T001"


def test_a_line_that_no_plan_needs_is_refused():
    data = b"# P\n" + b"x" * (intake.MAX_LINE + 1)
    with pytest.raises(InputError, match=r"p\.md:2: this line is longer than 16 MiB"):
        read(data)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"# P\n\n- [ ] T001 \xff\n", "p.md:3: this is not UTF-8: byte 0xff"),
        (b"\x89PNG\r\n\x1a\n" + b"\x00\x01" * 50, "binary"),
        (b"# P\n" + b"\0" * 100, "p.md:2: this is a binary file"),
    ],
)
def test_what_is_no_text_is_refused(data, words):
    with pytest.raises(InputError, match=words):
        read(data)


def test_a_single_nul_is_text():
    assert read(b"- [ ] T001 a\x00b\n\n" + b"words\n" * 40).items[0].text == "a\x00b"


class TestFiles:
    def test_missing_directory_and_odd_files(self, tmp_path):
        with pytest.raises(InputError, match="there is no such plan"):
            read_plan(tmp_path / "none.md")
        with pytest.raises(InputError, match="a directory, not a plan"):
            read_plan(tmp_path)
        with pytest.raises(InputError, match="holds no Markdown file"):
            read_plans([tmp_path], tmp_path)
        with pytest.raises(InputError, match="there is no such plan"):
            read_plans([tmp_path / "none.md"], tmp_path)

    def test_a_pipe_is_no_plan(self):
        with pytest.raises(InputError, match="not a regular file"):
            read_plan(Path("/dev/null"))

    def test_directories_are_searched_and_ids_made_unique(self, tmp_path):
        for name in ("a/tasks.md", "b/tasks.md", "b/c/tasks.md", "other.md", ".hidden/tasks.md", "notes.txt"):
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("- [ ] T001 a\n")
        plans = read_plans([tmp_path, tmp_path / "other.md"], tmp_path)
        assert [(plan.id, plan.path) for plan in plans] == [
            ("a/tasks", "a/tasks.md"), ("c/tasks", "b/c/tasks.md"), ("b/tasks", "b/tasks.md"),
            ("other", "other.md"),
        ]  # fmt: skip

    def test_links_out_of_the_workspace_are_not_followed(self, tmp_path):
        inside, outside = tmp_path / "in", tmp_path / "out"
        inside.mkdir()
        outside.mkdir()
        (outside / "secret.md").write_text("- [ ] T001 a\n")
        (inside / "own.md").write_text("- [ ] T002 b\n")
        (inside / "link.md").symlink_to(outside / "secret.md")
        (inside / "folder").symlink_to(outside)
        assert [plan.path for plan in read_plans([inside], inside)] == ["own.md"]
        with pytest.raises(InputError, match="leads out of the workspace"):
            read_plans([inside / "link.md"], inside)
        with pytest.raises(InputError, match="leads out of the workspace"):
            read_plans([inside / "folder" / "secret.md"], inside)

    def test_no_right_to_read(self, tmp_path):
        path = tmp_path / "p.md"
        path.write_text("x")
        path.chmod(0)
        if os.access(path, os.R_OK):
            pytest.skip("this user may read everything")
        with pytest.raises(InputError, match="cannot be read"):
            read_plan(path)


def test_front_matter_is_data():
    plan = read(b"---\nid: x\nlist: [&a a, *a]\n---\n- [ ] T001 a\n")
    assert [item.local for item in plan.items] == ["T001"]
    assert plan.unread[0].reason.startswith("front matter")
    assert read(b"---\na: !!python/object:os.system x\n---\n").fields[0].value == "x"
    assert read(b"---\n{: [\n---\n- [ ] a\n").items[0].line == 4


def test_a_rule_at_the_top_is_no_front_matter():
    plan = read(b"---\n\n- [ ] T001 a\n\n---\n\n- [ ] T002 b\n")
    assert [item.local for item in plan.items] == ["T001", "T002"]
