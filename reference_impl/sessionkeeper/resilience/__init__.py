"""Resilience (requirement rows S3.*): retries, a limit in one transaction, a cache that falls back.

Importing this package loads no SDK: boto3 and tenacity belong to the extra ``dynamodb``.
"""
