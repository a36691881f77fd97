"""The samples, locations and functions of a pprof as columns: a list for each of their fields.

Python reads a field of a message in about 100 ns, and a pprof has tens of thousands of fields. Protobuf's C library
reads all of them in less than a millisecond: concatenated messages are one message with the fields of all, so a joined
list of messages is parsed as one message of repeated fields (profile_columns.proto).

A repeated field has no entry for a message that omits the field. So each message is preceded by a separator with an
entry for every field: a message then contributes one entry if it omits the field, and two otherwise. This requires an
encoding in which a field occurs at most once and never with its default, and in which lists of numbers are packed. The
C library writes this encoding, so the input is first parsed and serialized again.
"""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import methodcaller

from flamehouse.pb import profile_pb2
from flamehouse.pb.profile_columns_pb2 import (
    EncodedProfile,
    FunctionColumns,
    LineColumns,
    LocationColumns,
    ProfileLists,
    SampleColumns,
    SampleLists,
)
from ingest.profile import vectors_used
from ingest.profile.incoming import IncomingProfile

# Each field's number and wire type, followed by an empty entry or 0. Labels and lines are messages that may themselves
# be empty, so their entry has a first field of 0, which is never written.
_SAMPLE_SEPARATOR = b"\x0a\x00\x12\x00\x1a\x02\x08\x00"
_LOCATION_SEPARATOR = b"\x08\x00\x10\x00\x18\x00\x22\x02\x08\x00"
LINE_SEPARATOR = b"\x08\x00\x10\x00\x18\x00"
_FUNCTION_SEPARATOR = b"\x08\x00\x10\x00\x18\x00\x20\x00\x28\x00"
_NO_MESSAGE = b"\x08\x00"

_MAX_INTEGERS = 500_000
"""Longer lists of integers become arrays, which are slower but smaller."""
_BATCH_BYTES = 1 << 18
"""The size of the samples whose integers are read at a time into arrays."""

_last_bytes = methodcaller("translate", None, bytes(range(0x80, 0x100)))
"""Returns the last byte of each packed varint, which is the only one below 0x80."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """The samples: `location_ids`, `values` and encoded `labels` are those of all samples, one sample after the other.

    `depths`, `widths` and `label_counts` are the number of each per sample, in this order.
    """

    location_ids: Sequence[int]
    values: Sequence[int]
    labels: Sequence[bytes]
    depths: Sequence[int]
    widths: Sequence[int]
    label_counts: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Locations:
    """The locations: `function_ids`, `lines` and `columns` have an entry per line, `line_counts` one per location."""

    ids: Sequence[int]
    mapping_ids: Sequence[int]
    addresses: Sequence[int]
    line_counts: Sequence[int]
    function_ids: Sequence[int]
    lines: Sequence[int]
    columns: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Functions:
    """The functions: names and files are indices into the string table."""

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
    """A profile that was read directly into columns: its message lacks the long lists, which only the columns have."""

    columns: PprofColumns


def read_columns(pprof: profile_pb2.Profile) -> PprofColumns:
    """Return the columns of a pprof, and remove its unknown fields."""
    pprof.DiscardUnknownFields()
    encoded = pprof.SerializeToString()
    uses_vectors = vectors_used.reads(len(encoded))
    lists = ProfileLists.FromString(encoded)
    del encoded
    return (vector_columns(lists) if uses_vectors else None) or PprofColumns(
        samples=_samples(lists.sample[:]),
        locations=_locations(lists.location[:]),
        functions=_functions(lists.function[:]),
    )


def vector_columns(lists: EncodedProfile | ProfileLists) -> PprofColumns | None:
    """Read the columns of the lists with NumPy; return None for an unusual encoding."""
    from ingest.profile import vector_samples, vectors  # noqa: PLC0415  # on Lambda there is no NumPy

    try:
        return PprofColumns(
            samples=vector_samples.read_samples(lists.sample[:]),
            locations=vectors.read_locations(lists.location[:]),
            functions=vectors.read_functions(lists.function[:]),
        )
    except vectors.OddEncodingError:
        return None


def _samples(encoded: Sequence[bytes]) -> Samples:
    labels, label_counts, depths, widths = _shape(encoded)
    location_ids, values = _numbers(encoded, sum(depths) + sum(widths))
    return Samples(
        location_ids=location_ids,
        values=values,
        labels=labels,
        depths=depths,
        widths=widths,
        label_counts=label_counts,
    )


def _shape(encoded: Sequence[bytes]) -> tuple[Sequence[bytes], Sequence[int], Sequence[int], Sequence[int]]:
    """Return the labels of all samples, and the number of labels, locations and values of each sample."""
    lists = SampleLists.FromString(joined(encoded, _SAMPLE_SEPARATOR))
    labels, label_counts = flattened(lists.label[:], len(encoded))
    depths = _varint_counts(aligned(lists.location_id, len(encoded)))
    return labels, label_counts, depths, _varint_counts(aligned(lists.value, len(encoded)))


def _numbers(encoded: Sequence[bytes], count: int) -> tuple[Sequence[int], Sequence[int]]:
    """Return the `count` location ids and values of all samples; many become arrays, as a Python int takes 40 bytes."""
    if count <= _MAX_INTEGERS:
        numbers = SampleColumns.FromString(b"".join(encoded))
        return numbers.location_id[:], numbers.value[:]
    location_ids, values = array("Q"), array("q")
    for some in _batches(encoded):
        numbers = SampleColumns.FromString(some)
        location_ids.extend(numbers.location_id)
        values.extend(numbers.value)
    return location_ids, values


def _batches(messages: Sequence[bytes]) -> Iterator[bytes]:
    """Join the messages, in batches of about 256 KiB."""
    batch: list[bytes] = []
    size = 0
    for message in messages:
        batch.append(message)
        size += len(message)
        if size >= _BATCH_BYTES:
            yield b"".join(batch)
            batch, size = [], 0
    yield b"".join(batch)


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
    """Join the messages, each preceded by the separator."""
    return separator + separator.join(messages) if messages else b""


def aligned[T: (int, bytes)](entries: Sequence[T], count: int) -> Sequence[T]:
    """Return one entry for each of `count` messages, from one entry (the separator's) or two."""
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
    """Return the messages nested in `count` messages, and how many each has; `entries` has a separator before each."""
    if len(entries) == count:
        return (), [0] * count
    messages = [entry for entry in entries if entry != _NO_MESSAGE]
    if len(entries) == 2 * count and messages == entries[1::2]:
        return messages, [1] * count
    starts = [index for index, entry in enumerate(entries) if entry == _NO_MESSAGE]
    ends = chain(starts[1:], (len(entries),))
    return messages, [end - start - 1 for start, end in zip(starts, ends, strict=True)]


def _varint_counts(packed: Iterable[bytes]) -> list[int]:
    return [*map(len, map(_last_bytes, packed))]
