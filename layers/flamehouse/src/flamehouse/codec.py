"""The two encodings of a Connect message: protobuf, and JSON by protobuf's own mapping.

JSON mapping: protobuf.dev/programming-guides/json. Unknown fields are ignored, as Connect servers do.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import batched
from typing import Any, Final, Protocol, cast

from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError, Message

from flamehouse.errors import RpcError, invalid_argument
from flamehouse.wire import has_more_fields

_MAX_JSON_BYTES: Final = 16 << 20
"""A JSON document of tiny values takes some forty times its length in memory."""
_MAX_FIELDS: Final = 1 << 19
"""Room for the ten thousand profiles that an upload may hold, with their labels.

Two bytes are enough for a message within another, which takes some thirty times as much in memory: what a body may hold
is counted before it is read. In JSON, where it is the commas and braces, texts may hold some of them.
"""
_PIECE_BYTES: Final = 1 << 18
"""Of a message, as protobuf: what is made of it for JSON takes up to a hundred times as much in memory."""
_PIECE_ELEMENTS: Final = 1 << 9


class Decode(Protocol):
    """Reads a body as a message of the given type; RpcError invalid_argument where it is none."""

    def __call__[M: Message](self, body: bytes, message_type: type[M]) -> M: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded[M: Message]:
    """A message of this type that is encoded as protobuf already."""

    message_type: type[M]
    data: bytes

    def message(self) -> M:
        return self.message_type.FromString(self.data)


type Answer = Message | Encoded[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Codec:
    """One encoding. `max_bytes` bounds a decompressed body, None leaves that to the settings.

    `pieces` encodes piece by piece, so that an answer too large is seen to be so before all of it is made.
    """

    media_type: str
    decode: Decode
    pieces: Callable[[Answer], Iterable[bytes]]
    max_bytes: int | None = None

    def encode(self, answer: Answer) -> bytes:
        """The answer in one."""
        return b"".join(self.pieces(answer))


def codec_of(content_type: str) -> Codec | None:
    """The codec of a Content-Type header, whatever its parameters (charset); None if there is none."""
    media_type = content_type.partition(";")[0].strip().lower()
    return CODECS.get(media_type)


def _from_proto[M: Message](body: bytes, message_type: type[M]) -> M:
    if has_more_fields(body, message_type, _MAX_FIELDS):
        raise _too_many_fields()
    try:
        return message_type.FromString(body)
    except DecodeError as error:
        raise invalid_argument(f"the body is not a valid message: {error}") from error


def _proto_pieces(answer: Answer) -> Iterable[bytes]:
    return (answer.data if isinstance(answer, Encoded) else answer.SerializeToString(),)


def json_text(body: bytes) -> str:
    """The text of a body that is one JSON object as far as its first character tells, of no more fields than allowed."""
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise invalid_argument(f"the body is not valid UTF-8: {error}") from error
    # The parser would read any string or list as an empty message.
    if not text.lstrip().startswith("{"):
        raise invalid_argument("the body is not a JSON object")
    if text.count(",") + text.count("{") > _MAX_FIELDS:
        raise _too_many_fields()
    return text


def _from_json[M: Message](body: bytes, message_type: type[M]) -> M:
    text = json_text(body)
    message = message_type()
    try:
        json_format.Parse(text, message, ignore_unknown_fields=True)
    except json_format.ParseError as error:
        raise no_message(error) from error
    _check_objects(json.loads(text), cast(Descriptor, message_type.DESCRIPTOR))
    return message


def _check_objects(content: object, message_type: Descriptor) -> None:
    """RpcError invalid_argument where anything but an object stands for a message: the parser read it as an empty one.

    A question would be answered as if that part of it had been left out.
    """
    pending = [("body", content, message_type)]
    while pending:
        name, content, within = pending.pop()
        if not isinstance(content, dict):
            raise invalid_argument(f"the body is not a valid message: {name} is not a JSON object")
        for field in within.fields:
            if field.message_type is None:
                continue
            for key in {field.name, field.json_name} & content.keys():
                values = content[key] if field.is_repeated else [content[key]]
                pending += ((key, value, field.message_type) for value in values or () if value is not None)


def no_message(error: Exception) -> RpcError:
    """The error for JSON that the parser stumbled over: a name that UTF-8 cannot carry is a fault in its own code."""
    tripped = isinstance(error, SystemError) or isinstance(error.__cause__, SystemError)
    reason = "a name in it is not valid Unicode text" if tripped else error
    return invalid_argument(f"the body is not a valid message: {reason}")


def _too_many_fields() -> RpcError:
    return invalid_argument(f"the body has more than {_MAX_FIELDS} fields")


def _json_pieces(answer: Answer) -> Iterator[bytes]:
    return _pieces_of(answer.message() if isinstance(answer, Encoded) else answer)


def _pieces_of(message: Message) -> Iterator[bytes]:
    """The message, which has no map, as JSON: in one where it is small, else field by field."""
    if message.ByteSize() <= _PIECE_BYTES:
        yield _json(json_format.MessageToDict(message))
        return
    before = b"{"
    for field, value in message.ListFields():
        yield b'%b"%b":' % (before, field.json_name.encode())
        if field.is_repeated:
            yield from _pieces_of_list(message, field, value)
        elif field.message_type:
            yield from _pieces_of(value)
        else:
            yield _json(_converted(message, field, value))
        before = b","
    yield b"}"


def _pieces_of_list(message: Message, field: FieldDescriptor, values: Iterable[Any]) -> Iterator[bytes]:
    before = b"["
    for batch in batched(values, _PIECE_ELEMENTS, strict=False):
        if field.message_type and sum(each.ByteSize() for each in batch) > _PIECE_BYTES:
            for each in batch:
                yield before
                yield from _pieces_of(each)
                before = b","
        else:
            yield before + _json(_converted(message, field, batch))[1:-1]
        before = b","
    yield b"]"


def _converted(message: Message, field: FieldDescriptor, value: object) -> Any:  # noqa: ANN401  # whatever JSON may hold
    """What JSON has for this value of the message's field."""
    alone = type(message)(**{field.name: value})
    return json_format.MessageToDict(alone)[field.json_name]


def _json(content: object) -> bytes:
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode()


JSON: Final = Codec(
    media_type="application/json", decode=_from_json, pieces=_json_pieces, max_bytes=_MAX_JSON_BYTES
)
PROTO: Final = Codec(media_type="application/proto", decode=_from_proto, pieces=_proto_pieces)
CODECS: Final = {codec.media_type: codec for codec in (JSON, PROTO)}
