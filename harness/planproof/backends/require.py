"""``python -m planproof.backends.require postgres dynamodb``: start each once, or exit 3 with one line.

For scripts that must not begin what cannot be verified here. Prints one line a store on success.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from planproof.backends.finding import acquire
from planproof.backends.model import BackendKind
from planproof.errors import PlanproofError


if TYPE_CHECKING:
    from collections.abc import Sequence


USAGE = 2


def main(arguments: Sequence[str]) -> int:
    """Exit code: 0 all can be had, 2 a name is unknown, 3 one cannot be had."""
    known = [kind.value for kind in BackendKind]
    unknown = [name for name in arguments if name not in known]
    if unknown or not arguments:
        given = " ".join(unknown) or "nothing"
        print(f"planproof: name stores of {', '.join(known)}; not {given}", file=sys.stderr)
        return USAGE
    for name in arguments:
        try:
            with acquire(name) as backend:
                print(f"{name} {backend.version} ({backend.source})")
        except PlanproofError as error:
            print(f"planproof: {error} [{error.code}]", file=sys.stderr)
            return error.exit_code
        except KeyboardInterrupt:
            return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
