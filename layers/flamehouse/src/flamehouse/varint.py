"""Unsigned LEB128 numbers and texts that begin with their length in one, as RowBinary and Pyroscope's TREE write them."""


def uvarint(number: int) -> bytes:
    """The number as LEB128; it must not be negative."""
    if number < 0x80:
        return _SHORT[number]
    groups = bytearray()
    while number >= 0x80:
        groups.append(number & 0x7F | 0x80)
        number >>= 7
    groups.append(number)
    return bytes(groups)


def length_prefixed(text: str) -> bytes:
    """The length of the text's UTF-8, and that."""
    data = text.encode()
    return uvarint(len(data)) + data


_SHORT = tuple(bytes((number,)) for number in range(0x80))
