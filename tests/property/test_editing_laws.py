"""Laws of ticking: it changes nothing else, it is idempotent, and unticking takes it back."""

from hypothesis import given
from hypothesis import strategies as st

from planproof.plan import editing
from planproof.plan.model import Claim
from planproof.plan.reading import read_bytes


STATE = st.sampled_from(
    ["pending", "Pending (later)", "TODO", "open", "⬜ Planned", "[ ] pending", "Not started", "incomplete"]
)
LINE = st.one_of(
    st.sampled_from(
        ["", "words", "```", "<!-- x -->", "- bullet", "  - nested", "> quote", "| a | b |", "## Heading"]
    ),
    st.integers(1, 99).map(lambda number: f"- [ ] T{number:03d} a task"),
    st.integers(1, 99).map(lambda number: f"* [x] a task of {number}"),
    st.tuples(st.integers(100, 199), STATE).map(lambda one: f"### T{one[0]}: title\n- **Status**: {one[1]}"),
    st.integers(1, 9).map(lambda number: f"### 3.{number} Title ⬜"),
    st.integers(1, 9).map(lambda number: f"### [ ] Task {number}: title"),
)
ENDING = st.sampled_from(["\n", "\r\n"])
PLAN = st.lists(st.tuples(LINE, ENDING).map("".join), min_size=1, max_size=12).map(
    lambda lines: "".join(lines).encode()
)


def editable(plan):
    for item in plan.items:
        if item.box is not None or editing.claiming_field(item) is not None:
            yield item


@given(PLAN)
def test_tick_then_untick_gives_the_same_bytes(data):
    for item in editable(read_bytes(data, "p.md")):
        if item.claim is not Claim.OPEN:
            continue
        ticked = editing.spliced(data, item, done=True)
        again = next(one for one in read_bytes(ticked, "p.md").items if one.id == item.id)
        assert again.claim is Claim.DONE
        assert editing.spliced(ticked, again, done=False) == data


@given(PLAN, st.booleans())
def test_it_is_idempotent(data, done):
    for item in editable(read_bytes(data, "p.md")):
        once = editing.spliced(data, item, done=done)
        again = next(one for one in read_bytes(once, "p.md").items if one.id == item.id)
        assert editing.spliced(once, again, done=done) == once


@given(PLAN, st.booleans())
def test_nothing_else_changes(data, done):
    plan = read_bytes(data, "p.md")
    for item in editable(plan):
        splice = editing.splice_of(data, item, done=done)
        if splice is None:
            continue
        after = editing.spliced(data, item, done=done)
        assert after[: splice.start] == data[: splice.start]
        assert after[splice.start + len(splice.new) :] == data[splice.end :]
        others = [(one.id, one.text) for one in read_bytes(after, "p.md").items]
        assert others == [(one.id, one.text) for one in plan.items]
