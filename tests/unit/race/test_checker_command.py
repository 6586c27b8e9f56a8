"""``planproof race check``: its forms, its exit codes, one sentence for bad input."""

from __future__ import annotations

import json
from importlib import resources

import jsonschema
import pytest

from planproof.errors import PlanproofError
from planproof.interfaces.cli import main
from planproof.interfaces.cli.race_check import FORMATS, MODELS, command
from planproof.race import models, readers
from planproof.race.models import BoundedSessions, model_of, own_model, told


ETCD_OK = "INFO  jepsen.util - 0\t:invoke\t:write\t1\nINFO  jepsen.util - 0\t:ok\t:write\t1\n"
ETCD_BAD = ETCD_OK + "INFO  jepsen.util - 1\t:invoke\t:read\tnil\nINFO  jepsen.util - 1\t:ok\t:read\tnil\n"


def run(capsys, *args):
    code = command.main(args=[str(arg) for arg in args], standalone_mode=False)
    return code, capsys.readouterr().out


@pytest.fixture
def files(tmp_path):
    (tmp_path / "ok.log").write_text(ETCD_OK)
    (tmp_path / "bad.log").write_text(ETCD_BAD)
    (tmp_path / "cut.jsonl").write_text(
        '{"planproof-history":1,"meta":{"model":"register"}}\n[["call",1,1,"re'
    )
    return tmp_path


def test_the_names_are_those_of_the_wing():
    assert FORMATS == readers.FORMATS
    assert tuple(models.MODELS) == MODELS


