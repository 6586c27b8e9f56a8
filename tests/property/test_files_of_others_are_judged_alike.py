"""Histories written as other tools write them, in many hands, are judged as plain Wing-Gong-Lowe judges them.

Each history is made once, written in a form with that form's own meaning of ``:fail``, read back from the
file and checked; beside it plain search checks what the form says, without any file.
"""

from __future__ import annotations

import json
import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.race.checker_histories import KINDS, make_history
from tests.unit.race.checker_oracle import plain_wgl

from planproof.race.checker import check
from planproof.race.history import History, Outcome
from planproof.race.models import CasRegister, Keyed, KeyValue
from planproof.race.readers import DEFAULT_MODELS, guess_format, read_history


def events_of(history, rng):
    """Calls and replies in order; who lost a reply goes on under a new process number, as in Jepsen."""
    moments = []
    for index, op in enumerate(history.operations):
        moments.append((op.call, 0, index))
        if op.outcome is not Outcome.INFO or (op.ret is not None and rng.random() < 0.5):
            moments.append((op.ret, 1, index))
        elif rng.random() < 0.5:
            moments.append((op.call, 1, index))
    processes, fresh, made = {}, 100, {}
    for _, reply, index in sorted(moments):
        op = history.operations[index]
        if not reply:
            made[index] = processes.setdefault(op.client, len(processes))
            if op.outcome is Outcome.INFO:
                fresh += 1
                processes[op.client] = fresh
        yield ("reply" if reply else "call"), made[index], op


def edn(value):
    if value is None:
        return "nil"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return f"[{' '.join(map(edn, value))}]"
    return json.dumps(value)


def argument(op):
    """What stands under ``:value`` in a call."""
    if op.op in {"put", "append"}:
        return op.args[1]
    return op.args if op.op == "cas" else op.args[0] if op.args and op.op != "get" else None


def etcd_log(history, rng):
    """A failed compare-and-set ran and compared unequal; a failed read timed out."""
    lines = []
    for what, process, op in events_of(history, rng):
        kind, value = "invoke", edn(argument(op))
        if what == "reply":
            kind = "ok" if op.outcome is Outcome.OK and op.result is not False else "fail"
            value = edn(op.result) if op.op == "read" else value
            if op.outcome is Outcome.INFO:
                kind, value = rng.choice(("info", "fail")), ":timed-out"
        lines.append(f"INFO  jepsen.util - {process}\t:{kind}\t:{op.op}\t{value}")
        if rng.random() < 0.1:
            lines.append(
                rng.choice(
                    ("INFO  jepsen.util - :nemesis\t:info\t:start\tnil", "WARN  jepsen.core - slow", "")
                )
            )
    return "\n".join(lines) + "\n"


def table(history, rng):
    """Jepsen's ``history.txt``: what failed did not happen."""
    lines = []
    for what, process, op in events_of(history, rng):
        kind, value = "invoke", edn(argument(op))
        if what == "reply":
            kind = "fail" if did_not_happen(op) else op.outcome.value
            value = edn(op.result) if op.op == "read" and kind == "ok" else value
            value = "nil\t:timeout" if kind == "info" and op.op == "read" else value
        lines.append(f"{process}\t:{kind}\t:{op.op}\t{value}")
    return "\n".join(lines) + "\n"


def maps(history, rng):
    """EDN in many hands."""
    tag = rng.choice(("", "", "#jepsen.history.Op", "#jepsen.history.Op "))
    comma = rng.choice((", ", " ", ",\n ", "\n  ;; so it goes\n  ", " , "))
    wrapped = rng.choice((("", ""), ("[", "]"), ("(", ")")))
    indexed, keyed = rng.random() < 0.5, any(op.op in {"get", "put", "append"} for op in history.operations)
    texts = []
    for index, (what, process, op) in enumerate(events_of(history, rng)):
        kind, value = "invoke", edn(argument(op))
        if what == "reply":
            kind = "fail" if did_not_happen(op) else op.outcome.value
            value = edn(op.result) if op.op in {"read", "get"} and kind == "ok" else value
        pairs = [f":type :{kind}", f":f :{op.op}", f":process {process}", f":value {value}"]
        if keyed:
            pairs.append(f":key {edn(op.args[0])}")
        if kind in {"fail", "info"} and rng.random() < 0.5:
            pairs.append(rng.choice((":error :timeout", ':error [:unknown "lost; {or so}"]', ":error nil")))
        if indexed:
            pairs += [f":index {index}", f":time {index * 1000 + rng.randrange(999)}N"]
        rng.shuffle(pairs)
        texts.append(f"{tag}{{{comma.join(pairs)}}}")
        if rng.random() < 0.1:
            texts.append(
                rng.choice(
                    (
                        "{:process :nemesis, :type :info, :f :kill, :value #{:n1 :n2}}",
                        "{:type :info :process :nemesis :f :start-partition :value [:isolated {:n1 #{:n2}}]}",
                        "#_ {:never true}",
                        "; a comment { with [ signs",
                    )
                )
            )
    return wrapped[0] + rng.choice(("\n", "\n\n", "\r\n")).join(texts) + "\n" + wrapped[1]


