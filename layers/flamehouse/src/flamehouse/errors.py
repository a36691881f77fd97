"""Errors for clients and operators, and the single table that maps error codes to HTTP statuses.

Codes and statuses: connectrpc.com/docs/protocol, section "Error codes".
"""

from enum import Enum
from typing import Final, Self


class Code(Enum):
    """A Connect error code: its wire name and its HTTP status."""

    CANCELED = ("canceled", 499)
    UNKNOWN = ("unknown", 500)
    INVALID_ARGUMENT = ("invalid_argument", 400)
    DEADLINE_EXCEEDED = ("deadline_exceeded", 504)
    NOT_FOUND = ("not_found", 404)
    ALREADY_EXISTS = ("already_exists", 409)
    PERMISSION_DENIED = ("permission_denied", 403)
    RESOURCE_EXHAUSTED = ("resource_exhausted", 429)
    FAILED_PRECONDITION = ("failed_precondition", 400)
    ABORTED = ("aborted", 409)
    OUT_OF_RANGE = ("out_of_range", 400)
    UNIMPLEMENTED = ("unimplemented", 501)
    INTERNAL = ("internal", 500)
    UNAVAILABLE = ("unavailable", 503)
    DATA_LOSS = ("data_loss", 500)
    UNAUTHENTICATED = ("unauthenticated", 401)

    def __init__(self, wire_name: str, http_status: int) -> None:
        self.wire_name = wire_name
        self.http_status = http_status


PASSING: Final = frozenset({Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED})
"""Transient failures of a database or storage: a retry may succeed. Other errors are caused by the content sent."""


class RpcError(Exception):
    """A failure that is reported to the client: a Connect code and a message.

    `http_status` overrides the code's own status for endpoints that differ (/ingest's 413 and 422). `retry_after_s`
    is the number of seconds after which the client may retry, None if unknown.
    """

    def __init__(
        self, code: Code, message: str, *, http_status: int | None = None, retry_after_s: int | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retry_after_s = retry_after_s
        self.http_status = http_status if http_status is not None else code.http_status

    def alone(self) -> Self:
        """Return the error without its traceback, to be stored: the frames may hold large objects."""
        self.__traceback__ = self.__cause__ = self.__context__ = None
        return self


class OperatorError(Exception):
    """The failure of a command; its message is one line for the operator."""


def invalid_argument(message: str) -> RpcError:
    """Return the error for a request that is invalid regardless of the server's state."""
    return RpcError(Code.INVALID_ARGUMENT, message)
