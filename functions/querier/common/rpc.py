"""What the RPCs of querier.v1.QuerierService have in common: their path and the size of their requests."""

from typing import Final

from google.protobuf.message import Message
from starlette.routing import Route

from flamehouse.errors import Code, RpcError, invalid_argument
from flamehouse.pb.querier_pb2 import ProfileFormat
from flamehouse.web.codec import Answer
from flamehouse.web.connect import Method, unary

_MAX_BODY_BYTES: Final = 1 << 20
"""Questions are short; a longer one is no question."""


def querier_rpc[Req: Message, Resp: Answer](
    name: str, request_type: type[Req], method: Method[Req, Resp]
) -> Route:
    """The route of the querier's RPC `name`."""
    path = f"/querier.v1.QuerierService/{name}"
    return unary(path, request_type, method, max_body_bytes=_MAX_BODY_BYTES)


def unsupported(message: str) -> RpcError:
    """The error for what this querier does not do; `message` says what to ask instead."""
    return RpcError(Code.UNIMPLEMENTED, message)


def check_format(format_: ProfileFormat) -> None:
    """RpcError invalid_argument for a number that no format has."""
    if format_ not in ProfileFormat.values():
        raise invalid_argument(f"there is no format {format_}")
