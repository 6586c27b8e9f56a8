"""Made-up evidence for tests of the store."""

from planproof.proof.evidence.record import Evidence
from planproof.proof.model import CheckKind, ControlOutcome, ControlResult, Footprint, Outcome


def some(key="k", **more):
    said = {
        "key": key,
        "name": f"name-{key}",
        "kind": CheckKind.PYTEST,
        "target": "tests/test_it.py",
        "backend": None,
        "outcome": Outcome.PASSED,
        "reason": "",
        "seconds": 0.25,
        "at": 1.5,
        "commit": "c0ffee",
        "nodes": {"tests/test_it.py::test_a": "passed"},
        "controls": (ControlResult("placebo", ControlOutcome.PASSED, "", 0.5),),
        "notes": ("one",),
        "certificate": {"overlap": 2},
        "footprint": Footprint({"<entry>": {"inputs": "x"}}, {"a.py": {"<raw>": "y" * 500}}, {"python": "3"}),
        "claims": {"p:A": "d"},
    }
    return Evidence(**{**said, **more})
