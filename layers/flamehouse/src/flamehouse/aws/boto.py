"""Shared parts of boto3 clients: one client per retry policy, and the conversion and logging of failures."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Final

from flamehouse.aws.attempts import Attempts, attempts

if TYPE_CHECKING:
    from botocore.config import Config

REJECTED: Final = "rejected"
UNREACHABLE: Final = "unreachable"

type Report = Callable[[str, str], None]
"""Logs a failure: REJECTED or UNREACHABLE, and AWS's error code or the name of the exception."""


class Clients[T]:
    """The clients of one service, thread-safe; `new` creates one."""

    def __init__(self, new: "Callable[[Config], T]") -> None:
        self._new = new
        self._clients: dict[Attempts, T] = {}
        self._lock = Lock()

    def client(self) -> T:
        """Return a client for the attempts that fit into the time left; boto3 fixes timeouts per client."""
        wanted = attempts()
        with self._lock:
            client = self._clients.get(wanted)
            if client is None:
                client = self._clients[wanted] = self._new(_config(wanted))
            return client


def _config(wanted: Attempts) -> "Config":
    from botocore.config import Config  # noqa: PLC0415  # 150 ms, paid by the first request that needs it

    return Config(
        connect_timeout=wanted.timeout_s,
        read_timeout=wanted.timeout_s,
        retries={"mode": "standard", "total_max_attempts": wanted.count},
    )


@contextmanager
def failures(report: Report, error: Exception, instead: Mapping[str, Exception]) -> Iterator[None]:
    """Report a failure of AWS and raise `error`; for codes in `instead`, raise that exception without a report."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415  # on first use

    try:
        yield
    except ClientError as failure:
        code = failure.response["Error"]["Code"]
        if code in instead:
            raise instead[code] from None
        report(REJECTED, code)
        raise error from None
    except BotoCoreError as failure:  # its message contains the host
        report(UNREACHABLE, type(failure).__name__)
        raise error from None
