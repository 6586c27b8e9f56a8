"""Merging receipts is a join: order and repetition change nothing, and the worst outcome stands."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from planproof.proof.evidence import receipt, record
from planproof.proof.evidence.record import Evidence
from planproof.proof.model import CheckKind, ControlOutcome, ControlResult, Footprint, Outcome


texts = st.text(max_size=8)
controls = st.builds(ControlResult, texts, st.sampled_from(list(ControlOutcome)), texts, st.just(0.5))
evidence = st.builds(
    Evidence,
    key=st.sampled_from(["k1", "k2", "k3"]),
    name=texts,
    kind=st.sampled_from(list(CheckKind)),
    target=texts,
    backend=st.sampled_from([None, "sqlite"]),
    outcome=st.sampled_from(list(Outcome)),
    reason=texts,
    seconds=st.floats(0, 10, allow_nan=False),
    at=st.sampled_from([1.0, 2.0]),
    commit=st.just("c0ffee"),
    nodes=st.dictionaries(texts, st.sampled_from(["passed", "failed"]), max_size=2),
    controls=st.lists(controls, max_size=2).map(tuple),
    notes=st.lists(texts, max_size=2).map(tuple),
    certificate=st.dictionaries(texts, st.integers(), max_size=2),
    footprint=st.builds(Footprint, environment=st.dictionaries(texts, texts, max_size=1)),
    claims=st.dictionaries(st.sampled_from(["p:A", "p:B"]), st.sampled_from(["1", "2"]), max_size=2),
)
receipts = st.lists(st.lists(evidence, max_size=4), max_size=4)


@given(receipts, st.randoms(use_true_random=False))
def test_order_does_not_matter(parts, random):
    shuffled = list(parts)
    random.shuffle(shuffled)

    assert receipt.merge({}, parts, "c0ffee") == receipt.merge({}, shuffled, "c0ffee")


@given(receipts)
def test_the_same_receipts_twice_change_nothing(parts):
    once = receipt.merge({}, parts, "c0ffee")

    assert receipt.merge({}, [*parts, *parts], "c0ffee") == once
    assert receipt.merge(once, parts, "c0ffee") == once


@given(receipts, receipts)
def test_merging_in_steps_is_merging_at_once(first, second):
    halfway = receipt.merge({}, first, "c0ffee")
    stepwise = {**halfway, **receipt.merge(halfway, second, "c0ffee")}

    assert stepwise == receipt.merge({}, [*first, *second], "c0ffee")


@given(evidence, evidence)
def test_a_failure_is_never_merged_away(one, other):
    failed = replace(one, outcome=Outcome.FAILED)

    assert receipt.join(failed, replace(other, key=one.key)).outcome is Outcome.FAILED


@given(evidence)
def test_evidence_survives_json(one):
    import json

    assert record.from_json(json.loads(json.dumps(record.to_json(one)))) == one


@given(st.lists(evidence, max_size=3))
def test_a_receipt_reads_back(tmp_path_factory, found):
    path = tmp_path_factory.mktemp("receipt") / "r.json"
    unique = {one.key: one for one in found}
    receipt.write(path, receipt.statement(unique.values(), commit="c0ffee", configuration={}))

    assert receipt.read(path) == ("c0ffee", [unique[key] for key in sorted(unique)])
