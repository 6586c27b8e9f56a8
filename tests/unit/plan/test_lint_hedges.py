"""Ticked boxes that say they are not done, and those that only sound like it."""

import pytest

from planproof.plan.lint import lint
from planproof.plan.reading import read_bytes


def hedged(words):
    plan = read_bytes(f"# To do\n\n- [x] {words}\n".encode(), "plan.md")
    return [found.code for found in lint([plan], select=["PP404"]).findings] == ["PP404"]


@pytest.mark.parametrize(
    "words",
    [
        "The pull request passes all checks (pending)",
        "Move the data (deferred to the next release)",
        "Write the manual - TODO",
        "Write the manual — not yet verified",
        "Write the manual (partially done)",
        "Write the manual (WIP: second half)",
        "Write the manual [blocked by legal]",
        "Write the manual (pending review)",
        "Write the manual ⏳",
        "Run the suite (not run)",
    ],
)
def test_a_hedged_tick_is_found(words):
    assert hedged(words)


@pytest.mark.parametrize(
    "words",
    [
        "Show pending orders",
        "Handle the state (pending orders stay visible)",
        "Migrate users (skipped rows are logged)",
        "Block spam (blocked users see a note)",
        "Partial refunds",
        "Reads `(pending)` from the file",
        "Take the first half (partial content is answered with 206)",
        "Fix: deferred jobs run once",
        "Add the word todo to the list",
        "No transition happens (no partial cascade)",
        "Look for notes (TODO/FIXME, no tests)",
        "Every box has a sign (✅ [x] or ⏳ [ ])",
        "All states are shown (✅ complete | 🚧 in progress)",
        "The guide has a bad example (deferred tests) vs a good one",
        "All cases are covered (skipped, failed, blocked)",
        "No casts here (deferred to the second step)",
        "Move the notes (TODO.md, three letters)",
        "Move the notes (TODO.md append fails)",
        "Take a note for each change - TODO entries are counted",
        "Decision about the draft recorded: skipped — blocked until the base is there",
        (
            "Free what waits: the sixth (blocked by the fourth — both done), the seventh and the eighth; look"
            " whether the fourth is in use, and free them by hand where it is not, and then find out why"
            " nobody saw it before this letter came"
        ),
    ],
)
def test_words_about_the_software_are_no_hedge(words):
    assert not hedged(words)
