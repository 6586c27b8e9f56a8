"""Data access on DynamoDB (requirement rows S4.*): tables, a client, three repositories, exceptions.

Importing this package loads no SDK: boto3 belongs to the extra ``dynamodb`` and is loaded by the modules
that talk to a table, aws-cdk-lib belongs to the extra ``infrastructure`` and is loaded by ``stack``.

Layers, lowest first: ``exceptions`` and ``backoff``, ``tables``, ``dynamodb_client``, the repositories.
"""
