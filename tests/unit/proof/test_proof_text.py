"""What people see of verdicts: 80 columns, colour only where it is wanted, the reason beside the verdict."""

import pytest
from tests.unit.proof.workshop import Repo

from planproof.interfaces.rendering.paint import clip, spread, width


@pytest.fixture(scope="module")
def repo(tmp_path_factory):
    repo = Repo(tmp_path_factory.mktemp("text"))
    repo.write("app.py", "def add(a, b):\n    return a + b\n")
    repo.plan(
        "[x] T001 Add `add()` to `app.py`, with a text that is longer than eighty columns can hold",
        "[x] T002 Für 日本語 und Ümläute, ein Text, breiter als die Zeile 日本語日本語日本語日本語",
        "[ ] T003 Later",
        "[ ] T004 Ready",
    )
    repo.spec("""
        checks:
          ok: {code: {file: app.py, defines: add}}
          no: {code: {file: app.py, defines: a_function_with_a_name_that_needs_a_second_line}}
        items: {T001: ok, T002: [ok, no], T004: ok}
    """)
    repo.cli("verify")
    return repo


@pytest.mark.parametrize(
    "arguments", [["verify"], ["gate"], ["explain", "T001"], ["explain", "T002"], ["bind"]]
)
def test_every_line_fits_eighty_columns_without_colour(repo, arguments):
    said = repo.cli(*arguments)

    assert said.stdout
    assert [line for line in said.stdout.splitlines() if width(line) > 80] == []
    assert "\x1b" not in said.stdout
    assert said.stderr == ""


def test_verify_shows_sign_word_line_and_reason(repo):
    lines = repo.cli("verify").stdout.splitlines()

    assert lines[0] == "demo                                                 2 claimed done · 1 verified"
    assert lines[2].startswith("  Phase 1: Work")
    assert lines[2].endswith("█████░░░░░ 1/2")
    assert lines[3].startswith("  ✓ T001  Add `add()`")
    assert lines[3].endswith("1 code query")
    assert lines[4].endswith("FALSE CLAIM  line 6")
    assert "is not defined" in " ".join(lines[5:8])
    assert any(line.endswith("READY TO TICK") for line in lines)
    assert lines[-3].startswith("1 false claim · 1 ready to tick · 1 open · 1 verified")
    assert lines[-1] == "gate: does not hold (exit 1)                        next: planproof explain T002"


def test_colour_is_forced_only_by_force_color(repo):
    assert "\x1b[31m" in repo.cli("verify", NO_COLOR="", FORCE_COLOR="1").stdout


def test_explain_says_who_what_and_what_would_change_it(repo):
    said = repo.cli("explain", "T001").stdout

    assert "VERIFIED" in said.splitlines()[0]
    assert "plans/demo.md:5" in said
    assert "sidecar in specs/demo.yaml:" in said
    assert "1 functions in app.py" in said
    assert "would go stale if" in said


@pytest.mark.parametrize("text", ["", "abc", "日本語" * 40, "a\tb\nc", "\x1b[31mred", "e\u0301" * 90])
def test_clip_and_spread_keep_to_their_columns(text):
    assert width(clip(text, 30)) <= 30
    assert "\n" not in clip(text, 30)
    assert width("".join(spread(text, text))) <= 80
