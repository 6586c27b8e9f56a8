"""Items as Python sees them, and as they travel: whole numbers are ``int``, other numbers ``Decimal``."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from sessionkeeper.data_access.exceptions import InvalidItemError


if TYPE_CHECKING:
    from collections.abc import Mapping

Item = dict[str, Any]

_TO_WIRE = TypeSerializer()
_FROM_WIRE = TypeDeserializer()


def to_wire(item: Mapping[str, Any]) -> dict[str, Any]:
    """An item in the form of the low-level client.

    Raises:
        InvalidItemError: a value has a type that the store does not know; a float is one, because it would
            change on its way (give an ``int`` or a ``Decimal``). Or a text can not be encoded: the service
            refuses a lone surrogate, the emulator stores it.
    """
    return {name: value_to_wire(value, name) for name, value in item.items()}


def value_to_wire(value: object, name: str = "value") -> Any:
    """One value in the form of the low-level client.

    Raises:
        InvalidItemError: see :func:`to_wire`.
    """
    try:
        _encode(value)
        return _TO_WIRE.serialize(value)
    # TypeError: unknown type; ArithmeticError: more than 38 digits, or not a finite number.
    except (TypeError, ArithmeticError, UnicodeEncodeError) as error:
        raise InvalidItemError(f"attribute {name!r} can not be stored: {error}") from error


def _encode(value: object) -> None:
    """Try whether every text within a value has an encoding."""
    if isinstance(value, str):
        value.encode()
    elif isinstance(value, dict):
        _encode([*value, *value.values()])
    elif isinstance(value, (list, tuple, set, frozenset)):
        for inner in value:
            _encode(inner)


def checked_text(name: str, value: object, *, empty: bool = False) -> str:
    """A text.

    Args:
        name: what it is, for the sentence.
        value: what was given.
        empty: whether it may be empty; no key may.

    Raises:
        InvalidItemError: it is no text, or an empty one that may not be.
    """
    if not isinstance(value, str) or not (value or empty):
        raise InvalidItemError(f"{name} must be a text" + ("" if empty else " that is not empty"))
    return value


def checked_whole(name: str, value: object) -> int:
    """A whole number from 0 on, such as a second since the epoch.

    Args:
        name: what it is, for the sentence.
        value: what was given.

    Raises:
        InvalidItemError: it is none.
    """
    if type(value) is not int or value < 0:
        raise InvalidItemError(f"{name} must be a whole number, 0 or more")
    return value


def from_wire(item: Mapping[str, Any]) -> Item:
    """An item of the low-level client as plain Python values."""
    return {name: _plain(_FROM_WIRE.deserialize(value)) for name, value in item.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else value
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if isinstance(value, set):
        return {_plain(inner) for inner in value}
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    return value
