"""What is told when ClickHouse fails: to clients by one table from its error codes to Connect's, to operators a line."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from clickhouse_connect.driver.exceptions import ClickHouseError
from urllib3.exceptions import HTTPError

from flamehouse.aws.secrets import SecretError
from flamehouse.errors import Code, OperatorError, RpcError

_log = logging.getLogger(__name__)

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

_SET_UP_WRONG: Mapping[int, str] = {
    **dict.fromkeys((8, 16, 47, 60, 81), _MIGRATE),
    497: "its user lacks a grant of docs/deploy.md",
    **dict.fromkeys(
        (192, 193, 194, 516), "the secret or CLICKHOUSE_DSN has a user or password that it does not take"
    ),
}
"""What an operator can do about it. THERE_IS_NO_COLUMN, NO_SUCH_COLUMN_IN_TABLE, UNKNOWN_IDENTIFIER, UNKNOWN_TABLE,
UNKNOWN_DATABASE; ACCESS_DENIED; UNKNOWN_USER, WRONG_PASSWORD, REQUIRED_PASSWORD, AUTHENTICATION_FAILED. Clients are to try
again all the same: a deployment may be under way."""


@contextmanager
def told_to_clients(answers: Answers = TO_READERS) -> Iterator[None]:
    """Turn errors of ClickHouse, its disk and the way there into RpcErrors.

    Neither their messages nor what is logged hold SQL, a host or a secret: ClickHouse keeps the SQL in its query log.
    """
    try:
        yield
    except ClickHouseError as error:
        number = getattr(error, "code", None) or 0
        passing = _NOT_SET_UP if number in _SET_UP_WRONG else _UNAVAILABLE
        code, message = answers.get(number, (Code.UNAVAILABLE, passing))
        if code is Code.UNAVAILABLE:
            _log.error("ClickHouse failed: %s", _reason(error))  # a traceback would hold the SQL
        raise RpcError(code, message) from None
    except (HTTPError, OSError, SecretError) as error:
        reason = error if isinstance(error, SecretError) else type(error).__name__
        _log.error(
            "ClickHouse cannot be reached, or its disk cannot be written: %s", reason
        )  # a traceback would hold the host
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


def _reason(error: ClickHouseError) -> str:
    """ClickHouse's code and its name, or what became of the connection."""
    code = getattr(error, "code", None)
    if code is not None:
        name = f"code {code} {getattr(error, 'name', None) or ''}".rstrip()
        return f"{name}: {_SET_UP_WRONG[code]}" if code in _SET_UP_WRONG else name
    return type(_cause(error)).__name__


def _cause(error: ClickHouseError) -> BaseException:
    """What the client stumbled over; the error itself where that is ClickHouse's answer."""
    cause = error.__cause__ or error
    # urllib3 wraps what became of the last attempt.
    return getattr(cause, "reason", None) or cause
