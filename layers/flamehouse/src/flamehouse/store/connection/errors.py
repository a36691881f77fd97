"""Maps failures of ClickHouse to Connect errors for clients, and to one log line for operators."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from clickhouse_connect.driver.exceptions import ClickHouseError
from urllib3.exceptions import HTTPError

from flamehouse.aws.secrets import SecretError
from flamehouse.errors import Code, OperatorError, RpcError
from flamehouse.telemetry import events, metrics
from flamehouse.telemetry.log import log

_BAD_REGEXP = "the selector holds a regular expression that RE2 does not accept"
_TOO_LONG = "the query took longer than it may; ask for a shorter range or fewer series"
_TOO_MUCH = "the query needs more memory than it may use; ask for a shorter range or fewer series"
_TOO_LARGE = "the answer is larger than this server gives; ask for a shorter range, fewer series, fewer labels or a longer step"
_STOPPED = "the query was stopped, as nobody waited for its answer"
_UNAVAILABLE = "the profile store does not answer just now, it may be waking up; try again in half a minute"
_NOT_SET_UP = "the profile store is not set up for this flamehouse; its operator finds the reason in the log"
_MIGRATE = "the database is not at this version's schema, run flamehouse migrate"

type Answers = Mapping[int, tuple[Code, str]]
"""What is told, by ClickHouse's error code. Any other code is the store's trouble and not the client's."""

TO_READERS: Answers = {
    427: (Code.INVALID_ARGUMENT, _BAD_REGEXP),
    159: (Code.DEADLINE_EXCEEDED, _TOO_LONG),
    160: (Code.DEADLINE_EXCEEDED, _TOO_LONG),
    209: (Code.DEADLINE_EXCEEDED, _TOO_LONG),
    241: (Code.RESOURCE_EXHAUSTED, _TOO_MUCH),
    394: (Code.CANCELED, _STOPPED),
    396: (Code.RESOURCE_EXHAUSTED, _TOO_LARGE),
}
"""CANNOT_COMPILE_REGEXP, TIMEOUT_EXCEEDED, TOO_SLOW, SOCKET_TIMEOUT, MEMORY_LIMIT_EXCEEDED, QUERY_WAS_CANCELLED,
TOO_MANY_ROWS_OR_BYTES (system.errors)."""

TO_WRITERS: Answers = {}
"""An upload that was accepted is right: whatever keeps it from being stored, the client is to send it again."""

_CHECK_USER = "the secret or CLICKHOUSE_DSN has a user or password that it does not take"
_KINDS: Mapping[int, tuple[str, str]] = {
    **dict.fromkeys((8, 16, 47, 60, 81), ("schema", _MIGRATE)),
    497: ("grant", "its user lacks a grant of docs/deploy.md"),
    **dict.fromkeys((192, 193, 194, 516), ("credentials", _CHECK_USER)),
    **dict.fromkeys((202, 319, 999), ("busy", "clients retry; if it stays, give ClickHouse more capacity")),
    **dict.fromkeys((164, 242), ("read_only", "make its tables writable again")),
    **dict.fromkeys((75, 243), ("disk", "free or add disk space where ClickHouse keeps its data")),
    **dict.fromkeys((159, 160, 209), ("slow", "clients retry; if it stays, give ClickHouse more capacity")),
    241: ("memory", "give ClickHouse more memory, or send smaller uploads"),
    252: ("parts", "uploads come faster than ClickHouse merges: check for profiles of many different weeks"),
}
"""The kind of a failure, and what the operator does about it. NO_SUCH_COLUMN_IN_TABLE and the like; ACCESS_DENIED;
AUTHENTICATION_FAILED and the like; TOO_MANY_SIMULTANEOUS_QUERIES, UNKNOWN_STATUS_OF_INSERT, KEEPER_EXCEPTION; READONLY,
TABLE_IS_READ_ONLY; CANNOT_WRITE_TO_FILE_DESCRIPTOR, NOT_ENOUGH_SPACE; TIMEOUT_EXCEEDED and the like; MEMORY_LIMIT_EXCEEDED;
TOO_MANY_PARTS (system.errors)."""
_NOT_SET_UP_KINDS = frozenset({"schema", "grant", "credentials"})
"""Clients still retry: a deployment may be under way."""
_OTHER = ("other", "see ClickHouse's own log")
_UNREACHABLE = (
    "unreachable",
    "it may be waking up; if it stays, check its address, its network access and its service",
)


