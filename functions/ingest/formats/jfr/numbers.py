"""Decodes compressed integers of a recording, many at a time.

A recording writes an integer as LEB128, with seven bits a byte, except that a ninth byte is always the last and has
eight. Protobuf has a tenth byte for the 64th bit. So if the highest bit of a ninth byte is set, a tenth byte is
inserted after it. Then protobuf's C library decodes all integers as one packed field.

Any bytes decode to numbers, so bytes after the requested integers may be decoded with them. `NumberStream.position`
does not count these.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from flamehouse.pb.jfr_pb2 import Numbers
from ingest.formats.jfr.limits import damaged

_NINE_GOING_ON: Final = re.compile(rb"([\x80-\xff]{9})")
_WITH_TENTH: Final = b"\\1\x01"
_GOING_ON: Final = bytes(range(0x80, 0x100))
_TEN_BYTES: Final = re.compile(rb"[\x80-\xff]{9}\x01")
_IS_GOING_ON: Final = bytes(byte >> 7 for byte in range(0x100))
_NINE: Final = b"\1" * 9
_PACKED_FIELD_1: Final = b"\x0a"

MAX_NUMBER_BYTES: Final = 9
_FIRST_WINDOW_BYTES: Final = 1 << 8
_LAST_WINDOW_BYTES: Final = 1 << 14
"""Windows start small and grow, so that no more is decoded needlessly than was requested."""
_BATCH_NUMBERS: Final = 1 << 14


def read_numbers(data: bytes) -> Sequence[int]:
    """Returns all numbers in `data`, except a truncated last one."""
    return _decode(_as_protobuf(data))


class NumberStream:
    """Reads numbers from a position in a recording."""

    def __init__(self, data: bytes, position: int, end: int) -> None:
        self._data = data
        self._read_up_to = position
        self._end = end
        self._window = b""
        self._window_bytes = _FIRST_WINDOW_BYTES
        self._values: list[int] = []
        self._next = 0

    def take(self, count: int) -> list[int]:
        """Returns the next `count` numbers. Raises RpcError(INVALID_ARGUMENT) if there are fewer."""
        stop = self._next + count
        if stop > len(self._values):
            self._read_on(count)
            stop = count
        taken = self._values[self._next : stop]
        self._next = stop
        return taken

    def skip(self, count: int) -> None:
        """Skips the next `count` numbers."""
        for batch in batches(count, 1):
            self.take(batch)

    @property
    def position(self) -> int:
        """The position after the numbers taken so far."""
        unread = len(self._values) - self._next
        # A window is decoded only when numbers run out, so all unread numbers lie in the last window.
        taken = self._window[: _length_of(self._window, _count(self._window) - unread)]
        ahead = _original_length(self._window) - _original_length(taken)
        return self._read_up_to - ahead

    def _read_on(self, count: int) -> None:
        values = self._values[self._next :]
        # A number takes at least one byte: a larger count is rejected before anything is allocated.
        if count - len(values) > self._end - self._read_up_to:
            raise damaged("a list extends beyond its event")
        while len(values) < count:
            values += self._next_window()
        self._values = values
        self._next = 0

    def _next_window(self) -> Sequence[int]:
        start = self._read_up_to
        self._window = _as_protobuf(self._data[start : min(start + self._window_bytes, self._end)])
        if not self._window:
            raise damaged("an integer extends beyond its event")
        self._read_up_to += _original_length(self._window)
        self._window_bytes = min(2 * self._window_bytes, _LAST_WINDOW_BYTES)
        return _decode(self._window)


def batches(count: int, width: int) -> Iterator[int]:
    """Splits `count` rows of `width` numbers into batches that take little memory; yields the rows of each."""
    most = max(1, _BATCH_NUMBERS // width)
    while count > 0:
        yield min(count, most)
        count -= most


def _as_protobuf(data: bytes) -> bytes:
    """Returns the complete numbers of `data` in protobuf's encoding."""
    if _may_differ(data):
        data = _NINE_GOING_ON.sub(_WITH_TENTH, data)
    return data.rstrip(_GOING_ON)


def _original_length(numbers: bytes) -> int:
    return len(numbers) - len(_TEN_BYTES.findall(numbers)) if _may_differ(numbers) else len(numbers)


def _may_differ(numbers: bytes) -> bool:
    """Returns whether any number may be so large that protobuf encodes it differently.

    This check costs less than finding such a number.
    """
    return _NINE in numbers.translate(_IS_GOING_ON)


def _decode(numbers: bytes) -> list[int]:
    size = len(numbers)
    length = bytes((size & 0x7F | 0x80, size >> 7 & 0x7F | 0x80, size >> 14 & 0x7F | 0x80, size >> 21))
    values: list[int] = Numbers.FromString(_PACKED_FIELD_1 + length + numbers).value[:]
    return values


def _count(numbers: bytes) -> int:
    return len(numbers.translate(None, _GOING_ON))


def _length_of(numbers: bytes, count: int) -> int:
    """Returns the size in bytes of the first `count` numbers, by binary search for the last byte of these."""
    low, high = 0, len(numbers)
    if not count:
        return 0
    while high - low > 1:
        middle = (low + high) // 2
        within = _count(numbers[low:middle])
        if within >= count:
            high = middle
        else:
            low, count = middle, count - within
    return high
