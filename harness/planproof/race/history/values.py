"""Values that a history can hold: JSON's, frozen so that they can be compared and hashed."""

from __future__ import annotations

import base64
import dataclasses
import enum
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import PurePath
from typing import Any, Final
from uuid import UUID


class _Unknown(enum.Enum):
    """The one value that stands for a result that nobody saw."""

    UNKNOWN = "unknown"

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = _Unknown.UNKNOWN
"""The result of an operation whose reply was lost; models must accept it."""

_WRITTEN_AS_TEXT = (UUID, Decimal, datetime, date, time, PurePath)


def plain(value: Any) -> Any:  # noqa: PLR0911 - a table of types
    """The JSON form of a value that ``json`` does not know.

    Sets become sorted lists, bytes base64 text, dataclasses mappings, enums their value; times, UUIDs,
    decimals and paths their text.

    Args:
        value: what an operation took or returned.

    Raises:
        TypeError: it has no such form.
    """
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, AbstractSet):
        return sorted(value, key=lambda item: (type(item).__name__, repr(item)))
    if isinstance(value, bytes | bytearray):
        return base64.b64encode(value).decode("ascii")
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, _WRITTEN_AS_TEXT):
        return str(value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"a value of type {type(value).__name__} cannot be recorded")


def frozen(value: Any) -> Any:
    """The hashable form in which models see a value: lists are tuples, mappings sorted pairs.

    Args:
        value: a JSON value, or anything that :func:`plain` takes.

    Raises:
        TypeError: the value cannot be recorded.
    """
    if value is None or (isinstance(value, str | int | float) and not isinstance(value, enum.Enum)):
        return value
    if isinstance(value, list | tuple):
        return tuple([frozen(item) for item in value])
    if isinstance(value, Mapping):
        return tuple(sorted((str(key), frozen(item)) for key, item in value.items()))
    if value is UNKNOWN:
        return value
    return frozen(plain(value))
