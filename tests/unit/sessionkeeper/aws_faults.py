"""Faults that an emulator never shows, put in on the wire by the SDK's own hooks."""

from __future__ import annotations

import json
import threading
import uuid
from collections import defaultdict, deque
from io import BytesIO

from botocore.awsrequest import AWSResponse
from botocore.exceptions import ReadTimeoutError

from sessionkeeper.data_access.connection import connect
from sessionkeeper.data_access.dynamodb_client import DynamoDBClient
from sessionkeeper.data_access.tables import TABLES, create_tables, drop_tables


PASS = object()
LOST = object()


class _Raw(BytesIO):
    def stream(self, **_options):
        yield self.read()


def answer(url, status, body, headers=None):
    """What the SDK takes for an answer of the service."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return AWSResponse(url, status, headers or {}, _Raw(data))


def refusal(code, status=400, **extra):
    """An error answer of DynamoDB."""
    return status, {
        "__type": f"com.amazonaws.dynamodb.v20120810#{code}",
        "message": f"made up: {code}",
        **extra,
    }


class Wire:
    """Between a client and its server: counts requests and answers some of them itself.

    A fault is ``PASS`` (let it through), ``LOST`` (let it through, then lose the answer) or a pair of status
    and body. One fault is used up by one request of its operation.
    """

    def __init__(self, client, service="dynamodb"):
        self._client = client
        self._faults = defaultdict(deque)
        self._lock = threading.Lock()
        self.sent = []
        self.bodies = []
        client.meta.events.register(f"before-send.{service}", self._before_send)

    def next(self, operation, *faults):
        """Queue faults for an operation."""
        self._faults[operation].extend(faults)

    def count(self, operation):
        """How many requests of an operation were sent."""
        return self.sent.count(operation)

    def _before_send(self, request, event_name, **_kwargs):
        operation = event_name.rpartition(".")[2]
        with self._lock:
            self.sent.append(operation)
            self.bodies.append(request.body)
            fault = self._faults[operation].popleft() if self._faults[operation] else PASS
        if fault is PASS:
            return None
        if fault is LOST:
            self._client._endpoint.http_session.send(request)
            raise ReadTimeoutError(endpoint_url=request.url)
        return answer(request.url, *fault)


class Waits(list):
    """Stands for sleep: writes down how long it was asked to."""

    def __call__(self, seconds):
        self.append(seconds)


class Middle:
    """Chance that always says one half."""

    def random(self):
        return 0.5


class Room:
    """The tables under a prefix of their own, a client, the wire to it and the waits it asked for."""

    def __init__(self, url, tables=TABLES):
        endpoint = url.replace("dynamodb://", "http://")
        self.endpoint = endpoint
        self._tables = tuple(tables)
        self.low_level = self.another()
        self.prefix = f"t{uuid.uuid4().hex[:10]}-"
        create_tables(self.low_level, tables, prefix=self.prefix)
        self.wire = Wire(self.low_level)
        self.waits = Waits()
        self.client = DynamoDBClient(self.low_level, prefix=self.prefix, sleep=self.waits, chance=Middle())

    def close(self):
        """Take the tables away again."""
        drop_tables(self.another(), self._tables, prefix=self.prefix)

    def another(self):
        """One more low-level client to the same server, without the wire."""
        return connect(self.endpoint, aws_access_key_id="local", aws_secret_access_key="local")


def together(count, call):
    """Make calls at one moment, one thread each; returns results and errors in order of the calls."""
    gate = threading.Barrier(count)
    results = [None] * count

    def run(number):
        gate.wait()
        try:
            results[number] = call(number)
        except Exception as error:  # noqa: BLE001 -- the test judges what each caller got
            results[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results
