"""Which of the known contradictions the linter finds in the five documents, by which rule, on which line."""

import json
import os
from pathlib import Path

import pytest

from planproof.plan.lint import RULES, lint
from planproof.plan.reading import read_plan


ROOT = Path(__file__).resolve().parents[3]
SHARED = Path(os.environ.get("PLANPROOF_SHARED", ROOT.parent / "shared"))
SEEDS = SHARED / "seeds"
needs_seeds = pytest.mark.skipif(
    not SEEDS.is_dir(), reason="the five documents are not here (../shared/seeds)"
)

# Row: (rule, line in its document, a line that the finding must also rest on, or None).
FOUND = {
    "K0.01": ("PP202", 62, 40),
    "K0.02": ("PP401", 51, 64),
    "K0.03": ("PP408", 51, 45),
    "K0.04": ("PP409", 84, 51),
    "K0.05": ("PP409", 85, 21),
    "K0.06": ("PP409", 86, 32),
    "K0.07": ("PP409", 87, 40),
    "K0.08": ("PP410", 52, 13),
    "K0.09": ("PP205", 79, 64),
    "K0.10": ("PP302", 53, 64),
    "K0.11": ("PP303", 13, 58),
    "K0.12": ("PP301", 23, 41),
    "K0.13": ("PP304", 70, 31),
    "K0.14": ("PP206", 73, 60),
    "K0.15": ("PP305", 73, 23),
    "K0.16": ("PP206", 76, 62),
    "K0.17": ("PP305", 76, 40),
    "K0.18": ("PP208", 63, None),
    "K0.19": ("PP542", 35, 41),
    "K0.20": ("PP419", 18, 45),
    "K0.23": ("PP119", 51, None),
    "K0.24": ("PP521", 94, None),
    "K0.25": ("PP213", 59, 31),
    "K0.26": ("PP522", 6, 49),
    "K1.01": ("PP501", 19, 248),
    "K1.02": ("PP204", 70, 223),
    "K1.03": ("PP204", 136, 221),
    "K1.04": ("PP204", 179, 225),
    "K1.05": ("PP510", 101, 94),
    "K1.06": ("PP524", 237, 102),
    "K1.07": ("PP207", 111, 223),
    "K1.08": ("PP513", 263, None),
    "K1.09": ("PP512", 265, 132),
    "K1.10": ("PP512", 263, 132),
    "K1.11": ("PP515", 265, 194),
    "K1.12": ("PP540", 81, 122),
    "K1.13": ("PP545", 124, 146),
    "K1.14": ("PP516", 171, None),
    "K1.15": ("PP507", 185, None),
    "K1.16": ("PP506", 11, None),
    "K1.17": ("PP517", 126, 257),
    "K1.18": ("PP541", 62, None),
    "K1.19": ("PP525", 236, 60),
    "K1.23": ("PP109", 58, 39),
    "K1.24": ("PP209", 196, 203),
    "K1.25": ("PP108", 26, None),
    "K1.26": ("PP537", 142, 35),
    "K1.28": ("PP523", 28, 134),
    "K1.29": ("PP503", 242, 146),
    "K2.01": ("PP509", 84, 126),
    "K2.02": ("PP527", 84, 83),
    "K2.03": ("PP509", 59, 125),
    "K2.04": ("PP547", 67, None),
    "K2.05": ("PP115", 68, 65),
    "K2.06": ("PP426", 39, 11),
    "K2.07": ("PP539", 147, 71),
    "K2.09": ("PP528", 99, None),
    "K2.10": ("PP511", 178, 54),
    "K2.11": ("PP538", 156, 15),
    "K2.13": ("PP413", 171, 126),
    "K2.14": ("PP413", 169, 122),
    "K2.15": ("PP412", 160, 38),
    "K2.16": ("PP118", 164, 166),
    "K2.17": ("PP403", 140, 141),
    "K2.18": ("PP412", 140, 38),
    "K2.19": ("PP425", 136, 87),
    "K2.20": ("PP543", 24, None),
    "K2.23": ("PP549", 81, None),
    "K2.24": ("PP114", 47, None),
    "K2.25": ("PP529", 66, 48),
    "K2.26": ("PP106", 109, 110),
    "K2.27": ("PP107", 113, 116),
    "K2.28": ("PP530", 166, 32),
    "K2.29": ("PP531", 16, None),
    "K2.30": ("PP544", 13, None),
    "K3.01": ("PP406", 98, 129),
    "K3.02": ("PP406", 112, 133),
    "K3.03": ("PP401", 82, 74),
    "K3.04": ("PP411", 83, 74),
    "K3.05": ("PP518", 79, 75),
    "K3.06": ("PP423", 35, 47),
    "K3.08": ("PP116", 44, 43),
    "K3.09": ("PP514", 49, 33),
    "K3.10": ("PP416", 65, 49),
    "K3.11": ("PP210", 59, 125),
    "K3.14": ("PP211", 127, 123),
    "K3.15": ("PP404", 143, None),
    "K3.16": ("PP421", 142, None),
    "K3.17": ("PP519", 159, 98),
    "K3.18": ("PP407", 96, None),
    "K3.19": ("PP414", 155, 159),
    "K3.20": ("PP119", 112, None),
    "K3.21": ("PP546", 115, 114),
    "K3.22": ("PP520", 107, None),
    "K3.23": ("PP209", 112, 133),
    "K3.24": ("PP536", 85, None),
    "K3.25": ("PP526", 60, None),
    "K3.27": ("PP520", 94, None),
    "K3.28": ("PP420", 7, 6),
    "K3.29": ("PP120", 8, None),
    "K3.30": ("PP422", 138, 143),
    "K3.31": ("PP411", 100, 47),
    "K4.01": ("PP533", 79, 81),
    "K4.03": ("PP533", 98, 99),
    "K4.04": ("PP418", 131, 121),
    "K4.05": ("PP532", 23, 13),
    "K4.14": ("PP417", 134, 27),
    "K4.15": ("PP506", 115, None),
    "K4.17": ("PP121", 80, 81),
    "K4.19": ("PP534", 7, None),
    "K4.20": ("PP108", None, None),
    "KX.05": ("PP535", 75, 12),
    "KX.06": ("PP110", 5, 8),
    "KX.07": ("PP111", 1, None),
}
DOCUMENT = {"KX.05": "3", "KX.06": "3", "KX.07": "3"}


