"""What commands say of themselves before and after they run: that they cannot fail, or looked at nothing."""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path
from typing import Final

from .literals import is_literal


CANNOT_FAIL: Final = frozenset(
    {"true", ":", "echo", "printf", "sleep", "yes", "date", "pwd", "whoami", "hostname", "uname", "uptime"}
)
ONLY_TALKS: Final = frozenset(
    {"--version", "--help", "-h", "--collect-only", "--co", "--dry-run", "--exit-zero", "--passWithNoTests",
     "--pass-with-no-tests", "--no-run", "--if-present", "--setup-plan", "--just-print"}
)  # fmt: skip
# The same for one program: it lists, marks as done, or goes on after errors.
TALKS: Final = {
    "pytest": {"-V", "--collectonly", "--fixtures", "--fixtures-per-test", "--markers", "--cache-show"},
    "make": {"--touch", "--ignore-errors"},
    "nox": {"-l", "--list", "--list-sessions"},
    "tox": {"-l", "--listenvs", "-a", "--listenvs-all"},
    "ctest": {"-N", "--show-only"},
    "jest": {"--listTests"},
    "coverage": {"--fail-under=0"},
}
SHELLS: Final = frozenset({"sh", "bash", "dash", "zsh", "ksh"})
# Programs that run another program, with the options of theirs that take a word.
WRAPPERS: Final = {
    "env": ("-u", "-C"), "timeout": ("-k", "-s"), "nice": ("-n",), "nohup": (), "time": (), "stdbuf": (),
    "command": (), "exec": (), "xvfb-run": (),
}  # fmt: skip
PASSES_ON: Final = frozenset({"tee", "cat", "head", "tail", "less", "sort"})
# What well-known tools print when they exit 0 and looked at nothing.
LOOKED_AT_NOTHING: Final = re.compile(
    r"no python files found|ran 0 tests in|no tests? (?:ran|found|collected)|0 source files"
    r"|no files (?:found|matched)|no test (?:files|suites) found"
    r"|collected 0 items|0 passing|0 files? (?:checked|inspected|scanned)|nothing to (?:do|check)"
    r"|nothing to be done for|is up to date\.$",
    re.IGNORECASE | re.MULTILINE,
)
# What they print of one part that held nothing, and what of one that held something: the latter counts.
_NOTHING_HERE: Final = re.compile(
    r"\[no test files\]|no tests to run|test result: ok\. 0 passed|^0 examples, 0 failures"
    r"|no tests executed|no tests were found|tests are skipped\.|tests run: 0,|result: notests"
    r"|\(no files to check\)\s*skipped|^1\.\.0\b|no test is available|no issues found in 0"
    r"|^make(?:\[\d+\])?: \[.*\] error \d+ \(ignored\)",
    re.IGNORECASE | re.MULTILINE,
)
_SOMETHING: Final = re.compile(
    r"^ok\s+\S+\s+(?:[\d.]+s|\(cached\))(?:\s+coverage:.*)?\s*$|[1-9]\d* passed|[1-9]\d* examples"
    r"|tests run: [1-9]|\.\.Passed\b|^1\.\.[1-9]",
    re.IGNORECASE | re.MULTILINE,
)
_TRAP: Final = re.compile(r"\btrap\s+(['\"]?)\s*(?:exit 0|true|:)\s*\1\s+(?:EXIT|0)\b")
_SUMMARY: Final = re.compile(
    r"^(?:=+ )?((?:\d+ [a-z]+(?:, )?)+) in \d+(?:\.\d+)?s(?: \([\d:]+\))?(?: =+)?$", re.MULTILINE
)
_UNITTEST: Final = re.compile(
    r"^Ran (\d+) tests? in .*?^OK \((?:.*, )?skipped=(\d+)", re.MULTILINE | re.DOTALL
)
_REPORT: Final = re.compile(rb"<testsuites?\b|<coverage\b[^>]*line-rate")


def cannot_fail(argv: list[str]) -> str:
    """Why a command proves nothing whatever it does, or empty."""
    argv = unwrapped(argv)
    program = argv[0].rsplit("/", 1)[-1] if argv else ""
    if program in CANNOT_FAIL or (program == "exit" and argv[1:] in ([], ["0"])):
        return f"{program} cannot fail"
    if program in SHELLS:
        script = _script(argv)
        options = " ".join(argv[1 : argv.index(script)]) if script in argv else ""
        return _forgives(script, options) if script is not None else ""
    if program.startswith("python") and argv[1:2] == ["-c"] and len(argv) > 2:  # noqa: PLR2004 - the program text
        return _idle(argv[2])
    return _by_options(program, argv)


def _by_options(program: str, argv: list[str]) -> str:
    """Why a program with these options cannot fail, or empty."""
    names = {one.rsplit("/", 1)[-1] for one in argv[:3]}
    idle = ONLY_TALKS.union(*(TALKS.get(name, ()) for name in names))
    talks = next((one for one in argv[1:] if one in idle), None)
    if talks:
        return f"with {talks} it checks nothing"
    if program == "find" and "-exec" in argv and argv[-1] == ";":
        return "find does not say whether what it ran failed"
    if program == "make" and any(re.fullmatch(r"-[kBsrRwq]*[nit][kBsrRwqnit]*", one) for one in argv[1:]):
        return "make is told to do nothing, or to go on after errors"
    if program.startswith("python") and any(re.fullmatch("-OO?", one) for one in argv[1:2]):
        return f"with {argv[1]} Python leaves out every assertion"
    return ""


