"""The samples, locations and functions of a pprof as columns: a list for each of their fields.

Python asks a message for a field in some 100 ns, and a pprof has tens of thousands of them. Protobuf's C library reads
them all in less than a millisecond: the bytes of messages that follow each other are one message that has every field
of each, so a list of messages, joined, is read as one message of repeated fields (profile_columns.proto).

Such a field has no entry for a message that left it out. So a separator stands before each message, with an entry for
every field: a message then shows as one entry where it left the field out, and as two where it did not. This takes an
encoding in which a field stands once at most and never with its default, and lists of numbers are packed. The C library
writes it so; what was sent is therefore read and written first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from flamehouse.pb import profile_pb2
from flamehouse.pb.profile_columns_pb2 import (
    FunctionColumns,
    LineColumns,
    LocationColumns,
    ProfileLists,
    SampleColumns,
    SampleLists,
)
from ingest.profile.incoming import IncomingProfile

# Each field's number and wire type, and behind it an entry: nothing, or 0. Labels and lines are messages themselves,
# which may be empty: their entry is one that says its first field to be 0, and that is never written.
_SAMPLE_SEPARATOR = b"\x0a\x00\x12\x00\x1a\x02\x08\x00"
_LOCATION_SEPARATOR = b"\x08\x00\x10\x00\x18\x00\x22\x02\x08\x00"
LINE_SEPARATOR = b"\x08\x00\x10\x00\x18\x00"
_FUNCTION_SEPARATOR = b"\x08\x00\x10\x00\x18\x00\x20\x00\x28\x00"
_NO_MESSAGE = b"\x08\x00"

_NOT_LAST_OF_VARINT = bytes(range(0x80, 0x100))


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """`location_ids` and `values` hold those of all samples, one sample after the other.

    So do `labels`, which are encoded. `depths`, `widths` and `label_counts` say how many of each a sample has.
    """

    location_ids: Sequence[int]
    values: Sequence[int]
    labels: Sequence[bytes]
    depths: Sequence[int]
    widths: Sequence[int]
    label_counts: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Locations:
    """`function_ids`, `lines` and `columns` hold those of all lines, `line_counts` of each location."""

    ids: Sequence[int]
    mapping_ids: Sequence[int]
    addresses: Sequence[int]
    line_counts: Sequence[int]
    function_ids: Sequence[int]
    lines: Sequence[int]
    columns: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Functions:
    """Names and files are indices into the string table."""

    ids: Sequence[int]
    names: Sequence[int]
    system_names: Sequence[int]
    filenames: Sequence[int]
    start_lines: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class PprofColumns:
    """The long lists of one pprof."""

    samples: Samples
    locations: Locations
    functions: Functions


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnarProfile(IncomingProfile):
    """A profile of a format that is read into columns at once: its pprof has everything but the long lists.

    Whoever makes one has checked how many samples it has.
    """

    columns: PprofColumns


def read_columns(pprof: profile_pb2.Profile) -> PprofColumns:
    """The columns of a pprof, which loses the fields that the format does not know."""
    pprof.DiscardUnknownFields()
    lists = ProfileLists.FromString(pprof.SerializeToString())
    return PprofColumns(
        samples=_samples(lists.sample[:]),
        locations=_locations(lists.location[:]),
        functions=_functions(lists.function[:]),
    )


def _samples(encoded: Sequence[bytes]) -> Samples:
    lists = SampleLists.FromString(joined(encoded, _SAMPLE_SEPARATOR))
    numbers = SampleColumns.FromString(b"".join(encoded))
    labels, label_counts = flattened(lists.label[:], len(encoded))
    return Samples(
        location_ids=numbers.location_id[:],
        values=numbers.value[:],
        labels=labels,
        depths=[*map(_count_varints, aligned(lists.location_id, len(encoded)))],
        widths=[*map(_count_varints, aligned(lists.value, len(encoded)))],
        label_counts=label_counts,
    )


def _locations(encoded: Sequence[bytes]) -> Locations:
    count = len(encoded)
    columns = LocationColumns.FromString(joined(encoded, _LOCATION_SEPARATOR))
    encoded_lines, line_counts = flattened(columns.line[:], count)
    lines = LineColumns.FromString(joined(encoded_lines, LINE_SEPARATOR))
    return Locations(
        ids=aligned(columns.id, count),
        mapping_ids=aligned(columns.mapping_id, count),
        addresses=aligned(columns.address, count),
        line_counts=line_counts,
        function_ids=aligned(lines.function_id, len(encoded_lines)),
        lines=aligned(lines.line, len(encoded_lines)),
        columns=aligned(lines.column, len(encoded_lines)),
    )


def _functions(encoded: Sequence[bytes]) -> Functions:
    count = len(encoded)
    columns = FunctionColumns.FromString(joined(encoded, _FUNCTION_SEPARATOR))
    return Functions(
        ids=aligned(columns.id, count),
        names=aligned(columns.name, count),
        system_names=aligned(columns.system_name, count),
        filenames=aligned(columns.filename, count),
        start_lines=aligned(columns.start_line, count),
    )


def joined(messages: Sequence[bytes], separator: bytes) -> bytes:
    """The messages as one, the separator before each."""
    return separator + separator.join(messages) if messages else b""


def aligned[T: (int, bytes)](entries: Sequence[T], count: int) -> Sequence[T]:
    """One entry for each of `count` messages, out of one (the separator's) or two."""
    if len(entries) == 2 * count:
        return entries[1::2]
    if len(entries) == count:
        return entries[:]
    values: list[T] = []
    for entry in entries:
        if entry:
            values[-1] = entry
        else:
            values.append(entry)
    return values


def flattened(entries: Sequence[bytes], count: int) -> tuple[Sequence[bytes], Sequence[int]]:
    """The messages within each of `count` messages, and how many each has; `entries` has separators before each's."""
    if len(entries) == count:
        return (), [0] * count
    messages = [entry for entry in entries if entry != _NO_MESSAGE]
    if len(entries) == 2 * count and messages == entries[1::2]:
        return messages, [1] * count
    starts = [index for index, entry in enumerate(entries) if entry == _NO_MESSAGE]
    ends = chain(starts[1:], (len(entries),))
    return messages, [end - start - 1 for start, end in zip(starts, ends, strict=True)]


def _count_varints(packed: bytes) -> int:
    return len(packed.translate(None, _NOT_LAST_OF_VARINT))
