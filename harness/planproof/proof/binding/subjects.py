"""What an item is about: the function or class that it names first, and where that is defined."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from planproof.proof.layout import is_test
from planproof.proof.model import CheckKind, Controls, Variant


if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from planproof.plan.model import Item
    from planproof.proof.model import Binding

    from .table import Table


QUOTED: Final = re.compile(r"`([A-Za-z_][\w.]*)(?:\(\))?`")
GUTTABLE: Final = frozenset({CheckKind.PYTEST, CheckKind.CALLS})
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def complete(table: Table, items: Mapping[str, Item], root: Path) -> Table:
    """Give every check what its items are about, and the automatic control where one is demanded.

    Checks that declare controls keep them; equal checks end up equal in this too.

    Args:
        table: the bindings.
        items: every item by id.
        root: the workspace.
    """
    subjects: dict[str, dict[str, None]] = {}
    sources: dict[str, dict[str, None]] = {}
    controls: dict[str, Controls] = {}
    for item_id, bindings in table.by_item.items():
        demand = table.demands.get(item_id)
        for binding in bindings:
            key = binding.check.key
            subjects.setdefault(key, {}).update(dict.fromkeys(subjects_of(items[item_id])))
            sources.setdefault(key, {}).update(dict.fromkeys(sources_of(items[item_id], root)))
            found = binding.check.controls
            if (
                found is None
                and demand is not None
                and demand.needs_control
                and binding.check.kind in GUTTABLE
            ):
                found = gut_variants(items[item_id], root)
            if found is not None:
                controls.setdefault(key, found)
    by_item = {item_id: tuple(_completed(one, subjects, sources, controls) for one in bindings)
               for item_id, bindings in table.by_item.items()}  # fmt: skip
    return replace(table, by_item=by_item)


def _completed(
    binding: Binding,
    subjects: Mapping[str, dict[str, None]],
    sources: Mapping[str, dict[str, None]],
    controls: Mapping[str, Controls],
) -> Binding:
    key = binding.check.key
    check = replace(
        binding.check,
        subjects=tuple(subjects[key]),
        sources=tuple(sources[key]),
        controls=controls.get(key),
    )
    return replace(binding, check=check)


def subjects_of(item: Item) -> tuple[str, ...]:
    """The first identifier in backticks in an item's text; empty where there is none."""
    names = [one for one in QUOTED.findall(item.text) if "_" in one or one[0].isupper() or "." not in one]
    names = [one for one in names if not one.endswith((".py", ".md", ".toml", ".yaml", ".json"))]
    return (names[0].rsplit(".", 1)[-1],) if names else ()


def gut_variants(item: Item, root: Path) -> Controls | None:
    """Controls that gut what the item claims: the named function in its file, else the whole file."""
    sources = sources_of(item, root)
    if not sources:
        return None
    for file in sources:
        defined = definitions(root / file)
        for name in subjects_of(item):
            hit = next((one for one in defined if one.rsplit(".", 1)[-1] == name), None)
            if hit:
                return Controls((Variant(f"gutted {hit}", f"{file}:{hit}", ""),))
    return Controls(tuple(Variant(f"gutted {file}", f"{file}:", "") for file in sources))


def sources_of(item: Item, root: Path) -> list[str]:
    """The Python files that an item names and that are there, tests left out."""
    return [one for one in item.files if one.endswith(".py") and not is_test(one) and _inside(root, one)]


def _inside(root: Path, name: str) -> bool:
    path = (root / name).resolve()
    return path.is_file() and path.is_relative_to(root)


def definitions(path: Path) -> list[str]:
    """Qualified names of functions, classes and methods of a file."""
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return []
    found: list[str] = []
    for node in tree.body:
        if isinstance(node, Definition):
            found.append(node.name)
            if isinstance(node, ast.ClassDef):
                found.extend(f"{node.name}.{one.name}" for one in node.body if isinstance(one, Definition))
    return found
