"""Maps failures of ClickHouse to Connect errors for clients, and to one log line for operators."""

import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from clickhouse_connect.driver.exceptions import ClickHouseError, Error
from urllib3.exceptions import HTTPError

from flamehouse.aws.secrets import SecretError
from flamehouse.deadline import TOO_LONG
from flamehouse.errors import Code, OperatorError, RpcError
from flamehouse.telemetry import events, metrics
from flamehouse.telemetry.log import log

_BAD_REGEXP = "the query contains a regular expression that RE2 rejects"
_REASONS_OF_RE2 = re.compile(
    r", error: (missing closing \]|missing [])]|unexpected \)|trailing \\|no argument for repetition operator|"
    r"invalid repetition size|bad repetition operator|invalid perl operator|invalid UTF-8|invalid named capture group|"
    r"invalid escape sequence|invalid character class range|invalid character class|pattern too large)"
)
"""RE2's messages (re2.cc), without the part of the expression that follows: logs contain no values of labels."""
_TOO_MUCH = "the query exceeded its memory limit; request a shorter range or fewer series"
_TOO_LARGE = "the response exceeds the size limit; request a shorter range, fewer series, fewer labels or a longer step"
_QUOTA = "the query quota is used up; retry in a minute"
_STOPPED = "the query was canceled because the client abandoned it"
_UNAVAILABLE = "the profile store is unavailable and may be waking up; retry in 30 seconds"
_NOT_SET_UP = (
    "the profile store is not set up for this version of flamehouse; the operator finds the reason in the log"
)
_MIGRATE = "the database does not have this version's schema: run flamehouse migrate"
_SELECT_DATABASE = (
    "; CLICKHOUSE_DATABASE selects another database, and flamehouse serve or migrate creates its schema"
)

type Answers = Mapping[int, tuple[Code, str]]
"""The client's error by ClickHouse error code. Other codes mean a fault of the store, not of the client."""

TO_READERS: Answers = {
    427: (Code.INVALID_ARGUMENT, _BAD_REGEXP),
    159: (Code.DEADLINE_EXCEEDED, TOO_LONG),
    160: (Code.DEADLINE_EXCEEDED, TOO_LONG),
    201: (Code.RESOURCE_EXHAUSTED, _QUOTA),
    209: (Code.DEADLINE_EXCEEDED, TOO_LONG),
    241: (Code.RESOURCE_EXHAUSTED, _TOO_MUCH),
    394: (Code.CANCELED, _STOPPED),
    396: (Code.RESOURCE_EXHAUSTED, _TOO_LARGE),
}
"""CANNOT_COMPILE_REGEXP, TIMEOUT_EXCEEDED, TOO_SLOW, QUOTA_EXCEEDED, SOCKET_TIMEOUT, MEMORY_LIMIT_EXCEEDED, QUERY_WAS_CANCELLED,
TOO_MANY_ROWS_OR_BYTES (system.errors)."""

TO_WRITERS: Answers = {}
"""Empty: an accepted upload is valid, so the client retries after any failure."""

_CHECK_USER = "ClickHouse rejects the user or password of the secret or CLICKHOUSE_DSN"
_KINDS: Mapping[int, tuple[str, str]] = {
    **dict.fromkeys((8, 16, 47, 60, 81), ("schema", _MIGRATE)),
    497: (
        "grant",
        "its user lacks a grant of flamehouse setup-sql, or the function has another user's secret",
    ),
    452: (
        "limits",
        "its user's settings profile allows less than this process sets: run flamehouse setup-sql again",
    ),
    201: ("quota", "clients retry; if it persists, raise the quota of its user"),
    **dict.fromkeys((192, 193, 194, 516), ("credentials", _CHECK_USER)),
    **dict.fromkeys(
        (202, 319, 999), ("busy", "clients retry; if it persists, give ClickHouse more capacity")
    ),
    **dict.fromkeys(
        (164, 242),
        (
            "read_only",
            "make its tables writable again, or give the function the secret of a user that may write",
        ),
    ),
    **dict.fromkeys((75, 243), ("disk", "free or add disk space where ClickHouse stores its data")),
    **dict.fromkeys(
        (159, 160, 209), ("slow", "clients retry; if it persists, give ClickHouse more capacity")
    ),
    241: ("memory", "give ClickHouse more memory, or send smaller uploads"),
    252: ("parts", "uploads come faster than ClickHouse merges: check for profiles of many different weeks"),
}
"""The kind of a failure, and the advice for the operator. Codes: NO_SUCH_COLUMN_IN_TABLE and the like; ACCESS_DENIED;
SETTING_CONSTRAINT_VIOLATION; QUOTA_EXCEEDED; AUTHENTICATION_FAILED and the like; TOO_MANY_SIMULTANEOUS_QUERIES,
UNKNOWN_STATUS_OF_INSERT, KEEPER_EXCEPTION; READONLY, TABLE_IS_READ_ONLY; CANNOT_WRITE_TO_FILE_DESCRIPTOR, NOT_ENOUGH_SPACE;
TIMEOUT_EXCEEDED and the like; MEMORY_LIMIT_EXCEEDED; TOO_MANY_PARTS (system.errors)."""
_NOT_SET_UP_KINDS = frozenset({"schema", "grant", "limits", "credentials"})
"""Clients still retry: a deployment may be under way."""
_OTHER = ("other", "see ClickHouse's own log")
_UNREACHABLE = (
    "unreachable",
    "it may be waking up; if it persists, check its address, its network access and its service",
)