def test_json_has_the_form_that_was_promised(capsys, files):
    code, out = run(
        capsys,
        files / "ok.log",
        files / "bad.log",
        "--model",
        "cas-register",
        "--format",
        "porcupine-etcd",
        "--output-format",
        "json",
    )
    assert code == 1
    said = json.loads(out)
    schema = json.loads(resources.files("planproof").joinpath("schemas/race-check.schema.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(said)
    assert said["schema"] == 1
    assert [(row["file"], row["linearizable"], row["operations"]) for row in said["results"]] == [
        (str(files / "ok.log"), True, 1),
        (str(files / "bad.log"), False, 2),
    ]
    assert "read() -> ok of client 1, line 3" in said["results"][1]["reason"]


@pytest.mark.parametrize(
    ("names", "code"),
    [(["ok.log"], 0), (["cut.jsonl"], 3), (["ok.log", "cut.jsonl"], 3), (["bad.log", "cut.jsonl"], 1)],
)
def test_exit_codes(capsys, files, names, code):
    assert run(capsys, *(files / name for name in names), "--output-format", "json")[0] == code


def test_giving_up_is_inconclusive(capsys, files):
    calls = "".join(f"INFO  jepsen.util - {who}\t:invoke\t:write\t{who}\n" for who in range(3))
    (files / "open.log").write_text(
        calls + "INFO  jepsen.util - 3\t:invoke\t:cas\t[0 0]\n" + ETCD_OK.replace("- 0", "- 4")
    )
    code, out = run(capsys, files / "open.log", "--time-limit", "0", "--output-format", "json")
    assert code == 3
    row = json.loads(out)["results"][0]
    assert row["linearizable"] is None
    assert "gave up" in row["reason"]


def test_text_says_why_in_eighty_columns(capsys, files):
    code, out = run(capsys, files / "bad.log", files / "ok.log", files / "cut.jsonl")
    assert code == 1
    assert "NOT LINEARIZABLE" in out
    assert "longest valid order" in out
    assert "INCONCLUSIVE" in out
    assert all(len(line) <= 80 for line in out.splitlines() if str(files) not in line)


def test_the_page_is_written(capsys, files):
    code, _ = run(capsys, files / "ok.log", files / "bad.log", "--page", files / "page.html")
    assert code == 1
    assert (files / "page.html").read_text().startswith("<!doctype html>")
    (files / "page.html").unlink()
    code, _ = run(capsys, files / "ok.log", "--page", files / "page.html")
    assert code == 0
    assert not (files / "page.html").exists()


@pytest.mark.parametrize(
    ("text", "options", "says"),
    [
        ("a poem\n", [], "name it: --format"),
        ('{"planproof-history":1}\n', [], "name it: --model"),
        ('{"planproof-history":1,"meta":{"workload":"shop.py:Stock"}}\n', [], "--model shop.py:Stock"),
        ('{"planproof-history":1,"meta":{"model":["a"]}}\n', [], ":1: follows a model"),
        ('{"planproof-history":1,"meta":{"model":"lock","model_settings":[1]}}\n', [], "does not take"),
        ('{"planproof-history":1,"meta":7}\n', [], ":1: the head's meta is no object"),
        ('{"planproof-history":9}\n', [], ":1: was written in form 9; this version reads form 1"),
        ('{"planproof-history":1}\n[["call",1,1,"read",[],1],["call",1,2,"read",[],2]]\n', [], ":2: op"),
        ('{"planproof-history":1}\n[["call",1,1,"re\n[["call",1,2,"read",[],2]]\n', [], ":2: is not a"),
        (ETCD_OK, ["--model", "queue"], "knows no operation 'write'"),
        (ETCD_OK + "INFO  jep", [], ":3: is no line of a Jepsen log"),
    ],
)
def test_bad_input_is_one_sentence_and_the_others_are_judged(capsys, files, text, options, says):
    (files / "file").write_text(text)
    names = ["file"] if options else ["ok.log", "file", "bad.log", "ok.log"]
    code = main.run(["race", "check", *(str(files / name) for name in names), *options])
    out, err = capsys.readouterr()
    assert says in err
    assert err.count("\n") == 1
    assert "Traceback" not in err
    assert code == (2 if options else 1)
    assert out.count("  linearizable  ") == (0 if options else 2)
    code = main.run(
        ["race", "check", "--output-format", "json", *(str(files / name) for name in names), *options]
    )
    rows = json.loads(capsys.readouterr().out)["results"]
    assert [row["linearizable"] for row in rows] == ([None] if options else [True, None, False, True])
    assert says in rows[names.index("file")]["reason"]


def test_a_file_that_cannot_be_read_is_never_green(capsys, files):
    for name in ("none", "."):
        code, _ = run(capsys, files / "ok.log", files / name)
        assert code == 2


@pytest.mark.parametrize(("name", "says"), [("teapot", "no model 'teapot'"), ("no_such:Thing", "no_such")])
def test_a_model_that_is_not_there_is_a_usage_error(files, name, says):
    with pytest.raises(PlanproofError, match=says) as caught:
        command.main(args=[str(files / "ok.log"), "--model", name], standalone_mode=False)
    assert caught.value.exit_code == 2


def test_the_head_of_a_history_says_how_to_judge_it(capsys, files):
    login = '[["call",{0},1,"login",["ann"],{0}0],["ok",{0},{0}5,"s{0}"]]\n'
    listed = '[["call",9,1,"list",["ann"],90],["ok",9,95,["s2","s3"]]]\n'
    body = "".join(login.format(number) for number in (1, 2, 3)) + listed
    for limit, code in ((2, 0), (3, 1)):
        meta = told(BoundedSessions(limit))
        head = json.dumps({"planproof-history": 1, "meta": meta}) + "\n"
        (files / "run.jsonl").write_text(head + body)
        assert run(capsys, files / "run.jsonl")[0] == code
        assert run(capsys, files / "run.jsonl", "--limit", "2")[0] == 0


def test_a_workload_lends_its_model(capsys, files):
    (files / "highest.py").write_text(
        "from planproof.race import Workload\n"
        "from planproof.race.models import own_model\n"
        "class Highest(Workload):\n"
        "    model = own_model(lambda state, op, args, result:"
        " (True, max(state, args[0])) if op == 'put' else (result == state, state), 0)\n"
    )
    for seen, code in ((3, 0), (1, 1)):
        (files / "run.jsonl").write_text(
            '{"planproof-history":1}\n[["call",1,1,"put",[3],1],["ok",1,2,null],["call",2,1,"get",[],3]]\n'
            f'[["ok",2,4,{seen}]]\n'
        )
        assert run(capsys, files / "run.jsonl", "--model", f"{files / 'highest.py'}:Highest")[0] == code


def test_every_model_is_told_and_found_again():
    for name, kind in models.MODELS.items():
        meta = told(kind())
        assert meta["model"] == name
        again = model_of(json.loads(json.dumps(meta)))
        assert type(again) is kind
        assert again.settings() == kind().settings()
    assert told(None) == told(own_model(lambda *_: (True, None))) == {}


def test_nothing_checked_is_never_a_pass(capsys, files):
    (files / "empty.log").write_text("\n")
    code, out = run(capsys, files / "empty.log", "--format", "porcupine-etcd", "--output-format", "json")
    assert code == 3
    assert json.loads(out)["results"][0]["linearizable"] is None


def test_it_is_a_command_of_race(capsys, files):
    assert main.run(["race", "check", str(files / "bad.log")]) == 1
    assert "NOT LINEARIZABLE" in capsys.readouterr().out
    assert main.run(["race", "check", str(files / "none")]) == 2
    assert "cannot be read" in capsys.readouterr().err
