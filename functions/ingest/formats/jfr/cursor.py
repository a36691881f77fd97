"""Reads a recording value by value, for instances that do not consist only of integers.

Encodings: the classes `RecordingInput` and `StringParser` in jdk.jfr.internal.consumer of OpenJDK.
"""

from struct import pack
from typing import Final

from flamehouse.errors import RpcError
from ingest.formats.jfr.limits import MAX_TEXT_BYTES, damaged
from ingest.formats.jfr.numbers import MAX_NUMBER_BYTES, NumberStream, read_numbers

# The first byte of a string is its encoding; 0 is a null string, 1 an empty one.
_EMPTY, _CONSTANT, _UTF8, _CHARS, _LATIN1 = 1, 2, 3, 4, 5

INT_BYTES: Final = 4
LONG_BYTES: Final = 8
_CHAR_BYTES: Final = 2
_CHAR_MASK: Final = 0xFFFF


class Cursor:
    """A position in a recording, bounded by the end of its event.

    `compressed` says how integers are encoded. Each read advances the position, and raises RpcError(INVALID_ARGUMENT)
    beyond the end.
    """

    __slots__ = ("compressed", "data", "end", "position")

    def __init__(self, data: bytes, position: int, end: int, *, compressed: bool) -> None:
        self.data = data
        self.position = position
        self.end = end
        self.compressed = compressed

    def varint(self) -> int:
        data, position = self.data, self.position
        value = shift = 0
        for at in range(position, min(position + MAX_NUMBER_BYTES, self.end)):
            byte = data[at]
            if byte < 0x80 or shift == 56:
                self.position = at + 1
                return value | byte << shift
            value |= (byte & 0x7F) << shift
            shift += 7
        raise self._beyond()

    def fixed(self, size: int) -> int:
        """Reads a big-endian integer of `size` bytes."""
        return int.from_bytes(self.data[self.skip(size) : self.position])

    def integer(self) -> int:
        return self.varint() if self.compressed else self.fixed(INT_BYTES)

    def long(self) -> int:
        return self.varint() if self.compressed else self.fixed(LONG_BYTES)

    def skip(self, size: int) -> int:
        """Advances by `size` bytes, and returns the position where they start."""
        start = self.position
        if size > self.end - start:
            raise self._beyond()
        self.position = start + size
        return start

    def text(self) -> bytes:
        """Reads a string in the encoded form that `decode_text` takes."""
        start = self.skip(1)
        encoding = self.data[start]
        if encoding in {_UTF8, _LATIN1}:
            self.skip(self.integer())
        elif encoding == _CONSTANT:
            self.long()
        elif encoding == _CHARS:
            self._skip_chars(self.integer())
        elif encoding > _EMPTY:
            raise damaged(f"unknown string encoding {encoding}")
        return self.data[start : self.position]

    def _skip_chars(self, count: int) -> None:
        if not self.compressed:
            self.skip(count * _CHAR_BYTES)
            return
        stream = NumberStream(self.data, self.position, self.end)
        stream.skip(count)
        self.position = stream.position

    def _beyond(self) -> RpcError:
        return damaged("a value extends beyond its event")


def constant_of(text: bytes, *, compressed: bool) -> int | None:
    """Returns the number of the constant that an encoded string refers to; None if the string is inline."""
    if text[0] != _CONSTANT:
        return None
    return Cursor(text, 1, len(text), compressed=compressed).long()


def decode_text(text: bytes, *, compressed: bool) -> str:
    """Decodes a string that `Cursor.text` returned; empty if it refers to a constant.

    Raises RpcError(INVALID_ARGUMENT) for invalid UTF-8 and for names that are too long.
    """
    if len(text) > MAX_TEXT_BYTES:
        raise damaged(f"a name is longer than {MAX_TEXT_BYTES} bytes")
    encoding = text[0]
    if encoding in {_UTF8, _LATIN1}:
        cursor = Cursor(text, 1, len(text), compressed=compressed)
        cursor.integer()
        encoded = text[cursor.position :]
        return encoded.decode("latin-1") if encoding == _LATIN1 else _from_utf8(encoded)
    return _from_chars(text, compressed=compressed) if encoding == _CHARS else ""


def _from_chars(text: bytes, *, compressed: bool) -> str:
    cursor = Cursor(text, 1, len(text), compressed=compressed)
    count = cursor.integer()
    encoded = text[cursor.position :]
    if compressed:
        encoded = pack(f">{count}H", *(char & _CHAR_MASK for char in read_numbers(encoded)))
    try:
        return encoded.decode("utf-16-be")
    except UnicodeDecodeError as error:
        raise damaged("a string has an unpaired surrogate") from error


def _from_utf8(encoded: bytes) -> str:
    try:
        return encoded.decode()
    except UnicodeDecodeError:
        pass
    try:
        # The JVM encodes a character above U+FFFF as two surrogates.
        halves = encoded.decode(errors="surrogatepass")
        return halves.encode("utf-16-be", errors="surrogatepass").decode("utf-16-be")
    except UnicodeDecodeError as error:
        raise damaged(f"a string is not UTF-8: {encoded[:64]!r}") from error
