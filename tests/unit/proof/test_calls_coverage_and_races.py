"""Checks that watch a run: API calls, coverage, and a race in a process of its own."""

import importlib.util

import pytest
from tests.unit.proof.workshop import Repo


@pytest.fixture
def repo(tmp_path):
    repo = Repo(tmp_path)
    repo.plan("[x] T001 One", "[x] T002 Two", "[x] T003 Three")
    return repo


@pytest.mark.skipif(importlib.util.find_spec("moto") is None, reason="needs moto")
def test_operations_are_seen_at_botocores_door(repo):
    repo.write(
        "tests/test_aws.py",
        """
        import boto3
        from moto import mock_aws


        def test_transact():
            with mock_aws():
                client = boto3.client("dynamodb", region_name="eu-west-1")
                assert client.list_tables()["TableNames"] == []
        """,
    )
    repo.spec("""
        checks:
          seen: {calls: {tests: [tests/test_aws.py], operations: [ListTables], api: dynamodb}}
          lacking: {calls: {tests: [tests/test_aws.py], operations: [TransactWriteItems]}}
          forbidden: {calls: {tests: [tests/test_aws.py], operations: [ListTables], never: [ListTables]}}
        items: {T001: seen, T002: lacking, T003: forbidden}
    """)

    found = repo.verify()

    assert found.verdict("T001") == "verified"
    assert found.reason("T002") == "TransactWriteItems was not called; seen were ListTables"
    assert found.reason("T003") == "ListTables was called, and must not be"


def test_coverage_is_measured_now(repo):
    pytest.importorskip("coverage")
    repo.write("app.py", "def a(n):\n    if n:\n        return 1\n    return 2\n\n\ndef b():\n    return 3\n")
    repo.write("tests/test_app.py", "from app import a\n\n\ndef test_a():\n    assert a(1) == 1\n")
    repo.write("coverage.json", '{"totals": {"percent_covered": 100}}')
    repo.spec("""
        checks:
          low: {coverage: {file: app.py, min: 50, tests: [tests]}}
          high: {coverage: {file: app.py, min: 95, tests: [tests]}}
        items: {T001: low, T002: high}
    """)

    found = repo.verify()

    assert found.verdict("T001") == "verified"
    assert found.verdict("T002") == "false_claim"
    assert "app.py is covered 66.7 %, wanted 95 %" in found.reason("T002")


def test_a_race_that_cannot_start_is_undecided_or_nothing_and_says_why(repo):
    repo.write("races.py", "SLOTS = 5\n")
    repo.spec("""
        checks:
          gone: {race: "races.py:Gone", backends: memory}
          lost: {race: "no_such_module:W", backends: memory}
        items: {T001: gone, T002: lost}
    """)

    found = repo.verify()

    assert found.reason("T001") == "nothing: races.py has no Gone"
    assert found.reason("T002") == "nothing: module no_such_module does not exist"


def test_a_workload_that_kills_its_process_takes_nothing_with_it(repo):
    repo.write("races.py", "import os\n\nos._exit(3)\n")
    repo.spec("""
        checks: {dies: {race: "races.py:W", backends: memory}}
        items: {T001: dies}
    """)

    assert "ended with exit code 3" in repo.verify().reason("T001")