@contextmanager
def as_rpc_errors(answers: Answers = TO_READERS) -> Iterator[None]:
    """Convert errors of ClickHouse, its disk and the connection to RpcError.

    Neither messages nor log lines contain SQL, hosts or secrets; ClickHouse's query log has the SQL.
    """
    try:
        yield
    except ClickHouseError as error:
        passing = _NOT_SET_UP if _kind(error)[0] in _NOT_SET_UP_KINDS else _UNAVAILABLE
        code, message = answers.get(code_of(error) or 0, (Code.UNAVAILABLE, passing))
        if code is Code.UNAVAILABLE:
            _report(reason_of(error), *_kind(error))
        why = _reason_of_re2(error) if message == _BAD_REGEXP else ""
        raise RpcError(code, message + why) from None
    except (HTTPError, OSError, SecretError) as error:
        _report(*_outside(error))
        raise RpcError(Code.UNAVAILABLE, _UNAVAILABLE) from None


@contextmanager
def exit_on_failure() -> Iterator[None]:
    """Exit with a one-line message (SystemExit) if a setting is invalid or ClickHouse fails.

    The message contains no password.
    """
    # The client logs its exceptions with a stack trace.
    logging.getLogger("clickhouse_connect").setLevel(logging.CRITICAL)
    try:
        yield
    except ClickHouseError as error:
        reason = str(_cause(error)).partition("\n")[0]
        raise SystemExit(f"flamehouse: ClickHouse: {reason}{_advice_of(error)}") from error
    except (ValueError, RuntimeError, OperatorError, SecretError) as error:
        raise SystemExit(f"flamehouse: {error}") from error


def _reason_of_re2(error: ClickHouseError) -> str:
    """Why RE2 rejects an expression, as the end of a message; empty if the error does not say."""
    found = _REASONS_OF_RE2.search(str(error))
    return f": {found[1]}" if found else ""


def code_of(error: ClickHouseError) -> int | None:
    """ClickHouse's code of the error (system.errors); None if the error comes from the client or from a proxy."""
    return error.code if isinstance(error, Error) else None


def reason_of(error: ClickHouseError) -> str:
    """ClickHouse's error code and name, or the type of the connection error."""
    if isinstance(error, Error) and error.code is not None:
        return f"code {error.code} {error.name or ''}".rstrip()
    return type(_cause(error)).__name__


def _advice_of(error: ClickHouseError) -> str:
    """The end of a command's message. An error without a ClickHouse code did not come from ClickHouse."""
    if code_of(error) is None:
        return "; check its address in CLICKHOUSE_DSN"
    return _SELECT_DATABASE if _kind(error)[1] == _MIGRATE else ""


def in_words(error: ClickHouseError | HTTPError | OSError | SecretError) -> tuple[str, str]:
    """The reason of a failure and the advice for the operator, without SQL, hosts and secrets."""
    if isinstance(error, ClickHouseError):
        return reason_of(error), _kind(error)[1]
    reason, _, advice = _outside(error)
    return reason, advice


def _report(reason: str, kind: str, advice: str) -> None:
    """Log one line and count the failure. Omits tracebacks and messages: they contain SQL and hosts."""
    log(events.CLICKHOUSE_FAILED, kind=kind, reason=reason, advice=advice)
    metrics.add(metrics.CLICKHOUSE_FAILURES, kind=kind)


def _kind(error: ClickHouseError) -> tuple[str, str]:
    code = code_of(error)
    return _UNREACHABLE if code is None else _KINDS.get(code, _OTHER)


def _outside(error: HTTPError | OSError | SecretError) -> tuple[str, str, str]:
    """The reason, kind and advice for a failure outside ClickHouse: connection, secret or disk."""
    if isinstance(error, SecretError):
        return str(error), "secret", "check CLICKHOUSE_SECRET_ARN, the role's grants and the secret's fields"
    if isinstance(error, HTTPError | ConnectionError | TimeoutError):
        return type(error).__name__, *_UNREACHABLE
    return (
        f"{type(error).__name__} {error.strerror or ''}".rstrip(),
        "disk",
        "check the data folder and its disk",
    )


def _cause(error: ClickHouseError) -> BaseException:
    """The underlying cause of a client error; the error itself if ClickHouse reported it."""
    cause = error.__cause__ or error
    # urllib3 wraps the error of the last attempt.
    return getattr(cause, "reason", None) or cause
