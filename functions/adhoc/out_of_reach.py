"""What a client is told while files can be neither kept nor read: the log says why."""

from flamehouse.errors import Code, RpcError


def out_of_reach() -> RpcError:
    """The error for a failure that may pass."""
    return RpcError(
        Code.UNAVAILABLE, "ad hoc profiles cannot be kept or read just now; try again in half a minute"
    )
