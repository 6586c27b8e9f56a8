"""How a low-level client is made: one attempt for each request, short timeouts, enough connections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any


if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient as LowLevelClient


def connect(
    endpoint_url: str | None = None, *, region: str = "us-east-1", timeout: float = 5.0, **session: str
) -> LowLevelClient:
    """A low-level client that sends each request once and leaves retrying to the policy above it.

    Args:
        endpoint_url: where the server listens; None for the service of the region.
        region: region name.
        timeout: seconds to wait for a connection and for an answer.
        **session: further arguments of ``boto3.client``, such as ``aws_access_key_id``.
    """
    import boto3
    from botocore.config import Config

    settings = Config(
        retries={"total_max_attempts": 1, "mode": "standard"},
        connect_timeout=timeout,
        read_timeout=timeout,
        max_pool_connections=50,
    )
    options: dict[str, Any] = dict(session)
    client: LowLevelClient = boto3.client(
        "dynamodb", endpoint_url=endpoint_url, region_name=region, config=settings, **options
    )
    return client


def single_attempt(client: Any) -> None:
    """Make sure that a client of the SDK sends each request once.

    Args:
        client: any boto3 client.

    Raises:
        ValueError: it retries by itself, and attempts would multiply.
    """
    if dict(client.meta.config.retries or {}).get("total_max_attempts") != 1:
        raise ValueError("the low-level client must not retry by itself: set total_max_attempts to 1")
