"""Prints the tables of docs/reference/variants.md: what the watcher sees of every design, right and wrong.

    PYTHONPATH=harness:reference_impl:. python -m tests.variants.measure [designs] [load]

The servers are those that planproof finds or starts; a kind that is not to be had is left out and said so.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
import uuid
from pathlib import Path

from tests.reference.load import run
from tests.variants import dynamodb_designs, eviction, postgres_designs, sqlite_designs

from planproof.backends import acquire
from planproof.backends.model import BackendKind
from planproof.errors import BackendUnavailableError
from sessionkeeper import open_store


CLIENTS = 8
LOGINS = {"memory": 200, "sqlite": 60, "postgres": 60, "dynamodb": 12}
DESIGNS = {"sqlite": sqlite_designs, "postgres": postgres_designs, "dynamodb": dynamodb_designs}


def openers(kind):
    """Every design of one kind: name, opener, what it is meant to be."""
    yield "sessionkeeper", open_store, "correct"
    if kind in {"memory", "sqlite"}:
        for name in eviction.VARIANTS:
            yield name, eviction.open_variant(name), "broken" if name in eviction.BROKEN else "placebo"
    module = DESIGNS.get(kind)
    for name in (*module.BROKEN, *module.PLACEBO) if module else ():
        yield name, module.open_design(name), "broken" if name in module.BROKEN else "placebo"


@contextlib.contextmanager
def served(kind):
    """The address of an empty store of this kind."""
    if kind == "memory":
        yield "memory://"
    elif kind == "sqlite":
        with tempfile.TemporaryDirectory() as folder:
            yield f"sqlite:///{Path(folder) / 'sessions.db'}"
    else:
        with acquire(BackendKind(kind)) as backend:
            yield backend.url


def measure(kind):
    """Print the rows of one kind."""
    for name, opener, meant in openers(kind):
        with served(kind) as url:
            namespace = f"m{uuid.uuid4().hex[:10]}"
            report = run(
                opener, url, namespace=namespace, users=("ann",), clients=CLIENTS, logins=LOGINS[kind]
            )
        asked, made = CLIENTS * LOGINS[kind], len(report.acknowledged)
        print(
            f"| {kind} | {name} | {meant} | {report.observed} | {report.at_the_end} | {made}/{asked}"
            f" | {report.races / max(1, made):.2f} | {made / report.seconds:.0f} |",
            flush=True,
        )


def load(kind):
    """Print what the reference implementation does under load: many clients on one user, and on four."""
    for clients, users in ((16, ("ann",)), (8, ("ann", "bob", "carol", "dave"))):
        logins = LOGINS[kind] * 5 // 6 if kind != "memory" else LOGINS[kind]
        with served(kind) as url:
            namespace = f"m{uuid.uuid4().hex[:10]}"
            report = run(
                open_store,
                url,
                namespace=namespace,
                users=users,
                clients=clients,
                logins=logins,
                attempts=400,
            )
        asked, made = clients * logins, len(report.acknowledged)
        print(
            f"| {kind} | {clients} on {len(users)} | {made}/{asked} | {report.observed} | {report.glances}"
            f" | {report.history} | {len(report.live)} + {len(report.blocked)} | {report.opened}"
            f" | {report.races / max(1, made):.2f} | {'; '.join(report.wrongs())} |",
            flush=True,
        )


DESIGN_COLUMNS = (
    "store, design, meant to be, most seen, at the end, acknowledged, races lost each, per second"
)
LOAD_COLUMNS = (
    "store, clients on users, acknowledged, most seen, glances, by history, live + blocked, opened,"
    " races lost each, wrong"
)
TABLES = {"designs": (measure, DESIGN_COLUMNS), "load": (load, LOAD_COLUMNS)}


def main(names):
    """Print the tables of these names."""
    sys.setswitchinterval(5e-6)
    for table, columns in (TABLES[name] for name in names):
        cells = [cell.strip() for cell in columns.split(",")]
        print(f"\n| {' | '.join(cells)} |\n{'|---' * len(cells)}|")
        for kind in LOGINS:
            try:
                table(kind)
            except BackendUnavailableError as error:
                print(f"| {kind} | not to be had: {error.message} {'|' * (len(cells) - 1)}")


if __name__ == "__main__":
    main(sys.argv[1:] or tuple(TABLES))
