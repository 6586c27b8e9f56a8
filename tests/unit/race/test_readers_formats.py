"""Files of Porcupine, Knossos and Jepsen: what they mean, and what is refused with its line."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planproof.errors import HistoryError
from planproof.race.checker import check
from planproof.race.history import Outcome
from planproof.race.models import MODELS, CasRegister, KeyValue, Lock, Queue
from planproof.race.readers import FORMATS, guess_format, read_history
from planproof.race.readers.edn import Keyword, read_forms


WROTE = "{:process 0 :type :invoke :f :write :value 1}\n{:process 0 :type :ok :f :write :value 1}\n"


def log(*events):
    return "".join(f"INFO  jepsen.util - {event}\n" for event in events)


def read(tmp_path, text, form):
    path = tmp_path / "history"
    path.write_text(text)
    return read_history(path, form)


def told(history):
    return [(op.client, op.text, op.outcome.value, op.result) for op in history.operations]


def test_a_failed_cas_of_an_etcd_log_ran_and_compared_unequal(tmp_path):
    history = read(
        tmp_path,
        log("0\t:invoke\t:write\t1", "0\t:ok\t:write\t1", "0\t:invoke\t:cas\t[1 2]", "0\t:fail\t:cas\t[1 2]"),
        "porcupine-etcd",
    )
    assert told(history)[1] == (0, "cas(1, 2)", "ok", False)
    assert check(history, CasRegister()).linearizable is False


def test_a_failed_cas_of_knossos_did_not_happen(tmp_path):
    text = "".join(
        f"{{:process 0, :type {kind}, :f {f}, :value {value}}}\n"
        for kind, f, value in [
            (":invoke", ":write", 1),
            (":ok", ":write", 1),
            (":invoke", ":cas", "[1 2]"),
            (":fail", ":cas", "[1 2]"),
        ]
    )
    history = read(tmp_path, text, "knossos")
    assert told(history)[1] == (0, "cas(1, 2)", "fail", None)
    assert check(history, CasRegister()).linearizable is True


def test_a_read_that_timed_out_of_an_etcd_log_is_unknown(tmp_path):
    history = read(
        tmp_path,
        log(
            "0\t:invoke\t:read\tnil",
            "0\t:fail\t:read\t:timed-out",
            "1\t:invoke\t:cas\t[0 1]",
            "1\t:info\t:cas\t:timed-out",
        ),
        "porcupine-etcd",
    )
    assert [op.outcome for op in history.operations] == [Outcome.INFO, Outcome.INFO]
    assert history.operations[1].error == "timed-out"
    assert check(history, CasRegister()).linearizable is True


def test_other_lines_of_a_log_are_skipped_and_the_nemesis_is_a_note(tmp_path):
    history = read(
        tmp_path,
        "INFO  jepsen.core - Worker 3 starting\n\n"
        + log(":nemesis\t:info\t:start\tnil", "0\t:invoke\t:read\tnil"),
        "porcupine-etcd",
    )
    assert [(note.kind, note.text) for note in history.notes] == [("fault", "start nil")]
    assert history.operations[0].ret is None


def test_keys_and_open_calls_of_porcupine(tmp_path):
    history = read(
        tmp_path,
        '{:process 0, :type :invoke, :f :append, :key "a", :value "x\\ty"}\n'
        '{:process 1, :type :invoke, :f :get, :key "a", :value nil}\n'
        '{:process 1, :type :ok, :f :get, :key "a", :value ""}\n',
        "porcupine-kv",
    )
    assert told(history) == [(0, "append('a', 'x\\ty')", "info", None), (1, "get('a')", "ok", "")]
    assert check(history, KeyValue()).linearizable is True


def test_knossos_vectors_commas_comments_and_indices(tmp_path):
    history = read(
        tmp_path,
        "; a queue\n[{:type :invoke, :f :enqueue, :value 1, :process 0, :index 0, :time 12}\n"
        " #_ {:ignored true} {:type :ok, :f :enqueue, :value 1, :process 0, :index 1}\n"
        " {:process :nemesis, :type :info, :f :kill, :value {:node #{n1}}}\n"
        " {:type :invoke, :f :dequeue, :value nil, :process 1, :index 2}\n"
        " {:type :ok, :f :dequeue, :value 1, :process 1, :index 3}\n"
        " {:type :invoke, :f :dequeue, :process 1, :index 4}\n"
        " {:type :fail, :f :dequeue, :error :exhausted, :process 1, :index 5}]",
        "knossos",
    )
    assert told(history) == [
        (0, "enqueue(1)", "ok", None),
        (1, "dequeue()", "ok", 1),
        (1, "dequeue()", "fail", None),
    ]
    assert history.operations[2].error == "exhausted"
    assert check(history, Queue()).linearizable is True


def test_a_mutex_of_knossos_is_held_by_its_process(tmp_path):
    rows = [
        (0, ":invoke", ":acquire"),
        (0, ":ok", ":acquire"),
        (1, ":invoke", ":acquire"),
        (1, ":ok", ":acquire"),
    ]
    text = "\n".join(f"{{:process {who} :type {kind} :f {f} :value nil}}" for who, kind, f in rows)
    history = read(tmp_path, text, "knossos")
    assert check(history, Lock()).linearizable is False


def test_jepsens_own_files_in_both_forms(tmp_path):
    edn = (
        "{:type :invoke, :f :write, :value 1, :time 5, :process 0, :index 0}\n"
        '{:type :info, :f :write, :value 1, :error [:timeout "late"], :process 0, :index 1}\n'
    )
    table = "0\t:invoke\t:write\t1\n0\t:info\t:write\t1\t:timeout\n:nemesis\t:info\t:start\tnil\n"
    for text in (edn, table):
        history = read(tmp_path, text, "jepsen")
        assert told(history) == [(0, "write(1)", "info", None)]
    cas = "0\t:invoke\t:cas\t[0 1]\n0\t:fail\t:cas\t[0 1]\n"
    assert read(tmp_path, cas, "jepsen").operations[0].outcome is Outcome.FAIL


@pytest.mark.parametrize(
    ("form", "text", "line", "says"),
    [
        ("porcupine-etcd", log("0\t:invoke\t:read\tnil") * 2, 2, "still open"),
        ("porcupine-etcd", log("0\t:ok\t:read\t1"), 1, "without having called"),
        ("porcupine-etcd", log("0\t:invoke\t:read\tnil", "0\t:ok\t:write\t1"), 2, "returns from write"),
        ("porcupine-etcd", log("0\t:invoke\t:write\t1", "0\t:ok\t:write\t2"), 2, "was called with"),
        ("porcupine-etcd", log("0\t:invoke\t:cas\t[1"), 1, "never closed"),
        ("porcupine-etcd", log("0\t:invoke\t:cas\t1"), 1, "needs"),
        ("porcupine-etcd", log("0\t:invoke\t:read\tnil") + "INFO  jepsen.util - 0\t:o", 2, "cut"),
        ("porcupine-etcd", "once upon a time\n", 1, "no line of a Jepsen log"),
        ("porcupine-kv", '{:process 0, :type :invoke, :f :get, :key "a", :val', 1, "cut"),
        ("porcupine-kv", '{:process 0, :type :invoke, :f :get, :key "a', 1, "breaks off"),
        ("porcupine-kv", "{:process 0, :type :invoke}", 1, "no :f"),
        ("porcupine-kv", "{:process 0, :type :jump, :f :get}", 1, "none of"),
        ("knossos", "{:process 0 :type :invoke :f}", 1, "without a value"),
        ("knossos", "\n\n]", 3, "closes nothing"),
        ("knossos", "[1 2]", 1, "no event"),
        ("knossos", "[" * 300, 1, "deeper"),
        (
            "knossos",
            "{:process 0 :type :invoke :f :read :index 1}\n{:process 1 :type :invoke :f :read :index 1}",
            2,
            "twice",
        ),
        (
            "knossos",
            WROTE.replace(":ok :f :write :value 1", ":ok :f :write :value 2"),
            2,
            "but was called with 1",
        ),
        ("jepsen", "0\t:invoke\n", 1, "no event"),
    ],
)
def test_a_wrong_file_is_one_sentence_with_its_line(tmp_path, form, text, line, says):
    with pytest.raises(HistoryError, match=says) as caught:
        read(tmp_path, text, form)
    assert caught.value.line == line
    assert caught.value.path is not None


def test_an_operation_that_the_model_does_not_know_is_named_with_its_line(tmp_path):
    history = read(tmp_path, "{:process 0 :type :invoke :f :txn :value [[:r 1 nil]]}", "knossos")
    with pytest.raises(HistoryError, match="knows no operation 'txn'") as caught:
        check(history, MODELS["cas-register"]())
    assert caught.value.line == 1


@settings(max_examples=150)
@given(st.binary(max_size=120), st.sampled_from(FORMATS))
def test_any_bytes_are_a_history_or_refused(tmp_path_factory, data, form):
    path = tmp_path_factory.mktemp("any") / "history"
    path.write_bytes(data)
    guess_format(path)
    try:
        read_history(path, form)
    except HistoryError as error:
        assert error.path == str(path)  # noqa: PT017 - it need not be raised


SIGNS = st.text(alphabet=':{}[]()#"\\ abn1,;_\n-.', max_size=40)


@settings(max_examples=300)
@given(SIGNS)
def test_any_text_is_edn_or_refused(text):
    try:
        list(read_forms(text, "file"))
    except HistoryError as error:
        assert error.line is not None  # noqa: PT017 - it need not be raised


def test_edn_values():
    text = (
        'nil true -12 7N 1.5e3 2.0M "a\\n\\"\\u0041" \\a \\newline \\u0041 :k/x sym #{1 2} (1 [2]) '
        '{:a {1 2}} #inst "2020" #_ 9 #_ #tag [1] ; end'
    )
    assert [form for form, _ in read_forms(text)] == [
        None,
        True,
        -12,
        7,
        1500.0,
        2.0,
        'a\n"A',
        "a",
        "\n",
        "A",
        Keyword("k/x"),
        "sym",
        frozenset({1, 2}),
        (1, (2,)),
        {"a": {1: 2}},
        "2020",
    ]


JSON_LIKE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4).map(tuple),
    max_leaves=12,
)


def written(value):
    if value is None:
        return "nil"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return "[" + " ".join(map(written, value)) + "]"


@settings(max_examples=200)
@given(JSON_LIKE)
def test_edn_that_is_written_is_read_back(value):
    assert [form for form, _ in read_forms(written(value))] == [value]


@pytest.mark.parametrize(
    ("head", "form"),
    [
        ("INFO  jepsen.util - 0\t:invoke\t:read\tnil", "porcupine-etcd"),
        ('{:process 0, :type :invoke, :f :get, :key "a", :value nil}', "porcupine-kv"),
        ("{:process 0, :type :invoke, :f :read, :value nil}", "knossos"),
        ("[{:process 0}]", "knossos"),
        ("0\t:invoke\t:read\tnil", "jepsen"),
        ('{"planproof-history":1}', "jsonl"),
        ("a poem", None),
    ],
)
def test_the_format_is_told_from_the_file(tmp_path, head, form):
    (tmp_path / "file").write_text(head + "\n")
    assert guess_format(tmp_path / "file") == form


@pytest.mark.parametrize(
    ("wrote", "reads", "linearizable"),
    [
        ("1/2", "2/4", True),
        ("1/2", "1/3", False),
        ("4/2", "2", True),
        ("#:jepsen{:node 1}", "{:node 1}", True),
        ("#:jepsen{:node 1}", "{:node 2}", False),
        ("12345678901234567890N", "12345678901234567890", True),
        ("{:a [1 #{2 3}]}", "{:a (1 #{3 2})}", True),
        (r'"a\"}"', r'"\u0061\"}"', True),
    ],
)
def test_values_of_edn_are_told_apart(tmp_path, wrote, reads, linearizable):
    text = WROTE.replace(":value 1", f":value {wrote}")
    text += (
        f"{{:process 1 :type :invoke :f :read}} ; }}\r\n{{:process 1, :type :ok, :f :read, :value {reads}}}"
    )
    assert check(read(tmp_path, text, "knossos"), CasRegister()).linearizable is linearizable


@pytest.mark.parametrize(("asked", "answer"), [(0, "false"), (1, "true")])
def test_false_is_no_repetition_of_nought(tmp_path, asked, answer):
    history = read(
        tmp_path,
        f'{{"process": 7, "type": "invoke", "f": "acquire", "value": {asked}}}\n'
        f'{{"process": 7, "type": "ok", "f": "acquire", "value": {answer}}}\n',
        "jsonl",
    )
    assert history.operations[0].result is (answer == "true")
    assert check(history, Lock()).linearizable is (answer == "true")


@pytest.mark.parametrize(
    "event",
    [
        '["call",1,0,"write",[1],5.5]',
        '["call",1,0,"write",[1],true]',
        '["call",1,0,"write",5,5]',
        '["call",1,0,7,[],5]',
    ],
)
def test_an_event_of_our_own_form_is_taken_at_its_word_or_refused(tmp_path, event):
    text = f'{{"planproof-history": 1, "meta": {{}}}}\n[{event}]\n'
    with pytest.raises(HistoryError, match="is no event of a history") as caught:
        read(tmp_path, text, "jsonl")
    assert caught.value.line == 2
