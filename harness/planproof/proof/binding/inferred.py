"""The third rung: bindings read off the words of a plan. Labelled so, and counted only where policy says so.

A plan is data: a command that stands in it becomes a check only where the repository's own configuration
allows its beginning, and a path only where it lies inside the workspace.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from planproof.plan.model import Kind
from planproof.proof.layout import is_test, test_places
from planproof.proof.model import Binding, BoundBy, Check, CheckKind

from .references import References
from .subjects import subjects_of


if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from planproof.config import Workspace
    from planproof.plan.model import Item, Plan


QUOTED: Final = re.compile(r"`([^`\n]{2,300})`")
NODE: Final = re.compile(r"(?<![\w/.-])((?:[\w.-]+/)*(?:test_[\w-]+|[\w-]+_test)\.py(?:::[\w\[\]-]+)*)")
PERCENT: Final = re.compile(r"(\d{1,3}(?:\.\d+)?)\s?(?:%|percent|per cent)")
# Items that take something away; that it is there would prove the contrary.
TAKES_AWAY: Final = re.compile(
    r"^\W*(delete|remove|drop|rename|move|retire|uninstall)\b|;\s*remove\b", re.IGNORECASE
)
# Items that look at something, or want tests of it; that it is there was so before.
LOOKS_AT: Final = re.compile(
    r"^\W*(?:analy[sz]e|assess|audit|check|confirm|estimate|evaluate|examine|inspect|investigate|measure|read|research"
    r"|review|study|understand|validate|verify|run|execute|smoke[- ]test|manually"
    r"|(?:write|add|create|extend)\s+(?:\w+[\s-]+){0,3}tests?\s+(?:for|of|covering))\b",
    re.IGNORECASE,
)
# Items that want something away, or are themselves out of date.
WANTS_AWAY: Final = re.compile(
    r"\b(?:contains? no|no longer|(?:does|must) not (?:contain|exist|mention|use)"
    r"|superseded by|replaced by|obsolete|(?:is|are) (?:removed|deleted|gone))\b",
    re.IGNORECASE,
)
NO_DELIVERABLE: Final = (TAKES_AWAY, LOOKS_AT, WANTS_AWAY)
# Words before a file that make it a source, not what is brought about.
SOURCE_WORDS: Final = frozenset(
    {"per", "from", "see", "via", "using", "like", "following", "against", "by", "on", "than", "no",
     "without", "calls", "call", "reads", "read", "parses", "parse", "loads", "uses", "use",
     "validates", "validate", "imports", "import", "run", "runs", "invoke", "invokes", "matches",
     "match", "mirrors", "mirror", "with", "as", "for", "e.g", "i.e"}
)  # fmt: skip
NOT_ARGV: Final = frozenset("|&;<>$`\\\n(){}*?~!#")
# fmt: off
TOOLS: Final = frozenset({
    "pytest", "python", "python3", "ruff", "mypy", "tox", "nox", "make", "npm", "npx", "cargo",
    "go", "uv", "poetry", "flake8", "black", "isort", "pyright", "pre-commit", "coverage",
    "eslint", "tsc", "vitest", "jest", "pnpm", "yarn",
})
# fmt: on


@dataclass(frozen=True, slots=True)
class Proposal:
    """A check that an item's own words ask for.

    Attributes:
        check: what would prove it.
        reason: which words say so.
        partial: True where it would show only a part, such as that a file exists.
        runs: False where it may not run before somebody has put it into a spec.
    """

    check: Check
    reason: str
    partial: bool = False
    runs: bool = True


@dataclass(frozen=True, slots=True)
class Ground:
    """What proposals rest on.

    Attributes:
        exists: says of a path in the workspace whether it is there.
        allowed: beginnings of commands that may run.
        tests: where tests live.
        references: tests that name an item or use a function.
    """

    exists: Callable[[str], bool]
    allowed: tuple[tuple[str, ...], ...] = ()
    tests: tuple[str, ...] = ()
    references: References | None = None


def ground_of(workspace: Workspace, items: Iterable[Item]) -> Ground:
    """The ground of a repository."""
    root = workspace.root
    tests = test_places(root, workspace.config.tests)

    def exists(name: str) -> bool:
        try:
            path = (root / name).resolve()
            return path.is_relative_to(root) and path.exists()
        except OSError:
            return False

    allowed = tuple(tuple(shlex.split(one)) for one in workspace.config.allow_commands)
    return Ground(exists, allowed, tests, References(root, tests, items))


def infer(unbound: Sequence[tuple[Plan, Item]], workspace: Workspace) -> dict[str, tuple[Binding, ...]]:
    """Inferred bindings of items that nobody bound.

    Args:
        unbound: items with their plans.
        workspace: the repository.

    Returns:
        By item id; only what may run.
    """
    if not unbound:
        return {}
    ground = ground_of(workspace, [item for _, item in unbound])
    found: dict[str, tuple[Binding, ...]] = {}
    for plan, item in unbound:
        bindings = [
            Binding(item.id, one.check, BoundBy.INFERRED, one.partial, plan.path, item.line, one.reason)
            for one in propose(item, ground)
            if one.runs
        ]
        if bindings:
            found[item.id] = tuple(bindings)
    return found


def propose(item: Item, ground: Ground) -> list[Proposal]:
    """The checks that an item's words ask for, the best first, each once."""
    found: dict[str, Proposal] = {}
    for rule in (_named_in_tests, _test_paths, _commands, _coverage, _deliverables, _used_in_tests):
        for one in rule(item, ground):
            found.setdefault(one.check.key, one)
        if found and rule in {_named_in_tests, _test_paths, _coverage}:
            return list(found.values())
    return list(found.values())


