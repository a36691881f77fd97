"""Request fields that mean something we cannot do: better an error than an answer that left them out."""

from collections.abc import Collection

from google.protobuf.message import Message

from flamehouse.errors import Code, RpcError


def unsupported(message: str) -> RpcError:
    """The error for what this querier does not do; `message` says what to ask instead."""
    return RpcError(Code.UNIMPLEMENTED, message)


def refuse_fields(request: Message, names: Collection[str]) -> None:
    """RpcError unimplemented if the request sets any field of `names` to more than an empty message."""
    for field, value in request.ListFields():
        empty = isinstance(value, Message) and not value.ByteSize()
        if field.name in names and not empty:
            raise unsupported(f"{field.name} is not supported yet: leave it out")
