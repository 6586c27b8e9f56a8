"""Each rule's page: its bad example fires the rule and nothing else, its good example nothing."""

import re
from pathlib import Path

import pytest

from planproof.errors import ConfigError
from planproof.plan.lint import RULES, lint
from planproof.plan.lint.explanation import page
from planproof.plan.lint.rules.proof import RULES as PROOF_RULES
from planproof.plan.reading import read_bytes


ROOT = Path(__file__).resolve().parents[3]
DOCS = ROOT / "docs" / "rules"
TEXT_RULES = [rule for rule in RULES if rule not in PROOF_RULES]


def found(examples, code):
    plans = [read_bytes(text.encode(), f"plan{number}.md") for number, text in enumerate(examples)]
    default = [rule.code for rule in RULES if rule.default]
    return {
        finding.code
        for finding in lint(
            plans, select=[*default, code], exists=lambda path: "missing" not in path
        ).findings
    }


@pytest.mark.parametrize("rule", TEXT_RULES, ids=lambda rule: rule.code)
def test_the_bad_example_fires_exactly_this_rule(rule):
    assert found(page(rule.code).bad, rule.code) == {rule.code}


@pytest.mark.parametrize("rule", TEXT_RULES, ids=lambda rule: rule.code)
def test_the_good_example_stays_silent(rule):
    assert found(page(rule.code).good, rule.code) == set()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_the_manual_shows_the_same_page(rule):
    assert (DOCS / f"{rule.code}.md").read_text() == page(rule.code).text
    assert page(rule.code).text.startswith(f"# {rule.code} {rule.name}\n")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_a_page_says_when_the_rule_is_off(rule):
    assert ("Off by default" in " ".join(page(rule.code).why.split())) is not rule.default


def test_there_is_no_page_without_a_rule():
    assert {path.stem for path in DOCS.glob("PP*.md")} == {rule.code for rule in RULES}


def test_an_unknown_code_is_refused():
    with pytest.raises(ConfigError, match="no rule has the code"):
        page("../PP401")


def test_the_index_names_every_rule_with_its_level():
    index = (DOCS / "index.md").read_text()

    for rule in RULES:
        star = "" if rule.default else " \\*"
        assert f"* [{rule.code}]({rule.code}.md) {rule.name}{star} ({rule.level})" in index


def test_no_rule_below_ninety_five_per_cent_is_on():
    manual = (DOCS.parent / "precision.md").read_text()
    measured = re.findall(r"^\| \[(PP\d+)\].*?\| (\d+) % \| (on|off) \|$", manual, re.MULTILINE)

    assert len(measured) > 30
    for code, percent, state in measured:
        rule = next(rule for rule in RULES if rule.code == code)
        assert rule.default is (state == "on")
        assert not rule.default or int(percent) >= 95
