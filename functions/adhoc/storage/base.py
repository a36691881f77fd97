"""The interface of every storage of ad hoc profiles, and the error of one that is unavailable."""

from collections.abc import Callable, Iterable
from typing import Protocol

from flamehouse.errors import Code, RpcError


def unavailable() -> RpcError:
    """The error for a failure that may pass."""
    return RpcError(Code.UNAVAILABLE, "the storage of ad hoc profiles is unavailable; retry in 30 seconds")


class Kept(Protocol):
    """The files of every tenant, by names that are safe in a path.

    Every method raises RpcError(UNAVAILABLE) if the storage fails.
    """

    def put(self, tenant: str, name: str, content: bytes) -> None:
        """Store a file; returns once it is durable."""

    def get(self, tenant: str, name: str) -> bytes | None:
        """The file, or None if it does not exist."""

    def names(self, tenant: str) -> Iterable[str]:
        """The names of the tenant's files, in any order."""

    def expire(self, tenant: str, is_over: Callable[[str], bool]) -> None:
        """Delete the tenant's files for whose names `is_over` is true, unless the storage expires files by itself."""
