"""The workspace and its configuration: ``[tool.planproof]`` in pyproject.toml, or planproof.toml."""

from __future__ import annotations

import difflib
import tomllib
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Final

from planproof.errors import ConfigError


if TYPE_CHECKING:
    from pathlib import Path


FILES: Final = ("planproof.toml", "pyproject.toml")
GATE_KEYS: Final = {
    "plans": list,
    "kinds": list,
    "phases": list,
    "priorities": list,
    "stories": list,
    "backends": list,
    "require": list,
    "inferred": bool,
    "emulated": bool,
    "warnings": bool,
}


@dataclass(frozen=True, slots=True)
class Config:
    """What a repository says of itself; every value has a default that works without any.

    Attributes:
        plans: files and folders with plans, relative to the workspace.
        specs: folder of the spec files.
        tests: files and folders searched for ``proves`` markers; empty means pytest's ``testpaths``.
        evidence: the store's file.
        receipts: folder for receipts.
        python: interpreter that runs the checks; empty means the one that runs planproof.
        timeout: seconds that one check or test may take.
        workers: processes for pytest; 0 means as many as pay.
        allow_commands: beginnings of commands that may run although only a plan names them.
        gate: what the gate's policy overrides, by its keys.
        path: the file that was read, or None.
    """

    plans: tuple[str, ...] = ("plans",)
    specs: str = "specs"
    tests: tuple[str, ...] = ()
    evidence: str = ".planproof/evidence.db"
    receipts: str = ".planproof/receipts"
    python: str = ""
    timeout: float = 300.0
    workers: int = 0
    allow_commands: tuple[str, ...] = ()
    gate: dict[str, Any] = field(default_factory=dict)
    path: str | None = None


@dataclass(frozen=True, slots=True)
class Workspace:
    """A repository as planproof sees it.

    Attributes:
        root: its folder, absolute.
        config: what it says of itself.
    """

    root: Path
    config: Config

    def shown(self, path: Path) -> str:
        """A path as people read it: relative to the root where it lies inside."""
        return path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else path.as_posix()


def find_workspace(start: Path) -> Workspace:
    """The workspace around a folder: the nearest one above it that is configured, or a repository, or itself.

    Raises:
        ConfigError: the configuration says something that it cannot say.
    """
    start = start.resolve()
    for folder in (start, *start.parents):
        config = load_config(folder)
        if config.path is not None:
            return Workspace(folder, config)
        if (folder / ".git").exists() or (folder / "plans").is_dir() or (folder / "specs").is_dir():
            return Workspace(folder, config)
    return Workspace(start, Config())


def load_config(folder: Path) -> Config:
    """The configuration in a folder; defaults where there is none.

    Raises:
        ConfigError: not TOML, an unknown key, a value of the wrong type.
    """
    for name in FILES:
        path = folder / name
        if not path.is_file():
            continue
        try:
            data = tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigError(f"is not valid TOML: {error}", path=name) from None
        table = data if name == "planproof.toml" else data.get("tool", {}).get("planproof")
        if table is not None:
            return _parse(table, name)
    return Config()


def _parse(table: Any, path: str) -> Config:
    """Check one table key by key."""
    defaults = Config()
    known = {one.name.replace("_", "-"): one.name for one in fields(Config) if one.name != "path"}
    if not isinstance(table, dict):
        raise ConfigError("[tool.planproof] must be a table", path=path)
    said: dict[str, Any] = {}
    for key, value in table.items():
        name = known.get(key)
        if name is None:
            raise ConfigError(_unknown(key, known, "[tool.planproof]"), path=path)
        said[name] = (
            _gate(value, path) if name == "gate" else _value(key, value, getattr(defaults, name), path)
        )
    return Config(**said, path=path)


def _unknown(key: str, known: Any, where: str) -> str:
    near = difflib.get_close_matches(key, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(sorted(known))}"
    return f"unknown key {key!r} in {where}; {hint}"


def _value(key: str, value: Any, default: Any, path: str) -> Any:
    """A value of the same type as the default."""
    if isinstance(default, tuple):
        return _texts(key, value, path)
    if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if type(value) is not type(default):
        wanted = {str: "text", float: "a number", int: "a whole number"}[type(default)]
        raise ConfigError(f"{key!r} must be {wanted}", path=path)
    if isinstance(value, float | int) and value < 0:
        raise ConfigError(f"{key!r} must not be negative", path=path)
    return value


def _texts(key: str, value: Any, path: str) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise ConfigError(f"{key!r} must be a list of texts", path=path)
    return tuple(value)


def _gate(value: Any, path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ConfigError("'gate' must be a table", path=path)
    said: dict[str, Any] = {}
    for key, one in value.items():
        kind = GATE_KEYS.get(key)
        if kind is None:
            raise ConfigError(_unknown(key, GATE_KEYS, "[tool.planproof.gate]"), path=path)
        if kind is bool and not isinstance(one, bool):
            raise ConfigError(f"{key!r} must be true or false", path=path)
        said[key] = one if kind is bool else _texts(key, one, path)
    return said
