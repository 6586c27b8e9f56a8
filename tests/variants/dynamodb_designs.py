"""The design for DynamoDB that lets too many sessions live, and one that is right without slots.

*query_then_swap* is the first seed's: query, put below the limit, at the limit swap the oldest for the
newcomer in a transaction. The transaction guards the victim, not the count. With or without retries it
raises no error that would tell. (Counting through an index fails as well, but only where the index lags,
which DynamoDB Local's does not.)
"""

from __future__ import annotations

from tests.variants.unseated import Unseated

from sessionkeeper.errors import RaceReason
from sessionkeeper.rules import Partition
from sessionkeeper.stores.dynamodb import DynamoDBSessionStore


class QueryThenSwap(Unseated, DynamoDBSessionStore):
    """Conditional on the victim alone."""


class QueryThenSwapOne(QueryThenSwap):
    """The same, evicting exactly one: what is above the limit stays above it."""

    most = 1


class Versioned:
    """Planned writes and one more: the user's version goes up by one from what was seen."""

    def __init__(self, writes, table, key, seen):
        self._writes, self._table, self._key, self._seen = writes, table, key, seen

    def actions(self):
        update = {
            "TableName": self._table,
            "Key": self._key,
            "UpdateExpression": "SET #n = :next",
            "ConditionExpression": "attribute_not_exists(PK) OR #n = :seen",
            "ExpressionAttributeNames": {"#n": "n"},
            "ExpressionAttributeValues": {
                ":next": {"N": str(self._seen + 1)},
                ":seen": {"N": str(self._seen)},
            },
        }
        return [*self._writes.actions(), {"Update": update}]

    def reasons(self):
        return [*self._writes.reasons(), RaceReason.CONFLICT]


class VersionOnUser(Unseated, DynamoDBSessionStore):
    """A version on the user's own item, raised by every change: right without slots, with more retries."""

    def _change(self, user_id, decide, *, guest=""):
        key = {"PK": {"S": f"VERSION#{user_id}"}, "SK": {"S": "VERSION"}}
        item = self._item(key)
        sessions = self._partition(user_id)
        change, result = decide(Partition(user_id, sessions, self.block_of))
        writes = self._planned(user_id, change, sessions, [])
        self._write(user_id, Versioned(writes, self._table, key, int(item["n"]["N"]) if item else 0))
        return result


BROKEN = {"query_then_swap": QueryThenSwap, "query_then_swap_one": QueryThenSwapOne}
PLACEBO = {"version_without_slots": VersionOnUser}


def open_design(name):
    """Return an ``open_store`` for one of these designs."""
    design = (BROKEN | PLACEBO)[name]

    def open_it(url, *, clock, limit=5, namespace=""):
        return design.at(url, clock=clock, limit=limit, prefix=namespace)

    return open_it