@contextmanager
def told_to_clients(answers: Answers = TO_READERS) -> Iterator[None]:
    """Turn errors of ClickHouse, its disk and the way there into RpcErrors.

    Neither their messages nor what is logged hold SQL, a host or a secret: ClickHouse keeps the SQL in its query log.
    """
    try:
        yield
    except ClickHouseError as error:
        number = getattr(error, "code", None) or 0
        passing = _NOT_SET_UP if _kind(error)[0] in _NOT_SET_UP_KINDS else _UNAVAILABLE
        code, message = answers.get(number, (Code.UNAVAILABLE, passing))
        if code is Code.UNAVAILABLE:
            _report(_reason(error), *_kind(error))
        raise RpcError(code, message) from None
    except (HTTPError, OSError, SecretError) as error:
        _report(*_outside(error))
        raise RpcError(Code.UNAVAILABLE, _UNAVAILABLE) from None


@contextmanager
def told_to_operators() -> Iterator[None]:
    """End the process with a line, SystemExit, where a setting is wrong or ClickHouse fails. No password is in it."""
    # It logs with a stack trace what it raises as well.
    logging.getLogger("clickhouse_connect").setLevel(logging.CRITICAL)
    try:
        yield
    except ClickHouseError as error:
        reason = str(_cause(error)).partition("\n")[0]
        # What has no code of ClickHouse's did not come from it.
        advice = "; CLICKHOUSE_DSN says where it is" if getattr(error, "code", None) is None else ""
        raise SystemExit(f"flamehouse: ClickHouse: {reason}{advice}") from error
    except (ValueError, RuntimeError, OperatorError, SecretError) as error:
        raise SystemExit(f"flamehouse: {error}") from error


def _report(reason: str, kind: str, advice: str) -> None:
    """One line and one count. Neither a traceback nor a message of ClickHouse's: they hold SQL and hosts."""
    log(events.CLICKHOUSE_FAILED, kind=kind, reason=reason, advice=advice)
    metrics.add(metrics.CLICKHOUSE_FAILURES, kind=kind)


def _kind(error: ClickHouseError) -> tuple[str, str]:
    code = getattr(error, "code", None)
    return _UNREACHABLE if code is None else _KINDS.get(code, _OTHER)


def _outside(error: HTTPError | OSError | SecretError) -> tuple[str, str, str]:
    """The reason, kind and advice of a failure on the way to ClickHouse."""
    if isinstance(error, SecretError):
        return str(error), "secret", "check CLICKHOUSE_SECRET_ARN, the role's grants and the secret's fields"
    if isinstance(error, HTTPError | ConnectionError | TimeoutError):
        return type(error).__name__, *_UNREACHABLE
    return (
        f"{type(error).__name__} {error.strerror or ''}".rstrip(),
        "disk",
        "check the data folder and its disk",
    )


def _reason(error: ClickHouseError) -> str:
    """ClickHouse's code and its name, or the failure of the connection."""
    code = getattr(error, "code", None)
    if code is not None:
        return f"code {code} {getattr(error, 'name', None) or ''}".rstrip()
    return type(_cause(error)).__name__


def _cause(error: ClickHouseError) -> BaseException:
    """What the client stumbled over; the error itself where that is ClickHouse's answer."""
    cause = error.__cause__ or error
    # urllib3 wraps what became of the last attempt.
    return getattr(cause, "reason", None) or cause
