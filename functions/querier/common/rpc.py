"""The path and the request size limit that all RPCs of querier.v1.QuerierService share."""

from typing import Final

from google.protobuf.message import Message
from starlette.routing import Route

from flamehouse.errors import Code, RpcError, invalid_argument
from flamehouse.pb.querier_pb2 import ProfileFormat
from flamehouse.web.codec import Answer
from flamehouse.web.connect import Method, unary

_MAX_BODY_BYTES: Final = 1 << 20
"""Query requests are short; a longer body is rejected."""


def querier_rpc[Req: Message, Resp: Answer](
    name: str, request_type: type[Req], method: Method[Req, Resp]
) -> Route:
    """Returns the route of the querier's RPC `name`."""
    path = f"/querier.v1.QuerierService/{name}"
    return unary(path, request_type, method, max_body_bytes=_MAX_BODY_BYTES, query=True)


def unsupported(message: str) -> RpcError:
    """Returns the error for an unsupported feature; `message` names the alternative."""
    return RpcError(Code.UNIMPLEMENTED, message)


def check_format(format_: ProfileFormat) -> None:
    """Raises RpcError(INVALID_ARGUMENT) for an unknown format number."""
    if format_ not in ProfileFormat.values():
        raise invalid_argument(f"unknown format {format_}")
