"""The three tables as an infrastructure stack (AWS CDK), built from the same definition (S4.2.1).

Needs the extra ``infrastructure`` and Node.js. ``python -m sessionkeeper.data_access.stack DIRECTORY`` writes
the cloud assembly, ready for ``cdk deploy --app DIRECTORY``.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from aws_cdk import App, RemovalPolicy, Stack, aws_dynamodb

from sessionkeeper.data_access.tables import TABLES, IndexDefinition, TableDefinition, physical_name


if TYPE_CHECKING:
    from collections.abc import Iterable

    from constructs import Construct

STACK_NAME = "SessionManagementStack"


class SessionManagementStack(Stack):
    """A stack that holds a table for each definition.

    Tables are kept when the stack goes, because what they hold can not be made again.

    Args:
        scope: the app that it belongs to.
        name: its id within the app.
        tables: which tables.
        prefix: goes before every table name.
    """

    def __init__(
        self,
        scope: Construct,
        name: str = STACK_NAME,
        *,
        tables: Iterable[TableDefinition] = TABLES,
        prefix: str = "",
    ) -> None:
        super().__init__(scope, name)
        for table in tables:
            self._add(table, prefix)

    def _add(self, table: TableDefinition, prefix: str) -> None:
        sort_key = _string(table.sort_key) if table.sort_key else None
        built = aws_dynamodb.Table(
            self,
            f"{table.name}Table",
            table_name=physical_name(table, prefix),
            partition_key=_string(table.partition_key),
            sort_key=sort_key,
            billing_mode=aws_dynamodb.BillingMode.PAY_PER_REQUEST,
            time_to_live_attribute=table.ttl_attribute,
            removal_policy=RemovalPolicy.RETAIN,
        )
        for index in table.indexes:
            _add_index(built, index)


def _add_index(table: aws_dynamodb.Table, index: IndexDefinition) -> None:
    table.add_global_secondary_index(
        index_name=index.name,
        partition_key=_string(index.partition_key),
        sort_key=_string(index.sort_key),
        projection_type=aws_dynamodb.ProjectionType.ALL,
    )


def _string(name: str) -> aws_dynamodb.Attribute:
    return aws_dynamodb.Attribute(name=name, type=aws_dynamodb.AttributeType.STRING)


def synthesise(outdir: str | None = None, *, prefix: str = "") -> dict[str, Any]:
    """Render the stack; returns its CloudFormation template.

    Args:
        outdir: directory for the cloud assembly; None for a temporary one.
        prefix: goes before every table name.
    """
    app = App(outdir=outdir)
    stack = SessionManagementStack(app, prefix=prefix)
    template: dict[str, Any] = app.synth().get_stack_by_name(stack.stack_name).template
    return template


if __name__ == "__main__":
    synthesise(sys.argv[1] if len(sys.argv) > 1 else "cdk.out")
