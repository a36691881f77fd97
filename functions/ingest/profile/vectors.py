"""Reads the messages of a pprof with NumPy, as vectors of variable-length integers.

The messages of a pprof's long lists consist of numbers, lists of numbers, and messages of numbers. So their bytes,
including tags and lengths, are varints from beginning to end, and are decoded all at once. A location or function is a
sequence of pairs of a tag and a value; a line's tag and length are a pair that precedes the pairs of the line.

Any other encoding is rare. It raises OddEncodingError, and protobuf's C library reads the messages instead.
"""

from array import array
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ingest.profile.columns import Functions, Locations

type Numbers = NDArray[np.uint64]
type Places = NDArray[np.int64]

_LONGEST: Final = 10
_LAST_OF_LONGEST: Final = 1
"""The greatest last byte of a varint of 10 bytes: nine bytes have seven bits each, so one of the 64 is left."""
_LINE: Final = 0x22


class OddEncodingError(Exception):
    """The messages are encoded in an unusual or invalid way."""


class Varints(NamedTuple):
    """The integers in some bytes. `starts` has the offset of each and, as its last entry, the number of bytes."""

    values: Numbers
    starts: Places


class Pairs(NamedTuple):
    """Pairs of a tag and a value: the number of each pair's message, and the offsets where pairs start and end."""

    tags: Numbers
    values: Numbers
    messages: Places
    starts: Places


def decode(data: bytes) -> Varints:
    """Return the varints that the bytes consist of. Raises OddEncodingError for bytes that are not varints."""
    octets = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(octets < 0x80) + 1
    if len(data) and not (len(ends) and ends[-1] == len(data)):
        raise OddEncodingError
    starts = np.concatenate((np.zeros(1, np.int64), ends))
    lengths = np.diff(starts)
    longest = int(lengths.max(initial=0))
    if longest > _LONGEST or (
        longest == _LONGEST and (octets[ends[lengths == _LONGEST] - 1] > _LAST_OF_LONGEST).any()
    ):
        raise OddEncodingError
    septets = octets & np.uint8(0x7F)
    values = septets[starts[:-1]].astype(np.uint64)
    rows = np.arange(len(values))
    for place in range(1, longest):
        rows = rows[lengths[rows] > place]
        values[rows] |= septets[starts[rows] + place].astype(np.uint64) << np.uint64(7 * place)
    return Varints(values, starts)


def read_functions(encoded: Sequence[bytes]) -> Functions:
    """Return the columns of functions. Raises OddEncodingError for an unusual encoding."""
    pairs = _pairs(encoded)
    ids, *texts = _fields(pairs, len(encoded), (0x08, 0x10, 0x18, 0x20, 0x28))
    names, system_names, filenames, start_lines = (column.view(np.int64).tolist() for column in texts)
    return Functions(
        ids=ids.tolist(),
        names=names,
        system_names=system_names,
        filenames=filenames,
        start_lines=start_lines,
    )


def read_locations(encoded: Sequence[bytes]) -> Locations:
    """Return the columns of locations. Raises OddEncodingError for an unusual encoding."""
    pairs = _pairs(encoded)
    is_line = pairs.tags == _LINE
    line_ends = _line_ends(pairs, is_line)
    covered = np.maximum.accumulate(line_ends) if len(line_ends) else line_ends
    nested = np.zeros(len(is_line), bool)
    nested[1:] = pairs.starts[1:-1] < covered[:-1]
    if (nested & is_line).any():
        raise OddEncodingError
    own = ~(nested | is_line)
    lines = np.cumsum(is_line) - 1
    ids, mapping_ids, addresses, _ = _fields(_where(pairs, own), len(encoded), (0x08, 0x10, 0x18, 0x28))
    of_lines = _where(pairs, nested)._replace(messages=lines[nested])
    function_ids, numbers, columns = _fields(of_lines, int(is_line.sum()), (0x08, 0x10, 0x18))
    return Locations(
        ids=unsigned(ids),
        mapping_ids=unsigned(mapping_ids),
        addresses=unsigned(addresses),
        line_counts=np.bincount(pairs.messages[is_line], minlength=len(encoded)).tolist(),
        function_ids=unsigned(function_ids),
        lines=signed(numbers),
        columns=signed(columns),
    )


def _line_ends(pairs: Pairs, is_line: NDArray[np.bool_]) -> Places:
    """Return the offset where each line ends, and 0 for pairs of another tag. A line must end with a pair."""
    ends = np.zeros(len(is_line), np.int64)
    lengths = pairs.values[is_line]
    if (lengths > np.uint64(pairs.starts[-1])).any():
        raise OddEncodingError
    ends[is_line] = found = pairs.starts[1:][is_line] + lengths.astype(np.int64)
    after = np.searchsorted(pairs.starts, found)
    if (after == len(pairs.starts)).any() or (pairs.starts[after] != found).any():
        raise OddEncodingError
    if (pairs.messages[after - 1] != pairs.messages[is_line]).any():
        raise OddEncodingError
    return ends


def _pairs(encoded: Sequence[bytes]) -> Pairs:
    values, starts = decode(b"".join(encoded))
    firsts = places_of(message_starts(encoded), starts)
    if (firsts % 2).any() or (np.diff(starts)[::2] != 1).any():
        raise OddEncodingError
    counts = np.diff(firsts) // 2
    return Pairs(values[::2], values[1::2], np.repeat(np.arange(len(counts)), counts), starts[::2])


def message_starts(encoded: Sequence[bytes]) -> Places:
    """Return the offset of each message in their concatenation and, as the last entry, its length."""
    return np.cumsum(np.fromiter((0, *map(len, encoded)), np.int64, len(encoded) + 1))


def places_of(wanted: Places, starts: Places) -> Places:
    """Return the number of the varint that starts at each offset. Raises OddEncodingError for an offset without one."""
    found = np.searchsorted(starts, wanted)
    if (found == len(starts)).any() or (starts[found] != wanted).any():
        raise OddEncodingError
    return found


def _where(pairs: Pairs, mask: NDArray[np.bool_]) -> Pairs:
    return Pairs(pairs.tags[mask], pairs.values[mask], pairs.messages[mask], pairs.starts)


def _fields(pairs: Pairs, count: int, tags: Sequence[int]) -> list[Numbers]:
    """Return a column for each tag, with 0 for messages that lack it. Raises OddEncodingError for other tags."""
    columns, left = [], len(pairs.tags)
    for tag in tags:
        mask = pairs.tags == tag
        values = pairs.values[mask]
        column = np.zeros(count, np.uint64)
        # The last of several values counts.
        column[pairs.messages[mask]] = values
        columns.append(column)
        left -= len(values)
    if left:
        raise OddEncodingError
    return columns


def unsigned(numbers: Numbers) -> "array[int]":
    """Return the numbers as an array."""
    return array("Q", numbers.tobytes())


def signed(numbers: Numbers) -> "array[int]":
    """Return the numbers as an array of the signed numbers with the same bits."""
    return array("q", numbers.tobytes())
