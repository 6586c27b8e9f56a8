"""DynamoDB Local: is it one, and a table prefix of one's own in it. Plain HTTP, so no SDK is needed."""

from __future__ import annotations

import http.client
import json
import secrets
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from planproof.backends.servers import Told
from planproof.backends.waiting import NotYetError
from planproof.errors import BackendUnavailableError


if TYPE_CHECKING:
    from collections.abc import Iterator


PREFIX = "planproof_"
TARGET = "DynamoDB_20120810"
# DynamoDB Local wants a signature and reads nothing from it; these are no secrets.
KEY = "planproof"
AUTHORIZATION = (
    f"AWS4-HMAC-SHA256 Credential={KEY}/20260101/us-east-1/dynamodb/aws4_request, "
    "SignedHeaders=host;x-amz-date;x-amz-target, Signature=0"
)


class RefusedError(Exception):
    """The server answered with an error; ``code`` is its short name."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


def address(url: str) -> tuple[str, int]:
    """Host and port of ``dynamodb://HOST:PORT`` or ``http://HOST:PORT``.

    Raises:
        BackendUnavailableError: it is not such a URL. Addresses of the real service are refused, so that
            no test can ever write to somebody's account.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in {"http", "dynamodb"} or not parts.hostname or port is None:
        raise BackendUnavailableError(
            f"{url!r} is not the address of a DynamoDB Local; it looks like http://127.0.0.1:8000"
        )
    if parts.hostname.endswith((".amazonaws.com", ".aws", ".amazonaws.com.cn")):
        raise BackendUnavailableError(f"{url!r} is the real service; races run on DynamoDB Local only")
    return parts.hostname, port


def call(url: str, operation: str, payload: dict[str, Any] | None = None, *, seconds: float = 10.0) -> Any:
    """One request of the DynamoDB API and its answer.

    Raises:
        RefusedError: the service answered with an error of its own.
        OSError: nothing listens there, or it went away.
        ValueError: what came back is not JSON.
        http.client.HTTPException: what came back is not HTTP.
    """
    host, port = address(url)
    headers = {
        "Content-Type": "application/x-amz-json-1.0",
        "X-Amz-Target": f"{TARGET}.{operation}",
        "X-Amz-Date": "20260101T000000Z",
        "Authorization": AUTHORIZATION,
    }
    status, body = _post(host, port, json.dumps(payload or {}), headers, seconds)
    answer = json.loads(body)
    if status != http.HTTPStatus.OK:
        if not isinstance(answer, dict) or "__type" not in answer:
            raise ValueError(f"HTTP status {status}")
        raise RefusedError(
            str(answer["__type"]).rsplit("#", 1)[-1], str(answer.get("message") or answer.get("Message"))
        )
    return answer


def _post(host: str, port: int, body: str, headers: dict[str, str], seconds: float) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(host, port, timeout=seconds)
    try:
        connection.request("POST", "/", body=body, headers=headers)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def ask(url: str, *, seconds: float = 5.0) -> Told:
    """What the server at ``url`` says of itself; DynamoDB Local does not tell its version over HTTP.

    Raises:
        NotYetError: nothing answers there yet.
        BackendUnavailableError: what answers is not DynamoDB.
    """
    try:
        answer = call(url, "ListTables", seconds=seconds)
    except socket.gaierror as error:
        raise BackendUnavailableError(f"there is no host of the name in {url}") from error
    except OSError as error:
        raise NotYetError(f"{error.strerror or error}") from error
    except (ValueError, http.client.HTTPException, RefusedError) as error:
        raise BackendUnavailableError(
            f"what listens at {url} is not DynamoDB: its answer to ListTables is {_quoted(error)}"
        ) from error
    if not isinstance(answer, dict) or not isinstance(answer.get("TableNames"), list):
        raise BackendUnavailableError(f"what listens at {url} is not DynamoDB: ListTables lists no tables")
    return Told("", emulated=_is_moto(url, seconds))


def _quoted(error: Exception) -> str:
    return f"not JSON ({error})" if isinstance(error, ValueError) else f"{error!s}"[:120]


def _is_moto(url: str, seconds: float) -> bool:
    """Whether moto answers there: it has a page of its own that the real thing has not."""
    host, port = address(url)
    connection = http.client.HTTPConnection(host, port, timeout=seconds)
    try:
        connection.request("GET", "/moto-api/data.json")
        response = connection.getresponse()
        response.read()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return response.status == http.HTTPStatus.OK


def tables(url: str) -> Iterator[str]:
    """Names of all tables there."""
    start: dict[str, str] = {}
    while True:
        answer = call(url, "ListTables", start)
        yield from answer["TableNames"]
        if "LastEvaluatedTableName" not in answer:
            return
        start = {"ExclusiveStartTableName": answer["LastEvaluatedTableName"]}


@contextmanager
def own_prefix(url: str) -> Iterator[str]:
    """A prefix that no other user's tables have; tables with it are deleted at the end, no others."""
    prefix = f"{PREFIX}{secrets.token_hex(6)}_"
    try:
        yield prefix
    finally:
        try:
            for name in [name for name in tables(url) if name.startswith(prefix)]:
                call(url, "DeleteTable", {"TableName": name})
        except (OSError, ValueError, http.client.HTTPException, RefusedError):
            pass  # the server is gone, and what it held with it
