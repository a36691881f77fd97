"""Requests that mean something we cannot do: better an error than an answer that left it out."""

from flamehouse.errors import Code, RpcError


def unsupported(message: str) -> RpcError:
    """The error for what this querier does not do; `message` says what to ask instead."""
    return RpcError(Code.UNIMPLEMENTED, message)
