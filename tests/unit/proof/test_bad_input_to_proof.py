"""Bad specs, markers, checks and interruptions: one clear sentence, the right exit code, nothing lost."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.unit.proof.workshop import ROOT, Repo

from planproof.errors import ConfigError, SpecError
from planproof.proof.binding import yaml_source
from planproof.proof.binding.spec_parser import parse_spec


pytestmark = pytest.mark.slow


@pytest.fixture
def repo(tmp_path):
    repo = Repo(tmp_path)
    repo.plan("[x] T001 One", "[x] T002 Two")
    repo.write("app.py", "def add(a, b):\n    return a + b\n")
    return repo


SPECS = {
    "unknown key": ("schema: 1\ncheks: {}\n", 2, "unknown key 'cheks' in the spec; did you mean 'checks'?"),
    "no schema": ("checks: {}\n", 1, "the spec lacks 'schema'"),
    "other schema": ("schema: 2\n", 1, "'schema' must be 1"),
    "unknown kind": ("schema: 1\nchecks:\n  a: {pytst: x}\n", 3, "unknown key 'pytst' in check 'a'"),
    "no kind": ("schema: 1\nchecks:\n  a: {timeout: 3}\n", 3, "names no kind"),
    "two kinds": ("schema: 1\nchecks:\n  a: {pytest: x, race: y}\n", 3, "several kinds (pytest, race)"),
    "command as text": ("schema: 1\nchecks:\n  a: {command: rm -rf x}\n", 3, "must be a list of arguments"),
    "undeclared check": (
        "schema: 1\nitems:\n  T001: gone\n",
        3,
        "names the check 'gone', which is not declared",
    ),
    "no checks": ("schema: 1\nitems:\n  T001: {needs_control: true}\n", 3, "names no check"),
    "controls of nothing": ("schema: 1\ncontrols:\n  a: {gut: x}\n", 3, "no check has that name"),
    "empty controls": (
        "schema: 1\nchecks: {a: {pytest: x}}\ncontrols:\n  a: {}\n",
        4,
        "name no variant",
    ),
    "bad day": (
        "schema: 1\nwaivers:\n- {item: a, owner: b, reason: c, expires: soon}\n",
        3,
        "must be a day such as 2030-01-31, not 'soon'",
    ),
    "unknown backend": (
        "schema: 1\nchecks:\n  a: {race: x, backends: oracle}\n",
        3,
        "unknown backend 'oracle'",
    ),
    "negative timeout": (
        "schema: 1\nchecks:\n  a: {pytest: x, timeout: -1}\n",
        3,
        "'timeout' must be seconds",
    ),
    "duplicate key": ("schema: 1\nitems: {}\nitems: {}\n", 3, "key 'items' stands twice"),
    "two documents": ("schema: 1\n---\nschema: 1\n", 2, "more than one YAML document"),
    "tag": ("schema: 1\nplan: !!python/object/apply:os.system [ls]\n", 2, "tag"),
    "not yaml": ("schema: [1\n", 2, "is not valid YAML"),
    "a list": ("- 1\n", 1, "the spec must be a mapping"),
    "empty": ("", 1, "the spec must be a mapping"),
    "coverage above a hundred": (
        "schema: 1\nchecks:\n  a: {coverage: {file: a.py, min: 101, tests: t}}\n",
        3,
        "'min' must be a percentage",
    ),
    "code query of nothing": ("schema: 1\nchecks:\n  a: {code: {file: a.py}}\n", 3, "asks for nothing"),
}


@pytest.mark.parametrize("name", SPECS)
def test_a_bad_spec_is_one_sentence_with_its_line(name):
    text, line, words = SPECS[name]

    with pytest.raises(SpecError) as caught:
        parse_spec(text.encode(), "specs/x.yaml")

    assert words in caught.value.message
    assert (caught.value.path, caught.value.line) == ("specs/x.yaml", line)


BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 10)}]\n" for n in range(12)
)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (BOMB.encode(), "expands to too many values"),
        (b"a: " + b"[" * 1000, "nested deeper"),
        (b"- " * 100_000 + b"x", "nested deeper"),
        (b"a: &a [*a]\n", "stands before or inside what it names"),
        (b"a: \xff\n", "not valid UTF-8"),
        (b"x" * (2 << 20), "larger than"),
        (b"[" + b"x, " * 300_000 + b"]", "too many values"),
        (b"? [a, b]\n: 1\n", "a key must be a plain word"),
        (b"a: \x00\n", "not valid YAML"),
    ],
)
def test_a_yaml_bomb_is_refused_at_once(data, words):
    started = time.monotonic()

    with pytest.raises(SpecError) as caught:
        yaml_source.load(data, "specs/x.yaml")

    assert words in caught.value.message
    assert time.monotonic() - started < 10


def test_a_spec_that_names_an_unknown_item(repo):
    repo.spec("checks: {a: {code: {file: app.py, defines: add}}}\nitems:\n  T0001: a\n")

    said = repo.cli("verify")

    assert said.returncode == 2
    assert (
        said.stderr == "planproof: specs/demo.yaml:5: no plan has an item 'T0001'; "
        "did you mean 'demo:T001'? [unknown-item]\n"
    )


def test_two_specs_for_one_plan(repo):
    repo.spec("checks: {}\n")
    repo.write("specs/other.yaml", "schema: 1\nplan: demo\n")

    said = repo.cli("gate")

    assert said.returncode == 2
    assert (
        "specs/other.yaml:2: plan 'demo' has a spec already: specs/demo.yaml:2; keep one of the two"
        in said.stderr
    )


def test_a_plan_that_was_deleted(repo):
    repo.spec("checks: {}\n", name="gone")

    said = repo.cli("verify")

    assert said.returncode == 2
    assert "specs/gone.yaml:2: there is no plan 'gone'" in said.stderr


def test_a_marker_that_names_a_renamed_item(repo):
    repo.write(
        "tests/test_it.py",
        "import pytest\n\n\n@pytest.mark.proves('demo:T009')\ndef test_it():\n    assert []\n",
    )

    said = repo.cli("verify")

    assert said.returncode == 2
    assert said.stderr.startswith("planproof: tests/test_it.py:4: no plan has an item 'demo:T009'")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["verify", "plans/missing.md"], 2, "missing.md"),
        (["verify", "app.py/nothing"], 2, "nothing"),
        (["explain", "T777"], 2, "no plan has an item 'T777'"),
        (["verify", "--backend", "oracle"], 2, "unknown backend 'oracle'"),
        (["merge", "missing.json"], 2, "missing.json: cannot be read"),
        (["verify", "--output-format", "xml"], 2, "xml"),
    ],
)
def test_a_wrong_command_line_is_one_sentence(repo, arguments, code, words):
    said = repo.cli(*arguments)

    assert said.returncode == code, said.stderr
    assert words in said.stderr
    assert "Traceback" not in said.stderr


def test_no_plans_at_all(tmp_path):
    said = Repo(tmp_path).cli("verify")

    assert said.returncode == 2
    assert "there are no plans" in said.stderr


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("plns = ['x']\n", "unknown key 'plns' in [tool.planproof]; did you mean 'plans'?"),
        ("plans = 3\n", "'plans' must be a list of texts"),
        ("timeout = 'long'\n", "'timeout' must be a number"),
        ("[gate]\ninfered = true\n", "did you mean 'inferred'?"),
        ("not toml", "is not valid TOML"),
    ],
)
def test_a_bad_configuration(repo, text, words):
    repo.write("planproof.toml", text)

    with pytest.raises(ConfigError) as caught:
        repo.session()

    assert words in caught.value.message
    assert caught.value.path == "planproof.toml"


TESTS = """
    import os
    import signal
    import subprocess
    import sys
    import time

    import pytest


    @pytest.mark.proves("demo:T001")
    def test_first():
        assert os.getpid()


    {body}
