"""The plan and its spec belong together."""

from pathlib import Path

from planproof.plan.reading import read_plan
from planproof.proof.binding.spec_parser import parse_spec


ROOT = Path(__file__).resolve().parents[2]
SPEC = ROOT / "specs" / "session-eviction-transact.yaml"


def test_the_spec_names_items_of_the_plan():
    spec = parse_spec(SPEC.read_bytes(), "specs/session-eviction-transact.yaml")
    plan = read_plan(ROOT / "plans" / "session-eviction-transact.md", workspace=ROOT)
    known = {item.local for item in plan.items}

    assert spec.plan == plan.id
    assert {item.local for item in spec.items} - known == set()
    assert {name for item in spec.items for name in item.checks} <= set(spec.checks)
