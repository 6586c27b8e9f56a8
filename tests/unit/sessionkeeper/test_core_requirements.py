"""Every row of documents 0 and 1 is on the page of where it is met, and each test named there exists."""

from __future__ import annotations

import ast
import json
import os
import re
from pathlib import Path

import pytest


ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "reference" / "requirements-sessions.md").read_text()
SHARED = Path(os.environ.get("PLANPROOF_SHARED", ROOT.parent / "shared"))
TESTS = sorted(set(re.findall(r"`((?:tests/)?[\w/]*test_\w+\.py(?:::\w+)*)`", PAGE)))


def test_every_row_is_on_the_page_once():
    source = SHARED / "requirements.jsonl"
    if not source.is_file():
        pytest.skip("the requirements table is not beside this repository")
    rows = [json.loads(line)["id"] for line in source.read_text().splitlines()]
    wanted = [row for row in rows if row.startswith(("S0.", "S1."))]
    cells = [line.split("|")[1] for line in PAGE.splitlines() if line.startswith("| S")]
    named = [row.strip() for cell in cells for row in cell.split(",")]
    twice = {row for row in named if named.count(row) > 1}
    assert twice == set()
    assert sorted(named) == sorted(wanted)


@pytest.mark.parametrize("named", TESTS)
def test_every_test_that_is_named_exists(named):
    path, *inside = named.split("::")
    folder = ROOT if path.startswith("tests/") else Path(__file__).parent
    body = ast.parse((folder / path).read_text()).body
    for name in inside:
        found = [each for each in body if getattr(each, "name", None) == name]
        assert len(found) == 1
        body = found[0].body
