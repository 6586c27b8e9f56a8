"""What a fault is: where it strikes, and what it does there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar


if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from planproof.race.faults.injector import Injector


@dataclass(frozen=True, slots=True)
class Point:
    """A call that is about to reach the store.

    Attributes:
        store: ``postgres``, ``sqlite`` or ``dynamodb``.
        operation: the first word of the SQL (``COMMIT``), or the API operation (``PutItem``).
        text: the SQL, or what people see of the request.
        client: who calls.
        connection: the driver's connection; None for DynamoDB.
        request: the prepared HTTP request; None for SQL.
        body: what it says.
    """

    store: str
    operation: str
    text: str
    client: int
    connection: Any = None
    request: Any = None
    body: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Something that goes wrong; subclass it and write ``strike``.

    Attributes:
        client: whom it hits; None for anybody.
        nth: the matching call at which it strikes first, from 1.
        times: how many matching calls in a row it hits.
    """

    client: int | None = None
    nth: int = 1
    times: int = 1

    store: ClassVar[str] = ""
    needs_proxy: ClassVar[bool] = False

    @property
    def name(self) -> str:
        """For the certificate and the time line."""
        return type(self).__name__

    def matches(self, point: Point) -> bool:
        """Whether it could strike here."""
        return not self.store or point.store == self.store

    def begin(self, injector: Injector) -> None:
        """A schedule begins; for what is not tied to a call."""

    def strike(self, point: Point, proceed: Callable[[], Any], injector: Injector) -> Any:
        """Do it: call ``proceed`` (the real call) before, after or not at all, and return or raise."""
        raise NotImplementedError
