"""Checks of kind pytest and calls: one process for all, results mapped by node id."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from planproof.proof.model import Check, CheckKind, Outcome, Result

from . import pytest_run
from .nodes import ancestors
from .strength import replaced_elsewhere, weakness


if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from .base import Context
    from .pytest_run import Node, Run


SHOWN: Final = 300
# Outcomes that count as a test that ran and held.
HELD: Final = frozenset({"passed"})
UNDECIDED: Final = frozenset({"died", "hung", "flaky"})


class PytestRunner:
    """Runs every check that consists of tests."""

    def run(self, checks: Sequence[Check], context: Context) -> Iterator[Result]:
        """Run all in one pytest process and map what happened to each check."""
        places = context.tests
        run = pytest_run.run(wanted_by(checks, places), context, ended=_Ahead(checks, context).ended)
        for check in checks:
            outcome = Mapping(check, run, context.root)
            if run.interrupted and not outcome.complete():
                continue
            yield outcome.result()
        if run.interrupted:
            raise KeyboardInterrupt


class _Ahead:
    """Reads the syntax of tests that ended while others still run; what it finds is kept."""

    def __init__(self, checks: Iterable[Check], context: Context) -> None:
        self.context = context
        self.files: dict[str, bytes] = {}
        self.subjects: dict[str, set[tuple[str, ...]]] = {}
        for check in checks:
            for target in check.params.get("targets", ()):
                self.subjects.setdefault(clean(target), set()).add(check.subjects)

    def ended(self, node: Node) -> None:
        """A test ended."""
        file, _, name = node.id.partition("::")
        if file not in self.files:
            try:
                self.files[file] = (self.context.root / file).read_bytes()
            except OSError:
                return
            self.context.prepare(file)
        for subjects in {one for place in ancestors(node.id) for one in self.subjects.get(place, ())}:
            weakness(self.files[file], name.split("[", 1)[0], subjects)


def wanted_by(checks: Iterable[Check], places: Sequence[str]) -> pytest_run.Wanted:
    """The tests that some checks need."""
    targets: dict[str, None] = {}
    markers: dict[str, None] = {}
    timeouts: dict[str, float] = {}
    for check in checks:
        mine = [clean(target) for target in check.params.get("targets", ())]
        targets.update(dict.fromkeys(mine))
        marker = check.params.get("marker")
        if marker and not mine:
            markers[marker] = None
            mine = [f"-m {marker}"]
        if check.timeout is not None:
            timeouts.update({one: min(check.timeout, timeouts.get(one, check.timeout)) for one in mine})
    return pytest_run.Wanted(tuple(targets), tuple(markers), tuple(places), timeouts)


def clean(target: str) -> str:
    """A target as pytest writes node ids: no ``./`` in front, no slash at the end."""
    target = target.removeprefix("./")
    return target.rstrip("/") or "."


@dataclass(slots=True)
class Mapping:
    """One check against a run."""

    check: Check
    run: Run
    root: Path
    notes: list[str] = field(default_factory=list)

    def nodes(self) -> list[Node]:
        """The collected tests that belong to the check."""
        targets = {clean(target) for target in self.check.params.get("targets", ())}
        marker = self.check.params.get("marker")
        proving = self.check.params.get("proving")
        found = []
        held = {node.id: node for target in sorted(targets) for node in self.run.below(target)}
        for node in held.values() if targets else self.run.nodes.values():
            if marker and marker not in node.marks and not targets:
                continue
            if proving and not any(proving in args for args in node.proves):
                continue
            if self.check.params.get("of_backends") and not self._is_on_backend(node):
                continue
            found.append(node)
        return found

    def _is_on_backend(self, node: Node) -> bool:
        """Of tests that run on several backends, those whose parameters name this one."""
        parameters = node.id.partition("[")[2]
        return self.check.backend is not None and self.check.backend in parameters

    def complete(self) -> bool:
        """True where every test of the check has ended."""
        nodes = self.nodes()
        return bool(nodes) and all(node.outcome for node in nodes)

    def result(self) -> Result:
        """What the run says of the check."""
        nodes = self.nodes()
        outcome, reason = self._judge(nodes)
        entered = _union(nodes)
        return Result(
            check=self.check,
            outcome=outcome,
            reason=reason,
            seconds=round(sum(node.seconds for node in nodes), 6),
            nodes={node.id: node.outcome or "not run" for node in nodes},
            notes=tuple(self.notes),
            entered=entered,
            opened=tuple(sorted({name for node in nodes for name in node.opened})),
            roots=tuple(sorted(_roots(nodes))) or self._files(),
        )

    def _files(self) -> tuple[str, ...]:
        return tuple(clean(target).partition("::")[0] for target in self.check.params.get("targets", ()))

    def _judge(self, nodes: list[Node]) -> tuple[Outcome, str]:
        if not nodes:
            return self._nothing_collected()
        by = {
            outcome: [node for node in nodes if node.outcome == outcome]
            for outcome in {n.outcome for n in nodes}
        }
        if failed := by.get("failed"):
            more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
            return Outcome.FAILED, f"{failed[0].id}: {_why(failed[0].text)}{more}"
        for outcome in ("hung", "died", "flaky"):
            if outcome in by:
                node = by[outcome][0]
                return Outcome.UNDECIDED, f"{node.id} {node.text or outcome}"
        if "" in by:
            stopped = self.run.stopped or f"the run ended early (exit code {self.run.code})"
            return Outcome.UNDECIDED, f"{by[''][0].id} did not run: {stopped}"
        passed = [node for node in nodes if node.outcome in HELD]
        if not passed:
            return self._none_passed(nodes)
        return self._strong(passed, nodes)

    def _nothing_collected(self) -> tuple[Outcome, str]:
        """Say why no test belongs to the check."""
        for target in self.check.params.get("targets", ()):
            path = clean(target).partition("::")[0]
            if not (self.root / path).exists():
                return Outcome.NOTHING, f"{path} does not exist"
            for place, text in self.run.uncollectable.items():
                if place == path or path in ancestors(place) or place in ancestors(clean(target)):
                    return self._uncollectable(place, text)
        dropped = [one for one in self.run.deselected if self._wants(one)]
        if dropped:
            return Outcome.NOTHING, f"{dropped[0]} is deselected by the repository's own pytest options"
        if self.run.code not in {0, 1, 5}:
            return Outcome.UNDECIDED, f"pytest could not run: {_last_error(self.run.output)}"
        return Outcome.NOTHING, f"no test was collected for {self.check.target}"

    def _wants(self, node: str) -> bool:
        targets = {clean(target) for target in self.check.params.get("targets", ())}
        marker = self.check.params.get("marker")
        return not targets.isdisjoint(ancestors(node)) or (
            not targets and marker in self.run.deselected[node]
        )

    def _uncollectable(self, place: str, text: str) -> tuple[Outcome, str]:
        """What is missing in the code refutes; a broken test file proves nothing either way."""
        lines = [line.strip()[1:].strip() for line in text.splitlines() if line.strip().startswith("E ")]
        line = next((one for one in lines if "Error" in one), _why(text))
        missing = line.startswith("ImportError: cannot import name") and str(self.root) in line
        named = line.partition("No module named '")[2].split("'")[0].split(".")
        missing = missing or (line.startswith("ModuleNotFoundError") and self._is_ours(named[0]))
        said = f"{place} cannot be collected: {line.split(' (')[0]}"
        return (Outcome.FAILED if missing else Outcome.NOTHING), said

    def _is_ours(self, package: str) -> bool:
        return bool(package) and any(
            (folder / package).is_dir() or (folder / f"{package}.py").is_file()
            for folder in (self.root, *(one for one in self.root.iterdir() if one.is_dir()))
        )

    def _none_passed(self, nodes: list[Node]) -> tuple[Outcome, str]:
        node = nodes[0]
        said = {
            "skipped": "skipped",
            "xfailed": "expected to fail",
            "xpassed": "expected to fail, and passed",
        }
        word = said.get(node.outcome, node.outcome)
        whole = "is" if len(nodes) == 1 else f"and {len(nodes) - 1} more are"
        why = f": {_why(node.text)}" if node.outcome == "skipped" else ""
        if self.check.backend not in {None, "memory", "sqlite"} and node.outcome == "skipped":
            return Outcome.UNAVAILABLE, f"needs {self.check.backend}: not here{why}"
        return Outcome.NOTHING, f"{node.id} {whole} {word}{why}"

    def _strong(self, passed: list[Node], nodes: list[Node]) -> tuple[Outcome, str]:
        """Some tests passed; say so unless none of them can fail."""
        weak = {node.id: self._weakness(node) for node in passed}
        if all(weak.values()):
            name, why = next(iter(weak.items()))
            return Outcome.NOTHING, f"{name} {why}"
        if self._misses_its_sources(nodes):
            missed = ", ".join(self.check.sources[:3])
            return Outcome.NOTHING, f"{passed[0].id} passed, and nothing of {missed} was ever imported"
        self.notes.extend(f"{name} {why}; not counted" for name, why in weak.items() if why)
        others = [node for node in nodes if node.outcome not in HELD]
        if others:
            self.notes.append(f"{len(others)} of {len(nodes)} tests {others[0].outcome}")
        if self.check.kind is CheckKind.CALLS:
            return self._calls(passed)
        return Outcome.PASSED, ""

    def _misses_its_sources(self, nodes: list[Node]) -> bool:
        """True where the run surely never came near a file that the claims name, only one of that name."""
        loaded = self.run.loaded
        if not self.check.sources or loaded is None or any(node.forked for node in nodes):
            return False
        if any(node.outcome in {"died", "hung"} for node in self.run.nodes.values()):
            return False  # what a dead process had imported is not known
        near = loaded.union(*(node.opened for node in nodes), *(node.entered or () for node in nodes))
        return near.isdisjoint(self.check.sources)

    def _weakness(self, node: Node) -> str:
        if node.weak:
            return node.weak
        file, _, name = node.id.partition("::")
        source = self.run.source(file, self.root)
        if source is None:
            return ""
        weak = weakness(source, name.split("[", 1)[0], self.check.subjects, node.seen)
        return weak or (self._replaced(node, file) if self.check.subjects else "")

    def _replaced(self, node: Node, file: str) -> str:
        """Why a test shows nothing for what its fixtures, or a conftest file above it, do to the subject."""
        folders = (self.root / file).relative_to(self.root).parents
        above = [(folder / "conftest.py").as_posix() for folder in folders]
        for other in dict.fromkeys([*node.fixtures, *above]):
            source = self.run.source(other, self.root) if other != file else None
            weak = replaced_elsewhere(source, node.uses, self.check.subjects) if source else ""
            if weak:
                return weak
        return ""

    def _calls(self, nodes: list[Node]) -> tuple[Outcome, str]:
        """Which operations the tests were seen to call."""
        seen = [call for node in nodes for call in node.calls]
        api = self.check.params.get("api")
        operations = {call.split(":", 1)[1] for call in seen if not api or call.startswith(f"{api}:")}
        if not seen:
            return Outcome.NOTHING, "no call of any API operation was seen in the run"
        lacking = [name for name in self.check.params["operations"] if name not in operations]
        if lacking:
            return Outcome.FAILED, f"{lacking[0]} was not called; seen were {', '.join(sorted(operations))}"
        forbidden = [name for name in self.check.params.get("never", ()) if name in operations]
        if forbidden:
            return Outcome.FAILED, f"{forbidden[0]} was called, and must not be"
        self.notes.append(f"{len(seen)} API calls seen")
        return Outcome.PASSED, ""


def _roots(nodes: Iterable[Node]) -> set[str]:
    """The files of some tests and of their fixtures."""
    return {name for node in nodes for name in (node.id.partition("::")[0], *node.fixtures)}


def _union(nodes: Iterable[Node]) -> dict[str, tuple[str, ...]] | None:
    """Functions that any of the tests entered; None where one of them cannot say."""
    found: dict[str, set[str]] = {}
    for node in nodes:
        if node.entered is None:
            return None
        for file, names in node.entered.items():
            found.setdefault(file, set()).update(names)
    return {file: tuple(sorted(names)) for file, names in sorted(found.items())} if found else None


def _why(text: str) -> str:
    """The one line of a failure's text that says most."""
    phase, _, rest = text.partition(": ") if text.startswith(("setup: ", "teardown: ")) else ("", "", text)
    if "\n@@ " in rest:
        said = rest.rsplit("\n@@ ", 1)[1]
    else:
        said = next((line for line in reversed(rest.splitlines()) if line.strip()), "")
    return f"{phase + ' ' if phase else ''}{said.strip()}"[:SHOWN]


def _last_error(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if line.lower().startswith(("error", "usage", "e  "))]
    return (errors or lines or ["no output"])[-1][:SHOWN]
