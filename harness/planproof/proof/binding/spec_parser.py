"""Reads ``specs/<plan>.yaml``: every value checked, every fault said with file and line."""

from __future__ import annotations

import datetime as dt
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from planproof.errors import SpecError

from . import yaml_source
from .check_parser import parse_backends, parse_check, parse_controls
from .reader import Reader, texts
from .spec import GatePolicy, ItemSpec, Spec, Waiver, unknown_kind


if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from planproof.proof.model import Check, Controls

    from .yaml_source import Node


TOP: Final = ("schema", "plan", "checks", "items", "controls", "waivers", "gate")
GATE_LISTS: Final = ("plans", "kinds", "phases", "priorities", "stories", "backends", "require")
GATE_FLAGS: Final = ("inferred", "emulated", "warnings")


def load_specs(folder: Path, workspace: Path) -> tuple[Spec, ...]:
    """Read every spec of a folder, in the order of their names; a folder that is absent holds none.

    Raises:
        SpecError: a file is not a spec, or two files speak of one plan.
    """
    if not folder.is_dir():
        return ()
    found = [parse_spec(path.read_bytes(), _shown(path, workspace)) for path in _files(folder)]
    refuse_twins(found)
    return tuple(found)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix in {".yaml", ".yml"} and path.is_file())


def _shown(path: Path, workspace: Path) -> str:
    return path.relative_to(workspace).as_posix() if path.is_relative_to(workspace) else path.as_posix()


def refuse_twins(specs: Iterable[Spec]) -> None:
    """Raise where two specs speak of one plan."""
    seen: dict[str, Spec] = {}
    for spec in specs:
        twin = seen.setdefault(spec.plan, spec)
        if twin is not spec:
            raise SpecError(
                f"plan {spec.plan!r} has a spec already: {twin.path}:{twin.plan_line}; keep one of the two",
                path=spec.path,
                line=spec.plan_line,
            )


def parse_spec(data: bytes, path: str) -> Spec:
    """Read one spec.

    Args:
        data: the file's bytes.
        path: relative to the workspace; names the plan where ``plan:`` is absent.

    Raises:
        SpecError: with file and line.
    """
    top = Reader(yaml_source.load(data, path), path, "the spec", TOP)
    if top.need("schema", int) != 1:
        raise top.error("'schema' must be 1", "schema")
    plan: str = top.get("plan", str, PurePosixPath(path).stem)
    controls = _controls(top)
    checks = _checks(top, controls)
    return Spec(
        path=path,
        plan=PurePosixPath(plan).stem if plan.endswith(".md") else plan,
        checks=checks,
        items=tuple(_items(top, checks)),
        waivers=tuple(_waivers(top)),
        gate=parse_gate(top.child("gate", {*GATE_LISTS, *GATE_FLAGS})),
        plan_line=top.line_of("plan"),
    )


def _controls(top: Reader) -> dict[str, Controls]:
    section = top.child("controls")
    if section is None:
        return {}
    found = {name: parse_controls(name, node, top.path) for name, node in section.nodes.items()}
    named = top.child("checks")
    for name in found:
        if named is None or name not in named.nodes:
            raise section.error(f"controls are given for {name!r}, and no check has that name", name)
    return found


def _checks(top: Reader, controls: dict[str, Controls]) -> dict[str, tuple[Check, ...]]:
    section = top.child("checks")
    if section is None:
        return {}
    return {
        name: parse_check(name, node, top.path, controls.get(name)) for name, node in section.nodes.items()
    }


def _items(top: Reader, checks: dict[str, tuple[Check, ...]]) -> Iterable[ItemSpec]:
    section = top.child("items")
    if section is None:
        return
    for local, node in section.nodes.items():
        yield _item(local, node, section, checks)


def _item(local: str, node: Node, section: Reader, checks: dict[str, tuple[Check, ...]]) -> ItemSpec:
    what = f"item {local!r}"
    line = section.line_of(local)
    if isinstance(node.value, dict):
        reader = Reader(node, section.path, what, {"checks", "part", "needs_control", "backends"})
        names, partial = reader.texts("checks"), reader.texts("part")
        item = ItemSpec(
            local,
            (*names, *partial),
            partial,
            needs_control=reader.get("needs_control", bool, False),
            backends=parse_backends(reader),
            line=line,
        )
    else:
        item = ItemSpec(local, texts(node, section.path, what), line=line)
    if not item.checks:
        raise SpecError(f"{what} names no check", path=section.path, line=line)
    for name in item.checks:
        if name not in checks:
            raise SpecError(
                f"{what} names the check {name!r}, which is not declared", path=section.path, line=line
            )
    return item


def _waivers(top: Reader) -> Iterable[Waiver]:
    node = top.nodes.get("waivers")
    if node is None or node.value is None:
        return
    if not isinstance(node.value, list):
        raise top.error("'waivers' must be a list", "waivers")
    for one in node.value:
        reader = Reader(one, top.path, "a waiver", {"item", "owner", "reason", "expires"})
        day = reader.need("expires", str)
        try:
            expires = dt.date.fromisoformat(day)
        except ValueError:
            raise reader.error(
                f"'expires' must be a day such as 2030-01-31, not {day!r}", "expires"
            ) from None
        words = {key: reader.need(key, str) for key in ("item", "owner", "reason")}
        yield Waiver(**words, expires=expires, path=top.path, line=one.line)


def parse_gate(reader: Reader | None) -> dict[str, Any]:
    """What a ``gate`` mapping says, by key of :class:`GatePolicy`; only keys that are there."""
    if reader is None:
        return {}
    said: dict[str, Any] = {key: reader.texts(key) for key in GATE_LISTS if key in reader.nodes}
    if "backends" in said:
        parse_backends(reader)
    unknown = unknown_kind(said.get("kinds", ()))
    if unknown:
        raise reader.error(unknown, "kinds")
    said.update({key: reader.get(key, bool, False) for key in GATE_FLAGS if key in reader.nodes})
    GatePolicy(**said)
    return said
