"""The scanner against markdown-it-py on made-up Markdown: the same code, HTML, headings, items and boxes.

The alphabet holds every sign that decides block structure, in the combinations that people write and in
those that nobody does.
"""

import re

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from tests.unit.plan.markdown_oracle import slips, structure, task_lines

from planproof.plan.reading import read_bytes
from planproof.plan.reading.blocks import Form
from planproof.plan.reading.scanner import Scanner, scan


INDENT = st.sampled_from(
    ["", "", "", " ", "  ", "   ", "    ", "     ", "      ", "        ", "\t", "  \t", "\t\t"]
)
MARK = st.sampled_from(
    [
        "",
        "",
        "",
        "- ",
        "* ",
        "+ ",
        "1. ",
        "2. ",
        "10) ",
        "-   ",
        "-     ",
        "-\t",
        "> ",
        ">",
        "> > ",
        "- - ",
        "> - ",
        "1. - ",
        "-",
        "*",
    ]
)
BODY = st.sampled_from(
    [
        "", "", "word", "more words", "[ ] open", "[x] done", "[X] done", "[ ]", "[-] ours", "[ ]* optional",
        "[x]not", "# heading", "## ", "#no", "```", "````", "~~~", "```py", "``` a`b", "<!-- note", "-->",
        "<!-- one --> - [ ] x", "<div>", "</div>", "<b>", "<b> - [ ] x", "<pre>", "</pre>", "<?x",
        "?>", "===", "---", "***", "- - -", "_ _",
        "* [ ] star", "- [ ] dash", "1) [ ] one", "\\- [ ] no", "`- [ ] code`",
    ]
)  # fmt: skip
LINE = st.tuples(INDENT, MARK, INDENT, BODY).map("".join)
DOCUMENT = st.lists(LINE, min_size=1, max_size=12).map("\n".join)


def ours(text):
    """The scanner's blocks in the oracle's form."""
    data = text.encode()
    lines = text.split("\n")
    found = {"fence": set(), "code": set(), "html": set(), "heading": set(), "item": []}
    for block in scan(data):
        if block.form is Form.ITEM:
            found["item"].append(block.line)
            if block.underlined:
                found["heading"].add(block.line if block.at == block.start else block.line + 1)
        elif block.form is Form.HEADING:
            found["heading"].add(block.line)
        elif block.form is Form.FENCE:
            found["fence"].add(block.line)
        elif block.form in {Form.CODE, Form.HTML}:
            name = "code" if block.form is Form.CODE else "html"
            found[name] |= {line.number for line in block.lines() if lines[line.number - 1].strip(" \t>")}
    return found


class Watcher(Scanner):
    """Notes whether a line went on lazily with a paragraph although it stands four columns in."""

    lazy = False

    def words(self, matched, text, first, number, start, end):
        if self.paragraph and matched < len(self.stack) and first >= 4:
            self.lazy = True
        super().words(matched, text, first, number, start, end)


QUOTE_FOUR_IN = re.compile(r"^(?: {4}|[ >]*\t| {5})[ \t]*>", re.MULTILINE)


def oracle_errs(text):
    """Rules of CommonMark 0.31 that markdown-it-py does not keep.

    A quote mark behind four or more columns is no quote mark; a line that goes on lazily with a
    paragraph does so however far in it stands (commonmark.js agrees with us on both); an item's text does
    not hold the item's own mark.
    """
    watcher = Watcher()
    lines = text.encode().splitlines()
    watcher.feed((number, 0, 0, raw.decode().expandtabs(4)) for number, raw in enumerate(lines, start=1))
    return watcher.lazy or QUOTE_FOUR_IN.search(text) or slips(text)


@given(DOCUMENT)
@settings(max_examples=400)
@example("- a\n - b\n  - c\n   - d\n    - e")
@example("1. a\n\n  2. b\n\n    3. c")
@example("- [ ] a\n\n      - [ ] code in the item\n    - [ ] nested")
@example("- ```\n  - [ ] in a fence\n- [ ] out of it")
@example("> - [ ] quoted\n- [ ] not")
@example("> <div>\n> \n> word")
@example("-\n  [ ] the text begins on the next line")
@example("text\n2. [ ] no list\n1. [ ] a list")
def test_block_structure_is_that_of_commonmark(text):
    assume(not oracle_errs(text))
    assert ours(text) == structure(text)


def test_a_tab_between_the_mark_of_a_quote_and_that_of_an_item():
    """Six spaces and a tab end at column 8, three columns in: an item (CommonMark 0.31, 2.2 and 5.2)."""
    text = " > >   \t* [ ] star"
    item = next(block for block in scan(text.encode()) if block.form is Form.ITEM)
    assert item.text == "[ ] star"
    assert slips(text)


@given(DOCUMENT)
@settings(max_examples=400)
@example("-\n\n  [ ] behind a blank line an item without a word has ended")
def test_boxes_are_those_of_the_oracle(text):
    assume(not oracle_errs(text))
    data = text.encode()
    plan = read_bytes(data, "made-up.md")
    found = sorted(data.count(b"\n", 0, item.box) + 1 for item in plan.items if item.box is not None)
    assert found == task_lines(data)


@given(st.binary(max_size=300))
@settings(max_examples=200)
def test_any_utf8_is_read_without_loss(data):
    try:
        data.decode()
    except UnicodeDecodeError:
        return
    if data.count(b"\0") * 100 > len(data):
        return
    plan = read_bytes(data, "any.md")
    assert plan.source == data
    for item in plan.items:
        assert 0 <= item.span.start <= item.span.end <= len(data)
