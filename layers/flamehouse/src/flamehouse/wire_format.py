"""How much a protobuf message holds, told from its bytes: two of them may stand for a message of fifty in memory.

Wire format: protobuf.dev/programming-guides/encoding
"""

from collections.abc import Mapping
from typing import Final

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message

_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
_GROUPS: Final = (3, 4)
"""A group's fields are counted as those of the message around it."""
_MAX_VARINT_BYTES: Final = 10


def has_more_fields(body: bytes, message_type: type[Message], limit: int) -> bool:
    """Whether messages that may hold messages have more than `limit` fields in `body`, repeated ones each counted.

    What follows damaged bytes in a message is not counted, as no parser reads it.
    """
    room = limit
    spans = [(0, len(body), _nested(message_type.DESCRIPTOR))]  # type: ignore[arg-type]  # upb's class of the same
    while spans:
        position, end, nested = spans.pop()
        while position < end:
            room -= 1
            if room < 0:
                return True
            try:
                tag, begin = _varint(body, position)
                position = _end(body, tag & 7, begin)
            except (ValueError, LookupError):
                break
            inner = nested.get(tag >> 3) if tag & 7 == _LENGTH else None
            if inner is not None and (its_fields := _nested(inner)):
                _, content = _varint(body, begin)
                spans.append((content, position, its_fields))
    return False


def _nested(message: Descriptor) -> Mapping[int, Descriptor]:
    """The fields that are messages themselves, by number."""
    return {field.number: field.message_type for field in message.fields if field.message_type}


def _end(body: bytes, wire_type: int, begin: int) -> int:
    """Where the value that begins at `begin` ends."""
    if wire_type == _LENGTH:
        length, content = _varint(body, begin)
        return content + length
    if wire_type == _VARINT:
        return _varint(body, begin)[1]
    if wire_type in _GROUPS:
        return begin
    return begin + {_FIXED64: 8, _FIXED32: 4}[wire_type]


def _varint(body: bytes, position: int) -> tuple[int, int]:
    """The number at `position`, and where the next byte is."""
    value = 0
    for index in range(_MAX_VARINT_BYTES):
        byte = body[position + index]
        value |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            return value, position + index + 1
    raise ValueError("a varint has no end")
