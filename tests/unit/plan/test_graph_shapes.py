"""The graph on shapes that are easy to get wrong: origins, unknown ends, parents, long chains."""

from pathlib import Path

import pytest

from planproof.plan.graph import Graph
from planproof.plan.model import Claim, Edge, Item, Kind, Origin, Plan, Span
from planproof.plan.reading import read_plan


FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "plans"


def task(local, line=1, **more):
    more.setdefault("kind", Kind.TASK)
    more.setdefault("claim", Claim.OPEN)
    return Item(id=f"p:{local}", local=local, text=local, line=line, span=Span(line, line), **more)


def edge(before, after, line=1, origin=Origin.ARROWS, *, certain=True):
    return Edge(f"p:{before}", f"p:{after}", line, origin, certain)


def plan(items, edges=()):
    return Plan("p", "p.md", "p", ("tasks",), tuple(items), tuple(edges))


def test_every_origin_of_a_pair_is_kept():
    said = [edge("A", "B", 3, Origin.HEADER), edge("A", "B", 9, Origin.TREE)]
    graph = Graph.of([plan([task("A"), task("B")], said)])
    assert graph.edges == tuple(said)
    assert graph.prerequisites("p:B") == ("p:A",)


def test_an_unknown_end_is_kept_apart_and_blocks_nothing():
    graph = Graph.of([plan([task("A")], [edge("Z", "A")])])
    assert [found.before for found in graph.unknown] == ["p:Z"]
    assert graph.ready() == ("p:A",)


def test_an_uncertain_edge_is_no_reason_to_wait():
    graph = Graph.of([plan([task("A"), task("B")], [edge("A", "B", certain=False)])])
    assert graph.ready() == ("p:A", "p:B")
    assert len(graph.edges) == 1


def phase(local, line=1):
    return task(local, line, kind=Kind.META, claim=Claim.NONE)


def by_phases(*more, certain=False):
    return [
        edge("A", "Phase-1", origin=Origin.PHASES),
        edge("Phase-1", "B", origin=Origin.PHASES, certain=certain),
        *more,
    ]


def test_work_goes_by_phases_even_where_they_were_inferred():
    graph = Graph.of([plan([task("A"), phase("Phase-1"), task("B")], by_phases())])
    assert graph.ready() == ("p:A",)
    assert graph.waves() == (("p:A",), ("p:B",))
    assert graph.critical_path().ids == ("p:A", "p:B")
    assert graph.prerequisites("p:B") == ()


def test_an_inferred_phase_that_makes_a_circle_is_no_reason_to_wait():
    edges = by_phases(edge("B", "A", certain=True))
    graph = Graph.of([plan([task("A"), phase("Phase-1"), task("B")], edges)])
    assert graph.ready() == ("p:B",)
    assert graph.cycles() == ()


@pytest.mark.parametrize("claim", [Claim.DONE, Claim.SKIPPED, Claim.DEFERRED])
def test_a_phase_is_over_when_nothing_in_it_is_to_be_done(claim):
    graph = Graph.of([plan([task("A", claim=claim), phase("Phase-1"), task("B")], by_phases())])
    assert graph.ready() == ("p:B",)


def story(local, **more):
    return task(local, kind=Kind.STORY, claim=Claim.NONE, **more)


@pytest.mark.parametrize("claim", [Claim.DONE, Claim.SKIPPED, Claim.DEFERRED])
def test_a_story_is_over_when_nothing_in_it_is_to_be_done(claim):
    items = [story("US1"), task("A", story="US1", claim=claim), task("B")]
    graph = Graph.of([plan(items, [edge("US1", "B")])])
    assert graph.ready() == ("p:B",)
    assert graph.stuck() == ()


def test_the_tasks_of_a_story_wait_for_what_their_story_waits_for():
    items = [story("US1"), task("A", story="US1"), story("US2"), task("B", story="US2"), task("C")]
    graph = Graph.of([plan(items, [edge("US1", "US2"), edge("US2", "C")])])
    assert graph.ready() == ("p:A",)
    assert graph.waves() == (("p:A",), ("p:B",), ("p:C",))
    assert graph.critical_path().ids == ("p:A", "p:B", "p:C")


