"""The self-test passes a store that keeps its promises and fails every one that does not."""

from __future__ import annotations

import threading

import boto3
import pytest
from botocore.config import Config
from moto import mock_aws

from planproof.backends import Backend, BackendKind, selftest
from planproof.backends.selftest_dynamodb import DynamoStore, over_client
from planproof.errors import BackendUnavailableError


class Shelf:
    """A store in memory that keeps all promises; each subclass breaks one."""

    def __init__(self):
        self.lock = threading.RLock()
        self.numbers = {}
        self.names = set()
        self.tokens = set()

    def prepare(self):
        pass

    clean = close = prepare

    def client(self):
        return self

    def put_once(self, key, value):
        with self.lock:
            if key in self.names:
                return False
            self.names.add(key)
            return True

    def add(self, key):
        with self.lock:
            self.numbers[key] = self.number(key) + 1

    def enter(self, room, name, limit):
        with self.lock:
            if self.number(room) >= selftest.LIMIT:
                return False
            self.add(room)
            self.names.add(name)
            return True

    def put(self, key):
        with self.lock:
            self.names.add(key)

    def add_under_token(self, key, token):
        with self.lock:
            if token not in self.tokens:
                self.tokens.add(token)
                self.add(key)

    def number(self, key):
        return self.numbers.get(key, 0)

    def keys(self, prefix):
        return {name for name in self.names if name.startswith(prefix)}


class EverybodyWins(Shelf):
    def put_once(self, key, value):
        super().put_once(key, value)
        return True


class NobodyWins(Shelf):
    def put_once(self, key, value):
        return False


class LosesAnAddition(Shelf):
    def add(self, key):
        if self.number(key) != 7:
            super().add(key)
        elif key not in self.names:
            self.names.add(key)  # the eighth, once
        else:
            super().add(key)


class CountsWithoutWriting(Shelf):
    def enter(self, room, name, limit):
        done = super().enter(room, name, limit)
        if room == "room2":
            self.names.discard(name)
        return done


class LetsOneTooManyIn(Shelf):
    def enter(self, room, name, limit):
        with self.lock:
            if self.number(room) > selftest.LIMIT:
                return False
            self.add(room)
            self.names.add(name)
            return True


class LosesAnUnrelatedWrite(Shelf):
    def enter(self, room, name, limit):
        done = super().enter(room, name, limit)
        if not done:
            self.names -= {other for other in self.names if other.startswith("by/0/")}
        return done


class ForgetsTokens(Shelf):
    def add_under_token(self, key, token):
        self.add(key)


class Stumbles(Shelf):
    def number(self, key):
        if key == "sum":
            raise RuntimeError("dictionary changed size during iteration")
        return super().number(key)


def broken(store):
    return [probe.name for probe in selftest.run(store()).probes if not probe.passed]


def test_a_store_that_keeps_its_promises_passes():
    assert broken(Shelf) == []


@pytest.mark.parametrize(
    ("store", "promise"),
    [
        (EverybodyWins, "conditional"),
        (NobodyWins, "conditional"),
        (LosesAnAddition, "add"),
        (CountsWithoutWriting, "transaction"),
        (LetsOneTooManyIn, "transaction"),
        (LosesAnUnrelatedWrite, "transaction"),
        (ForgetsTokens, "token"),
        (Stumbles, "add"),
    ],
)
def test_a_broken_promise_fails_its_probe_and_no_other(store, promise):
    assert broken(store) == [promise]


def test_no_probes_is_no_pass():
    assert not selftest.SelfTest(()).passed


def test_moto_in_this_process_fails_and_the_reason_is_told():
    with mock_aws():
        client = boto3.client(
            "dynamodb",
            region_name="us-east-1",
            aws_access_key_id="x",
            aws_secret_access_key="x",
            config=Config(max_pool_connections=20, retries={"total_max_attempts": 1}),
        )
        result = selftest.run(DynamoStore(over_client(client), "moto_"))
    assert not result.passed
    assert "token: one request sent twice under its token came to 2" in result.reason


def test_moto_in_this_process_is_refused_for_races():
    moto = Backend(BackendKind.DYNAMODB, "dynamodb://moto", "5", "embedded", emulated=True)
    with pytest.raises(BackendUnavailableError) as caught:
        selftest.require_trust(moto)
    assert "makes correct code fail and hides real conflicts" in str(caught.value)
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("kind", [BackendKind.MEMORY, BackendKind.SQLITE])
def test_embedded_stores_are_trusted(kind):
    selftest.require_trust(Backend(kind, f"{kind}://"))
