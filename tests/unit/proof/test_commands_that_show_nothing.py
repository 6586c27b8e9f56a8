"""Commands that exit 0 whatever happens, or say themselves that they looked at nothing; and look-alikes."""

import shlex

import pytest
from tests.unit.proof.workshop import Repo

from planproof.proof.checks.talk import cannot_fail, looked_at_nothing


@pytest.mark.parametrize(
    "command",
    [
        "true",
        "env A=b true",
        "timeout -k 2 5 nice -n 5 true",
        "exit 0",
        "sh -c true",
        "sh -c ''",
        "sh -c 'false || true'",
        "sh -c 'pytest; true'",
        "sh -c 'pytest\ntrue'",
        "sh -c 'pytest || echo failed'",
        "sh -c 'pytest | tee log'",
        "sh -c 'pytest &'",
        "sh -c 'pytest; exit 0'",
        "sh -ec 'pytest || true'",
        "bash -lc 'pytest || :'",
        "bash -c 'make test || exit 0;'",
        "sh -c 'echo a && echo b'",
        "python -c pass",
        "python -c 'assert True'",
        "make -n test",
        "make -ki test",
        "npm test --if-present",
        "jest --passWithNoTests",
        "pytest --co tests",
        "pytest --setup-plan",
        "pytest --fixtures",
        "python -m pytest --markers",
        "sh -c 'if pytest; then :; fi'",
        "sh -c 'if pytest\nthen echo ok\nelse echo failed\nfi'",
        "sh -c 'trap \"exit 0\" EXIT; pytest'",
        "sh -c 'pytest & wait'",
        "find tests -name '*.py' -exec pytest {} ';'",
        "python -O check.py",
        "python -OO -m unittest",
        "make --ignore-errors test",
        "make -t test",
        "nox --list",
        "ctest -N",
        "coverage report --fail-under=0",
        "date",
    ],
)
def test_it_cannot_fail(command):
    assert cannot_fail(shlex.split(command))


@pytest.mark.parametrize(
    "command",
    [
        "pytest tests",
        "sh -c pytest",
        "sh -c 'pytest && echo ok'",
        "bash -o pipefail -c 'pytest | tee log'",
        "sh -c 'set -o pipefail; pytest | tee log'",
        "sh -c 'set -e; pytest; true'",
        "sh -ec 'pytest; true'",
        "sh -c 'cat x | grep -q y'",
        "sh -c 'exit 3'",
        "bash -c 'pytest || exit 1'",
        "sh check.sh",
        "python -c 'import app'",
        "python -c 'print(1)'",
        "make check",
        "make -k check",
        "timeout 60 pytest",
        "env A=b pytest",
        "sh -c 'pytest || exit'",
        "sh -c 'if pytest; then :; else exit 1; fi'",
        "sh -c 'if [ -d tests ]; then pytest; fi'",
        "sh -c 'pytest & wait $!'",
        "find tests -name '*.py' -exec pytest {} +",
        "sh -c 'trap \"rm -f x\" EXIT; pytest'",
        "coverage report --fail-under=80",
        "pytest -l",
    ],
)
def test_it_can_fail(command):
    assert cannot_fail(shlex.split(command)) == ""


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("ss\n2 skipped in 0.01s\n", "2 skipped"),
        ("==== 1 skipped, 2 deselected in 61.10s (0:01:01) ====\n", "1 skipped, 2 deselected"),
        ("..s\n2 passed, 1 skipped in 0.1s\n", ""),
        ("Ran 3 tests in 0.001s\n\nOK (skipped=3)\n", "3 of 3 tests skipped"),
        ("Ran 3 tests in 0.001s\n\nOK (skipped=1)\n", ""),
        ("make: Nothing to be done for 'test'.\n", "Nothing to be done for"),
        ("make: 'test' is up to date.\n", "is up to date."),
        ("No test files found, exiting with code 0\n", "No test files found"),
        ("All checks passed!\n", ""),
        ("?   \tx/y\t[no test files]\n", "[no test files]"),
        ("?   \tx/y\t[no test files]\nok  \tx/z\t0.01s\n", ""),
        ("ok  \tx\t0.01s [no tests to run]\n", "no tests to run"),
        ("running 0 tests\n\ntest result: ok. 0 passed; 0 failed\n", "test result: ok. 0 passed"),
        ("test result: ok. 3 passed; 0 failed\ntest result: ok. 0 passed; 0 failed\n", ""),
        ("Finished in 0.1 seconds\n0 examples, 0 failures\n", "0 examples, 0 failures"),
        ("10 examples, 0 failures\n", ""),
        ("No tests executed!\n", "No tests executed"),
        ("[INFO] Tests are skipped.\n", "Tests are skipped."),
        ("Result: NOTESTS\n", "Result: NOTESTS"),
        ("make: [Makefile:2: test] Error 1 (ignored)\n", "make: [Makefile:2: test] Error 1 (ignored)"),
        ("check yaml....(no files to check)Skipped\n", "(no files to check)Skipped"),
        ("check yaml....(no files to check)Skipped\nruff....Passed\n", ""),
    ],
)
def test_what_its_output_says(output, said):
    assert looked_at_nothing(output) == said


def test_assertions_run_although_the_environment_turns_them_off(tmp_path):
    repo = Repo(tmp_path)
    repo.write("check.py", "assert sorted('ba') == 'never'\n")
    repo.plan("[x] T001 One")
    repo.spec("checks: {a: {command: [python, check.py]}}\nitems: {T001: a}\n")

    said = repo.cli("verify", PYTHONOPTIMIZE="1")

    assert said.returncode == 1, said.stdout
    assert "FALSE CLAIM" in said.stdout


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ('["grep", "-q", "failures=.0", old.xml]', "it reads old.xml, the report of an earlier run"),
        ('[sh, -c, "grep -q failures=.0 old.xml"]', "it reads old.xml, the report of an earlier run"),
        ('[sh, -c, "cp old.xml new.xml && grep -q failures=.0 new.xml"]', "it reads old.xml"),
        ("[python, empty.py]", "empty.py does nothing"),
        ('[python, "-m", pytest, "-q", tests/test_skipped.py]', "1 skipped"),
    ],
)
def test_it_is_refused_with_its_reason(tmp_path, command, reason):
    repo = Repo(tmp_path)
    repo.write("old.xml", '<testsuite failures="0" tests="12"/>')
    repo.write("empty.py", "# nothing yet\n")
    repo.write("tests/test_skipped.py", "import pytest\n\n\ndef test_it():\n    pytest.skip('later')\n")
    repo.plan("[x] T001 One")
    repo.spec(f"checks: {{a: {{command: {command}}}}}\nitems: {{T001: a}}\n")

    found = repo.verify()

    assert found.verdict("T001") == "unproved_claim"
    assert reason in found.reason("T001")
