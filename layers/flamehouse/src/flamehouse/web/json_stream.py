"""Encodes a protobuf message as JSON piece by piece, so that at most one piece of it exists as Python objects.

JSON mapping: protobuf.dev/programming-guides/json.
"""

import json
from collections.abc import Iterable, Iterator
from itertools import batched
from typing import Any, Final

from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

_PIECE_BYTES: Final = 1 << 18
"""The protobuf size of a piece: its Python objects take up to a hundred times as much memory."""
_PIECE_ELEMENTS: Final = 1 << 9


def json_pieces(message: Message) -> Iterator[bytes]:
    """Yield the message, which has no maps, as JSON in UTF-8: in one piece if it is small, otherwise field by field."""
    if message.ByteSize() <= _PIECE_BYTES:
        yield _json(json_format.MessageToDict(message))
        return
    before = b"{"
    for field, value in message.ListFields():
        yield b'%b"%b":' % (before, field.json_name.encode())
        if field.is_repeated:
            yield from _pieces_of_list(message, field, value)
        elif field.message_type:
            yield from json_pieces(value)
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
                yield from json_pieces(each)
                before = b","
        else:
            yield before + _json(_converted(message, field, batch))[1:-1]
        before = b","
    yield b"]"


def _converted(message: Message, field: FieldDescriptor, value: object) -> Any:  # noqa: ANN401  # whatever JSON may hold
    """Return the JSON of this value of the message's field."""
    alone = type(message)(**{field.name: value})
    return json_format.MessageToDict(alone)[field.json_name]


def _json(content: object) -> bytes:
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode()
