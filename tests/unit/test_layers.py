"""Imports go one way: plan <- proof <- interfaces; race and backends know nothing of plans."""

import ast
from pathlib import Path

import pytest


ROOT = Path(__file__).resolve().parents[2]
HARNESS = ROOT / "harness"
REFERENCE = ROOT / "reference_impl"

# Each wing, and the wings that it may import. errors, config, locks and the version belong to all.
WINGS = {
    "plan": {"plan"},
    "backends": {"backends"},
    "race": {"race", "backends"},
    "proof": {"proof", "plan"},
    "interfaces": {"interfaces", "proof", "plan", "race", "backends"},
}
COMMON = {"errors", "config", "locks", "__version__"}
# The only door between proof and race.
DOOR = "planproof/proof/checks/race.py"

INSIDE = [
    # (wing, module prefix, may not import these of its own wing)
    ("plan", "planproof.plan.model", {"reading", "graph", "lint", "editing"}),
    ("plan", "planproof.plan.reading", {"graph", "lint", "editing"}),
    ("plan", "planproof.plan.graph", {"lint", "editing"}),
    ("proof", "planproof.proof.checks", {"verdict", "gate"}),
    ("proof", "planproof.proof.binding", {"evidence", "verdict", "gate"}),
    ("proof", "planproof.proof.evidence", {"verdict", "gate"}),
    ("proof", "planproof.proof.verdict", {"gate"}),
]


def imports(path, source=None):
    """Every module that a file imports, absolute, whether at the top or inside a function."""
    package = list(path.with_suffix("").relative_to(HARNESS if HARNESS in path.parents else REFERENCE).parts)
    for node in ast.walk(ast.parse(source if source is not None else path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level] if node.level else []
            stem = ".".join([*base, *([node.module] if node.module else [])])
            yield stem
            yield from (f"{stem}.{alias.name}" for alias in node.names)


def breaches(path, source=None):
    """Imports of one file that go against the direction."""
    relative = path.relative_to(HARNESS).as_posix()
    parts = relative.split("/")
    wing = parts[1] if len(parts) > 2 else None
    module = ".".join(path.with_suffix("").relative_to(HARNESS).parts)
    found = []
    for name in imports(path, source):
        if name.split(".")[0] == "sessionkeeper":
            found.append(name)
        target = name.split(".")
        if target[0] != "planproof" or len(target) < 2 or target[1] in COMMON or wing is None:
            continue
        allowed = WINGS[wing] | ({"race", "backends"} if relative == DOOR else set())
        if target[1] in WINGS and target[1] not in allowed:
            found.append(name)
        for inner_wing, prefix, banned in INSIDE:
            inside = module == prefix or module.startswith((prefix + ".", prefix + "_"))
            if inside and target[1] == inner_wing and len(target) > 2 and target[2] in banned:
                found.append(name)
    return found


@pytest.mark.parametrize(
    "path", sorted(HARNESS.rglob("*.py")), ids=lambda path: path.relative_to(HARNESS).as_posix()
)
def test_a_module_imports_only_what_lies_below_it(path):
    assert breaches(path) == []


@pytest.mark.parametrize("path", sorted(REFERENCE.rglob("*.py")), ids=lambda path: path.name)
def test_the_reference_knows_nothing_of_the_tool(path):
    assert [name for name in imports(path) if name.split(".")[0] == "planproof"] == []


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("planproof/plan/model.py", "from planproof.proof import verdict"),
        ("planproof/plan/graph.py", "def f():\n    import planproof.plan.lint"),
        ("planproof/race/checker.py", "from planproof.plan.model import Plan"),
        ("planproof/proof/gate.py", "from planproof.race import workload"),
        ("planproof/proof/verdict.py", "from .gate import Gate"),
        ("planproof/backends/model.py", "import sessionkeeper"),
    ],
)
def test_a_wrong_import_would_be_seen(file, source):
    assert breaches(HARNESS / file, source) != []
