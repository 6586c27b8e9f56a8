"""Runs the boundary service: ``python -m sessionkeeper.boundary --store sqlite:///sessions.db``."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

from sessionkeeper.boundary.config import TIMEOUT_VARIABLE, get_timeout_seconds
from sessionkeeper.errors import SessionKeeperError


if TYPE_CHECKING:
    from collections.abc import Sequence

_USAGE = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the service until it is told to stop.

    Args:
        arguments: the command line; None for the process's own.

    Returns:
        The exit status: 0, or 2 with one sentence on the error output if it can not run so.
    """
    options = _parser().parse_args(arguments)
    try:
        from sessionkeeper.boundary import app
    except ModuleNotFoundError as error:
        sys.stderr.write(f"The service needs the package {error.name}; install sessionkeeper[service].\n")
        return _USAGE
    if options.workers > 1 and options.store.startswith(app.MEMORY):
        sys.stderr.write("A ledger in memory serves one worker; use sqlite:// or postgresql:// for more.\n")
        return _USAGE
    # Workers are processes of their own and read what to do from the environment.
    os.environ[app.STORE_VARIABLE] = options.store
    os.environ[app.LOGS_VARIABLE] = options.logs
    os.environ[app.SCHEMA_VARIABLE] = options.schema
    if options.timeout_seconds:
        os.environ[TIMEOUT_VARIABLE] = options.timeout_seconds
    try:
        get_timeout_seconds()
        _serve(options)
    except SessionKeeperError as error:
        sys.stderr.write(f"{error}\n")
        return _USAGE
    return 0


def _serve(options: argparse.Namespace) -> None:
    import uvicorn

    from sessionkeeper.boundary import app
    from sessionkeeper.boundary.ledger import open_ledger

    where = {"host": options.host, "port": options.port, "log_level": "warning"}
    if options.workers == 1:
        uvicorn.run(app.create_app_from_environment(), **where)
        return
    # A store that is not there is told here, in one sentence, and not by every worker.
    open_ledger(options.store, namespace=options.schema).close()
    factory = "sessionkeeper.boundary.app:create_app_from_environment"
    uvicorn.run(factory, factory=True, workers=options.workers, **where)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sessionkeeper.boundary", description=__doc__)
    parser.add_argument("--store", default="memory://", help="memory://, sqlite:///PATH or postgresql://...")
    parser.add_argument("--schema", default="", help="PostgreSQL schema for the ledger")
    parser.add_argument("--logs", default="logs", help="directory of the session logs (default: logs)")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", type=int, default=8000, help="port to listen on (default: 8000)")
    parser.add_argument("--workers", type=int, default=1, help="number of processes (default: 1)")
    parser.add_argument("--timeout-seconds", help="after how many seconds the system ends a session")
    return parser


if __name__ == "__main__":
    sys.exit(main())
