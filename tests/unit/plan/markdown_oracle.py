"""What markdown-it-py sees in a file: the lines of its task items, of code, HTML and headings."""

import re

from markdown_it import MarkdownIt


# Front matter is no CommonMark; both sides take it off first.
FRONT_MATTER = re.compile(
    r"\ufeff?---[ \t]*\n(?=\s*(?:#[^\n]*\n\s*)*[\w\"'-]+[ \t]*:)(.*?)^(?:---|\.\.\.)[ \t]*(?:\n|\Z)",
    re.DOTALL | re.MULTILINE,
)
GFM_BOX = re.compile(r"\[[ xX]\][ \t\n]")
# The forms that GFM does not know, all at the start of an item's first paragraph.
MARKED = re.compile(r"(?:[-+*]|[0-9]{1,9}[.)])[ \t]")
OUR_BOX = re.compile(r"\[[ \txX~\->!?]\](?:\\?\*)?(?:[ \t\n]|$)")


def parser():
    return MarkdownIt("commonmark").enable("table")


def normal(data):
    r"""Text as CommonMark reads it: one kind of line ending, no byte order mark, front matter blanked."""
    text = data.decode().removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    found = FRONT_MATTER.match(text[:262_144])
    if found:
        text = "\n" * found[0].count("\n") + text[found.end() :]
    return text


def item_paragraphs(text):
    """(line from 1, content) of the first paragraph of each list item, where it starts with one."""
    tokens = parser().parse(text)
    for index, token in enumerate(tokens):
        if token.type == "list_item_open" and tokens[index + 1].type == "paragraph_open":
            yield tokens[index + 1].map[0] + 1, tokens[index + 2].content


def task_lines(data, box=OUR_BOX):
    """Lines of the boxes that the oracle sees."""
    return sorted(line for line, content in item_paragraphs(normal(data)) if box.match(content))


def slips(text):
    """Whether the oracle contradicts itself: a list item's text that begins with the item's own mark.

    So it reads a tab between a quote's mark and an item's, where the spec has the text behind the mark.
    """
    return any(MARKED.match(content) for _, content in item_paragraphs(text))


def structure(text):
    """Line numbers by kind of block: code, html, heading, item; blank lines left out."""
    lines = text.split("\n")
    found = {"fence": set(), "code": set(), "html": set(), "heading": set(), "item": []}
    for token in parser().parse(text):
        if token.map is None:
            continue
        first, last = token.map
        if token.type == "fence":
            found["fence"].add(first + 1)
        elif token.type == "code_block":
            found["code"] |= {n + 1 for n in range(first, last) if lines[n].strip(" \t>")}
        elif token.type == "html_block":
            found["html"] |= {n + 1 for n in range(first, last) if lines[n].strip(" \t>")}
        elif token.type == "heading_open":
            found["heading"].add(first + 1)
        elif token.type == "list_item_open":
            found["item"].append(first + 1)
    found["item"].sort()
    return found
