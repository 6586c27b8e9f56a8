"""The session limit on DynamoDB: a transaction that guards the victim, and slots that cannot overflow."""

from __future__ import annotations

import itertools
from typing import ClassVar

from tests.race.catalogue.base import Refused

from planproof.backends import BackendKind
from planproof.race import Workload, call, invariant, operation, parallel


LIMIT = 2


class OnDynamoDB(Workload):
    """One table; a user's sessions are one partition, so that the count is a consistent read."""

    backends: ClassVar = (BackendKind.DYNAMODB,)
    clients: ClassVar = 2
    steps: ClassVar = 1
    reuse: ClassVar = True
    expected: ClassVar = (Refused,)
    scenarios: ClassVar = (parallel(call("login"), call("login")),)
    already: ClassVar = LIMIT - 1

    def open(self, backend):
        import boto3
        from botocore.config import Config

        self.table = f"{backend.namespace}_sessions"
        client = boto3.client(
            "dynamodb",
            endpoint_url=backend.url.replace("dynamodb://", "http://"),
            region_name="eu-central-1",
            aws_access_key_id="x",
            aws_secret_access_key="x",
            config=Config(retries={"total_max_attempts": 1}),
        )
        keys = ("pk", "HASH"), ("sk", "RANGE")
        client.create_table(
            TableName=self.table,
            KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name, _ in keys],
            BillingMode="PAY_PER_REQUEST",
        )
        return client

    def close(self, system):
        system.delete_table(TableName=self.table)

    def setup(self, system):
        for item in system.scan(TableName=self.table, ConsistentRead=True)["Items"]:
            system.delete_item(TableName=self.table, Key={"pk": item["pk"], "sk": item["sk"]})
        self.numbers = itertools.count()
        for _ in range(self.already):
            self.admit(system, f"s{next(self.numbers):03}")

    @operation
    def login(self, system):
        self.admit(system, f"s{next(self.numbers):03}")

    def live(self, system):
        found = system.query(
            TableName=self.table,
            KeyConditionExpression="pk = :u",
            ExpressionAttributeValues={":u": {"S": "ann"}},
            ConsistentRead=True,
        )
        return [item["sk"]["S"] for item in found["Items"]]

    def swap(self, system, old, new):
        """Delete one, put one; refused where the old one is gone."""
        delete = {"Key": key(old), "TableName": self.table, "ConditionExpression": "attribute_exists(pk)"}
        put = {"Item": key(new), "TableName": self.table}
        try:
            system.transact_write_items(TransactItems=[{"Delete": delete}, {"Put": put}])
        except system.exceptions.TransactionCanceledException as error:
            raise Refused from error

    @invariant
    def never_over_the_limit(self, system):
        held = self.live(system)
        assert len(held) <= LIMIT, f"ann holds {len(held)} live sessions, limit {LIMIT}"


def key(session):
    return {"pk": {"S": "ann"}, "sk": {"S": session}}


class TransactionGuardsTheVictim(OnDynamoDB):
    """Query; a plain put below the limit, a transaction at the limit."""

    def admit(self, system, session):
        held = self.live(system)
        if len(held) < LIMIT:
            system.put_item(TableName=self.table, Item=key(session))
        else:
            self.swap(system, held[0], session)


class TransactionGuardsTheVictimAndRetries(TransactionGuardsTheVictim):
    """The same, tried again when the victim is gone: wrong without a single error."""

    def admit(self, system, session):
        for _ in range(4):
            try:
                super().admit(system, session)
            except Refused:
                continue
            return
        raise Refused


class SlotItems(OnDynamoDB):
    """Correct by construction: two slots, each taken by a condition on who sat there."""

    def admit(self, system, session):
        slots = {name: self.sitting(system, name) for name in ("slot0", "slot1")}
        name = min(slots, key=lambda each: slots[each] or "")
        condition = "attribute_not_exists(sid)" if slots[name] is None else "sid = :old"
        values = {} if slots[name] is None else {"ExpressionAttributeValues": {":old": {"S": slots[name]}}}
        try:
            system.put_item(
                TableName=self.table,
                Item={**key(name), "sid": {"S": session}},
                ConditionExpression=condition,
                **values,
            )
        except system.exceptions.ConditionalCheckFailedException as error:
            raise Refused from error

    def sitting(self, system, name):
        item = system.get_item(TableName=self.table, Key=key(name), ConsistentRead=True).get("Item", {})
        return item.get("sid", {"S": None})["S"]


BROKEN = (TransactionGuardsTheVictim, TransactionGuardsTheVictimAndRetries)
CORRECT = (SlotItems,)
