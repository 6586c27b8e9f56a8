"""Receipts travel between machines: tamper-evident, of one commit, in any order, any number of times."""

import json
import shutil

import jsonschema
import pytest
from tests.unit.proof.workshop import ROOT, Repo

from planproof.errors import InputError
from planproof.proof.evidence import receipt


pytestmark = pytest.mark.slow


@pytest.fixture
def repo(tmp_path):
    repo = Repo(tmp_path / "work")
    repo.write("app.py", "def add(a, b):\n    return a + b\n")
    repo.write(
        "tests/test_it.py",
        """
        import pytest
        from app import add


        @pytest.mark.proves("one:T001")
        def test_one():
            assert add(1, 1) == 2


        @pytest.mark.proves("two:T001")
        def test_two():
            assert add(2, 2) == 4
        """,
    )
    repo.plan("[x] T001 One", name="one")
    repo.plan("[x] T001 Two", name="two")
    repo.write(".gitignore", "__pycache__\n.pytest_cache\n")
    repo.git("init", "-q")
    repo.git("add", ".")
    repo.git("commit", "-q", "-m", "begin")
    return repo


def shards(repo, tmp_path):
    """A receipt for each plan, each from a machine that knows nothing of the other."""
    for name in ("one", "two"):
        said = repo.cli("verify", f"plans/{name}.md", "--receipt", str(tmp_path / f"{name}.json"))
        assert said.returncode == 0, said.stdout + said.stderr
        shutil.rmtree(repo.root / ".planproof")
    return [tmp_path / "one.json", tmp_path / "two.json"]


def test_two_machines_make_one_gate(repo, tmp_path):
    one, two = shards(repo, tmp_path)
    assert repo.cli("gate").returncode == 1

    said = repo.cli("merge", str(two), str(one), str(two), "--output", str(tmp_path / "both.json"))
    assert said.returncode == 0, said.stderr
    assert "2 checks: 2 passed" in said.stdout
    assert repo.cli("gate").returncode == 0

    shutil.rmtree(repo.root / ".planproof")
    assert repo.cli("merge", str(tmp_path / "both.json")).returncode == 0
    assert repo.cli("gate").returncode == 0


def test_a_receipt_that_was_changed_is_refused(repo, tmp_path):
    one, _ = shards(repo, tmp_path)
    one.write_text(one.read_text().replace('"passed"', '"failed"', 1))

    said = repo.cli("merge", str(one))

    assert said.returncode == 2
    assert "was changed after it was written" in said.stderr
    assert "Traceback" not in said.stderr


def test_a_receipt_of_another_commit_is_refused(repo, tmp_path):
    one, _ = shards(repo, tmp_path)
    repo.write("other.txt", "more\n")
    repo.git("add", ".")
    repo.git("commit", "-q", "-m", "more")

    said = repo.cli("merge", str(one))

    assert said.returncode == 2
    assert "is of commit" in said.stderr
    assert repo.cli("gate").returncode == 1


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", '{"predicate": 1}', "\x00\x01", "[" * 100_000])
def test_what_is_no_receipt_is_refused(tmp_path, text):
    path = tmp_path / "receipt.json"
    path.write_text(text)

    with pytest.raises(InputError):
        receipt.read(path)


def test_a_receipt_is_an_in_toto_test_result(repo, tmp_path):
    one, _ = shards(repo, tmp_path)
    body = json.loads(one.read_text())
    schema = json.loads((ROOT / "harness/planproof/schemas/receipt.schema.json").read_text())

    jsonschema.validate(body, schema)
    assert body["_type"] == "https://in-toto.io/Statement/v1"
    assert body["predicateType"] == "https://in-toto.io/attestation/test-result/v0.1"
    assert body["predicate"]["result"] == "PASSED"
    assert body["predicate"]["passedTests"] == ["pytest:tests/test_it.py::test_one"]
