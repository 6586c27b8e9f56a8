"""Where a repository keeps what: roots of imports, test files, lock files, pytest's configuration."""

from __future__ import annotations

import configparser
import tomllib
from pathlib import Path, PurePosixPath
from typing import Any, Final


LOCK_FILES: Final = (
    "uv.lock",
    "poetry.lock",
    "pdm.lock",
    "Pipfile.lock",
    "pylock.toml",
    "requirements.txt",
    "requirements-dev.txt",
)
TEST_FOLDERS: Final = frozenset({"tests", "test", "testing"})


def is_test(path: str) -> bool:
    """True for test files, their helpers and conftest files."""
    parts = PurePosixPath(path)
    name = parts.name
    by_name = name.startswith("test_") or name.endswith("_test.py") or name == "conftest.py"
    return by_name or not TEST_FOLDERS.isdisjoint(parts.parts[:-1])


def pytest_options(root: Path) -> dict[str, Any]:
    """Configuration of pytest itself, from whichever file holds it; empty where there is none."""
    for name, section in (("pytest.ini", "pytest"), ("tox.ini", "pytest"), ("setup.cfg", "tool:pytest")):
        path = root / name
        if path.is_file():
            parser = configparser.ConfigParser(interpolation=None)
            try:
                parser.read_string(path.read_text(encoding="utf-8"))
            except (configparser.Error, UnicodeDecodeError):
                continue
            if parser.has_section(section):
                return dict(parser[section])
    return _from_pyproject(root / "pyproject.toml")


def _from_pyproject(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        return {}
    options = table.get("tool", {}).get("pytest", {}).get("ini_options", {})
    return options if isinstance(options, dict) else {}


def listed(value: Any) -> list[str]:
    """An option that is a list, or a text of words."""
    return value.split() if isinstance(value, str) else [str(one) for one in value or ()]


def source_roots(root: Path) -> list[Path]:
    """Folders from which modules of the repository are imported, the root first."""
    named = [root / one for one in listed(pytest_options(root).get("pythonpath"))]
    usual = [root / "src", root / "lib"]
    found = [root, *named, *usual]
    return [one for one in dict.fromkeys(path.resolve() for path in found) if one.is_dir()]


def test_places(root: Path, configured: tuple[str, ...]) -> tuple[str, ...]:
    """Where tests live: as configured, else pytest's ``testpaths`` that exist, else everywhere."""
    if configured:
        return configured
    named = listed(pytest_options(root).get("testpaths"))
    return tuple(one for one in named if (root / one).exists())


def module_file(name: str, roots: list[Path]) -> Path | None:
    """The file of a module of the workspace, or None."""
    parts = name.split(".")
    if not all(parts):  # ``from .. import x`` above the workspace names no module of it
        return None
    inner = Path(*parts)
    for root in roots:
        for path in (root / inner / "__init__.py", root / inner.with_suffix(".py")):
            if path.is_file():
                return path
    return None


def reference_file(reference: str, root: Path) -> str | None:
    """The file of ``module:name`` or ``path/to/file.py:name``, where it lies in the workspace."""
    place = reference.split(":", 1)[0]
    if place.endswith(".py"):
        return place if (root / place).is_file() else None
    path = module_file(place, source_roots(root))
    return path.relative_to(root).as_posix() if path and path.is_relative_to(root) else None