def findings(select):
    plans = [read_plan(path, workspace=SEEDS) for path in sorted(SEEDS.glob("*.txt"))]
    return lint(plans, select=select).findings


@pytest.fixture(scope="module")
def everything():
    return findings(["ALL"])


def shows(finding, row):
    code, line, other = FOUND[row]
    document = DOCUMENT.get(row, row[1])
    lines = {place.line for place in finding.related}
    own = finding.path.startswith(f"00{document}") and finding.code == code
    return own and line in {None, finding.line} and (other is None or other in lines)


@needs_seeds
@pytest.mark.parametrize("row", FOUND)
def test_a_known_contradiction_is_found_on_its_lines(row, everything):
    assert [finding for finding in everything if shows(finding, row)] != []


@needs_seeds
def test_what_is_consistent_is_left_alone(everything):
    """K1.27: the estimates add up to what line 20 says."""
    plans = [finding for finding in everything if finding.path.startswith("001")]

    assert all(finding.line != 20 for finding in plans)
    assert all(finding.code != "PP504" for finding in plans)


@needs_seeds
def test_what_is_on_by_default_finds_more_than_seventy():
    default = findings([])
    seen = [row for row in FOUND if any(shows(finding, row) for finding in default)]

    assert len(seen) >= 70


@needs_seeds
def test_every_row_is_found_or_told_why_not():
    rows = [json.loads(line)["id"] for line in (SHARED / "contradictions.jsonl").read_text().splitlines()]
    manual = (ROOT / "docs" / "lint.md").read_text()

    assert [row for row in rows if row not in FOUND and f"| {row} |" not in manual] == []
    assert {row for row in FOUND if f"| {row} |" in manual} == set()


def test_every_named_rule_exists():
    assert {code for code, _, _ in FOUND.values()} <= {rule.code for rule in RULES}