def _pytest(target: str) -> Check:
    return Check(CheckKind.PYTEST, target, target, {"targets": [target]})


def _named_in_tests(item: Item, ground: Ground) -> Iterable[Proposal]:
    """A test that bears the item's id in its name or docstring."""
    if ground.references is not None:
        for target, how in ground.references.of_item(item):
            yield Proposal(_pytest(target), f"{target.rsplit('::', 1)[-1]} bears its id in its {how}")


def _test_paths(item: Item, ground: Ground) -> Iterable[Proposal]:
    """A test file or test that the item names."""
    named = [*NODE.findall(item.text), *(one for one in item.files if NODE.fullmatch(one))]
    for target in dict.fromkeys(named):
        path = target.split("::", 1)[0]
        if _is_plain(path) and path.rsplit("/", 1)[-1] != "conftest.py" and ground.exists(path):
            yield Proposal(_pytest(target), f"it names {target}")


def _is_plain(path: str) -> bool:
    return not path.startswith("/") and ".." not in path.split("/")


def _commands(item: Item, ground: Ground) -> Iterable[Proposal]:
    """A command in backticks; it runs only where the configuration allows its beginning."""
    for text in QUOTED.findall(item.text):
        argv = argv_of(text)
        if argv is None:
            continue
        allowed = any(tuple(argv[: len(start)]) == start for start in ground.allowed)
        check = Check(CheckKind.COMMAND, shlex.join(argv), text, {"argv": argv})
        said = f"it says `{text}`" + ("" if allowed else ", which allow-commands does not name")
        yield Proposal(check, said, runs=allowed)


def argv_of(text: str) -> list[str] | None:
    """The arguments of a text that is a command of a known tool and needs no shell, else None."""
    if not NOT_ARGV.isdisjoint(text):
        return None
    try:
        argv = shlex.split(text)
    except ValueError:
        return None
    return argv if len(argv) > 1 and argv[0] in TOOLS else None


def _coverage(item: Item, ground: Ground) -> Iterable[Proposal]:
    """A share of coverage with a file."""
    numbers = PERCENT.findall(item.text)
    files = [one for one in item.files if one.endswith(".py") and not is_test(one) and ground.exists(one)]
    about = item.kind is Kind.COVERAGE or "coverage" in item.text.lower()
    if not (about and numbers and files) or not 0 < float(numbers[0]) <= 100:  # noqa: PLR2004 - per cent
        return
    minimum = float(numbers[0])
    params: dict[str, Any] = {
        "files": files,
        "min": minimum,
        "tests": list(ground.tests or (".",)),
        "branch": False,
    }
    check = Check(CheckKind.COVERAGE, f"{', '.join(files)} at least {minimum:g} %", files[0], params)
    yield Proposal(check, f"it wants {minimum:g} % of {files[0]}")


def _deliverables(item: Item, ground: Ground) -> Iterable[Proposal]:
    """A file that the item is to bring about: that it is there, and defines what is named."""
    if item.kind is Kind.COVERAGE or any(words.search(item.text) for words in NO_DELIVERABLE):
        return
    for file in item.files:
        if _word_before(item.text, file) in SOURCE_WORDS:
            continue
        if file.endswith("/") or is_test(file) or not _is_plain(file) or not ground.exists(file):
            continue
        names = list(subjects_of(item)) if file.endswith(".py") else []
        queries: dict[str, Any] = {"defines": names} if names else {}
        said = f"{file}: defines {', '.join(names)}" if names else f"{file} is there"
        check = Check(CheckKind.CODE, said, file, {"files": [file], "queries": queries})
        whole = item.kind is Kind.DELIVERABLE and not names
        yield Proposal(check, f"it names {file}", partial=not whole)


def _word_before(text: str, file: str) -> str:
    """The word before the first place where a text names a file; empty where it does not, or begins so."""
    words = re.findall(r"[\w.']+", text.partition(file)[0]) if file in text else []
    return words[-1].lower().rstrip(".") if words else ""


def _used_in_tests(item: Item, ground: Ground) -> Iterable[Proposal]:
    """Tests that use the function which the item names first."""
    if ground.references is None:
        return
    for name in subjects_of(item):
        for target in ground.references.of_name(name)[:5]:
            yield Proposal(_pytest(target), f"it uses {name}", partial=True, runs=False)
