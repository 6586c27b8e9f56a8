"""Items and edges in the making: what is held aside and in columns is given back as it was put in."""

from hypothesis import given
from hypothesis import strategies as st

from planproof.plan.model import Claim, Edge, Kind, Origin
from planproof.plan.reading.drafts import Draft, EdgeDraft, EdgeDrafts


EDGES = st.lists(
    st.builds(
        EdgeDraft,
        st.sampled_from(["T1", "T2", "T3"]),
        st.sampled_from(["T1", "T2", "T3"]),
        st.integers(1, 5),
        st.sampled_from(list(Origin)),
        st.booleans(),
    )
)


@given(EDGES)
def test_edges_come_out_as_they_went_in(edges):
    assert list(EdgeDrafts(edges)) == edges


@given(EDGES)
def test_edges_of_one_line_keep_their_order(edges):
    drafts = EdgeDrafts(edges)
    drafts.sort()
    assert list(drafts) == sorted(edges, key=lambda edge: edge.line)


@given(EDGES)
def test_settled_edges_have_ids_at_both_ends(edges):
    drafts = EdgeDrafts(edges)
    drafts.settle(lambda end: f"P:{end}")
    assert drafts.edges() == tuple(
        Edge(f"P:{edge.before}", f"P:{edge.after}", edge.line, edge.origin, edge.certain) for edge in edges
    )


def test_what_few_drafts_have_takes_no_room_until_it_is_said():
    draft = Draft(Kind.TASK, "text", 1, 0, 4)
    draft.effort, draft.said, draft.first, draft.boxes = None, None, "", 0
    assert draft.aside is None
    assert (draft.effort, draft.fields, draft.said, draft.first, draft.boxes) == (None, None, None, "", 0)
    draft.said = Claim.DONE
    other = Draft(Kind.TASK, "text", 1, 0, 4)
    assert draft.said is Claim.DONE
    assert other.said is None


def test_no_hours_are_an_estimate_too():
    draft = Draft(Kind.TASK, "text", 1, 0, 4)
    draft.effort = 0.0
    assert draft.effort == 0.0


def test_one_path_stands_alone():
    draft = Draft(Kind.TASK, "text", 1, 0, 4)
    assert draft.files == ()
    draft.add_files(("a.py",))
    assert (draft.paths, draft.files) == ("a.py", ("a.py",))
    draft.add_files(("a.py", "b.py"))
    assert draft.files == ("a.py", "b.py")
