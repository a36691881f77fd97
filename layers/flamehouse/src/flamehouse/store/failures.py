"""What a client is told when ClickHouse fails: one table from its error codes to Connect's."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from clickhouse_connect.driver.exceptions import ClickHouseError
from urllib3.exceptions import HTTPError

from flamehouse.errors import Code, RpcError

_log = logging.getLogger(__name__)

_BAD_REGEXP = "the selector holds a regular expression that RE2 does not accept"
_TOO_LONG = "the query took longer than it may; ask for a shorter range or fewer series"
_TOO_MUCH = "the query needs more memory than it may use; ask for a shorter range or fewer series"
_UNAVAILABLE = "the profile store does not answer just now; try again"

type Answers = Mapping[int, tuple[Code, str]]
"""What is told, by ClickHouse's error code. Any other code is the store's trouble and not the client's."""

TO_READERS: Answers = {
    427: (Code.INVALID_ARGUMENT, _BAD_REGEXP),
    159: (Code.DEADLINE_EXCEEDED, _TOO_LONG),
    160: (Code.DEADLINE_EXCEEDED, _TOO_LONG),
    209: (Code.DEADLINE_EXCEEDED, _TOO_LONG),
    241: (Code.RESOURCE_EXHAUSTED, _TOO_MUCH),
}
"""CANNOT_COMPILE_REGEXP, TIMEOUT_EXCEEDED, TOO_SLOW, SOCKET_TIMEOUT, MEMORY_LIMIT_EXCEEDED (system.errors)."""

TO_WRITERS: Answers = {}
"""An upload that was accepted is right: whatever keeps it from being stored, the client is to send it again."""


@contextmanager
def told_to_clients(answers: Answers = TO_READERS) -> Iterator[None]:
    """Turn errors of ClickHouse, its disk and the way there into RpcErrors, whose messages hold no SQL and no host."""
    try:
        yield
    except ClickHouseError as error:
        code, message = answers.get(getattr(error, "code", None) or 0, (Code.UNAVAILABLE, _UNAVAILABLE))
        if code is Code.UNAVAILABLE:
            _log.exception("ClickHouse failed")
        raise RpcError(code, message) from error
    except (HTTPError, OSError) as error:
        _log.exception("ClickHouse cannot be reached, or its disk cannot be written")
        raise RpcError(Code.UNAVAILABLE, _UNAVAILABLE) from error
