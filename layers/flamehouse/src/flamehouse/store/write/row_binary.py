"""Encodes uploads as rows of the table `ingest`, in ClickHouse's RowBinary format.

In RowBinary (clickhouse.com/docs/interfaces/formats/RowBinary), an array of numbers is a single memory copy, so no code
runs per sample.
"""

from array import array
from collections.abc import Callable, Iterable, Sequence
from struct import Struct

from flamehouse.model.profile import SeriesProfile
from flamehouse.model.symbols import Function, Location, Mapping
from flamehouse.store.write.seen_ids import FreshSymbols, Stack
from flamehouse.varint import length_prefixed, uvarint

COLUMNS = (
    "tenant",
    "upload_id",
    "time",
    "duration",
    "profile_id",
    "profile_type",
    "service",
    "fingerprint",
    "labels",
    "stacktrace_ids",
    "values",
    "span_ids",
    "trace_ids",
    "stacktraces.id",
    "stacktraces.functions",
    "stacktraces.locations",
    "functions.id",
    "functions.name_id",
    "functions.name",
    "functions.system_name",
    "functions.filename",
    "functions.start_line",
    "locations.id",
    "locations.address",
    "locations.mapping_id",
    "locations.lines",
    "mappings.id",
    "mappings.memory_start",
    "mappings.memory_limit",
    "mappings.file_offset",
    "mappings.filename",
    "mappings.build_id",
    "mappings.flags",
)
_SAMPLE_COLUMNS = COLUMNS.index("stacktraces.id") - COLUMNS.index("labels")
_SYMBOL_COLUMNS = len(COLUMNS) - COLUMNS.index("stacktraces.id")

_I64 = Struct("<q").pack
_U64 = Struct("<Q").pack
_LINE = Struct("<Qqq").pack
_EMPTY = b"\x00"
_NO_UPLOAD = bytes(32)
_NO_PROFILE_ID = bytes(16)
_NO_SYMBOLS = _EMPTY * _SYMBOL_COLUMNS


def profile_row(tenant: str, upload_id: bytes, profile: SeriesProfile, *, with_labels: bool) -> bytes:
    """The row of one profile; it needs no labels if its series is already stored."""
    uuid = profile.profile_id.bytes
    labels = profile.labels if with_labels else ()
    return b"".join(
        (
            length_prefixed(tenant),
            upload_id,
            _I64(profile.time_ns),
            _I64(profile.duration_ns),
            uuid[7::-1],
            uuid[:7:-1],
            length_prefixed(profile.profile_type),
            length_prefixed(profile.service),
            _U64(profile.fingerprint),
            uvarint(len(labels)),
            *(length_prefixed(text) for pair in labels for text in pair),
            _numbers(profile.stacktrace_ids),
            _numbers(profile.values),
            _numbers(profile.span_ids),
            uvarint(len(profile.trace_ids)),
            *profile.trace_ids,
            _NO_SYMBOLS,
        )
    )


def symbols_row(tenant: str, service: str, time_ns: int, symbols: FreshSymbols) -> bytes:
    """The row of a service's symbols, for the week of `time_ns`."""
    return b"".join(
        (
            length_prefixed(tenant),
            _NO_UPLOAD,
            _I64(time_ns),
            _I64(0),
            _NO_PROFILE_ID,
            _EMPTY,
            length_prefixed(service),
            _U64(0),
            _EMPTY * _SAMPLE_COLUMNS,
            *_columns(symbols.stacktraces.items(), _STACKTRACE_FIELDS),
            *_columns(symbols.functions.values(), _FUNCTION_FIELDS),
            *_columns(symbols.locations.values(), _LOCATION_FIELDS),
            *_columns(symbols.mappings.values(), _MAPPING_FIELDS),
        )
    )


def _lines(location: Location) -> bytes:
    return uvarint(len(location.lines)) + b"".join(_LINE(*line) for line in location.lines)


def _numbers(numbers: "array[int]") -> bytes:
    return uvarint(len(numbers)) + numbers.tobytes()


_STACKTRACE_FIELDS: Sequence[Callable[[tuple[int, Stack]], bytes]] = (
    lambda item: _U64(item[0]),
    lambda item: _numbers(item[1][0]),
    lambda item: _numbers(item[1][1]),
)
_FUNCTION_FIELDS: Sequence[Callable[[Function], bytes]] = (
    lambda function: _U64(function.id),
    lambda function: _U64(function.name_id),
    lambda function: length_prefixed(function.name),
    lambda function: length_prefixed(function.system_name),
    lambda function: length_prefixed(function.filename),
    lambda function: _I64(function.start_line),
)
_LOCATION_FIELDS: Sequence[Callable[[Location], bytes]] = (
    lambda location: _U64(location.id),
    lambda location: _U64(location.address),
    lambda location: _U64(location.mapping_id),
    _lines,
)
_MAPPING_FIELDS: Sequence[Callable[[Mapping], bytes]] = (
    lambda mapping: _U64(mapping.id),
    lambda mapping: _U64(mapping.memory_start),
    lambda mapping: _U64(mapping.memory_limit),
    lambda mapping: _U64(mapping.file_offset),
    lambda mapping: length_prefixed(mapping.filename),
    lambda mapping: length_prefixed(mapping.build_id),
    lambda mapping: bytes((mapping.flags,)),
)


def _columns[T](items: Iterable[T], fields: Sequence[Callable[[T], bytes]]) -> Iterable[bytes]:
    """One array per field, with one value per item."""
    items = tuple(items)
    for encode in fields:
        yield uvarint(len(items))
        yield from map(encode, items)
