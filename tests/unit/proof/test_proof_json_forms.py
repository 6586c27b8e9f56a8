"""The JSON forms are those of the published schemas, and the schemas refuse what they must."""

import json

import jsonschema
import pytest
import yaml
from tests.unit.proof.workshop import ROOT, Repo

from planproof.proof.binding.spec_parser import parse_spec


pytestmark = pytest.mark.slow


VERDICTS = {
    "verified",
    "false_claim",
    "stale_claim",
    "unproved_claim",
    "ready_to_tick",
    "open",
    "deferred",
    "done_early",
}


def schema(name):
    found = json.loads((ROOT / f"harness/planproof/schemas/{name}.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(found)
    return found


@pytest.fixture(scope="module")
def repo(tmp_path_factory):
    repo = Repo(tmp_path_factory.mktemp("forms"))
    repo.write("app.py", "def add(a, b):\n    return a + b\n")
    repo.write("variants.py", "def wrong(a, b):\n    return a - b\n")
    repo.write(
        "tests/test_it.py",
        """
        import pytest
        from app import add


        @pytest.mark.proves("demo:T001")
        def test_it():
            assert add(1, 1) == 2
        """,
    )
    repo.plan("[x] T001 Add", "[x] T002 Twice", "[ ] T003 Later", "[x] T004 Waived")
    repo.spec("""
        checks:
          unit: {pytest: tests/test_it.py}
        controls:
          unit: {variants: [{name: wrong, swap: "app:add", with: "variants:wrong"}]}
        items:
          T002: {checks: [unit], needs_control: true}
        waivers:
          - {item: T004, owner: ann, reason: next week, expires: 2999-01-01}
    """)
    return repo


def test_verify_has_the_documented_form(repo):
    said = repo.cli("verify", "--output-format", "json")
    document = json.loads(said.stdout)

    jsonschema.validate(document, schema("verify"))
    assert document["schema"] == 1
    assert set(document["summary"]) == VERDICTS
    assert document["checks_run"] == 2
    one, two = document["items"][:2]
    assert {"id", "kind", "claim", "verdict", "reason", "checks"} <= set(one)
    assert {"kind", "target", "outcome", "bound_by", "backend", "controls"} <= set(one["checks"][0])
    assert (one["id"], one["kind"], one["claim"], one["verdict"]) == ("demo:T001", "task", "done", "verified")
    assert [(each["variant"], each["outcome"]) for each in two["checks"][0]["controls"]] == [
        ("placebo", "passed"),
        ("wrong", "killed"),
    ]
    assert said.returncode == 0


def test_gate_and_explain_have_the_documented_form(repo):
    repo.cli("verify")
    gate = json.loads(repo.cli("gate", "--output-format", "json").stdout)
    explained = json.loads(repo.cli("explain", "T002", "--output-format", "json").stdout)

    jsonschema.validate(gate, schema("gate"))
    jsonschema.validate(explained, schema("explain"))
    assert gate["holds"] is True
    assert [one["item"] for one in gate["waived"]] == ["demo:T004"]
    assert explained["item"]["checks"][0]["rests_on"]["code"]["app.py"] == ["add"]


def test_a_second_run_says_that_it_ran_nothing(repo):
    repo.cli("verify")
    said = repo.cli("verify", "--output-format", "json")

    assert json.loads(said.stdout)["checks_run"] == 0
    assert "no check run: nothing changed" in repo.cli("verify").stdout


def test_our_own_specs_fit_the_schema():
    for path in sorted((ROOT / "specs").glob("*.yaml")):
        parse_spec(path.read_bytes(), path.name)
        plain = yaml.load(path.read_text(), Loader=yaml.BaseLoader)
        assert set(plain) <= set(schema("spec")["properties"]), path.name


@pytest.mark.parametrize(
    "text",
    [
        "schema: 1\nchecks: {a: {command: [x]}}\nitems: {T1: a}\n",
        "schema: 1\nchecks: {a: {race: 'm:W', backends: [sqlite], timeout: 5}}\n",
        "schema: 1\ngate: {backends: [memory], inferred: true}\n",
    ],
)
def test_the_spec_schema_and_the_reader_accept_the_same(text):
    jsonschema.validate(yaml.safe_load(text), schema("spec"))
    parse_spec(text.encode(), "specs/x.yaml")


@pytest.mark.parametrize(
    "text",
    [
        "checks: {}\n",
        "schema: 1\nchecks: {a: {command: ls -l}}\n",
        "schema: 1\nchecks: {a: {command: [x], pytest: y}}\n",
        "schema: 1\nchecks: {a: {command: [x], backends: [oracle]}}\n",
        "schema: 1\nwaivers: [{item: T1, owner: a, reason: b}]\n",
        "schema: 1\ncheks: {}\n",
    ],
)
def test_the_spec_schema_and_the_reader_refuse_the_same(text):
    from planproof.errors import SpecError

    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(yaml.safe_load(text), schema("spec"))
    with pytest.raises(SpecError):
        parse_spec(text.encode(), "specs/x.yaml")


def test_the_config_schema_knows_every_key():
    from dataclasses import fields

    from planproof.config import Config

    keys = {one.name.replace("_", "-") for one in fields(Config)} - {"path"}
    assert set(schema("config")["properties"]) == keys
