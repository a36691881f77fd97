"""Encodes unsigned numbers in LEB128, and texts with such a length prefix, as in RowBinary and Pyroscope's TREE."""


def uvarint(number: int) -> bytes:
    """Return the number in LEB128; it must not be negative."""
    if number < 0x80:
        return _SHORT[number]
    groups = bytearray()
    while number >= 0x80:
        groups.append(number & 0x7F | 0x80)
        number >>= 7
    groups.append(number)
    return bytes(groups)


def length_prefixed(text: str) -> bytes:
    """Return the text in UTF-8, prefixed with its length."""
    data = text.encode()
    return uvarint(len(data)) + data


_SHORT = tuple(bytes((number,)) for number in range(0x80))
