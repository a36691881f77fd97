"""Counts the fields of an encoded protobuf message before it is parsed.

Wire format: protobuf.dev/programming-guides/encoding
"""

from collections.abc import Mapping
from functools import cache
from typing import Final, cast

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message

_VARINT: Final = 0
_LENGTH: Final = 2
_FIXED_BYTES: Final = {1: 8, 5: 4}
"""The length of values by wire type, for those with a fixed length; group markers have no value."""
_MAX_VARINT_BYTES: Final = 10
_MIN_FIELD_BYTES: Final = 2


def has_more_fields(data: bytes, message_type: type[Message], limit: int) -> bool:
    """Return whether `data`, as a message of this type, has more than `limit` fields, including nested ones.

    Damaged data is counted up to the damage.
    """
    if len(data) <= _MIN_FIELD_BYTES * limit:
        return False
    pending = [(0, len(data), cast(Descriptor, message_type.DESCRIPTOR))]
    while pending:
        position, end, within = pending.pop()
        messages = _messages_of(within)
        while position < end:
            limit -= 1
            if limit < 0:
                return True
            tag, position = _varint(data, position, end)
            wire_type = tag & 7
            if wire_type == _LENGTH:
                length, position = _varint(data, position, end)
                inner = messages.get(tag >> 3)
                if inner is not None:
                    pending.append((position, min(position + length, end), inner))
                position += length
            elif wire_type == _VARINT:
                _, position = _varint(data, position, end)
            else:
                position += _FIXED_BYTES.get(wire_type, 0)
    return False


@cache
def _messages_of(message: Descriptor) -> Mapping[int, Descriptor]:
    """Return the types of the message fields, by field number."""
    return {field.number: field.message_type for field in message.fields if field.message_type is not None}


def _varint(data: bytes, start: int, end: int) -> tuple[int, int]:
    """Return the number at `start`, and the position after it."""
    value = shift = 0
    for position in range(start, min(start + _MAX_VARINT_BYTES, end)):
        byte = data[position]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position + 1
        shift += 7
    return value, end
