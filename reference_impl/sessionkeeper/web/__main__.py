"""Runs sessions over HTTP: ``python -m sessionkeeper.web --store sqlite:////var/lib/sessions.db``.

The pepper stands in the environment, never on a command line that everybody can read.
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

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
        import uvicorn

        from sessionkeeper.web import app
    except ModuleNotFoundError as error:
        sys.stderr.write(f"The service needs the package {error.name}; install sessionkeeper[service].\n")
        return _USAGE
    if options.workers > 1 and options.store.startswith("memory://"):
        sys.stderr.write("A store in memory serves one worker; use another one for more.\n")
        return _USAGE
    # Workers are processes of their own and read what to do from the environment.
    os.environ[app.STORE_VARIABLE] = options.store
    os.environ[app.NAMESPACE_VARIABLE] = options.namespace
    where = {"host": options.host, "port": options.port, "log_level": "warning"}
    try:
        # A store that is not there is told here, in one sentence, and not by every worker.
        keeper = app.Settings.of(os.environ).keeper()
        if options.workers == 1:
            uvicorn.run(app.create_app(keeper), **where)
            return 0
        keeper.store.close()
    except SessionKeeperError as error:
        sys.stderr.write(f"{error}\n")
        return _USAGE
    factory = "sessionkeeper.web.app:create_app_from_environment"
    uvicorn.run(factory, factory=True, workers=options.workers, **where)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sessionkeeper.web", description=__doc__)
    parser.add_argument("--store", default="memory://", help="address of the store, as of open_store")
    parser.add_argument("--namespace", default="", help="PostgreSQL schema or DynamoDB table prefix")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", type=int, default=8000, help="port to listen on (default: 8000)")
    parser.add_argument("--workers", type=int, default=1, help="number of processes (default: 1)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
