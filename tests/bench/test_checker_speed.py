"""The checker's speed beside plain Wing-Gong-Lowe in Python, on the same histories in the same run.

What is measured is the check alone, from a history in memory to a verdict: parts, letters, search. Reading
the file is not. It is processor time, for neither uses more than one thread. Porcupine's figures (Go, one
processor) stand in docs/checker.md; on the machine where both were measured it took 0.35 times what plain
search in Python took for the 102 logs, and 0.65 times for c50-ok. From there come the bounds below: 0.2 of
Porcupine's time for the logs is 0.07 of plain search's.

Run: ``pytest tests/bench/test_checker_speed.py``.
"""

from __future__ import annotations

import json
import os
import statistics
import time
from pathlib import Path

import pytest
from tests.unit.race.checker_histories import KINDS, make_history
from tests.unit.race.checker_load import busy_register, swapped
from tests.unit.race.checker_oracle import plain_wgl

from planproof.race.checker import check
from planproof.race.models import CasRegister, KeyValue
from planproof.race.readers import guess_format, read_history


ROOT = Path(__file__).resolve().parents[2]
FILES = Path(os.environ.get("PLANPROOF_SHARED", ROOT.parent / "shared")) / "histories" / "porcupine"
HERE = (FILES / "verdicts.json").is_file()
pytestmark = pytest.mark.benchmark(timer=time.process_time)
needs_files = pytest.mark.skipif(not HERE, reason="the histories with known verdicts are not here")

# Porcupine took 0.35 of plain search's time for the 102 logs on one machine; 100,000 calls took it 0.54 s,
# which is 0.39 of plain search's time for the logs there, and 5.0 s where they were wrong.
LOGS_BOUND = 0.07
C50_BOUND = 0.65
LONG_BOUND = 1.2 * 0.54 / 1.38
ROUNDS = 3


def seconds(call):
    """The least and the median of some rounds."""
    taken = []
    for _ in range(ROUNDS):
        began = time.process_time()
        call()
        taken.append(time.process_time() - began)
    return min(taken), statistics.median(taken)


def logs():
    names = sorted(
        name for name in json.loads((FILES / "verdicts.json").read_text()) if name.startswith("jepsen/")
    )
    return [read_history(FILES / name, guess_format(FILES / name)) for name in names]


@pytest.fixture(scope="module")
def plain_logs_seconds():
    if not HERE:
        pytest.skip("the histories with known verdicts are not here")
    histories = logs()
    return seconds(lambda: [plain_wgl(history, CasRegister()) for history in histories])


@needs_files
def test_the_102_logs(benchmark, plain_logs_seconds):
    histories = logs()
    assert len(histories) == 102
    benchmark.pedantic(
        lambda: [check(history, CasRegister()) for history in histories], rounds=ROUNDS, warmup_rounds=1
    )
    _compare(benchmark, plain_logs_seconds, LOGS_BOUND)


@needs_files
def test_c50_ok(benchmark):
    path = FILES / "kv" / "c50-ok.txt"
    history = read_history(path, guess_format(path))
    benchmark.pedantic(lambda: check(history, KeyValue()), rounds=ROUNDS, warmup_rounds=1)
    _compare(benchmark, seconds(lambda: plain_wgl(history, KeyValue())), C50_BOUND)


def _compare(benchmark, plain, bound):
    least, median = plain
    ratio = benchmark.stats.stats.min / least
    benchmark.extra_info.update(plain_min=least, plain_median=median, ratio_of_min=ratio, bound=bound)
    assert ratio <= bound


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_thousand_calls_of_twenty_clients_with_two_reads_swapped(benchmark, seed):
    history = swapped(busy_register(1000, 20, seed), seed)
    verdict = benchmark.pedantic(lambda: check(history, CasRegister()), rounds=1)
    assert verdict.linearizable is False
    assert benchmark.stats.stats.max <= 2.0


@pytest.mark.parametrize("wrong", [False, True], ids=["ok", "wrong"])
def test_a_hundred_thousand_calls_of_five_clients(benchmark, plain_logs_seconds, wrong):
    history = busy_register(100_000, 5, 1)
    if wrong:
        history = swapped(history, 1)
    verdict = benchmark.pedantic(lambda: check(history, CasRegister()), rounds=ROUNDS)
    assert verdict.linearizable is not wrong
    ratio = benchmark.stats.stats.min / plain_logs_seconds[0]
    benchmark.extra_info.update(of_plain_logs=ratio, bound=LONG_BOUND)
    assert ratio <= LONG_BOUND


@pytest.mark.parametrize("name", ["register-unique", "queue-unique", "set-grow"])
def test_values_used_once_take_no_search(benchmark, name):
    history, model = make_history(KINDS[name], 1, operations=3000, clients=40, lost=0.05)
    verdict = benchmark.pedantic(lambda: check(history, model), rounds=ROUNDS)
    assert verdict.linearizable is True
    assert verdict.configurations == 0
