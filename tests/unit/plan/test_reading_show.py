"""``planproof show``: the JSON form, the text in 80 columns, and one sentence for bad input."""

import json
from importlib import resources
from pathlib import Path

import jsonschema
import pytest

from planproof.interfaces.cli.main import run
from planproof.interfaces.rendering.plans import WIDTH, clip, columns


FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "plans"
ITEM_KEYS = {
    "id", "local", "kind", "claim", "text", "line", "span", "box", "parent", "labels", "phase", "story",
    "priority", "files", "effort_hours",
}  # fmt: skip


@pytest.fixture
def shown(capsys):
    assert run(["show", str(FIXTURES), "--output-format", "json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_json_holds_its_schema(shown):
    schema = json.loads(resources.files("planproof").joinpath("schemas/show.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(shown, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**shown, "schema": 2}, schema)


def test_json_has_the_promised_keys(shown):
    assert shown["schema"] == 1
    for plan in shown["plans"]:
        assert {"id", "path", "title", "dialects", "items", "edges", "unread"} <= plan.keys()
        assert all(item.keys() >= ITEM_KEYS for item in plan["items"])
        assert all(edge.keys() >= {"before", "after", "line", "origin", "certain"} for edge in plan["edges"])


def test_text_fits_in_80_columns(capsys):
    assert run(["show", str(FIXTURES), "--all"]) == 0
    out = capsys.readouterr().out
    assert "T001" in out
    assert "\x1b" not in out
    assert max(columns(line) for line in out.splitlines()) <= WIDTH


def test_unread_lines_are_shown(capsys):
    run(["show", str(FIXTURES / "mixed.md")])
    assert "a malformed box" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "words"), [("none.md", "there is no such plan"), (".", "holds no Markdown file")]
)
def test_bad_input_is_one_sentence(tmp_path, monkeypatch, capsys, name, words):
    monkeypatch.chdir(tmp_path)
    assert run(["show", name]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1


def test_clip_counts_columns():
    assert clip("読む書く", 5) == "読む…"
    assert clip("a\x07b", 9) == "a b"
