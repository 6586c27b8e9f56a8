"""Every broken and every correct variant, with where it runs."""

from __future__ import annotations

from tests.race.catalogue import counters, dynamodb_designs, limits, records, sql_designs


MODULES = (limits, counters, records, sql_designs, dynamodb_designs)
BROKEN = tuple(each for module in MODULES for each in module.BROKEN)
CORRECT = tuple(each for module in MODULES for each in module.CORRECT)


def on(kind, variants):
    """The variants that run on this store."""
    return [each for each in variants if kind in each.backends]
