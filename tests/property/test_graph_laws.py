"""Laws of the task graph, over made-up plans."""

from itertools import combinations, pairwise, permutations

from hypothesis import given
from hypothesis import strategies as st

from planproof.plan.graph import Graph
from planproof.plan.model import Claim, Edge, Item, Kind, Origin, Plan, Span


FILES = ("a.py", "b.py", "c.py")


def item(number, *, claim=Claim.OPEN, files=(), effort=None, plan="p"):
    local = f"T{number:03}"
    return Item(
        id=f"{plan}:{local}",
        local=local,
        kind=Kind.TASK,
        claim=claim,
        text=local,
        line=number + 1,
        span=Span(number, number + 1),
        files=files,
        effort_hours=effort,
    )


def plan_of(items, pairs, name="p"):
    edges = tuple(
        Edge(f"{name}:T{before:03}", f"{name}:T{after:03}", line, Origin.ARROWS)
        for line, (before, after) in enumerate(pairs, 1)
    )
    return Plan(name, f"{name}.md", name, ("tasks",), tuple(items), edges)


@st.composite
def plans(draw, *, acyclic=False, most=8):
    size = draw(st.integers(1, most))
    ends = st.integers(0, size - 1)
    pairs = draw(st.lists(st.tuples(ends, ends), max_size=2 * size))
    if acyclic:
        pairs = [(min(pair), max(pair)) for pair in pairs if pair[0] != pair[1]]
        shuffled = draw(st.permutations(range(size)))
        pairs = [(shuffled[before], shuffled[after]) for before, after in pairs]
    claims = draw(st.lists(st.sampled_from(list(Claim)), min_size=size, max_size=size))
    files = draw(st.lists(st.lists(st.sampled_from(FILES), unique=True), min_size=size, max_size=size))
    efforts = draw(st.lists(st.none() | st.integers(1, 9), min_size=size, max_size=size))
    items = [item(n, claim=claims[n], files=tuple(files[n]), effort=efforts[n]) for n in range(size)]
    return plan_of(items, pairs)


@given(plans(acyclic=True))
def test_the_order_respects_every_edge_and_loses_nothing(plan):
    order = Graph.of([plan]).order()
    assert sorted(order) == sorted(found.id for found in plan.items)
    place = {name: position for position, name in enumerate(order)}
    assert all(place[edge.before] < place[edge.after] for edge in plan.edges)


@given(plans(), plans(), st.randoms(use_true_random=False))
def test_what_comes_out_does_not_depend_on_the_order_of_what_goes_in(first, second, random):
    second = plan_of(
        [item(n, plan="q") for n in range(len(second.items))],
        [(int(e.before[-3:]), int(e.after[-3:])) for e in second.edges],
        "q",
    )
    shuffled = list(first.edges)
    random.shuffle(shuffled)
    other = Plan(**{name: getattr(first, name) for name in Plan.__slots__} | {"edges": tuple(shuffled)})
    left, right = Graph.of([first, second]), Graph.of([second, other])
    assert left.order() == right.order()
    assert left.ready() == right.ready()
    assert left.waves() == right.waves()
    assert [cycle.ids for cycle in left.cycles()] == [cycle.ids for cycle in right.cycles()]


def shortest_circles(size, pairs):
    """By brute force: for each group of mutually reachable nodes, how short its shortest circle is.

    A node that waits for itself is a circle only where it is a group of its own.
    """
    edges = set(pairs)
    reach = {(a, b) for a, b in edges}
    for _ in range(size):
        reach |= {(a, d) for a, b in reach for c, d in edges if b == c}
    groups = {frozenset(b for b in range(size) if {(a, b), (b, a)} <= reach) for a in range(size)}
    lengths = []
    for group in groups - {frozenset()}:
        circles = (
            path
            for length in range(min(len(group), 2), len(group) + 1)
            for some in combinations(sorted(group), length)
            for path in permutations(some)
            if all(step in edges for step in pairwise((*path, path[0])))
        )
        lengths.append(len(next(circles)))
    return sorted(lengths)


@given(plans(most=5))
def test_cycles_are_as_short_as_brute_force_finds_them(plan):
    pairs = [(int(edge.before[-3:]), int(edge.after[-3:])) for edge in plan.edges]
    cycles = Graph.of([plan]).cycles()
    assert sorted(len(cycle.ids) for cycle in cycles) == shortest_circles(len(plan.items), pairs)
    for cycle in cycles:
        steps = list(pairwise((*cycle.ids, cycle.ids[0])))
        assert [(edge.before, edge.after) for edge in cycle.edges] == steps


@given(plans())
def test_waves_share_no_file_and_come_after_what_they_wait_for(plan):
    graph = Graph.of([plan])
    waves = graph.waves()
    seen = set()
    for wave in waves:
        for left, right in combinations(wave, 2):
            assert not set(graph.items[left].files) & set(graph.items[right].files)
        for name in wave:
            for before in graph.prerequisites(name):
                finished = graph.items[before].claim in {Claim.DONE, Claim.SKIPPED, Claim.OPTIONAL}
                assert finished or before in seen
        seen |= set(wave)
    assert set(graph.ready()) <= seen
    assert not seen & set(graph.stuck())


@given(plans(acyclic=True))
def test_the_critical_path_weighs_as_much_as_the_heaviest_chain(plan):
    graph = Graph.of([plan])
    due = {
        found.id: found
        for found in plan.items
        if found.claim not in {Claim.DONE, Claim.SKIPPED, Claim.OPTIONAL}
    }
    estimated = any(found.effort_hours for found in plan.items)

    def heaviest(name):
        own = (due[name].effort_hours or 0) if estimated else 1
        return own + max((heaviest(after) for after in graph.dependents(name) if after in due), default=0)

    path = graph.critical_path()
    weight = sum((due[name].effort_hours or 0) if estimated else 1 for name in path.ids)
    assert weight == max(map(heaviest, due), default=0)
    assert all(before in graph.prerequisites(after) for before, after in pairwise(path.ids))


@given(plans())
def test_unblocks_and_prerequisites_are_two_sides_of_one_edge(plan):
    graph = Graph.of([plan])
    for name in graph.items:
        for after in graph.unblocks(name):
            assert name in graph.prerequisites(after)