"""


def bad_test(repo, body):
    lines = ("\n@pytest.mark.proves('demo:T002')\ndef test_second():\n" + body).replace("\n", "\n    ")
    repo.write("tests/test_it.py", TESTS.replace("{body}", lines))


def test_a_check_that_hangs_is_bounded(repo):
    repo.write("planproof.toml", "timeout = 3\n")
    bad_test(repo, "    while True:\n        signal.pause()\n")

    found = repo.verify()

    assert found.verdict("T001") == "verified"
    assert found.verdict("T002") == "unproved_claim"
    assert "did not end within 3 s" in found.reason("T002")


def test_a_check_that_kills_itself_takes_nothing_with_it(repo):
    bad_test(repo, "    os.kill(os.getpid(), signal.SIGKILL)\n")

    found = repo.verify()

    assert found.verdict("T001") == "verified"
    assert "its process ended in the middle of it (killed by signal 9)" in found.reason("T002")


def test_a_check_that_prints_without_end_is_bounded(repo):
    bad_test(
        repo, "    for _ in range(200):\n        os.write(1, b'x' * (1 << 20))\n    assert os.getpid()\n"
    )

    assert repo.verify().verdict("T002") == "verified"


COMMANDS = {
    "hangs": (["python", "-c", "import signal\nwhile 1: signal.pause()"], "did not end within 3 s"),
    "kills itself": (["python", "-c", "import os; os.kill(os.getpid(), 9)"], "was killed by signal 9"),
    "fails": (["python", "-c", "import sys; sys.exit('it is broken')"], "exit code 1: it is broken"),
    "does not print": (
        {"argv": ["python", "-c", "print('0 passed')"], "prints": "[1-9] passed"},
        "did not print",
    ),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_that_goes_wrong(repo, name):
    import json

    command, words = COMMANDS[name]
    repo.write("planproof.toml", "timeout = 3\n")
    repo.spec(f"checks: {{a: {{command: {json.dumps(command)}}}}}\nitems: {{T001: a}}\n")

    assert words in repo.verify().reason("T001")


def test_a_command_that_forks_leaves_nothing_behind(repo):
    script = "import os, signal\nif os.fork() == 0:\n"
    script += "    open('child', 'w').write(str(os.getpid()))\n    signal.pause()\n"
    script += "while not os.path.exists('child') or not open('child').read(): pass\n"
    repo.write("forks.py", script)
    repo.spec("checks: {a: {command: [python, forks.py]}}\nitems: {T001: a}\n")

    found = repo.verify()

    assert found.verdict("T001") == "verified"
    child = int((repo.root / "child").read_text())
    assert not is_alive(child)


def is_alive(process):
    """False where the process is gone, or dead and not yet reaped by whoever adopted it."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_command_that_prints_a_gigabyte_and_writes_into_the_tree(repo):
    script = "import os\nopen('left-behind.txt', 'w').close()\n"
    script += "for _ in range(1024):\n    os.write(1, b'y' * (1 << 20))\n"
    repo.write("prints.py", script)
    repo.spec("checks: {a: {command: [python, prints.py]}}\nitems: {T001: a}\n")

    found = repo.verify()

    notes = found.judged["T001"].checks[0].evidence.notes
    assert found.verdict("T001") == "verified"
    assert "changed the working tree: left-behind.txt" in notes
    assert f"printed {1 << 30} bytes; the middle was not kept" in notes
    assert found.report.changed == ("left-behind.txt",)


