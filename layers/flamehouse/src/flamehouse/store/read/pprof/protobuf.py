"""Protobuf encoding in SQL, for responses that ClickHouse encodes entirely (protobuf.dev/programming-guides/encoding).

All functions build SQL expressions from SQL expressions, and never format values into them.
"""

_BOUNDS = [1 << bits for bits in range(7, 64, 7)]
"""The numbers from which LEB128 needs one more group of seven bits."""


def varint(number: str) -> str:
    """The non-negative number as LEB128."""
    last = f"arrayCount(bound -> {number} >= bound, {_BOUNDS})"
    group = f"char(bitOr(bitShiftRight({number}, 7 * group), if(group < {last}, 128, 0)))"
    return f"arrayStringConcat(arrayMap(group -> {group}, range({last} + 1)))"


def padded_varint(number: str, length: int) -> str:
    """The number as LEB128, padded with empty groups to exactly `length` bytes. Any reader accepts it."""
    groups = [f"bitOr(bitShiftRight({number}, {7 * group}), 128)" for group in range(length - 1)]
    return f"char({', '.join((*groups, f'bitShiftRight({number}, {7 * (length - 1)})'))})"


def length_delimited(text: str) -> str:
    """The length of the String as LEB128, then the String: the same as in RowBinary."""
    return f"formatRow('RowBinary', {text})"
