"""The failure page and its text form: all of it is there, and no text of the application becomes HTML."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.race.checker_histories import KINDS, make_history
from tests.unit.race.page_sample import EVIL, eviction_race

from planproof.race.checker import check
from planproof.race.failure_page import page as failure_page
from planproof.race.history import History, Operation, Outcome
from planproof.race.page import html_of, text_of
from planproof.race.program import Call
from planproof.race.result import Failure, Violation


class Reader(HTMLParser):
    """What tags, ids and text a page has; refuses tags that do not close."""

    EMPTY = frozenset({"meta", "link", "br", "img", "input"})

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.attributes, self.text = [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def read(page):
    reader = Reader()
    reader.feed(page)
    assert reader.open == []
    return reader


def test_the_page_shows_lanes_faults_states_statements_reason_and_replay():
    history, verdict = eviction_race()
    page = html_of(history, verdict, title="Nobody holds more than five sessions")
    text = " ".join(" ".join(read(page).text).split())
    for wanted in (
        "Nobody holds more than five sessions",
        "SELECT count(*) FROM sessions",
        "DELETE 0",
        "connection killed before COMMIT",
        "on eve",
        "pause of 2 ms",
        "planproof race replay 9f3c",
        "[s1, s2, s3, s4, s5]",
        "[s2, s3, s4, s5, s6]",
        "is not allowed where the state is [s3, s4, s5, s6, s7]",
        "seed",
        "postgres 15.18",
    ):
        assert wanted in text, wanted
    assert page.count('class="lane"') == 4
    assert page.count('class="bar blocked"') == 1
    assert page.count('class="bar candidate open"') == 1
    assert page.count('class="bar placed"') == 7


def test_the_page_needs_nothing_but_itself():
    page = html_of(*eviction_race())
    reader = read(page)
    assert not {"link", "img", "iframe", "object"} & set(reader.tags)
    assert not [value for name, value in reader.attributes if name in {"src", "href", "action"}]
    assert "http://" not in page
    assert "https://" not in page


def test_text_of_the_application_is_escaped():
    calm, wild = read(html_of(*eviction_race())), read(html_of(*eviction_race(EVIL)))
    assert wild.tags == calm.tags
    assert EVIL in "".join(wild.text)
    assert [name for name, _ in wild.attributes] == [name for name, _ in calm.attributes]


@settings(max_examples=40)
@given(st.text(max_size=30))
def test_any_text_is_escaped(text):
    ops = (
        Operation(0, text, "write", (text,), 1, 2, Outcome.OK),
        Operation(1, text + "2", "read", (), 3, 4, Outcome.OK, text + "!"),
    )
    history = History(ops, meta={"replay": text, "workload": text})
    from planproof.race.models import Register

    verdict = check(history, Register())
    assert verdict.linearizable is False
    reader = read(html_of(history, verdict, title=text))
    assert reader.tags.count("script") == 1


def test_the_text_form_is_eighty_columns_and_says_the_same():
    history, verdict = eviction_race()
    text = text_of(history, verdict, title="nobody holds more than five sessions")
    assert all(len(line) <= 80 for line in text.splitlines())
    for wanted in (
        "not linearizable: nobody holds more than five sessions",
        "7 login('u1') ok 's7'",
        "✗ list('u1')",
        "killed before COMMIT on eve",
        "→ [s3, s4, s5, s6, s7]",
        "sql of bob: DELETE FROM sessions WHERE id = 's1'  → DELETE 0",
        "replay: planproof race replay 9f3c",
    ):
        assert wanted in text, wanted


def test_bars_that_overlap_in_time_overlap_in_the_text():
    history, verdict = eviction_race()
    lanes = [line for line in text_of(history, verdict).splitlines() if "├" in line]
    ann = next(line for line in lanes if "'s6'" in line and "list" not in line)
    bob = next(line for line in lanes if "'s7'" in line and "list" not in line)
    assert ann.index("├") < bob.index("├") < ann.index("┤") < bob.index("┤")


@settings(max_examples=80)
@given(st.integers(0, 10**9), st.sampled_from(sorted(KINDS)))
def test_every_failure_has_a_page(seed, name):
    history, model = make_history(KINDS[name], seed, operations=14, clients=4, lost=0.2, lies=2)
    verdict = check(history, model)
    if verdict.linearizable is not False:
        return
    read(html_of(history, verdict))
    assert all(len(line) <= 80 for line in text_of(history, verdict).splitlines())


def test_a_long_history_shows_its_end():
    ops = [Operation(n, 0, "write", (n,), 2 * n, 2 * n + 1, Outcome.OK) for n in range(30_000)]
    ops.append(Operation(30_000, 0, "read", (), 60_001, 60_002, Outcome.OK, 29_998))
    history = History(tuple(ops))
    from planproof.race.models import CasRegister

    verdict = check(history, CasRegister())
    text = text_of(history, verdict)
    assert "after 29992 operations" in text
    assert "ok 29998 is not allowed where the state is 29999" in " ".join(text.split())


def test_a_verdict_without_a_failure_has_no_page():
    history, _ = eviction_race()
    from planproof.race.models import BoundedSessions

    with pytest.raises(ValueError, match="failure"):
        html_of(history, check(History(()), BoundedSessions()))


def seen_race(message="tea stands at -1", detail=""):
    """What an observer saw, on the page of a failure that the scheduler made."""
    ops = [
        Operation(number, number, "buy", ("tea",), 10**12 + number, 10**12 + 9 + number, Outcome.OK)
        for number in range(2)
    ]
    failure = Failure(
        Violation("never_below_nought", message, detail),
        ((Call("buy", (("item", "tea"),)),),) * 2,
        choices=(0, 1, 1, 0),
        steps=(
            "client 0: SELECT n FROM stock",
            "client 1: SELECT n FROM stock",
            "client 1: UPDATE stock SET n = n - 1",
            "client 0: UPDATE stock SET n = n - 1",
        ),
        history=History.of(ops),
        schedule=1,
        seed=7,
    )
    return failure_page(failure, None)


def test_what_an_observer_saw_is_told_with_the_order_and_without_a_model():
    page = seen_race(detail="File shop.py, line 3")
    text = " ".join(" ".join(read(page).text).split())
    assert "never_below_nought: tea stands at -1" in text
    order = "The order that breaks it client 0 client 1 1 SELECT n FROM stock 2 SELECT n FROM stock 3 UPDATE"
    assert order in text
    assert "File shop.py, line 3" in text
    assert page.count('class="turn"') == 2
    for of_a_model in ("longest valid order", "state before", "Why nothing can follow", "model"):
        assert of_a_model not in text


def test_nothing_that_an_observer_saw_is_markup():
    assert read(seen_race(EVIL, EVIL)).tags.count("script") == 1
