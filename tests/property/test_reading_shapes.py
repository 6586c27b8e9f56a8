"""Laws of reading over many shapes of plans, mixed at random: identity, no loss, no order of sections."""

from hypothesis import given, settings
from hypothesis import strategies as st

from planproof.plan.graph import Graph
from planproof.plan.reading import read_bytes


SECTIONS = [
    "## Phase 1: Setup\n\n- [x] T101 Make the folder\n- [ ] T102 [P] Add the linter in `ruff.toml`\n",
    "## Phase 2: Base (Blocking Prerequisites)\n\n- [ ] T201 Model (depends on T101)\n",
    "## Phase 3: User Story 1 - Read (Priority: P1)\n\n- [ ] T301 [US1] Parser (after Phase 2)\n",
    "## Phase 4: Polish\n\n**Depends on**: Phase 3\n\n- [ ] Manual\n  - [x] draft\n",
    "## Design\n\n**Status:** Done\n**Effort:** 2h\n\n- [x] sketch\n",
    "## Login page\n\n**Status:** In progress | **Depends on:** Design\n\n- [ ] form\n",
    "## Checkout\n\n**Status:** Not started\n**Depends on:** the login page, T101\n",
    (
        "## Board\n\n| ID | Title | Status | Dependencies |\n|---|---|---|---|\n"
        "| B1 | Go | ✅ done | - |\n| B2 | On | todo | B1 |\n"
    ),
    "## Notes to self\n\n- TODO: buy milk\n- DONE: sell milk\n- [X] ~~gone~~\n",
    "## Order\n\n- T101 → T102\n- T201 after T102\n- Phase 3 depends on Phase 1\n",
    '## Waves\n\n```json\n{"waves": [["T101"], ["T102", "T201"]]}\n```\n',
    "## Chart\n\n```mermaid\ngraph TD\n  A[Design] --> B[Login page]\n  B --> T301\n```\n",
    "## Dependencies\n\n```\nT101 ─┬─► T102 ──► T201\nT301 ─┘\n```\n",
    "## Список\n\n- [-] Схема\n- [ ] Тесты (зависит от T101)\n",
    "### IMPL_001: Store\n\n**Dependencies:** None\n\n**Acceptance Criteria:**\n- [ ] AC-1: Holds\n",
    "### Task 7: Release\n\n- **Status**: pending\n- **Depends on**: Tasks 1-3\n\n- [ ] Step 1: tag\n",
    "> - [ ] T401 quoted\n>   - [x] inner\n",
    "1. [ ] T501 numbered\n2) [x] T502 other\n\n   - [ ] below after a blank\n",
    "Work\n----\n\n* [ ] star\n+ [x] plus\n",
    "<details>\n\n- [ ] folded\n\n</details>\n",
]

PICKED = st.lists(st.sampled_from(range(len(SECTIONS))), min_size=2, max_size=8, unique=True)


def written(picked):
    return "# Plan\n\n" + "\n".join(
        SECTIONS[index] if SECTIONS[index].startswith(("#", "W")) else f"## Part {index}\n\n{SECTIONS[index]}"
        for index in picked
    )


def read(text):
    return read_bytes(text.encode(), "plan.md")


def meaning(plan):
    """What a plan says, lines left out."""
    items = sorted((item.id, item.kind, item.claim, item.text, item.parent or "") for item in plan.items)
    edges = {(edge.before, edge.after, edge.origin, edge.certain) for edge in plan.edges}
    return items, edges, sorted((one.text, one.reason) for one in plan.unread)


@given(PICKED, st.randoms(use_true_random=False))
@settings(max_examples=150)
def test_the_order_of_sections_changes_nothing(picked, random):
    shuffled = list(picked)
    random.shuffle(shuffled)
    # A heading of a deeper level belongs to the section above it, so only these may move freely.
    free = [index for index in picked if not SECTIONS[index].startswith("###")]
    moved = [index for index in shuffled if index in free]
    assert meaning(read(written(moved))) == meaning(read(written(free)))


@given(PICKED)
@settings(max_examples=80)
def test_line_endings_change_nothing(picked):
    text = written(picked)
    first = meaning(read(text))
    assert meaning(read(text.replace("\n", "\r\n"))) == first
    assert meaning(read("\ufeff" + text)) == first
    assert meaning(read(text.rstrip("\n"))) == first


@given(PICKED, st.integers(0, 40))
@settings(max_examples=120)
def test_ticking_changes_no_id(picked, pick):
    plan = read(written(picked))
    boxes = [item for item in plan.items if item.box is not None]
    if not boxes:
        return
    at = boxes[pick % len(boxes)].box
    other = b" " if plan.source[at : at + 1] in b"xX" else b"x"
    after = read_bytes(plan.source[:at] + other + plan.source[at + 1 :], "plan.md")
    assert [item.id for item in after.items] == [item.id for item in plan.items]
    assert [(e.before, e.after) for e in after.edges] == [(e.before, e.after) for e in plan.edges]


@given(PICKED, st.integers(0, 200))
@settings(max_examples=120)
def test_inserted_paragraphs_change_no_id(picked, pick):
    text = written(picked)
    places = [at for at in range(len(text)) if text.startswith("\n## ", at)] or [len(text)]
    at = places[pick % len(places)]
    more = read(f"{text[:at]}\nA paragraph that says nothing.\n{text[at:]}")
    assert meaning(more)[:2] == meaning(read(text))[:2]


@given(PICKED)
@settings(max_examples=80)
def test_nothing_is_lost_and_all_ends_are_whole(picked):
    text = written(picked)
    plan = read(text)
    data = text.encode()
    assert plan.source == data
    ids = [item.id for item in plan.items]
    assert len(ids) == len(set(ids))
    for item in plan.items:
        assert 0 <= item.span.start < item.span.end <= len(data)
        assert item.parent is None or item.parent in ids
        for field in item.fields:
            assert data[field.span.start : field.span.end] == field.value.encode()
    assert all(edge.before.startswith("plan:") and edge.after.startswith("plan:") for edge in plan.edges)
    graph = Graph.of([plan])
    assert set(graph.ready()) <= set(ids)


@given(st.lists(st.sampled_from("\n -*+[]xX#>|`~:.()0123TPhase→─┬►│┘ \t✅"), max_size=200).map("".join))
@settings(max_examples=200)
def test_any_soup_is_read(text):
    plan = read(text)
    assert plan.source == text.encode()
    again = read(text)
    assert meaning(again) == meaning(plan)
    assert len({item.id for item in plan.items}) == len(plan.items)


def test_the_shapes_are_not_empty():
    plan = read(written(range(len(SECTIONS))))
    assert len(plan.items) > 30
    assert len({edge.origin for edge in plan.edges}) >= 7
