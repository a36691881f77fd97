"""The body of an RPC's request, decompressed and decoded on demand."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from google.protobuf.message import Message

from flamehouse.errors import Code, RpcError, invalid_argument
from flamehouse.memory import BusyError
from flamehouse.web.codec import Codec
from flamehouse.web.compression import decompress


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageBody:
    """A body in the encoding of `codec`, compressed by `content_encoding`."""

    data: bytes
    codec: Codec
    content_encoding: str

    def message[M: Message](self, message_type: type[M], *limits: int | None) -> M:
        """Return the message. Raises RpcError as `unpacked` does, and `invalid_argument` if the message is invalid."""
        return self.codec.decode(self.unpacked(*limits).data, message_type)

    def unpacked(self, *limits: int | None) -> "MessageBody":
        """Return the decompressed body.

        Raises:
            RpcError: `invalid_argument` if the body is damaged, or larger than the codec's limit or one of `limits`,
                in bytes; `unimplemented` for an unsupported Content-Encoding.
        """
        with too_large_for_good():
            data = decompress(self.data, self.content_encoding, max_message_bytes(self.codec, *limits))
        return replace(self, data=data, content_encoding="")


def max_message_bytes(codec: Codec, *limits: int | None) -> int:
    """Return the smallest of the limits and the codec's."""
    return min(limit for limit in (codec.max_bytes, *limits) if limit is not None)


@contextmanager
def too_large_for_good() -> Iterator[None]:
    """Report a body that is too large as `invalid_argument`: Alloy retries `resource_exhausted` ten times."""
    try:
        yield
    except RpcError as error:
        if error.code is not Code.RESOURCE_EXHAUSTED or isinstance(error, BusyError):
            raise
        raise invalid_argument(error.message) from error
