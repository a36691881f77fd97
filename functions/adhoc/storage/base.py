"""What every storage of ad hoc profiles offers, and the error of one that is unavailable."""

from collections.abc import Callable, Iterable
from typing import Protocol

from flamehouse.errors import Code, RpcError


def out_of_reach() -> RpcError:
    """The error for a failure that may pass."""
    return RpcError(
        Code.UNAVAILABLE, "ad hoc profiles cannot be kept or read just now; try again in half a minute"
    )


class Kept(Protocol):
    """The files of every tenant, by names that are safe in a path. RpcError unavailable where they are out of reach."""

    def put(self, tenant: str, name: str, content: bytes) -> None:
        """Keep a file; returns when it is kept for good."""

    def get(self, tenant: str, name: str) -> bytes | None:
        """The file, or None if there is none of that name."""

    def names(self, tenant: str) -> Iterable[str]:
        """The names of the tenant's files, in any order."""

    def expire(self, tenant: str, is_over: Callable[[str], bool]) -> None:
        """Delete the tenant's files whose names say that they are over, unless that is done elsewhere."""
