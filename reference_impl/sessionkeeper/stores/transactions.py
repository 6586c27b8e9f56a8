"""One DynamoDB transaction: putting it together, and understanding why it was cancelled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError, ParamValidationError

from sessionkeeper.data_access.transient import CONFLICTS, THROTTLES
from sessionkeeper.errors import (
    InvalidInputError,
    RaceReason,
    SessionKeeperError,
    SessionLimitRaceError,
    StoreDefectError,
    StoreUnavailableError,
)
from sessionkeeper.stores.items import UNFIT, Item, block_key_of, pointer_key, session_item, slot_key


if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessionkeeper.model import Session


_ABSENT: Final = {"ConditionExpression": "attribute_not_exists(PK)"}

# A transaction that is still running counts as one that came first: the next look shows what became of it.
_FIRST: Final = CONFLICTS | {"TransactionInProgressException"}
_DEFECT: Final = {
    "ValidationError",
    "ValidationException",
    "ItemCollectionSizeLimitExceeded",
    "IdempotentParameterMismatchException",
}
_FIRST_SERVER_ERROR: Final = 500


class Writes:
    """The actions of one transaction, each conditional on what was seen.

    Args:
        table: name of the table.
        seen: the sessions that the change rests on.
    """

    def __init__(self, table: str, seen: Sequence[Session]) -> None:
        self._table = table
        self._seats = {(each.user_id, each.slot): each for each in seen}
        self._known = {each.session_id: each for each in seen}
        self._slots: dict[tuple[str, int], tuple[str, Item]] = {}
        self._others: list[tuple[Item, RaceReason]] = []

    def seat(self, session: Session) -> None:
        """Write a session into its slot; the place that it had before, if another, is given up."""
        self._slots[session.user_id, session.slot] = ("Put", {"Item": session_item(session)})
        before = self._known.get(session.session_id)
        if before is None:
            pointer = {**pointer_key(session.session_id), "user_id": {"S": session.user_id}}
            self._other("Put", {"Item": pointer, **_ABSENT}, RaceReason.CONFLICT)
        elif before.slot != session.slot:
            self._vacate(before)

    def remove(self, session: Session) -> None:
        """Take a session out of its slot, and what points to it with it."""
        self._vacate(session)
        self._other("Delete", {"Key": pointer_key(session.session_id)}, RaceReason.CONFLICT)

    def _vacate(self, session: Session) -> None:
        key = (session.user_id, session.slot)
        self._slots.setdefault(key, ("Delete", {"Key": slot_key(*key)}))

    def block(self, item: Item) -> None:
        """Add a blocklist entry."""
        self._other("Put", {"Item": item, **_ABSENT}, RaceReason.EVICTED_MEANWHILE)

    def check_unblocked(self, token_hash: str) -> None:
        """Make sure that a refresh token is still not blocked."""
        self._other("ConditionCheck", {"Key": block_key_of(token_hash), **_ABSENT}, RaceReason.CONFLICT)

    def check_rest(self, user_id: str, limit: int) -> None:
        """Make sure that the slots which the change leaves alone still hold whom they held."""
        highest = max((slot for user, slot in self._seats if user == user_id), default=0)
        for slot in range(max(limit, highest + 1)):
            key = (user_id, slot)
            self._slots.setdefault(key, ("ConditionCheck", {"Key": slot_key(*key)}))

    def _other(self, kind: str, action: Item, reason: RaceReason) -> None:
        self._others.append(({kind: {"TableName": self._table, **action}}, reason))

    def actions(self) -> list[Any]:
        """Return the actions as TransactWriteItems takes them."""
        slots = [
            {kind: {"TableName": self._table, **action, **self._as_seen(key, exact=kind != "ConditionCheck")}}
            for key, (kind, action) in self._slots.items()
        ]
        return [*slots, *(action for action, _ in self._others)]

    def reasons(self) -> list[RaceReason]:
        """Return, action by action, what it means when its condition does not hold."""
        slots = [
            RaceReason.EVICTED_MEANWHILE if key in self._seats else RaceReason.SLOT_TAKEN
            for key in self._slots
        ]
        return [*slots, *(reason for _, reason in self._others)]

    def _as_seen(self, key: tuple[str, int], *, exact: bool) -> Item:
        """Return the condition that a slot holds whom it held, in the same version if exact."""
        sitting = self._seats.get(key)
        if sitting is None:
            return dict(_ABSENT)
        names, values = {"#session": "session_id"}, {":session": {"S": sitting.session_id}}
        condition = "#session = :session"
        if exact:
            names["#version"], values[":version"] = "version", {"N": str(sitting.version)}
            condition += " AND #version = :version"
        return {
            "ConditionExpression": condition,
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": values,
        }


def is_unanswered(error: Exception) -> bool:
    """Say whether an error leaves open what happened: a lost connection, a timeout, a fault of the server."""
    if not isinstance(error, ClientError):
        return not isinstance(error, ParamValidationError)
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status >= _FIRST_SERVER_ERROR


def meaning_of(error: Exception, user_id: str = "", reasons: Sequence[RaceReason] = ()) -> SessionKeeperError:
    """Say in our own words what DynamoDB answered.

    Args:
        error: what botocore raised.
        user_id: whose sessions were being changed.
        reasons: action by action, what it means when a condition did not hold.

    Returns:
        A race (look again, or try again as is), a defect (never repeat), or a store that does not answer.
    """
    if not isinstance(error, ClientError):
        unfit = isinstance(error, ParamValidationError)
        return (
            InvalidInputError(UNFIT) if unfit else StoreUnavailableError("The session table does not answer.")
        )
    code = error.response["Error"]["Code"]
    cancelled = [each.get("Code", "None") for each in error.response.get("CancellationReasons", [])]
    codes = {code, *cancelled}
    if codes & _DEFECT:
        return StoreDefectError(
            f"DynamoDB refuses the request itself ({', '.join(sorted(codes & _DEFECT))})."
        )
    failed = [
        reason for reason, each in zip(reasons, cancelled, strict=False) if each == "ConditionalCheckFailed"
    ]
    if failed:
        return SessionLimitRaceError(user_id, failed[0])
    if codes & _FIRST:
        return SessionLimitRaceError(user_id, RaceReason.CONFLICT)
    if codes & THROTTLES:
        return SessionLimitRaceError(user_id, RaceReason.THROTTLED)
    return StoreUnavailableError(f"The session table does not answer ({code}).")
