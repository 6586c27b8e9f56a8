"""What the environment may say about stores."""

from __future__ import annotations

from pathlib import Path

import pytest

from planproof.backends.settings import SOURCES, Settings
from planproof.errors import ConfigError


def test_nothing_said_means_official_images_and_no_consent():
    settings = Settings.of({})
    assert settings.postgres_image == "postgres:16-alpine"
    assert settings.dynamodb_image.startswith("amazon/dynamodb-local:")
    assert settings.sources == SOURCES == ("environment", "container", "program")
    assert not settings.consent


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PLANPROOF_DYNAMODB", "accept-licence"),
        ("PLANPROOF_DYNAMODB_URL", "http://127.0.0.1:8000"),
        ("PLANPROOF_DYNAMODB_JAR", "/x/DynamoDBLocal.jar"),
        ("PLANPROOF_DYNAMODB_IMAGE", "ours/dynamodb-local:1"),
    ],
)
def test_who_names_a_dynamodb_local_has_opted_in(name, value):
    assert Settings.of({name: value}).consent


@pytest.mark.parametrize("name", ["PLANPROOF_DYNAMODB_URL", "PLANPROOF_POSTGRES_IMAGE", "PATH"])
def test_empty_is_as_good_as_absent(name):
    assert not Settings.of({name: ""}).consent
    assert Settings.of({name: ""}).postgres_image == "postgres:16-alpine"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PLANPROOF_DYNAMODB", "yes"),
        ("PLANPROOF_BACKEND_SOURCES", "container,magic"),
        ("PLANPROOF_BACKEND_SOURCES", " , "),
        ("PLANPROOF_BACKEND_START_SECONDS", "soon"),
        ("PLANPROOF_BACKEND_START_SECONDS", "0"),
        ("PLANPROOF_BACKEND_START_SECONDS", "nan"),
        ("PLANPROOF_BACKEND_START_SECONDS", "1e9"),
    ],
)
def test_a_value_that_makes_no_sense_is_named(name, value):
    with pytest.raises(ConfigError, match=f"{name} is '{value}'"):
        Settings.of({name: value})


def test_rungs_are_tried_in_the_order_given():
    settings = Settings.of({"PLANPROOF_BACKEND_SOURCES": "program, container"})
    assert settings.sources == ("program", "container")


def test_paths_are_paths():
    settings = Settings.of({"PLANPROOF_DYNAMODB_JAR": "/x/y.jar", "PLANPROOF_BACKENDS_ROOM": "/r"})
    assert settings.dynamodb_jar == Path("/x/y.jar")
    assert settings.room == Path("/r")
