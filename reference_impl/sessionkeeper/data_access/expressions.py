"""Expressions of a request: a placeholder for every name, so that no reserved word breaks one (K4.06)."""

from __future__ import annotations

from typing import Any

from boto3.dynamodb.conditions import ConditionBase, ConditionExpressionBuilder

from sessionkeeper.data_access.items import value_to_wire


class Expression:
    """Collects the pieces of one request, with a placeholder for every name and every value."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.values: dict[str, Any] = {}
        self._builder = ConditionExpressionBuilder()

    def condition(self, condition: ConditionBase, *, is_key: bool = False) -> str:
        """The text of a condition; its names and values join the request."""
        built = self._builder.build_expression(condition, is_key_condition=is_key)
        self.names.update(built.attribute_name_placeholders)
        self.values.update(
            {
                placeholder: value_to_wire(value)
                for placeholder, value in built.attribute_value_placeholders.items()
            }
        )
        return str(built.condition_expression)

    def name(self, attribute: str) -> str:
        """A placeholder for an attribute."""
        placeholder = f"#a{len(self.names)}"
        self.names[placeholder] = attribute
        return placeholder

    def value(self, value: object) -> str:
        """A placeholder for a value."""
        placeholder = f":a{len(self.values)}"
        self.values[placeholder] = value_to_wire(value)
        return placeholder

    def arguments(self) -> dict[str, Any]:
        """The two arguments of a request that carry names and values; absent where empty."""
        found: dict[str, Any] = {}
        if self.names:
            found["ExpressionAttributeNames"] = self.names
        if self.values:
            found["ExpressionAttributeValues"] = self.values
        return found
