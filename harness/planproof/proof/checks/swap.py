"""Swaps an object for a broken variant in a child process, at the moment its module is imported.

Used as a pytest plugin (``-p planproof.proof.checks.swap``). An import hook waits for the module, lets it
load, and puts the variant in place before anyone else can take the original. The placebo goes the same way
and puts the very same object back. Imports nothing but the standard library.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final


if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType


SWAP: Final = "PLANPROOF_SWAP"
PLACEBO: Final = "="


class Swapper:
    """A finder that swaps one object after its module was loaded.

    Args:
        target: ``package.module:name`` or ``path/to/file.py:name``; no name guts the whole file.
        replacement: a reference likewise; empty guts the target, ``=`` is the placebo.
        report: file that says whether the swap took place.
    """

    def __init__(self, target: str, replacement: str, report: Path, root: Path) -> None:
        self.place, _, self.name = target.partition(":")
        self.replacement = replacement
        self.report = report
        self.root = root
        self.file = str((root / self.place).resolve()) if self.place.endswith(".py") else None
        self.busy = False

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec that the other finders give, with a loader that swaps afterwards."""
        if self.file is None and name != self.place:
            return None
        if self.file is not None and name.rsplit(".", 1)[-1] != self._stem():
            return None
        for finder in sys.meta_path:
            if finder is self or not hasattr(finder, "find_spec"):
                continue
            spec = finder.find_spec(name, path, target)
            if spec is not None:
                return self._wrapped(spec)
        return None

    def _stem(self) -> str:
        path = Path(self.place)
        return path.parent.name if path.name == "__init__.py" else path.stem

    def _wrapped(self, spec: ModuleSpec) -> ModuleSpec | None:
        if self.file is not None and (spec.origin is None or str(Path(spec.origin).resolve()) != self.file):
            return None
        loader: Any = spec.loader
        original = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            original(module)
            self.swap(module)

        loader.exec_module = exec_module
        return spec

    def swap(self, module: ModuleType) -> None:
        """Put the variant where the original was, and say that it was done."""
        try:
            self._swap(module)
        except Exception as error:
            self.report.write_text(f"error: {type(error).__name__}: {error}", encoding="utf-8")
            raise
        self.report.write_text("swapped", encoding="utf-8")

    def _swap(self, module: ModuleType) -> None:
        if not self.name:
            for name, value in list(vars(module).items()):
                if getattr(value, "__module__", None) == module.__name__ and not name.startswith("__"):
                    setattr(module, name, value if self.replacement == PLACEBO else gutted(value))
            return
        *path, name = self.name.split(".")
        owner: Any = module
        for part in path:
            owner = _member(owner, part, self.place)
        original = inspect.getattr_static(owner, name, None) or _member(owner, name, self.place)
        if self.replacement == PLACEBO:
            setattr(owner, name, original)
        elif self.replacement:
            setattr(owner, name, self._variant())
        else:
            setattr(owner, name, gutted(original))

    def _variant(self) -> Any:
        place, _, name = self.replacement.partition(":")
        if place.endswith(".py"):
            path = self.root / place
            spec = importlib.util.spec_from_file_location(f"_planproof_variant_{path.stem}", path)
            assert spec is not None
            assert spec.loader is not None
            module = importlib.util.module_from_spec(spec)
            sys.modules[spec.name] = module
            spec.loader.exec_module(module)
        else:
            module = importlib.import_module(place)
        found: Any = module
        for part in name.split("."):
            found = _member(found, part, place)
        return found


def _member(owner: Any, name: str, place: str) -> Any:
    try:
        return getattr(owner, name)
    except AttributeError:
        raise LookupError(f"{place} has no {name}") from None


def gutted(original: Any) -> Any:
    """The same thing with nothing in it: functions return None, classes have gutted methods."""
    if isinstance(original, staticmethod | classmethod):
        return type(original)(gutted(original.__func__))
    if isinstance(original, property):
        return property(lambda _self: None)
    if inspect.isclass(original):
        for name, value in list(vars(original).items()):
            if not name.startswith("__") and (
                inspect.isfunction(value) or isinstance(value, staticmethod | classmethod)
            ):
                setattr(original, name, gutted(value))
        return original
    if inspect.iscoroutinefunction(original):
        return _like(original, _nothing_async)
    return _like(original, _nothing) if callable(original) else None


def _like(original: Any, empty: Callable[..., Any]) -> Any:
    def hollow(*args: Any, **kwargs: Any) -> Any:
        return empty(*args, **kwargs)

    hollow.__name__ = getattr(original, "__name__", "hollow")
    return hollow


def _nothing(*_args: Any, **_kwargs: Any) -> None:
    return None


async def _nothing_async(*_args: Any, **_kwargs: Any) -> None:
    return None


def install() -> None:
    """Put the finder in front of the others, where the environment asks for it."""
    said = os.environ.get(SWAP)
    if not said:
        return
    job = json.loads(said)
    swapper: Any = Swapper(job["target"], job["replacement"], Path(job["report"]), Path(job["root"]))
    sys.meta_path.insert(0, swapper)


install()
