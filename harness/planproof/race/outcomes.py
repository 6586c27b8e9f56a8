"""What an exception says of the operation that raised it: it failed, or nobody can tell.

Only what certainly left no effect is *fail*; whatever could have reached the store is *info*. An info costs
the checker time, a wrong fail costs the truth. The operation is taken to be one transaction or one request:
where it is several, its workload has to say itself what happened.

No driver is imported here. An exception is known by the module that defines its class, and its class by name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from planproof.race.history.operation import Outcome


if TYPE_CHECKING:
    from collections.abc import Callable


_SERVER_ERROR: Final = 500
_REQUEST_TIMEOUT: Final = 408

FAIL: Final = Outcome.FAIL
INFO: Final = Outcome.INFO

# PostgreSQL, appendix A "Error Codes". A server that answers ERROR has rolled the transaction back; these are
# the codes and classes that say less. 57P01-57P02 end the connection, perhaps after the commit.
_UNSURE_STATES: Final = ("08", "40003", "57P01", "57P02", "57P05", "58", "F0", "XX")
_SURE_STATES: Final = ("08001", "08004", "57P03")
# https://www.sqlite.org/rescode.html: I/O error, corrupt, cannot open, protocol, not a database.
_SQLITE_UNSURE: Final = frozenset({10, 11, 14, 15, 26})
# Named in https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
_AWS_UNSURE: Final = frozenset(
    {
        "InternalServerError",
        "InternalFailure",
        "InternalServerErrorException",
        "RequestTimeout",
        "RequestTimeoutException",
        "ServiceUnavailable",
        "ServiceUnavailableException",
        "TransactionInProgressException",
    }
)
# Retried under one ClientRequestToken, so the last answer tells of all attempts.
_AWS_IDEMPOTENT: Final = frozenset({"TransactWriteItems"})
_BOTO_NEVER_SENT: Final = frozenset(
    {
        "ConnectTimeoutError",
        "EndpointConnectionError",
        "MissingParametersError",
        "NoCredentialsError",
        "NoRegionError",
        "ParamValidationError",
        "PartialCredentialsError",
        "ProxyConnectionError",
        "SSLError",
        "ValidationError",
    }
)
_HTTPX_NEVER_SENT: Final = frozenset(
    {
        "ConnectError",
        "ConnectTimeout",
        "InvalidURL",
        "LocalProtocolError",
        "PoolTimeout",
        "UnsupportedProtocol",
    }
)


def outcome_of(error: BaseException) -> Outcome | None:
    """Whether the operation that raised ``error`` failed (it did not happen) or nobody can tell (info).

    Args:
        error: of psycopg, psycopg_pool, sqlite3, botocore, httpx, asyncio or the system; SQLAlchemy's
            wrappers and exception groups are looked into.

    Returns:
        Fail, info, or None for an exception that is none of a driver's: the workload's own, or a defect.
    """
    inner = getattr(error, "exceptions", None)
    if isinstance(error, BaseExceptionGroup) and inner:
        return _worst([outcome_of(one) for one in inner])
    for cls in type(error).__mro__:
        root = cls.__module__.partition(".")[0]
        judge = _JUDGES.get(root)
        if judge is not None:
            return judge(error)
    return _of_system(error)


def _worst(outcomes: list[Outcome | None]) -> Outcome | None:
    """None where one of them is unknown to us, else info where one is, else fail."""
    if None in outcomes:
        return None
    return INFO if INFO in outcomes else FAIL


def _names(error: BaseException) -> set[str]:
    return {cls.__name__ for cls in type(error).__mro__}


def _of_psycopg(error: BaseException) -> Outcome:
    state = getattr(error, "sqlstate", None)
    if state:
        if state.startswith(_SURE_STATES):
            return FAIL
        return INFO if state.startswith(_UNSURE_STATES) else FAIL
    if getattr(error, "pgconn", None) is not None:
        return FAIL  # set only where the connection was never made
    names = _names(error)
    if names & {"ConnectionTimeout", "ProgrammingError", "DataError", "NotSupportedError", "IntegrityError"}:
        return FAIL  # without an SQLSTATE: found by the driver before anything was sent
    return INFO


def _of_pool(error: BaseException) -> Outcome:
    return FAIL if _names(error) & {"PoolTimeout", "PoolClosed", "TooManyRequests"} else _of_psycopg(error)


def _of_sqlite(error: BaseException) -> Outcome:
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return FAIL  # raised by the module itself: wrong use, closed connection
    return INFO if code & 0xFF in _SQLITE_UNSURE else FAIL


def _of_botocore(error: BaseException) -> Outcome:
    names = _names(error)
    if "ClientError" not in names:
        return FAIL if names & _BOTO_NEVER_SENT else INFO
    response: dict[str, Any] = getattr(error, "response", {})
    code = response.get("Error", {}).get("Code", "")
    meta = response.get("ResponseMetadata", {})
    if code in _AWS_UNSURE or int(meta.get("HTTPStatusCode") or 0) >= _SERVER_ERROR:
        return INFO
    operation = getattr(error, "operation_name", "")
    if meta.get("RetryAttempts", 0) and operation not in _AWS_IDEMPOTENT:
        return INFO  # an attempt before this one may have taken effect and lost its reply
    return FAIL


def _of_httpx(error: BaseException) -> Outcome:
    names = _names(error)
    if "HTTPStatusError" in names:
        status = int(getattr(getattr(error, "response", None), "status_code", 0))
        refused = 400 <= status < _SERVER_ERROR and status != _REQUEST_TIMEOUT  # noqa: PLR2004 - HTTP's own
        return FAIL if refused else INFO
    return FAIL if names & _HTTPX_NEVER_SENT else INFO


def _of_sqlalchemy(error: BaseException) -> Outcome | None:
    origin = getattr(error, "orig", None)
    return outcome_of(origin) if isinstance(origin, BaseException) else None


def _of_tenacity(error: BaseException) -> Outcome | None:
    """Attempts before the last are not known, so at best nobody can tell."""
    last = getattr(error, "last_attempt", None)
    cause = last.exception() if last is not None else None
    return INFO if cause is not None and outcome_of(cause) is not None else None


def _of_system(error: BaseException) -> Outcome | None:
    names = _names(error)
    if names & {"ConnectionRefusedError", "gaierror"}:
        return FAIL
    if names & {"CancelledError", "TimeoutError", "ConnectionError", "IncompleteReadError"}:
        return INFO
    return None


_JUDGES: Final[dict[str, Callable[[BaseException], Outcome | None]]] = {
    "psycopg": _of_psycopg,
    "psycopg_pool": _of_pool,
    "sqlite3": _of_sqlite,
    "botocore": _of_botocore,
    "httpx": _of_httpx,
    "sqlalchemy": _of_sqlalchemy,
    "tenacity": _of_tenacity,
}
