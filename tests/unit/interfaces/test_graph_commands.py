"""``graph``, ``next`` and ``diff`` from the outside: forms, exit codes, pictures."""

import json
import re
import subprocess
import xml.etree.ElementTree as ET
from importlib.resources import files
from itertools import combinations

import jsonschema
import pytest

from planproof.interfaces.cli.main import run
from planproof.interfaces.rendering.graph_svg import BOX_HEIGHT, BOX_WIDTH, layout, two_lines
from planproof.plan.graph import Graph
from planproof.plan.reading import read_bytes


PLAN = """# Tasks

## Phase 1: Core (P1)

- [x] T001 Write the parser in `src/parser.py`
- [ ] T002 Write the printer in `src/printer.py` (~3h)
- [ ] T003 Write the limits in `src/printer.py`
- [-] T004 Write the manual in `docs/manual.md`
- [ ] T005 Tell <people> & "others"

## Dependencies

```
T001 -> T002 -> T005
T001 -> T003, T004
T001 -> T005
```
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    (tmp_path / "plans").mkdir()
    (tmp_path / "plans" / "work.md").write_text(PLAN)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def schema(name):
    return json.loads((files("planproof") / "schemas" / f"{name}.schema.json").read_text())


def said(capsys, *words, code=0):
    assert run(words) == code
    return capsys.readouterr().out


def test_graph_json_follows_its_schema(place, capsys):
    data = json.loads(said(capsys, "graph", "--output-format", "json"))

    jsonschema.validate(data, schema("graph"))
    assert data["waves"] == [["work:T002", "work:T004"], ["work:T003", "work:T005"]]
    assert {edge["origin"] for edge in data["edges"]} == {"arrows"}
    assert [node["wave"] for node in data["nodes"]] == [None, 1, 2, 1, 2]


def test_next_tells_what_is_ready_and_what_it_opens(place, capsys):
    data = json.loads(said(capsys, "next", "--output-format", "json"))

    jsonschema.validate(data, schema("next"))
    assert [(row["id"], row["unblocks"]) for row in data["ready"]] == [
        ("work:T002", ["work:T005"]),
        ("work:T003", []),
        ("work:T004", []),
    ]
    text = said(capsys, "next")
    assert "Ready now (3)" in text
    assert "→ T005" in text
    assert all(len(line) <= 80 for line in text.splitlines())


def test_next_names_what_can_never_begin(place, capsys):
    (place / "plans" / "work.md").write_text(
        PLAN.replace("[x] T001", "[ ] T001").replace("T001 -> T002", "T002 -> T001 -> T002")
    )

    data = json.loads(said(capsys, "next", "--output-format", "json"))
    assert {row["id"]: row["behind"] for row in data["stuck"]}["work:T001"] == ["work:T002"]


def test_graph_says_a_circle_with_its_lines_and_fails(place, capsys):
    (place / "plans" / "work.md").write_text(PLAN.replace("T001 -> T005", "T005 -> T001"))

    text = said(capsys, "graph", code=1)
    assert "circle: T001 → T002 → T005 → T001 (lines 14, 14, 16)" in text
    data = json.loads(said(capsys, "graph", "--output-format", "json", code=1))
    jsonschema.validate(data, schema("graph"))
    assert data["cycles"][0]["ids"] == ["work:T001", "work:T002", "work:T005"]


def test_dot_and_mermaid_quote_what_they_must(place, capsys):
    dot = said(capsys, "graph", "--output-format", "dot")
    assert '"work:T001" -> "work:T002";' in dot
    assert 'Tell <people> & \\"others\\"' in dot
    mermaid = said(capsys, "graph", "--output-format", "mermaid")
    assert "  n0 --> n1" in mermaid
    assert "Tell #60;people#62; #38; #34;others#34;" in mermaid


def test_the_picture_is_well_formed_and_holds_every_task(place, capsys):
    root = ET.fromstring(said(capsys, "graph", "--output-format", "svg"))
    texts = {node.text for node in root.iter("{http://www.w3.org/2000/svg}text")}

    assert {"T001", "T002", "T003", "T004", "T005", "done 1", "in progress 1", "open 3"} <= texts
    assert 'Tell <people> & "others"' in texts


def test_too_many_tasks_are_no_picture(place, capsys):
    (place / "plans" / "work.md").write_text(
        "# Tasks\n\n" + "".join(f"- [ ] T{n:04} Do it\n" for n in range(500))
    )

    assert run(["graph", "--output-format", "svg"]) == 2
    assert "500 tasks are too many for a picture" in capsys.readouterr().err


def graph_of(arrows, count):
    boxes = "".join(f"- [ ] T{n:03} Do part {n}\n" for n in range(count))
    plan = read_bytes(f"# Tasks\n\n{boxes}\n```\n{arrows}\n```\n".encode(), "p.md")
    return Graph.of([plan])


@pytest.mark.parametrize(
    ("arrows", "count"),
    [
        ("T000 -> T001 -> T002 -> T003\nT000 -> T003\nT001 -> T003", 9),
        ("T000 -> T001, T002, T003, T004, T005 -> T006\nT007 -> T006\nT000 -> T006", 12),
        ("T000 -> T001\nT001 -> T002\nT002 -> T000\nT003 -> T003", 5),
        (
            "\n".join(f"T{a:03} -> T{b:03}" for a in range(12) for b in range(a + 1, 12) if (a * b) % 5 == 1),
            12,
        ),
    ],
)
def test_no_box_lies_on_another_and_no_arrow_crosses_a_box(arrows, count):
    laid = layout(graph_of(arrows, count))

    assert len(laid.places) == count
    for left, right in combinations(laid.places.values(), 2):
        assert abs(left.x - right.x) >= BOX_WIDTH or abs(left.y - right.y) >= BOX_HEIGHT
    for pair, way in laid.ways.items():
        for point in way[1:-1]:
            for name, box in laid.places.items():
                beside = abs(point.x - box.x) > BOX_WIDTH / 2
                assert beside or point.y != box.y, (pair, name)
    for box in laid.places.values():
        assert BOX_WIDTH / 2 <= box.x <= laid.size[0] - BOX_WIDTH / 2
        assert BOX_HEIGHT / 2 <= box.y <= laid.size[1] - BOX_HEIGHT / 2


def test_labels_break_between_words_and_end_in_an_ellipsis():
    assert two_lines("Write the parser", 10) == ["Write the", "parser"]
    assert two_lines("a_very_long_name_without_end", 10) == ["a_very_lo…"]
    assert two_lines("Write the parser and the printer too", 12) == ["Write the", "parser and…"]
    assert two_lines("", 10) == []


def git(folder, *words):
    done = subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", *words],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    return done.stdout


@pytest.fixture
def history(place):
    git(place, "init", "-q")
    git(place, "add", "-A")
    git(place, "commit", "-q", "-m", "one")
    return place


def test_diff_tells_claims_edges_and_items(history, capsys):
    text = (
        PLAN.replace("[ ] T002", "[x] T002")
        .replace("T001 -> T005", "T003 -> T005")
        .replace("- [-] T004 Write the manual in `docs/manual.md`\n", "")
    )
    (history / "plans" / "work.md").write_text("\n\n" + text)
    (history / "plans" / "more.md").write_text("# More\n\n- [ ] T001 More\n")

    data = json.loads(said(capsys, "diff", "HEAD", "--output-format", "json"))
    jsonschema.validate(data, schema("diff"))
    more, work = data["plans"]
    assert (more["path"], more["status"]) == ("plans/more.md", "added")
    assert [(row["id"], row["before"], row["after"]) for row in work["claims"]] == [
        ("work:T002", "open", "done")
    ]
    assert [edge["after"] for edge in work["edges"]["added"]] == ["work:T005"]
    assert "work:T004" in [item["id"] for item in work["items"]["removed"]]
    assert "T002  open → done" in said(capsys, "diff", "HEAD")


def test_diff_sees_a_plan_that_is_gone_and_nothing_where_nothing_changed(history, capsys):
    assert said(capsys, "diff", "HEAD") == "No claim, item or edge changed since HEAD.\n"
    (history / "plans" / "work.md").unlink()
    (history / "plans" / "other.md").write_text("# Other\n")
    assert "plans/work.md (removed since HEAD)" in said(capsys, "diff", "HEAD")


@pytest.mark.parametrize("revision", ["nowhere", "--help-me", "HEAD:plans"])
def test_diff_refuses_what_is_no_revision(history, capsys, revision):
    assert run(["diff", "--", revision]) == 2
    assert re.search(r"git knows no revision", capsys.readouterr().err)
