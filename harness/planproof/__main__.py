"""The ``planproof`` command. Answers ``--version`` before anything else is imported."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command line on ``sys.argv`` and return the exit code."""
    if sys.argv[1:] == ["--version"]:
        from planproof import __version__

        sys.stdout.write(f"planproof {__version__}\n")
        return 0
    from planproof.interfaces.cli.main import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
