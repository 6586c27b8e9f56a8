"""What an outcome rested on, and which of it has changed since."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING, Final, NamedTuple

from planproof.proof.layout import LOCK_FILES, is_test, pytest_options, reference_file
from planproof.proof.model import Check, CheckKind, Footprint, Result, digest

from .sources import GONE, MODULE, RAW, Sources


if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from planproof.plan.model import Item


ENTRY: Final = "<entry>"
WRITTEN: Final = "<written during the run>"
PYTEST: Final = "<pytest configuration>"
TOOLS: Final = ("pytest", "hypothesis", "pytest-xdist", "coverage", "botocore")


class Stale(NamedTuple):
    """What changed: ``word`` is stale-claim, stale-check, stale-code or stale-environment."""

    word: str
    what: str


def claim_digest(item: Item) -> str:
    """Digest of what an item says; its box and its place in the file do not count."""
    return digest([str(item.kind), " ".join(item.text.split())])


class Fingerprints:
    """Takes fingerprints and compares them with the workspace as it is now.

    Args:
        root: the workspace.
        python: interpreter of the checks, empty for this one.
    """

    def __init__(self, root: Path, python: str = "") -> None:
        self.root = root
        self.sources = Sources(root)
        self.python = python
        self._environment: dict[str, str] | None = None
        self._seen: dict[int, tuple[object, Stale | None]] = {}
        self._options = ""

    def take(self, result: Result, was_written: Callable[[str], bool] = lambda _file: False) -> Footprint:
        """The footprint of a result: what it entered or could reach, read and was told to depend on.

        Args:
            result: what a check found.
            was_written: says of a file that it changed while the checks ran; it never counts as it is now.
        """
        check = result.check
        files = self._reached(result)
        tests = _test_names(result)
        check_part: dict[str, Mapping[str, str]] = {ENTRY: entry(check)}
        if check.kind in {CheckKind.PYTEST, CheckKind.CALLS, CheckKind.COVERAGE}:
            check_part[PYTEST] = {RAW: self._pytest()}
        code_part: dict[str, Mapping[str, str]] = {}
        for file in sorted(files):
            part = check_part if is_test(file) else code_part
            part[file] = {RAW: WRITTEN} if was_written(file) else self._functions(file, result, tests)
        for file in sorted({*self.inputs(check), *result.opened}):
            if file not in files:
                code_part[file] = self._whole(file)
        return Footprint(check_part, code_part, self.environment())

    def _reached(self, result: Result) -> set[str]:
        roots = set(result.roots)
        for file in result.roots:
            roots.update(self.sources.conftests(file))
        if result.check.kind in {CheckKind.CODE, CheckKind.COMMAND}:
            return set(result.roots)
        controls = result.check.controls
        for variant in controls.variants if controls else ():
            source = reference_file(variant.replacement, self.root) if variant.replacement else None
            roots.update([source] if source else [])
        return self.sources.closure(roots) | set(result.entered or ())

    def _functions(self, file: str, result: Result, tests: Mapping[str, set[str]]) -> dict[str, str]:
        """The digests of a file that count.

        Of a test file the tests that ran and all that is no test; of other files what was entered, or
        everything where that is not known.
        """
        known = self.sources.functions(file)
        if file in tests:
            mine = {name: value for name, value in known.items() if not _is_other_test(name, tests[file])}
            return mine if len(mine) > 1 else dict(known)
        if result.entered is None or is_test(file):
            return dict(known)
        names = {RAW, MODULE, *result.entered.get(file, ())}
        return {name: known[name] for name in names if name in known}

    def _whole(self, file: str) -> dict[str, str]:
        """A file that was read as data, or imported on the way: all its functions where it is Python."""
        return dict(self.sources.functions(file)) if file.endswith(".py") else {RAW: self.sources.raw(file)}

    def inputs(self, check: Check) -> list[str]:
        """Files that a check says it depends on; for a command what its arguments name, else everything."""
        patterns = list(check.inputs)
        if check.kind is CheckKind.COMMAND and not patterns:
            named = [str(one) for one in check.params["argv"][1:]]
            patterns = [
                one for one in named if one and not one.startswith(("-", "/")) and _exists(self.root, one)
            ]
            patterns = patterns or ["."]
        return sorted({file for pattern in patterns for file in self._glob(pattern)})

    def _glob(self, pattern: str) -> Iterable[str]:
        from planproof.proof.checks.tree import files

        if (self.root / pattern).is_file():
            return [pattern.removeprefix("./")]
        clean = pattern.removeprefix("./").rstrip("/")
        if (self.root / pattern).is_dir():
            return [one for one in files(self.root) if clean in {"", "."} or one.startswith(f"{clean}/")]
        return [one.relative_to(self.root).as_posix() for one in self.root.glob(clean) if one.is_file()]

    def _pytest(self) -> str:
        """Digest of pytest's configuration."""
        self._options = self._options or digest(_texts(pytest_options(self.root)))
        return self._options

    def environment(self) -> dict[str, str]:
        """Python, tools and lock file."""
        if self._environment is None:
            found = {"python": _python_version(self.python)}
            found.update({name: version for name in TOOLS if (version := _version(name))})
            for name in LOCK_FILES:
                if (self.root / name).is_file():
                    found[name] = self.sources.raw(name)
            self._environment = found
        return self._environment

    def changed(self, footprint: Footprint, check: Check) -> Stale | None:
        """The first thing in a footprint that is not as it was, or None."""
        now = entry(check)
        if dict(footprint.check.get(ENTRY, {})) != now:
            return Stale("stale-check", f"its entry in {check.path or 'the spec'} changed")
        return (
            self._part(footprint.check, "stale-check")
            or self._part(footprint.code, "stale-code")
            or self._surroundings(footprint.environment)
        )

    def changed_at_all(self, footprint: Footprint) -> bool:
        """True where any code, test or tool in a footprint is not as it was."""
        parts = self._part(footprint.check, "stale-check") or self._part(footprint.code, "stale-code")
        return bool(parts or self._surroundings(footprint.environment))

    def _part(self, part: Mapping[str, Mapping[str, str]], word: str) -> Stale | None:
        known = self._seen.get(id(part))
        if known is not None and known[0] is part:
            return known[1]
        found = next(
            (stale for file, names in part.items() if (stale := self._file(file, names, word))), None
        )
        self._seen[id(part)] = (part, found)
        return found

    def _file(  # noqa: PLR0911 - one answer a line
        self, file: str, names: Mapping[str, str], word: str
    ) -> Stale | None:
        if file == ENTRY:
            return None
        if file == PYTEST:
            same = names[RAW] == self._pytest()
            return None if same else Stale(word, "pytest's configuration changed")
        raw = self.sources.raw(file)
        if raw == names.get(RAW):
            return None
        if names.get(RAW) == WRITTEN:
            return Stale(word, f"{file} changed while the check ran")
        if raw == GONE:
            return Stale(word, f"{file} is gone")
        if len(names) == 1:
            return Stale(word, f"{file} changed")
        now = self.sources.functions(file)
        for name, value in names.items():
            if name not in {RAW, MODULE} and now.get(name) != value:
                said = "changed" if name in now else "is gone"
                return Stale(word, f"{name} in {file} {said}")
        if MODULE in names and now.get(MODULE) != names[MODULE]:
            return Stale(word, f"{file} changed outside its functions")
        return None

    def _surroundings(self, then: Mapping[str, str]) -> Stale | None:
        now = self.environment()
        for name in sorted(then.keys() | now.keys()):
            if then.get(name) != now.get(name):
                if name in LOCK_FILES:
                    return Stale("stale-environment", f"{name} changed")
                return Stale(
                    "stale-environment", f"{name} {then.get(name, 'absent')} -> {now.get(name, 'absent')}"
                )
        return None


