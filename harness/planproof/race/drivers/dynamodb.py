"""DynamoDB through botocore.

Every HTTP request is a step, the ones that the SDK repeats by itself included.
"""

from __future__ import annotations

import contextlib
import json
import time
from typing import TYPE_CHECKING, Any

from planproof.errors import WorkloadError
from planproof.race.faults.fault import Point
from planproof.race.faults.injector import through
from planproof.race.recording import note_call
from planproof.race.schedules.scheduler import current
from planproof.race.schedules.step import Step


if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


_now = time.monotonic_ns
_TARGET = "DynamoDB_20120810."
_READS = frozenset(
    {"GetItem", "Query", "Scan", "BatchGetItem", "TransactGetItems", "DescribeTable", "ListTables"}
)


def operation_of(request: Any) -> str:
    """``PutItem`` and so on; empty for what is not DynamoDB's."""
    target = request.headers.get("X-Amz-Target", "")
    text = target.decode() if isinstance(target, bytes) else str(target)
    return text.removeprefix(_TARGET) if text.startswith(_TARGET) else ""


def body_of(request: Any) -> dict[str, Any]:
    """What the request says; empty where it is not JSON."""
    try:
        found = json.loads(request.body or b"{}")
    except (TypeError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def step_of(operation: str, body: Mapping[str, Any]) -> Step:
    """What a request touches: tables, since without the schema a key cannot be told from other attributes."""
    tables = frozenset(_tables(body)) or frozenset({"*"})
    label = f"{operation} {' '.join(sorted(tables))}"
    if operation in _READS:
        return Step("http", label, reads=tables)
    return Step("http", label, reads=tables, writes=tables)


def _tables(value: Any) -> Iterator[str]:
    """Every table named anywhere in a request."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "TableName" and isinstance(inner, str):
                yield inner
            elif key == "RequestItems" and isinstance(inner, dict):
                yield from inner
            else:
                yield from _tables(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _tables(inner)


def _make_send(real: Callable[..., Any]) -> Callable[..., Any]:
    def send(self: Any, request: Any) -> Any:
        operation = operation_of(request)
        if not operation:
            return real(self, request)
        control, body = current(), body_of(request)
        if control is not None:
            control[0].call(control[1], step_of(operation, body))
        begin, note = _now(), "no reply"
        try:
            with contextlib.nullcontext() if control is None else control[0].in_store(control[1]):
                response = through(
                    lambda client: Point(
                        "dynamodb", operation, operation, client, request=request, body=body
                    ),
                    lambda: real(self, request),
                )
            note = str(response.status_code)
            if response.status_code >= 400:  # noqa: PLR2004 - HTTP's line between success and error
                note = _error_of(response) or note
        finally:
            note_call("http", operation, begin, note)
        return response

    return send


def _error_of(response: Any) -> str:
    with contextlib.suppress(ValueError, TypeError, AttributeError):
        return str(json.loads(response.content).get("__type", "")).rpartition("#")[2]
    return ""


@contextlib.contextmanager
def controlled_dynamodb() -> Iterator[None]:
    """While this lasts, requests to DynamoDB are recorded, and are steps in controlled clients.

    Raises:
        WorkloadError: botocore is not installed.
    """
    try:
        from botocore.httpsession import URLLib3Session
    except ImportError as error:
        raise WorkloadError(
            "races on DynamoDB see the calls of botocore, which is not installed: pip install "
            "'planproof[dynamodb]'"
        ) from error

    session: Any = URLLib3Session
    real = session.send
    session.send = _make_send(real)
    try:
        yield
    finally:
        session.send = real
