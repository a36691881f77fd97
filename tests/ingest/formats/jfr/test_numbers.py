"""Integers read in bulk equal those read one at a time, and end at the same place."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flamehouse.errors import RpcError
from ingest.formats.jfr.cursor import Cursor
from ingest.formats.jfr.numbers import NumberStream, read_numbers
from tests.support.fuzzing import fuzzed
from tests.support.uploads.jfr_recordings import varint

numbers = (
    st.integers(0, 300)
    | st.integers(0, (1 << 64) - 1)
    | st.integers(54, 64).map(lambda bits: (1 << bits) - 1)
)


@fuzzed(200)
@given(st.lists(numbers, max_size=60))
def test_numbers_are_read_as_they_were_written(written: Sequence[int]) -> None:
    assert [*read_numbers(b"".join(map(varint, written)))] == written


@fuzzed(200)
@given(st.lists(st.lists(numbers, max_size=40), max_size=12), st.binary(max_size=12), st.binary(max_size=12))
def test_a_stream_ends_after_the_numbers_it_has_read(
    taken: Sequence[Sequence[int]], before: bytes, behind: bytes
) -> None:
    data = before + b"".join(varint(value) for values in taken for value in values) + behind
    stream = NumberStream(data, len(before), len(data))
    position = len(before)
    for values in taken:
        assert stream.take(len(values)) == values
        position += sum(len(varint(value)) for value in values)
        assert stream.position == position


@fuzzed(200)
@given(st.binary(max_size=60))
def test_a_stream_reads_any_bytes_as_a_cursor_does(data: bytes) -> None:
    cursor = Cursor(data, 0, len(data), compressed=True)
    one_by_one: list[int] = []
    while True:
        try:
            one_by_one.append(cursor.varint())
        except RpcError:
            break
    assert [*read_numbers(data)] == one_by_one
    stream = NumberStream(data, 0, len(data))
    assert stream.take(len(one_by_one)) == one_by_one
    assert stream.position == cursor.position
    with pytest.raises(RpcError, match="extends beyond"):
        stream.take(1)


@pytest.mark.parametrize("count", [1, 255, 256, 257, 16_384, 100_000])
@pytest.mark.parametrize("value", [5, 300, 1 << 56, (1 << 64) - 1])
def test_a_stream_reads_exactly_the_requested_numbers(count: int, value: int) -> None:
    data = varint(value) * count + b"\xff" * 8
    stream = NumberStream(data, 0, len(data))
    assert stream.take(count) == [value] * count
    assert stream.position == len(data) - 8
    with pytest.raises(RpcError, match="an integer extends beyond"):
        stream.take(1)


def test_more_numbers_than_bytes_are_rejected_before_reading() -> None:
    with pytest.raises(RpcError, match="a list extends beyond"):
        NumberStream(b"\x01" * 10, 0, 10).take(1 << 62)
