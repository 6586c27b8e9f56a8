"""The packed rows of the graph say what a plain dictionary of sets says."""

from __future__ import annotations

from array import array

from hypothesis import given
from hypothesis import strategies as st

from planproof.plan.graph import Graph
from planproof.plan.graph.adjacency import Adjacency
from planproof.plan.graph.nodes import Nodes
from planproof.plan.model import Claim, Edge, Item, Kind, Origin, Span


@st.composite
def graphs(draw):
    size = draw(st.integers(0, 9))
    ends = st.integers(0, max(0, size - 1))
    return size, draw(st.lists(st.tuples(ends, ends), max_size=30 if size else 0))


def columns(pairs):
    return array("i", (before for before, _ in pairs)), array("i", (after for _, after in pairs))


def plain(size, pairs):
    after = {node: set() for node in range(size)}
    before = {node: set() for node in range(size)}
    for earlier, later in pairs:
        after[earlier].add(later)
        before[later].add(earlier)
    return before, after


@given(graphs())
def test_rows_are_the_sets_of_a_plain_graph_in_order(graph):
    size, pairs = graph
    before, after = plain(size, pairs)
    links = Adjacency(size, *columns(pairs))

    for node in range(size):
        assert list(links.after(node)) == sorted(after[node])
        assert list(links.before(node)) == sorted(before[node])
    assert list(links.waiting_counts()) == [len(before[node]) for node in range(size)]


@given(graphs(), st.randoms(use_true_random=False))
def test_neither_order_nor_repetition_of_edges_matters(graph, random):
    size, pairs = graph
    shuffled = [*pairs, *pairs[:3]]
    random.shuffle(shuffled)
    one, other = Adjacency(size, *columns(pairs)), Adjacency(size, *columns(shuffled))

    assert [one.after(node) for node in range(size)] == [other.after(node) for node in range(size)]
    assert [one.before(node) for node in range(size)] == [other.before(node) for node in range(size)]


@given(graphs())
def test_what_is_reached_is_what_a_plain_walk_reaches(graph):
    size, pairs = graph
    before, after = plain(size, pairs)
    links = Adjacency(size, *columns(pairs))

    for root in range(size):
        for backward, steps in ((True, before), (False, after)):
            found, left = set(), [root]
            while left:
                new = steps[left.pop()] - found
                found |= new
                left += new
            assert links.closure([root], backward=backward) == found


def item(name, claim):
    return Item(name, name.partition(":")[2], Kind.TASK, claim, name, 1, Span(0, 1))


@given(st.lists(st.tuples(st.sampled_from([f"p:{n}" for n in range(5)]), st.sampled_from(list(Claim)))))
def test_nodes_are_a_dictionary_that_also_knows_numbers(named):
    items = [item(name, claim) for name, claim in named]
    plain_nodes = {one.id: one for one in items}
    nodes = Nodes(items)

    assert dict(nodes) == plain_nodes
    assert list(nodes) == list(plain_nodes)
    assert list(nodes.values()) == list(plain_nodes.values())
    assert len(nodes) == len(plain_nodes)
    assert [nodes.number(name) for name in nodes] == list(range(len(nodes)))
    assert list(nodes.names(range(len(nodes)))) == list(plain_nodes)
    assert "p:none" not in nodes
    assert nodes.find("p:none") is nodes.get("p:none") is None


def test_a_graph_can_be_made_of_a_plain_mapping():
    first, second = item("p:1", Claim.DONE), item("p:2", Claim.OPEN)
    edge = Edge("p:1", "p:2", 1, Origin.ARROWS)
    graph = Graph({"p:1": first, "p:2": second}, [edge, edge])

    assert graph.items == {"p:1": first, "p:2": second}
    assert graph.edges == (edge, edge)
    assert graph.prerequisites("p:2") == ("p:1",)
    assert graph.ready() == ("p:2",)
