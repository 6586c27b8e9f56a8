"""An item is held packed: whatever it is made of comes out again."""

from __future__ import annotations

import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planproof.plan.model import Claim, Item, Kind, Span


words = st.text(max_size=6)
offsets = st.integers(0, 10**7)


@given(
    words,
    words,
    st.booleans(),
    offsets,
    offsets,
    st.none() | offsets,
    st.tuples() | st.tuples(words) | st.tuples(words, words),
)
def test_every_attribute_comes_out_as_it_went_in(plan, local, joined, start, end, box, files):
    said = {
        "id": f"{plan}:{local}" if joined else plan,
        "local": local,
        "kind": Kind.TASK,
        "claim": Claim.OPEN,
        "text": "t",
        "line": 3,
        "span": Span(start, end),
        "box": box,
        "parent": "p:1",
        "labels": ("P",),
        "phase": "Phase 1",
        "story": "US1",
        "priority": "P0",
        "files": files,
        "effort_hours": 1.5,
        "fields": (),
    }

    item = Item(**said)

    assert {name: getattr(item, name) for name in said} == said
    assert item == Item(**said) == copy.deepcopy(item) == pickle.loads(pickle.dumps(item))
    assert hash(item) == hash(Item(**said))
    assert repr(item) == f"Item({', '.join(f'{name}={value!r}' for name, value in said.items())})"


def test_an_item_does_not_change_but_can_be_copied_with_changes():
    item = Item("p:1", "1", Kind.TASK, Claim.DONE, "t", 1, Span(0, 9), files=("a.py",))

    with pytest.raises(AttributeError):
        item.claim = Claim.OPEN
    with pytest.raises(AttributeError):
        item.more = 1
    other = item._replace(claim=Claim.OPEN, span=Span(1, 2), files=("a.py", "b.py"))
    assert (other.claim, other.span, other.files, other.local) == (
        Claim.OPEN,
        Span(1, 2),
        ("a.py", "b.py"),
        "1",
    )
