"""Reads one entry under ``checks:`` into Checks, one per backend."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from planproof.errors import SpecError
from planproof.proof.model import Check, CheckKind, Controls, Variant

from .reader import Reader, plain, texts


if TYPE_CHECKING:
    from collections.abc import Callable

    from .yaml_source import Node


BACKENDS: Final = ("memory", "sqlite", "postgres", "dynamodb")
EMBEDDED: Final = ("memory", "sqlite")
COMMON: Final = frozenset({"timeout", "inputs", "backends", "about"})
CODE_QUERIES: Final = (
    "exists",
    "defines",
    "calls",
    "never_calls",
    "raises",
    "handles",
    "annotated",
    "methods",
    "bases",
    "decorated",
    "constant",
)


def parse_check(name: str, node: Node, path: str, controls: Controls | None) -> tuple[Check, ...]:
    """Read one check of a spec.

    Args:
        name: its name in the spec.
        node: its mapping.
        path: the spec's path for errors.
        controls: what the spec's ``controls`` say of it.

    Raises:
        SpecError: no kind or several, an unknown key, a value of the wrong type.
    """
    kinds = [kind.value for kind in CheckKind]
    reader = Reader(node, path, f"check {name!r}", COMMON | set(kinds))
    present = [kind for kind in kinds if kind in reader.nodes]
    if len(present) != 1:
        said = "names no kind" if not present else f"names several kinds ({', '.join(present)})"
        raise reader.error(f"check {name!r} {said}; it needs exactly one of {', '.join(kinds)}")
    kind = CheckKind(present[0])
    target, params = _PARSERS[kind](reader.nodes[kind.value], path, f"{kind.value} of check {name!r}")
    return expand(
        Check(
            kind=kind,
            target=target,
            name=name,
            params=params,
            inputs=reader.texts("inputs"),
            timeout=_timeout(reader),
            controls=controls,
            path=path,
            line=node.line,
        ),
        parse_backends(reader),
    )


def _timeout(reader: Reader) -> float | None:
    seconds: float | None = reader.get("timeout", float)
    if seconds is not None and not 0 < seconds <= 86_400:  # noqa: PLR2004 - a day
        raise reader.error("'timeout' must be seconds, more than 0 and at most a day", "timeout")
    return seconds


def parse_backends(reader: Reader) -> tuple[str, ...]:
    """The names under ``backends``, each one known."""
    names = reader.texts("backends")
    for name in names:
        if name not in BACKENDS:
            raise reader.error(f"unknown backend {name!r}; known are {', '.join(BACKENDS)}", "backends")
    return names


def expand(check: Check, backends: tuple[str, ...]) -> tuple[Check, ...]:
    """One check for each backend; a race without backends runs on the embedded ones."""
    from dataclasses import replace

    if check.kind is CheckKind.RACE and not backends:
        backends = EMBEDDED
    if not backends:
        return (check,)
    only = len(backends) == 1
    several = {"of_backends": list(backends)} if check.kind is CheckKind.PYTEST and not only else {}
    return tuple(replace(check, backend=name, params={**check.params, **several}) for name in backends)


def parse_controls(name: str, node: Node, path: str) -> Controls:
    """Read one entry under ``controls:``."""
    reader = Reader(node, path, f"controls of {name!r}", {"variants", "placebo", "gut"})
    variants = [
        _variant(one, path, f"a variant of {name!r}") for one in _listed(reader.nodes.get("variants"))
    ]
    variants += [Variant(f"gutted {target}", target, "") for target in reader.texts("gut")]
    if not variants:
        raise reader.error(f"controls of {name!r} name no variant: nothing would be shown")
    return Controls(tuple(variants), reader.get("placebo", str, ""))


def _listed(node: Node | None) -> list[Node]:
    """The nodes of a list; a mapping of name to variant counts as one, each node named."""
    if node is None or node.value is None:
        return []
    if isinstance(node.value, dict):
        for name, one in node.value.items():
            if isinstance(one.value, dict):
                one.value.setdefault("name", type(node)(name, one.line, text=name))
        return list(node.value.values())
    return node.value if isinstance(node.value, list) else [node]


def _variant(node: Node, path: str, what: str) -> Variant:
    if isinstance(node.value, dict):
        reader = Reader(node, path, what, {"name", "swap", "with", "workload"})
        workload = reader.get("workload", str, "")
        swap = reader.get("swap", str, "")
        if bool(workload) == bool(swap):
            raise reader.error(f"{what} needs either 'workload' or 'swap' and 'with'")
        replacement = workload or reader.get("with", str, "")
        name = reader.get("name", str) or _last(replacement or f"gutted {swap}")
        return Variant(name, swap, replacement)
    (reference,) = texts(node, path, what)
    return Variant(_last(reference), "", reference)


def _last(reference: str) -> str:
    return reference.rsplit(":", 1)[-1]


def _parse_pytest(node: Node, path: str, what: str) -> tuple[str, dict[str, Any]]:
    if not isinstance(node.value, dict):
        targets = texts(node, path, what)
        return ", ".join(targets), {"targets": list(targets)}
    reader = Reader(node, path, what, {"targets", "marker"})
    targets = reader.texts("targets")
    marker = reader.get("marker", str)
    if not targets and not marker:
        raise reader.error(f"{what} names neither targets nor a marker")
    said = ", ".join(targets) or "every test"
    return (f"{said} marked {marker}" if marker else said), {"targets": list(targets), "marker": marker}


def _parse_command(node: Node, path: str, what: str) -> tuple[str, dict[str, Any]]:
    import shlex

    if isinstance(node.value, dict):
        reader = Reader(node, path, what, {"argv", "prints", "cwd"})
        argv = reader.texts("argv")
        extra = {key: reader.get(key, str) for key in ("prints", "cwd") if reader.get(key, str)}
    elif isinstance(node.value, list):
        argv, extra = texts(node, path, what), {}
    else:
        raise SpecError(f"{what} must be a list of arguments: no shell reads it", path=path, line=node.line)
    if not argv:
        raise SpecError(f"{what} has no arguments", path=path, line=node.line)
    return shlex.join(argv), {"argv": list(argv), **extra}


def _parse_coverage(node: Node, path: str, what: str) -> tuple[str, dict[str, Any]]:
    reader = Reader(node, path, what, {"file", "min", "tests", "branch"})
    files = reader.texts("file")
    minimum = reader.need("min", float)
    if not files:
        raise reader.error(f"{what} lacks 'file'")
    if not 0 < minimum <= 100:  # noqa: PLR2004 - per cent
        raise reader.error("'min' must be a percentage, more than 0 and at most 100", "min")
    tests = reader.texts("tests")
    if not tests:
        raise reader.error(f"{what} lacks 'tests': which tests are to cover the file?")
    params = {
        "files": list(files),
        "min": minimum,
        "tests": list(tests),
        "branch": reader.get("branch", bool, False),
    }
    return f"{', '.join(files)} at least {minimum:g} %", params


def _parse_code(node: Node, path: str, what: str) -> tuple[str, dict[str, Any]]:
    reader = Reader(node, path, what, {"file", *CODE_QUERIES})
    files = reader.texts("file")
    if not files:
        raise reader.error(f"{what} lacks 'file'")
    queries: dict[str, Any] = {}
    for query in CODE_QUERIES:
        if query not in reader.nodes:
            continue
        if query in {"defines", "annotated"}:
            queries[query] = list(reader.texts(query))
        elif query == "exists":
            queries[query] = reader.get(query, bool, False)
        elif query == "constant":
            child = reader.child(query)
            queries[query] = {key: plain(one) for key, one in child.nodes.items()} if child else {}
        else:
            child = reader.child(query)
            queries[query] = {key: list(child.texts(key)) for key in child.nodes} if child else {}
        if not queries[query]:
            raise reader.error(f"{query!r} of {what} asks for nothing", query)
    if not queries:
        raise reader.error(f"{what} asks for nothing; queries are {', '.join(CODE_QUERIES)}")
    said = "; ".join(
        f"{query} {', '.join(asked) if asked is not True else ''}".strip() for query, asked in queries.items()
    )
    return f"{', '.join(files)}: {said}", {"files": list(files), "queries": queries}


def _parse_calls(node: Node, path: str, what: str) -> tuple[str, dict[str, Any]]:
    reader = Reader(node, path, what, {"tests", "operations", "never", "api"})
    tests = reader.texts("tests")
    if not tests:
        raise reader.error(f"{what} lacks 'tests': which run is to be watched?")
    api = reader.get("api", str, "")
    operations = list(reader.texts("operations"))
    never = list(reader.texts("never"))
    if not operations:
        raise reader.error(f"{what} lacks 'operations': which must be seen?")
    said = ", ".join(operations) + (f"; never {', '.join(never)}" if never else "")
    return (
        f"{said} in {', '.join(tests)}",
        {"targets": list(tests), "operations": operations, "never": never, "api": api},
    )


def _parse_race(node: Node, path: str, what: str) -> tuple[str, dict[str, Any]]:
    if not isinstance(node.value, dict):
        (workload,) = texts(node, path, what)
        return workload, {"workload": workload}
    reader = Reader(node, path, what, {"workload", "schedules", "seed", "mode"})
    workload = reader.need("workload", str)
    params: dict[str, Any] = {"workload": workload}
    for key in ("schedules", "seed"):
        value = reader.get(key, int)
        if value is not None:
            params[key] = value
    if "mode" in reader.nodes:
        params["mode"] = reader.one_of("mode", {"stress", "explore"}, "stress")
    return workload, params


_PARSERS: dict[CheckKind, Callable[[Node, str, str], tuple[str, dict[str, Any]]]] = {
    CheckKind.PYTEST: _parse_pytest,
    CheckKind.COMMAND: _parse_command,
    CheckKind.COVERAGE: _parse_coverage,
    CheckKind.CODE: _parse_code,
    CheckKind.CALLS: _parse_calls,
    CheckKind.RACE: _parse_race,
}
