"""Every job of this project, each with the one command that CI runs too."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import nox


PYPROJECT = nox.project.load_toml("pyproject.toml")
PYTHONS = nox.project.python_versions(PYPROJECT)
NOT_HERE = 3
REFERENCE = "./reference_impl[service,dynamodb]"

nox.needs_version = ">=2025.2.9"
nox.options.sessions = ["verify", "tests"]
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_existing_virtualenvs = True
# A Python that is not here is left out and named, also in CI.
nox.options.error_on_missing_interpreters = False


def group(*names: str) -> list[str]:
    """The requirements of some dependency groups."""
    return list(nox.project.dependency_groups(PYPROJECT, *names))


@nox.session
def verify(session: nox.Session) -> None:
    """The main job: read plans/, run what specs/ binds on the embedded backends, judge, gate."""
    session.install("-e", ".", "-e", REFERENCE, *group("verify"))
    session.run("planproof", "verify", *(session.posargs or ["plans"]))


@nox.session
def verify_stores(session: nox.Session) -> None:
    """The main job on PostgreSQL and DynamoDB Local too, where they are to be had."""
    session.install("-e", ".[postgres,dynamodb]", "-e", REFERENCE, *group("verify"))
    session.run("planproof", "verify", *(session.posargs or ["plans"]), "--backend", "all")


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """The suite; what needs a server that is not here is skipped and listed."""
    session.install("-e", ".", "-e", REFERENCE, *group("test"))
    # Stores, the browser and what takes long behave alike under every Python: the one that runs nox has all.
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    only = [] if session.python in {here, None} else ["-m", "not (postgres or dynamodb or browser or slow)"]
    session.run("pytest", "-n", "auto", *only, *session.posargs)


@nox.session
def backends(session: nox.Session) -> None:
    """What needs PostgreSQL or DynamoDB Local; exits 3 and says what is missing where there is no engine."""
    session.install("-e", ".[postgres,dynamodb]", "-e", REFERENCE, *group("test"))
    try:
        session.run("python", "-m", "planproof.backends.require", "postgres", "dynamodb")
    except nox.command.CommandFailed:
        raise SystemExit(NOT_HERE) from None
    session.run("pytest", "-n", "auto", "-m", "postgres or dynamodb", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Ruff, formatter included."""
    session.install(*[name for name in group("verify") if name.startswith("ruff")])
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def typing(session: nox.Session) -> None:
    """Mypy, strict, on the tool, the reference implementation and the typing contract."""
    session.install("-e", ".", "-e", REFERENCE, *group("test", "typing"))
    session.run("mypy")
    session.run("mypy", "--strict", "tests/typing")


@nox.session
def wheel(session: nox.Session) -> None:
    """Build the wheel, install it alone, and use it on a plan."""
    session.install("build")
    out = Path(session.create_tmp())
    shutil.rmtree(out / "dist", ignore_errors=True)
    session.run("python", "-m", "build", "--outdir", str(out / "dist"), silent=True)
    built = next((out / "dist").glob("*.whl"))
    session.install("--force-reinstall", str(built))
    session.run("planproof", "--version")
    session.run("planproof", "show", "plans", silent=True)


@nox.session
def docs(session: nox.Session) -> None:
    """Every link and every command in the manual works."""
    session.install("-e", ".", "-e", REFERENCE, *group("test"))
    session.run("pytest", "tests/unit/test_docs.py", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Ratios against named rivals, both sides in one run. Never a gate."""
    session.install("-e", ".[all]", "-e", REFERENCE, *group("bench"))
    targets = session.posargs or ["tests/bench"]
    session.run("pytest", "-p", "no:xdist", "-o", "norecursedirs=", *targets, env={**os.environ})
