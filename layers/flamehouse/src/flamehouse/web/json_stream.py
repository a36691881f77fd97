"""Writes a protobuf message as JSON piece by piece, so that only one piece of it is in Python objects at a time.

The JSON equals that of protobuf's own `json_format`, which takes ten times as long; tests compare the two. Maps,
`float` fields and Google's well-known types are not supported: no response has them.

JSON mapping: protobuf.dev/programming-guides/json.
"""

import json
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import batched
from math import isfinite, isnan
from typing import Any, Final

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

_PIECE_BYTES: Final = 1 << 18
"""The size of a piece as protobuf; as Python objects it takes about thirty times as much."""
_PIECE_ELEMENTS: Final = 1 << 14

type _Write = Callable[[Any], str]

_dump: Final[_Write] = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


def json_pieces(message: Message) -> Iterator[bytes]:
    """Yield the message as JSON in UTF-8: a small message in one piece, a large one field by field."""
    if message.ByteSize() <= _PIECE_BYTES:
        yield _object(message).encode()
        return
    before = "{"
    for field, value in message.ListFields():
        yield f"{before}{_key(field)}".encode()
        if field.is_repeated:
            yield from _pieces_of_list(field, value)
        elif field.message_type:
            yield from json_pieces(value)
        else:
            yield _writer(field)(value).encode()
        before = ","
    yield b"}"


def _pieces_of_list(field: FieldDescriptor, values: Iterable[Any]) -> Iterator[bytes]:
    before = b"["
    for batch in batched(values, _PIECE_ELEMENTS, strict=False):
        if field.message_type and sum(each.ByteSize() for each in batch) > _PIECE_BYTES:
            for each in batch:
                yield before
                yield from json_pieces(each)
                before = b","
        else:
            yield before + _writer(field)(batch)[1:-1].encode()
        before = b","
    yield b"]"


def _object(message: Message) -> str:
    members = [_key(field) + _writer(field)(value) for field, value in message.ListFields()]
    return f"{{{','.join(members)}}}"


@cache
def _key(field: FieldDescriptor) -> str:
    return f"{_dump(field.json_name)}:"


@cache
def _writer(field: FieldDescriptor) -> _Write:
    """Return the function that writes the field's value; for a repeated field the value is a list that is not empty."""
    write = _writer_of_one(field)
    if not field.is_repeated:
        return write
    return _WRITERS_OF_LISTS.get(write, lambda values: f"[{','.join(map(write, values))}]")


def _writer_of_one(field: FieldDescriptor) -> _Write:
    if field.type == FieldDescriptor.TYPE_BYTES:
        return _bytes
    if field.enum_type:
        names = {number: value.name for number, value in field.enum_type.values_by_number.items()}
        return lambda number: _dump(names.get(number, number))
    return _WRITERS[field.cpp_type]


def _quoted(number: int) -> str:
    return f'"{number}"'


def _list_of_quoted(numbers: Sequence[int]) -> str:
    # No loop over the numbers: the levels of a flame graph have tens of thousands. A slice of a repeated field is
    # copied faster than the field's iterator.
    return f'["{('%d","' * len(numbers))[:-3] % tuple(numbers[:])}"]'


def _double(number: float) -> str:
    if isfinite(number):
        return repr(number)
    return '"NaN"' if isnan(number) else '"Infinity"' if number > 0 else '"-Infinity"'


def _bool(value: bool) -> str:
    return "true" if value else "false"


def _bytes(data: bytes) -> str:
    return f'"{b64encode(data).decode()}"'


_WRITERS: Final[Mapping[int, _Write]] = {
    FieldDescriptor.CPPTYPE_BOOL: _bool,
    FieldDescriptor.CPPTYPE_INT32: str,
    FieldDescriptor.CPPTYPE_UINT32: str,
    FieldDescriptor.CPPTYPE_INT64: _quoted,
    FieldDescriptor.CPPTYPE_UINT64: _quoted,
    FieldDescriptor.CPPTYPE_DOUBLE: _double,
    FieldDescriptor.CPPTYPE_STRING: _dump,
    FieldDescriptor.CPPTYPE_MESSAGE: _object,
}
_WRITERS_OF_LISTS: Final[Mapping[_Write, _Write]] = {
    _quoted: _list_of_quoted,
    _dump: lambda texts: _dump([*texts]),
}