def test_a_story_with_a_state_of_its_own_goes_by_that():
    items = [task("US1", kind=Kind.STORY), task("A", story="US1", claim=Claim.DONE), task("B")]
    graph = Graph.of([plan(items, [edge("US1", "B")])])
    assert graph.ready() == ()


def test_a_story_within_its_own_task_is_no_circle():
    items = [task("A", story="US1"), story("US1", parent="p:A"), task("B")]
    graph = Graph.of([plan(items, [edge("A", "B")])])
    assert graph.ready() == ("p:A",)


def test_a_story_that_only_a_table_names_stands_for_its_tasks():
    graph = Graph.of([read_plan(FIXTURES / "stories_of_one_phase.md")])
    named = [[name.partition(":")[2] for name in wave] for wave in graph.waves()]
    assert named == [["T002", "T003"], ["T004"]]
    assert graph.stuck() == ()


def test_a_task_that_waits_for_itself_is_a_cycle_of_one():
    (cycle,) = Graph.of([plan([task("A")], [edge("A", "A", 7)])]).cycles()
    assert cycle.ids == ("p:A",)
    assert cycle.edges[0].line == 7


def test_the_shorter_of_two_circles_is_named_with_its_lines():
    said = [edge("A", "B", 1), edge("B", "C", 2), edge("C", "A", 3), edge("C", "B", 4)]
    (cycle,) = Graph.of([plan([task("A"), task("B"), task("C")], said)]).cycles()
    assert cycle.ids == ("p:B", "p:C")
    assert [found.line for found in cycle.edges] == [2, 4]


def test_what_waits_for_something_put_off_is_stuck():
    items = [task("A", claim=Claim.DEFERRED), task("B"), task("C"), task("D")]
    graph = Graph.of([plan(items, [edge("A", "B"), edge("B", "C")])])
    assert graph.stuck() == ("p:B", "p:C")
    assert graph.ready() == ("p:D",)


def test_a_parent_is_the_sum_of_its_children_and_its_prerequisites_are_theirs():
    items = [
        task("1", 1),
        task("2", 2),
        task("2.1", 3, parent="p:2"),
        task("2.2", 4, parent="p:2"),
        task("3", 5),
    ]
    graph = Graph.of([plan(items, [edge("1", "2"), edge("2", "3")])])
    assert graph.ready() == ("p:1",)
    assert graph.waves() == (("p:1",), ("p:2.1", "p:2.2"), ("p:3",))


def test_the_critical_path_goes_through_children_and_counts_no_hour_twice():
    items = [
        task("P", effort_hours=8.0),
        task("P.1", parent="p:P", effort_hours=3.0),
        task("P.2", parent="p:P", effort_hours=4.0),
        task("Q", effort_hours=1.0),
    ]
    path = Graph.of([plan(items, [edge("P.1", "P.2"), edge("P", "Q")])]).critical_path()
    assert path.ids == ("p:P.1", "p:P.2", "p:P", "p:Q")
    assert path.hours == 9.0


def test_a_parent_is_no_step_of_a_path_without_estimates():
    items = [task("P"), task("P.1", parent="p:P"), task("Q")]
    graph = Graph.of([plan(items, [edge("P", "Q")])])
    assert graph.critical_path().ids == ("p:P.1", "p:Q")
    assert len(graph.waves()) == 2


def test_one_hundred_thousand_tasks_in_one_chain_are_no_recursion():
    count = 100_000
    items = [task(str(number), number) for number in range(count)]
    chain = [edge(str(number), str(number + 1), number) for number in range(count - 1)]
    graph = Graph.of([plan(items, [*chain, edge(str(count - 1), "0", count)])])
    (cycle,) = graph.cycles()
    assert len(cycle.ids) == count
    assert len(Graph.of([plan(items, chain)]).critical_path().ids) == count


def test_progress_counts_claims_by_axis():
    items = [
        task("A", story="US1", claim=Claim.DONE),
        task("B", story="US1", claim=Claim.DEFERRED),
        task("C", story="US2"),
    ]
    found = Graph.of([plan(items)]).progress("story")
    assert [tuple(row) for row in found] == [("US1", 1, 1, 2), ("US2", 0, 0, 1)]
