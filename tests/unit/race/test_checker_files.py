"""The histories with known verdicts, all judged, each by its command-line name."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from planproof.race.checker import check
from planproof.race.explain import explain
from planproof.race.history import UNKNOWN, Outcome
from planproof.race.models import MODELS
from planproof.race.readers import DEFAULT_MODELS, guess_format, read_history


ROOT = Path(__file__).resolve().parents[3]
FILES = Path(os.environ.get("PLANPROOF_SHARED", ROOT.parent / "shared")) / "histories" / "porcupine"
VERDICTS = json.loads((FILES / "verdicts.json").read_text()) if (FILES / "verdicts.json").is_file() else {}

pytestmark = pytest.mark.skipif(not VERDICTS, reason="the histories with known verdicts are not here")


def judged(name):
    form = guess_format(FILES / name)
    model = MODELS[DEFAULT_MODELS[form]]()
    history = read_history(FILES / name, form)
    return history, model, check(history, model)


def test_there_are_108():
    assert len(VERDICTS) == 108
    assert sum(name.startswith("jepsen/") for name in VERDICTS) == 102


@pytest.mark.parametrize("name", sorted(VERDICTS))
def test_the_verdict_is_right(name):
    _, _, verdict = judged(name)
    assert verdict.linearizable is VERDICTS[name], verdict.reason


@pytest.mark.parametrize("name", sorted(name for name, right in VERDICTS.items() if not right))
def test_the_longest_valid_order_is_valid_and_cannot_go_on(name):
    _, model, verdict = judged(name)
    explanation = explain(verdict.failure)
    assert explanation.traced
    state, latest = model.initial(), -1
    for step in explanation.steps:
        op = step.op
        binding = op.outcome is Outcome.OK
        assert not binding or op.ret > latest, "an operation follows one that began after its reply"
        latest = max(latest, op.call)
        assert step.before == model.describe(state)
        allowed, state = model.step(state, op.op, op.args, op.result if binding else UNKNOWN)
        assert allowed
        assert step.after == model.describe(state)
    blocked = explanation.blocked
    placed = {step.op.id for step in explanation.steps}
    part = verdict.failure.part
    over = {op.id for op in part.ops if op.outcome is Outcome.OK and op.ret < blocked.ret}
    assert over <= placed, "what was answered before the failing reply is all in the order"
    assert blocked.id not in placed
    allowed, _ = model.step(state, blocked.op, blocked.args, blocked.result)
    assert not allowed
