"""The two encodings of a Connect message: protobuf, and JSON in protobuf's mapping.

JSON mapping: protobuf.dev/programming-guides/json. Unknown fields are ignored, as Connect servers do.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Protocol, cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError, Message

from flamehouse.errors import RpcError, invalid_argument
from flamehouse.web.field_count import has_more_fields
from flamehouse.web.json_stream import json_pieces

_MAX_JSON_BYTES: Final = 16 << 20
"""A JSON document of tiny values takes about forty times its length in memory."""
_MAX_FIELDS: Final = 1 << 19
"""Enough for the ten thousand profiles of the largest upload, with their labels.

A nested message needs only two bytes but takes about thirty times as much memory, so fields are counted before the
body is parsed. In JSON, commas and braces are counted, including those in strings.
"""


class Decode(Protocol):
    """Parses a body as a message of the given type. Raises RpcError(INVALID_ARGUMENT) if it is invalid."""

    def __call__[M: Message](self, body: bytes, message_type: type[M]) -> M: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded[M: Message]:
    """A message of this type, already encoded as protobuf."""

    message_type: type[M]
    data: bytes

    def message(self) -> M:
        return self.message_type.FromString(self.data)


type Answer = Message | Encoded[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Codec:
    """One encoding. `max_bytes` limits a decompressed body; with None, only the settings do.

    `pieces` encodes piece by piece, so that a response that is too large is detected before it is complete.
    """

    media_type: str
    decode: Decode
    pieces: Callable[[Answer], Iterable[bytes]]
    max_bytes: int | None = None

    def encode(self, answer: Answer) -> bytes:
        """Return the whole response."""
        return b"".join(self.pieces(answer))


def codec_of(content_type: str) -> Codec | None:
    """Return the codec for a Content-Type header, ignoring its parameters (charset); None if it is unsupported."""
    media_type = content_type.partition(";")[0].strip().lower()
    return CODECS.get(media_type)


def _from_proto[M: Message](body: bytes, message_type: type[M]) -> M:
    check_field_count(body, message_type)
    return parsed(body, message_type)


def check_field_count(body: bytes, message_type: type[Message]) -> None:
    """Raises RpcError(INVALID_ARGUMENT) if the body, as a message of this type, has too many fields."""
    if has_more_fields(body, message_type, _MAX_FIELDS):
        raise _too_many_fields()


def parsed[M: Message](body: bytes, message_type: type[M]) -> M:
    """Parse a protobuf body after `check_field_count`. Raises RpcError(INVALID_ARGUMENT) if it is invalid."""
    try:
        return message_type.FromString(body)
    except DecodeError as error:
        raise _no_message(str(error)) from error


def _proto_pieces(answer: Answer) -> Iterable[bytes]:
    return (answer.data if isinstance(answer, Encoded) else answer.SerializeToString(),)


def json_object(body: bytes) -> dict[str, Any]:
    """Parse a JSON object. Raises RpcError(INVALID_ARGUMENT) for any other body, and for too many fields."""
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise invalid_argument(f"the body is not valid UTF-8: {error}") from error
    # Check the first character before parsing takes memory.
    if not text.lstrip().startswith("{"):
        raise invalid_argument("the body is not a JSON object")
    if text.count(",") + text.count("{") > _MAX_FIELDS:
        raise _too_many_fields()
    try:
        content: dict[str, Any] = json.loads(text, object_pairs_hook=_without_duplicates)
    except (ValueError, RecursionError) as error:
        raise _no_message(f"Failed to load JSON: {error}.") from error
    return content


def message_from[M: Message](content: dict[str, Any], message_type: type[M]) -> M:
    """Convert a JSON object to a message. Raises RpcError(INVALID_ARGUMENT) if it is invalid."""
    from google.protobuf import json_format  # noqa: PLC0415  # most clients send protobuf

    message = message_type()
    try:
        json_format.ParseDict(content, message, ignore_unknown_fields=True)
    except json_format.ParseError as error:
        raise _no_message(str(error)) from error
    except SystemError as error:
        # Raised by the parser's C code for a name that UTF-8 cannot encode.
        raise _no_message("it contains a name that is not valid Unicode text") from error
    except Exception as error:  # the parser passes on arbitrary exceptions
        raise _no_message(f"Failed to parse JSON: {type(error).__name__}: {error}.") from error
    _check_objects(content, cast(Descriptor, message_type.DESCRIPTOR))
    return message


def _from_json[M: Message](body: bytes, message_type: type[M]) -> M:
    return message_from(json_object(body), message_type)


def _without_duplicates(members: list[tuple[str, object]]) -> dict[str, object]:
    """Return the members as an object. Raises ValueError for a duplicate name, which would be ambiguous."""
    content = dict(members)
    if len(content) != len(members):
        names = Counter(name for name, _ in members)
        raise ValueError(f"duplicate key {names.most_common(1)[0][0]}")
    return content


def _check_objects(content: object, message_type: Descriptor) -> None:
    """Raises RpcError(INVALID_ARGUMENT) if a message is not an object.

    The parser reads such a value as an empty message, so a part of the request or upload would be ignored.
    """
    pending = [("body", content, message_type)]
    while pending:
        name, content, within = pending.pop()
        if not isinstance(content, dict):
            raise _no_message(f"{name} is not a JSON object")
        messages = _messages_in(within)
        for key in messages.keys() & content.keys():
            field, values = messages[key], content[key]
            inner = cast(Descriptor, field.message_type)
            listed = values or () if field.is_repeated else (values,)
            pending += [(key, value, inner) for value in listed if value is not None]


@cache
def _messages_in(message_type: Descriptor) -> Mapping[str, FieldDescriptor]:
    """Return the fields that contain messages, by each of their JSON names."""
    return {
        name: field
        for field in message_type.fields
        if field.message_type is not None
        for name in (field.name, field.json_name)
    }


def _no_message(reason: str) -> RpcError:
    return invalid_argument(f"the body is not a valid message: {reason}")


def _too_many_fields() -> RpcError:
    return invalid_argument(f"the body has more than {_MAX_FIELDS} fields")


def _json_pieces(answer: Answer) -> Iterable[bytes]:
    return json_pieces(answer.message() if isinstance(answer, Encoded) else answer)


JSON: Final = Codec(
    media_type="application/json", decode=_from_json, pieces=_json_pieces, max_bytes=_MAX_JSON_BYTES
)
PROTO: Final = Codec(media_type="application/proto", decode=_from_proto, pieces=_proto_pieces)
CODECS: Final = {codec.media_type: codec for codec in (JSON, PROTO)}