def entry(check: Check) -> dict[str, str]:
    """What a spec says of a check beyond what names it."""
    controls = check.controls
    said = [list(map(list, controls.variants)), controls.placebo] if controls else None
    return {"controls": digest(said), "inputs": digest(list(check.inputs))}


def _test_names(result: Result) -> dict[str, set[str]]:
    """Tests that ran, by file, as qualified names."""
    found: dict[str, set[str]] = {}
    for node in result.nodes:
        file, _, inner = node.partition("::")
        found.setdefault(file, set()).add(inner.split("[", 1)[0].replace("::", "."))
    return found


def _is_other_test(name: str, ran: set[str]) -> bool:
    last = name.rsplit(".", 1)[-1]
    return last.startswith("test") and name not in ran


def _texts(options: Mapping[str, object]) -> dict[str, str]:
    return {key: str(value) for key, value in options.items()}


def _exists(root: Path, name: str) -> bool:
    try:
        return (root / name).exists() and (root / name).resolve().is_relative_to(root)
    except OSError:
        return False


def _version(name: str) -> str:
    from importlib import metadata

    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _python_version(python: str) -> str:
    import subprocess
    import sys

    if not python or python == sys.executable:
        return platform.python_version()
    said = subprocess.run([python, "-V"], capture_output=True, text=True, check=False)
    return said.stdout.strip().removeprefix("Python ") or python
