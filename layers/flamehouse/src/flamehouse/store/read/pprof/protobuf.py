"""Protobuf's encoding in SQL, for answers of which ClickHouse writes every byte (protobuf.dev/programming-guides/encoding).

All of these are SQL expressions made of SQL expressions. None holds a value.
"""

_BOUNDS = [1 << bits for bits in range(7, 64, 7)]
"""From which numbers on one group of seven bits more is needed, and one more again."""


def varint(number: str) -> str:
    """The number, not negative, as LEB128."""
    last = f"arrayCount(bound -> {number} >= bound, {_BOUNDS})"
    group = f"char(bitOr(bitShiftRight({number}, 7 * group), if(group < {last}, 128, 0)))"
    return f"arrayStringConcat(arrayMap(group -> {group}, range({last} + 1)))"


def padded_varint(number: str, length: int) -> str:
    """The number as LEB128 of exactly `length` bytes, the last ones of which may say nothing. Any reader takes it."""
    groups = [f"bitOr(bitShiftRight({number}, {7 * group}), 128)" for group in range(length - 1)]
    return f"char({', '.join((*groups, f'bitShiftRight({number}, {7 * (length - 1)})'))})"


def length_delimited(text: str) -> str:
    """The String's length as LEB128, and the String: so does RowBinary write one."""
    return f"formatRow('RowBinary', {text})"