def json_events(history, rng):
    """Jepsen's events as JSON, a line each or one array."""
    timed, rows = rng.choice((None, "ns", "s", "coarse")), []
    for index, (what, process, op) in enumerate(events_of(history, rng)):
        kind, value = "invoke", argument(op)
        if what == "reply":
            kind = "fail" if did_not_happen(op) else op.outcome.value
            value = op.result if op.op in {"read", "get"} and kind == "ok" else value
        row = {"process": process, "type": kind, "f": op.op, "value": value}
        if op.op in {"get", "put", "append"}:
            row["key"] = op.args[0]
        if timed:
            row["time"] = {"ns": index * 7, "s": index / 8, "coarse": index // 3}[timed]
        rows.append(row)
        if rng.random() < 0.1:
            rows.append({**row, "process": "nemesis", "type": "info", "f": "kill", "value": None})
    if timed == "ns" and rng.random() < 0.5:
        rng.shuffle(rows)
    if rng.random() < 0.3:
        return json.dumps(rows, indent=rng.choice((None, 1)))
    return "".join(json.dumps(row) + "\n" for row in rows)


def json_operations(history, rng):
    """One operation a line."""
    rows, scale = [], rng.choice((1, 1, 0.125))
    for op in history.operations:
        outcome = "fail" if did_not_happen(op) else op.outcome.value
        row = {"client": f"c{op.id}", "op": op.op, "args": list(op.args), "call": op.call * scale}
        row["outcome"] = outcome
        if op.ret is not None and (outcome == "ok" or rng.random() < 0.5):
            row["return"] = op.ret * scale
        if outcome == "ok":
            row["result"] = op.result
        rows.append(row)
    rng.shuffle(rows)
    return "".join(json.dumps(row) + "\n" for row in rows)


def did_not_happen(op):
    return op.outcome is Outcome.FAIL or (op.op == "cas" and op.result is False and op.outcome is Outcome.OK)


def dropped(history):
    """As those forms say it that know no compare-and-set that ran and compared unequal."""
    ops = [replace(op, outcome=Outcome.FAIL) if did_not_happen(op) else op for op in history.operations]
    return History(tuple(ops))


FORMS = [
    pytest.param("cas-register", etcd_log, "porcupine-etcd", lambda history: history, id="etcd-log"),
    pytest.param("cas-register", table, "jepsen", dropped, id="jepsen-table"),
    pytest.param("cas-register", maps, "knossos", dropped, id="knossos"),
    pytest.param("cas-register", maps, "jepsen", dropped, id="jepsen-edn"),
    pytest.param("kv", maps, "porcupine-kv", dropped, id="porcupine-kv"),
    pytest.param("cas-register", json_events, "jsonl", dropped, id="json-events"),
    pytest.param("kv", json_events, "jsonl", dropped, id="json-events-kv"),
    pytest.param("cas-register", json_operations, "jsonl", dropped, id="json-operations"),
]


@pytest.mark.parametrize(("kind", "write", "form", "meaning"), FORMS)
@settings(max_examples=80)
@given(seed=st.integers(0, 10**9))
def test_files_are_judged_as_plain_search_judges_them(tmp_path_factory, kind, write, form, meaning, seed):
    rng = random.Random(seed)
    history, _ = make_history(
        KINDS[kind],
        seed,
        operations=rng.randrange(2, 22),
        clients=rng.randrange(1, 6),
        lost=rng.choice((0, 0.15, 0.4)),
        lies=rng.choice((0, 1, 2)),
    )
    path = tmp_path_factory.mktemp("files") / "history"
    path.write_text(rng.choice(("", "", "\ufeff")) + write(history, rng), encoding="utf-8", newline="")
    guessed = guess_format(path)
    assert guessed == form or {guessed, form} == {"jepsen", "knossos"}
    read = read_history(path, form)
    model = CasRegister() if kind == "cas-register" else KeyValue()
    assert DEFAULT_MODELS.get(form, model.name) == model.name
    wanted = plain_wgl(meaning(history), model)
    assert check(read, model).linearizable is wanted
    assert len(read.operations) == len(history.operations)


@settings(max_examples=60)
@given(seed=st.integers(0, 10**9))
def test_registers_under_keys_are_judged_one_by_one(tmp_path_factory, seed):
    rng = random.Random(seed)
    parts = [
        make_history(KINDS["cas-register"], seed + key, operations=rng.randrange(2, 10), lost=0.2, lies=1)[0]
        for key in range(3)
    ]
    texts = []
    for key, part in enumerate(parts):
        for what, process, op in events_of(part, rng):
            kind, value = "invoke", edn(argument(op))
            if what == "reply":
                kind = "fail" if did_not_happen(op) else op.outcome.value
                value = edn(op.result) if op.op == "read" and kind == "ok" else value
            texts.append(
                f"{{:process {process + 1000 * key} :type :{kind} :f :{op.op} :value [{key} {value}]}}"
            )
    path = tmp_path_factory.mktemp("files") / "history.edn"
    path.write_text("{:process :nemesis :type :info :f :kill :value [1 2]}\n" + "\n".join(texts))
    read = read_history(path, "jepsen")
    reads = any(op.op == "read" for part in parts for op in part.operations)
    assert bool(read.meta.get("keyed")) is reads
    if reads:
        wanted = all(plain_wgl(dropped(part), CasRegister()) for part in parts)
        assert check(read, Keyed(CasRegister())).linearizable is wanted