@pytest.mark.parametrize(
    ("ending", "code", "said"),
    [
        (lambda run: os.killpg(run.pid, signal.SIGINT), 130, "planproof: interrupted; nothing that"),
        (lambda run: os.kill(run.pid, signal.SIGTERM), 143, "planproof: terminated; nothing that"),
    ],
    ids=["ctrl-c", "sigterm"],
)
def test_an_end_half_way_ends_the_children_and_keeps_what_is_finished(repo, ending, code, said):
    repo.write("ready", "")
    bad_test(
        repo, "    open('ready', 'w').write(str(os.getpid()))\n    while True:\n        signal.pause()\n"
    )
    run = subprocess.Popen(
        [sys.executable, "-m", "planproof", "verify"],
        cwd=repo.root,
        env={**os.environ, "PYTHONPATH": str(ROOT / "harness")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while not (repo.root / "ready").read_text() and run.poll() is None:
        pass
    ending(run)
    _, errors = run.communicate(timeout=60)

    assert run.returncode == code, errors
    assert errors.strip().startswith(said)
    assert len(errors.strip().splitlines()) == 1
    assert not is_alive(int((repo.root / "ready").read_text()))
    found = repo.judge()
    assert found.verdict("T001") == "verified"
    assert found.verdict("T002") == "unproved_claim"