def unwrapped(argv: list[str]) -> list[str]:
    """The command without what only runs another one: ``timeout 5 env A=b true`` is ``true``."""
    while argv:
        program = argv[0].rsplit("/", 1)[-1]
        if program not in WRAPPERS:
            return argv
        rest = argv[1:]
        while rest and (rest[0].startswith("-") or (program == "env" and "=" in rest[0])):
            rest = rest[2:] if rest[0] in WRAPPERS[program] else rest[1:]
        if program == "timeout" and len(rest) > 1:
            rest = rest[1:]
        if not rest:
            return argv
        argv = rest
    return argv


def _script(argv: list[str]) -> str | None:
    """The text behind a shell's ``-c``, or None."""
    for at, one in enumerate(argv[1:-1], 1):
        if one.startswith("-") and not one.startswith("--") and "c" in one:
            return argv[at + 1]
        if not one.startswith("-") and argv[at - 1] != "-o":
            return None
    return None


def _forgives(  # noqa: PLR0911 - one answer a line
    script: str, options: str
) -> str:
    """Why the exit code of a shell's script says nothing of what it ran, or empty."""
    strict = bool(re.search(r"(?:^|set\s+)-[a-z]*e", f"{options}\n{script}", re.MULTILINE))
    piped = "pipefail" in options or "pipefail" in script
    try:
        lexer = shlex.shlex(script.strip(), posix=True, punctuation_chars=";&|\n")
        lexer.whitespace = " \t\r"
        words = list(lexer)
    except ValueError:
        return ""
    if not words:
        return "its script is empty"
    while words and set(words[-1]) <= {";", "\n"}:
        words.pop()
    if words and words[-1] == "&":
        return "it does not wait for what it started"
    at = max((at for at, word in enumerate(words) if set(word) <= set(";&|\n")), default=-1)
    last, before = words[at + 1 :], words[at] if at >= 0 else ""
    hidden = _hides_behind(script, words, last)
    if hidden:
        return f"it hides its own failure behind {hidden}"
    if last == ["exit"] and before == "||":
        return ""  # with the code of what failed
    stops = before == "&&" or (strict and before != "||")
    if last and before == "|" and last[0] in PASSES_ON and not piped:
        return f"it hides its own failure behind {last[0]}"
    if last and not stops and cannot_fail(last):
        return "it hides its own failure" if at >= 0 else cannot_fail(last)
    if last and before == "&&" and cannot_fail(last) and all(cannot_fail(part) for part in _simple(words)):
        return "it cannot fail"
    return ""


def _hides_behind(script: str, words: list[str], last: list[str]) -> str:
    """The word of the shell by which a script takes the failure of its commands for itself, or empty."""
    if _TRAP.search(script):
        return "trap"
    if last == ["wait"] and "&" in words:
        return "wait"
    return "if" if last == ["fi"] and _forgives_by_if(_simple(words)) else ""


def _forgives_by_if(parts: list[list[str]]) -> bool:
    """True where a script's last ``if`` asks a command, and nothing in its branches can fail."""
    start = max((at for at, part in enumerate(parts) if part[0] == "if"), default=-1)
    branches, inside = [], False
    for part in parts[start:-1] if start >= 0 else []:
        inside = part[0] in {"then", "else"} or (inside and part[0] != "elif")
        if inside:
            branches.append(part[1:] if part[0] in {"then", "else"} else part)
    said = [part for part in branches if part]
    return bool(said) and all(cannot_fail(part) for part in said)


def _simple(words: list[str]) -> list[list[str]]:
    """The simple commands of a script's words."""
    parts: list[list[str]] = [[]]
    for word in words:
        if set(word) <= set(";&|\n"):
            parts.append([])
        else:
            parts[-1].append(word)
    return [part for part in parts if part]


def _idle(source: str) -> str:
    """Why the text of ``python -c`` cannot fail, or empty: there is nothing in it, or what is always true."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return ""
    return "" if any(not _is_idle(one) for one in tree.body) else "its text cannot fail"


def _is_idle(node: ast.stmt) -> bool:
    if isinstance(node, ast.Assert):
        return is_literal(node.test)
    return isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and is_literal(node.value))


def looked_at_nothing(output: str) -> str:
    """What a command's output says of having looked at nothing, or empty."""
    found = LOOKED_AT_NOTHING.search(output)
    if found:
        return found.group(0)
    found = _NOTHING_HERE.search(output)
    if found and not _SOMETHING.search(output):
        return found.group(0)
    summaries = [one.group(1) for one in _SUMMARY.finditer(output)]
    if summaries and not any(" passed" in one for one in summaries):
        return summaries[-1]
    ran = _UNITTEST.search(output)
    return f"{ran[2]} of {ran[1]} tests skipped" if ran and ran[1] == ran[2] else ""


def old_report(argv: list[str], folder: Path, written: set[str]) -> str:
    """Why a command that passed shows nothing: it read the report of an earlier run. Else empty.

    Args:
        argv: the command.
        folder: where it ran.
        written: files that it wrote itself.
    """
    words = [word for one in argv[1:] for word in re.split(r"[\s'\"=;|&()<>]+", one)]
    for word in dict.fromkeys(words):
        path = folder / word
        if (
            not word
            or Path(word).suffix not in {".xml", ".json"}
            or any(one.endswith(word) for one in written)
        ):
            continue
        try:
            with path.open("rb") as file:
                head = file.read(2048)
        except OSError:
            continue
        if _REPORT.search(head):
            return f"it reads {word}, the report of an earlier run"
    return ""
