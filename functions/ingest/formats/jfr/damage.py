"""The error for a recording that is not what it should be."""

from flamehouse.errors import RpcError, invalid_argument


def damaged(reason: str) -> RpcError:
    return invalid_argument(f"the recording is damaged: {reason}")
