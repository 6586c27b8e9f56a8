"""Every row of the requirements has its line in docs/reference/rows.md, and the line leads somewhere."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
from markdown_it import MarkdownIt

from planproof.plan.model import Claim
from planproof.plan.reading import read_plans


ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("PLANPROOF_SHARED", ROOT.parent / "shared"))
ROWS = SHARED / "requirements.jsonl"
PAGE = ROOT / "docs" / "reference" / "rows.md"
OPEN = "(open)"
NUMBER = re.compile(r"(?P<stem>.*?)(?P<digits>\d+)")
DECISION = re.compile(r"S\d\.[\w.]+|K[\dX]\.\d+")


class Line(NamedTuple):
    """One line of a table: its rows, its items (and whether each is said to be open), its decisions."""

    rows: list[str]
    items: list[tuple[str, bool]]
    decisions: list[tuple[str, list[str]]]
    ranged: bool


def expanded(text: str) -> list[str]:
    """The names that ``A, B to D`` stands for: A, B, C, D."""
    names: list[str] = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        first, between, last = part.partition(" to ")
        if not between:
            names.append(part)
            continue
        low, high = NUMBER.fullmatch(first), NUMBER.fullmatch(last)
        if not low or not high or low["stem"] != high["stem"]:
            raise ValueError(f"no range: {part}")
        numbers = range(int(low["digits"]), int(high["digits"]) + 1)
        if not numbers:
            raise ValueError(f"an empty range: {part}")
        names += [f"{low['stem']}{number:0{len(low['digits'])}d}" for number in numbers]
    return names


def tables(text: str):
    """The cells of every body line of every table, as inline tokens."""
    line, body = [], False
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        if token.type in {"tbody_open", "tbody_close"}:
            body = token.type == "tbody_open"
        elif token.type == "tr_open":
            line = []
        elif token.type == "inline" and body:
            line.append(token)
        elif token.type == "tr_close" and body:
            yield line


def items_of(cell) -> list[tuple[str, bool]]:
    said = []
    for part in cell.content.split(", "):
        name = part.removesuffix(OPEN).replace("`", "").strip()
        said += [(each, part.endswith(OPEN)) for each in expanded(name)]
    return said


def decisions_of(cell) -> list[tuple[str, list[str]]]:
    found: list[tuple[str, list[str]]] = []
    for token in cell.children or ():
        if token.type == "link_open":
            found.append((str(token.attrGet("href")), []))
        elif token.type == "text" and found:
            found[-1][1].extend(DECISION.findall(token.content))
    return found


def lines_of(text: str) -> list[Line]:
    return [
        Line(expanded(rows.content), items_of(items), decisions_of(decided), " to " in items.content)
        for rows, items, decided in tables(text)
    ]


@cache
def decided_on(page: Path) -> set[str]:
    """What the first column of a decision's tables names, ranges spelt out."""
    names: list[str] = []
    for first, *_ in tables(page.read_text()):
        names += expanded(re.sub(r"(?<=\d)-(?=[KS])", " to ", first.content))
    return set(names)


def faults(text: str, wanted: list[str]) -> list[str]:
    """What is wrong with a page of rows, one sentence each."""
    said = []
    claims = {item.id: item.claim for plan in read_plans([ROOT / "plans"], ROOT) for item in plan.items}
    lines = lines_of(text)
    counted = Counter(row for line in lines for row in line.rows)
    said += [f"{row} has no line" for row in wanted if not counted[row]]
    said += [f"{row} is no row" for row in counted if row not in wanted]
    said += [f"{row} has {times} lines" for row, times in counted.items() if times > 1]
    for line in lines:
        if not line.items and not line.decisions:
            said.append(f"{line.rows[0]} has neither an item nor a decision")
        for name, is_open in line.items:
            if name not in claims:
                said.append(f"{name} is in no plan")
            elif is_open != (claims[name] is Claim.OPEN):
                said.append(f"{name} is {claims[name].value} in its plan")
        for href, names in line.decisions:
            page = (PAGE.parent / href).resolve()
            if page.parent != ROOT / "docs" / "decisions" or not page.is_file():
                said.append(f"{href} is no decision")
            else:
                lost = [name for name in names if name not in decided_on(page)]
                said += [f"{page.name} decides nothing on {name}" for name in lost]
        if line.ranged and len(line.rows) != len(line.items):
            said.append(f"{line.rows[0]} and its range of items do not go pair by pair")
    return said


@pytest.fixture(scope="module")
def rows() -> list[str]:
    if not ROWS.is_file():
        pytest.skip("the rows of the requirements are not here")
    return [json.loads(line)["id"] for line in ROWS.read_text().splitlines()]


def test_every_row_has_its_line_and_every_line_leads_somewhere(rows):
    assert len(rows) == len(set(rows)) == 364
    assert faults(PAGE.read_text(), rows) == []


def test_every_item_and_decision_of_the_page_exists_wherever_the_rows_are():
    text = PAGE.read_text()

    assert faults(text, [row for line in lines_of(text) for row in line.rows]) == []


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        ("S0.T001 to S0.T019", "S0.T001 to S0.T018", "S0.T019 has no line"),
        ("S0.T001 to S0.T019", "S0.T001 to S0.T018", "S0.T001 and its range of items do not go pair by pair"),
        ("| S0.CC1 to", "| S0.T004, S0.CC1 to", "S0.T004 has 2 lines"),
        ("| S0.CC1 to", "| S9.T001, S0.CC1 to", "S9.T001 is no row"),
        ("transact:CC6`", "transact:CC7`", "session-eviction-transact:CC7 is in no plan"),
        (" (open)", "", "resilience:T014 is open in its plan"),
        ("`resilience:T002`", "`resilience:T002` (open)", "resilience:T002 is done in its plan"),
        ("`session-timeouts:COV_UNIT_MEMORY`", "", "S1.COV_UNIT_MEMORY has neither an item nor a decision"),
        ("0040-contradictions-sessions.md", "0040-nothing.md", "../decisions/0040-nothing.md is no decision"),
        ("K2.30", "K2.99", "0050-contradictions-boundary-resilience-data.md decides nothing on K2.99"),
    ],
)
def test_a_fault_is_seen(before, after, fault):
    text = PAGE.read_text()
    wanted = [row for line in lines_of(text) for row in line.rows]
    assert before in text

    assert fault in faults(text.replace(before, after, 1), wanted)


def test_ranges_are_spelt_out():
    assert expanded("A.1 to A.3, B.SC-009 to B.SC-011, C") == [
        "A.1", "A.2", "A.3", "B.SC-009", "B.SC-010", "B.SC-011", "C",
    ]  # fmt: skip
    with pytest.raises(ValueError, match="no range"):
        expanded("A.1 to B.2")
    with pytest.raises(ValueError, match="an empty range"):
        expanded("A.2 to A.1")
