"""Who may import what, and who may touch files, read from the source (S2.INV5, S2.INV7, S2.B4)."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import sessionkeeper.boundary


ROOM = Path(sessionkeeper.boundary.__file__).parent
MODULES = sorted(path.relative_to(ROOM).as_posix() for path in ROOM.rglob("*.py"))
# The only writer of session logs, and the holder of a lock file that is no log.
WRITER = "schema_recorder.py"
LOCKER = "single_process.py"

FILE_CALLS = {
    "open", "fdopen", "write_text", "write_bytes", "read_text", "read_bytes", "touch", "rename",
    "unlink", "remove", "truncate", "ftruncate", "symlink_to", "hardlink_to", "link", "mkstemp", "copyfile",
    "NamedTemporaryFile", "FileIO", "move", "pwrite",
}  # fmt: skip
FRAMEWORKS = {"fastapi", "starlette", "uvicorn", "pydantic"}
INPUT_OUTPUT = {"os", "io", "fcntl", "shutil", "tempfile", "sqlite3", "psycopg", "time", "random"}
PURE = {"domain.py", "models.py", "config.py", "idgen.py", "layout.py"}
FRAMEWORK_ROOMS = {"app.py", "envelope.py", "schemas.py", "routes/sessions.py", "__main__.py"}


def tree_of(module):
    return ast.parse((ROOM / module).read_text())


def imports(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def file_calls(tree):
    """Calls by which a file could be opened, made, changed or removed, whatever they are called on."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in FILE_CALLS:
                yield f"{node.lineno}: {name}"


@pytest.mark.parametrize("module", [name for name in MODULES if name not in {WRITER, LOCKER}])
def test_no_module_but_the_recorder_touches_files(module):
    """Directories may be made (mkdir); files may not be opened, by any name of opening."""
    assert list(file_calls(tree_of(module))) == []


def test_the_locker_opens_one_file_that_is_no_log():
    tree = tree_of(LOCKER)
    opened = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "open"
    ]

    assert len(opened) == 1
    assert ast.unparse(opened[0].args[0]) == "root / LOCK_NAME"
    assert "jsonl" not in (ROOM / LOCKER).read_text()


def test_the_recorder_only_appends():
    source = (ROOM / WRITER).read_text()
    names = {node.attr for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Attribute)}

    assert "O_APPEND" in names
    assert names.isdisjoint(
        {"O_TRUNC", "write_text", "write_bytes", "lseek", "pwrite", "rename", "replace", "unlink"}
    )


def test_one_function_hands_events_to_the_recorder():
    callers = [
        (module, function.name)
        for module in MODULES
        for function in ast.walk(tree_of(module))
        if isinstance(function, ast.FunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "schema_recorder.append_event"
    ]
    assert callers == [("repository.py", "append_event")]


@pytest.mark.parametrize("module", MODULES)
def test_who_may_import_what(module):
    found = set(imports(tree_of(module)))
    roots = {name.split(".")[0] for name in found}

    if module in PURE:
        allowed = {"os"} if module == "config.py" else set()
        assert roots & (FRAMEWORKS | INPUT_OUTPUT) <= allowed
    if module not in FRAMEWORK_ROOMS:
        assert not roots & FRAMEWORKS
    if module == "routes/sessions.py":  # an adapter: it knows the service, not what lies under it
        assert {name for name in found if name.startswith("sessionkeeper.") and name.count(".") == 2} <= {
            "sessionkeeper.boundary.schemas",
            "sessionkeeper.boundary.service",
        }
    if module not in {"app.py", "__main__.py"}:
        assert not any(name.startswith("sessionkeeper.boundary.app") for name in found)
    assert not roots & {"boto3", "botocore", "tenacity"}


@pytest.mark.parametrize(
    "source",
    [
        "open('x.jsonl', 'a')",
        "path.open('a')",
        "Path(name).write_text('x')",
        "os.open(name, 1)",
        "io.FileIO(name)",
        "def f():\n    with log.open() as file: pass",
        "getattr(log, 'x'); log.unlink()",
    ],
)
def test_a_breach_would_be_seen(source):
    assert list(file_calls(ast.parse(source))) != []


def test_making_a_directory_is_no_breach():
    assert list(file_calls(ast.parse("path.mkdir(parents=True)"))) == []
