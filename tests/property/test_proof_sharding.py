"""Shards: every check in exactly one, whatever the order; eight of them merge to the verdicts of one run."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.proof.workshop import Repo

from planproof.errors import ConfigError
from planproof.interfaces.cli.main import run
from planproof.proof.model import Check, CheckKind
from planproof.proof.sharding import Shard


CHECKS = st.lists(
    st.integers(0, 10_000).map(lambda n: Check(CheckKind.COMMAND, f"c{n}", params={"argv": [str(n)]})),
    unique_by=lambda one: one.key,
    max_size=40,
)


@given(checks=CHECKS, count=st.integers(1, 12), data=st.data())
def test_every_check_is_in_one_shard_whatever_their_order(checks, count, data):
    some = data.draw(st.sets(st.sampled_from([one.key for one in checks]))) if checks else set()
    seconds = {key: data.draw(st.floats(0.01, 100)) for key in sorted(some)}
    shuffled = data.draw(st.permutations(checks))

    shards = [Shard(index, count).of(checks, seconds) for index in range(1, count + 1)]

    assert sorted(one.key for shard in shards for one in shard) == sorted(one.key for one in checks)
    for index, shard in enumerate(shards, 1):
        assert [one.key for one in Shard(index, count).of(shuffled, seconds)] == [one.key for one in shard]


@given(costs=st.lists(st.floats(0.1, 50), min_size=1, max_size=30), count=st.integers(1, 8))
def test_no_shard_has_more_than_a_third_above_its_share_and_the_longest_check(costs, count):
    checks = [Check(CheckKind.COMMAND, f"c{n}", params={"argv": [str(n)]}) for n in range(len(costs))]
    seconds = {one.key: cost for one, cost in zip(checks, costs, strict=True)}

    loads = [
        sum(seconds[one.key] for one in Shard(index, count).of(checks, seconds))
        for index in range(1, count + 1)
    ]

    assert max(loads) <= sum(costs) / count + max(costs) + 1e-6


@pytest.mark.parametrize("text", ["", "0/2", "3/2", "1/0", "a/b", "1/1001", "1/2/3", "-1/2"])
def test_what_is_no_shard_is_refused(text):
    with pytest.raises(ConfigError, match="like 2/8"):
        Shard.parse(text)


def test_eight_shards_merge_to_the_verdicts_of_one_run(tmp_path, monkeypatch, capsys):
    boxes = [f"[x] T{n:03} Number {n}" for n in range(1, 13)]
    tests = "\n".join(
        f'import pytest\n\n@pytest.mark.proves("demo:T{n:03}")\ndef test_{n}():\n    assert int("{n}") != 7\n'
        for n in range(1, 12)
    )
    machines = []
    for name in ["whole", "gate", *map(str, range(1, 9))]:
        repo = Repo(tmp_path / name)
        repo.plan(*boxes)
        repo.write("tests/test_numbers.py", tests)
        repo.write(".gitignore", ".planproof/\n__pycache__/\n.pytest_cache/\n")
        machines.append(repo)
    monkeypatch.setenv("GIT_AUTHOR_DATE", "2030-01-01T00:00:00Z")
    monkeypatch.setenv("GIT_COMMITTER_DATE", "2030-01-01T00:00:00Z")
    for repo in machines:
        for step in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "demo"]):
            repo.git(*step)
    whole, gate, *shards = machines

    monkeypatch.chdir(whole.root)
    assert run(["verify", "--output-format", "json"]) == 1
    expected = json.loads(capsys.readouterr().out)
    codes = []
    for index, repo in enumerate(shards, 1):
        monkeypatch.chdir(repo.root)
        codes.append(run(["verify", "--shard", f"{index}/8", "--receipt", str(gate.root / f"r{index}.json")]))
    monkeypatch.chdir(gate.root)
    assert run(["merge", *(f"r{index}.json" for index in (3, 1, 2, 8, 7, 6, 5, 4, 3))]) == 0
    capsys.readouterr()
    assert run(["verify", "--no-run", "--output-format", "json"]) == 1
    merged = json.loads(capsys.readouterr().out)

    assert sorted(codes) == [0] * 7 + [1]
    assert [(one["id"], one["verdict"]) for one in merged["items"]] == [
        (one["id"], one["verdict"]) for one in expected["items"]
    ]
    assert merged["summary"] == expected["summary"]
