"""The report's block: replaced whole, refused where it was edited by hand, the rest of the file kept."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planproof.errors import ConfigError, EditError
from planproof.interfaces.rendering import report as rendering
from planproof.plan.reading import read_bytes
from planproof.proof.verdict import Judged, State, Verdict


PLAN = b"""# Plan with a | pipe

## Phase 1: Start

- [x] T001 Write `a < b` and <script>alert(1)</script> | more
- [ ] T002 Test it
"""
# Text that holds no mark of a block.
OUTSIDE = st.text(alphabet=st.characters(exclude_categories=["Cs"])).filter(
    lambda text: "planproof:report" not in text
)


def judged_as(plan, *verdicts):
    return [
        Judged(item, plan.id, plan.path, verdict, State.NONE, "bound to no check", ())
        for item, verdict in zip(plan.items, verdicts, strict=True)
    ]


@pytest.fixture
def plan():
    return read_bytes(PLAN, "plans/start.md")


@pytest.fixture
def text(plan):
    return rendering.render([plan], judged_as(plan, Verdict.VERIFIED, Verdict.OPEN), holds=True)


def test_it_says_every_item_once_and_lets_no_cell_break(text):
    rows = [line for line in text.splitlines() if "T00" in line]

    assert len(rows) == 2
    assert "`a < b`" in rows[0]
    assert "&lt;script>" in rows[0]
    assert "\\| more" in rows[0]
    assert "bound to no check" in rows[1]
    assert "1 verified" in text


def test_the_same_verdicts_give_the_same_text(plan, text):
    again = rendering.render([plan], judged_as(plan, Verdict.VERIFIED, Verdict.OPEN), holds=True)

    assert again == text


@given(before=OUTSIDE, after=OUTSIDE, old=OUTSIDE, new=OUTSIDE)
def test_only_the_block_changes_and_twice_is_once(before, after, old, new):
    file = before + rendering.block(old.rstrip() + "\n") + after

    once = rendering.placed(file, new.rstrip() + "\n", "REPORT.md")

    assert once == before + rendering.block(new.rstrip() + "\n") + after
    assert rendering.placed(once, new.rstrip() + "\n", "REPORT.md") == once


def test_a_block_that_was_edited_by_hand_is_refused_with_its_line(text):
    file = "Notes\n\n" + rendering.block(text).replace("Test it", "Tested it")

    with pytest.raises(EditError, match=r"REPORT\.md:3: the report was edited by hand"):
        rendering.placed(file, text, "REPORT.md")


def test_a_file_of_somebody_else_is_refused(text):
    with pytest.raises(EditError, match="has no report in it"):
        rendering.placed("# My page\n", text, "README.md")


@pytest.mark.parametrize("source", ["{{ nothing_of_that_name }}", "{% for %}", None])
def test_a_template_that_does_not_render_is_one_sentence(tmp_path, plan, source):
    template = tmp_path / "mine.md.j2"
    if source is not None:
        template.write_text(source)

    with pytest.raises(ConfigError, match="the template"):
        rendering.render([plan], judged_as(plan, Verdict.OPEN, Verdict.OPEN), holds=False, template=template)


def test_a_template_of_ones_own(tmp_path, plan):
    template = tmp_path / "mine.md.j2"
    template.write_text("{% for plan in plans %}{{ plan.id }}: {{ summary.open }} open{% endfor %}")

    text = rendering.render(
        [plan], judged_as(plan, Verdict.OPEN, Verdict.OPEN), holds=False, template=template
    )

    assert text == "start: 2 open\n"
