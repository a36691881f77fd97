"""What a profile must be before anything is made of it: within the limits, whole, and of this time.

The checks, their order and their words are Grafana Pyroscope's, so that what a client already knows to read stays the
same; the limits on frames and totals are ours. A profile has thousands of samples, locations and functions: each is
visited once, and what is checked of it is checked a column at a time.
"""

from collections.abc import Iterable, Mapping, Sequence, Sized
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from operator import attrgetter
from typing import Final

from flamehouse.errors import Code, RpcError, invalid_argument
from flamehouse.incoming import IncomingProfile
from flamehouse.labels import format_labels, validate_labels
from flamehouse.pb import profile_pb2
from flamehouse.settings import Settings

_SECOND_NS: Final = 1_000_000_000
_MILLISECOND_NS: Final = 1_000_000
_MAX_INT64: Final = (1 << 63) - 1


class TooNewError(RpcError):
    """The profile's time lies ahead of the ingestion window: the one fault that mends itself by waiting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Samples:
    """The samples by columns: all their values one after the other, and for each where its own end there."""

    values: Sequence[int]
    ends: Sequence[int]
    depths: Sequence[int]
    label_counts: Sequence[int]


def validate(profile: IncomingProfile, settings: Settings, received_ns: int) -> int:
    """Check one profile; RpcError invalid_argument says what is wrong with it. How many parts it has (`_count_parts`).

    What passes has string indices within its table, one value a sample type in every sample, totals of 64 bits, and
    the labels of a series. Ids that lead nowhere pass: normalising drops them.
    """
    pprof = profile.pprof
    if not pprof.sample_type:
        raise invalid_argument("empty profile")
    _check_time(profile, settings, received_ns)
    _check_sample_count(profile, settings)
    samples = _read_samples(pprof)
    _check_samples(profile, samples, settings)
    line_counts = _check_locations(pprof)
    _check_string_indices(pprof, samples)
    _check_type_names(pprof)
    _check_totals(pprof, samples)
    _check_frames(pprof, samples, line_counts, settings)
    validate_labels(profile.labels, settings)
    return _count_parts(pprof, samples, line_counts)


def _count_parts(pprof: profile_pb2.Profile, samples: _Samples, line_counts: Mapping[int, int]) -> int:
    """What the profile takes memory and time for: its messages and strings, and its stacks' locations by eight."""
    tables: tuple[Sized, ...] = (
        pprof.sample,
        pprof.location,
        pprof.function,
        pprof.mapping,
        pprof.string_table,
    )
    lines = sum(line_counts.values())
    if len(line_counts) < len(pprof.location):  # ids that come again hide what came under them before
        lines = sum([len(location.line) for location in pprof.location])
    return sum(map(len, tables)) + lines + sum(samples.label_counts) + sum(samples.depths) // 8


def check_size(size: int, labels: Mapping[str, str], settings: Settings) -> None:
    """Check the length of a profile's bytes, before they are decoded."""
    if size > settings.max_profile_bytes:
        raise _over_limit(labels, "size limit (max_profile_size_byte", size, settings.max_profile_bytes)


def _check_time(profile: IncomingProfile, settings: Settings, received_ns: int) -> None:
    time_ns = profile.pprof.time_nanos
    if time_ns <= 0:
        return
    starts_ns = received_ns - settings.ingest_past_s * _SECOND_NS if settings.ingest_past_s else None
    ends_ns = received_ns + settings.ingest_window_future_s * _SECOND_NS
    if time_ns < ends_ns and (starts_ns is None or time_ns > starts_ns):
        return
    start = "" if starts_ns is None else f"starts at {_timestamp(starts_ns)} and "
    error = TooNewError if time_ns >= ends_ns else RpcError
    raise error(
        Code.INVALID_ARGUMENT,
        f"profile with labels '{format_labels(profile.labels.items())}' is outside of ingestion window "
        f"(profile timestamp: {_timestamp(time_ns)}, the ingestion window {start}ends at {_timestamp(ends_ns)})",
    )


def _check_sample_count(profile: IncomingProfile, settings: Settings) -> None:
    count = len(profile.pprof.sample)
    if count > settings.max_profile_samples:
        limit = "samples count limit (max_profile_stacktrace_samples"
        raise _over_limit(profile.labels, limit, count, settings.max_profile_samples)


def _read_samples(pprof: profile_pb2.Profile) -> _Samples:
    # Values are gathered in a message of their own: its repeated field takes over another's without a Python object
    # for each number, several times faster than iterating.
    values = profile_pb2.Sample().value
    ends, depths, label_counts = [], [], []
    for sample in pprof.sample:
        values.MergeFrom(sample.value)
        ends.append(len(values))
        depths.append(len(sample.location_id))
        label_counts.append(len(sample.label))
    return _Samples(values=values[:], ends=ends, depths=depths, label_counts=label_counts)


def _check_samples(profile: IncomingProfile, samples: _Samples, settings: Settings) -> None:
    width = len(profile.pprof.sample_type)
    if samples.ends != [*range(width, width * len(samples.ends) + 1, width)]:
        raise invalid_argument("sample value length mismatch")
    most_labels = max(samples.label_counts, default=0)
    if most_labels > settings.max_sample_labels:
        limit = "sample labels limit (max_profile_stacktrace_sample_labels"
        raise _over_limit(profile.labels, limit, most_labels, settings.max_sample_labels)


def _check_locations(pprof: profile_pb2.Profile) -> dict[int, int]:
    """How many frames each location stands for, by id: its lines, or one where none is known."""
    line_counts = {location.id: len(location.line) or 1 for location in pprof.location}
    if 0 in line_counts:
        raise invalid_argument("location id is 0")
    return line_counts


_TYPE: Final = ("sample type type string index", "sample type unit string index")
_TYPE_COLUMNS: Final = attrgetter("type", "unit")
_PERIOD_TYPE: Final = ("period type type string index", "period type unit string index")
_LABEL: Final = ("sample label string index", "sample label string index")
_LABEL_COLUMNS: Final = attrgetter("key", "str")
_FUNCTION: Final = (
    None,
    "function name string index",
    "function system name index string",
    "function file name string index",
)
_FUNCTION_COLUMNS: Final = attrgetter("id", "name", "system_name", "filename")
_MAPPING: Final = ("mapping file name string index", "mapping build id string index")
_MAPPING_COLUMNS: Final = attrgetter("filename", "build_id")


def _check_string_indices(pprof: profile_pb2.Profile, samples: _Samples) -> None:
    """Check what points into the string table, and functions' ids on the way."""
    functions = [*map(_FUNCTION_COLUMNS, pprof.function)]
    if not all(id_ for id_, *_ in functions):
        raise invalid_argument("function id is 0")
    size = len(pprof.string_table)
    if not size or pprof.string_table[0]:
        raise invalid_argument("string 0 should be empty string")
    _check_columns(_TYPE, map(_TYPE_COLUMNS, pprof.sample_type), size)
    _check_columns(_PERIOD_TYPE, [_TYPE_COLUMNS(pprof.period_type)], size)
    labelled = (
        sample.label for sample, count in zip(pprof.sample, samples.label_counts, strict=True) if count
    )
    _check_columns(_LABEL, map(_LABEL_COLUMNS, chain.from_iterable(labelled)), size)
    _check_columns(_FUNCTION, functions, size)
    _check_columns(_MAPPING, map(_MAPPING_COLUMNS, pprof.mapping), size)


def _check_columns(names: Sequence[str | None], rows: Iterable[Sequence[int]], size: int) -> None:
    """Check the columns of `rows` that have a name: each of their numbers is an index into `size` strings."""
    for name, column in zip(names, zip(*rows, strict=True), strict=False):
        if name is not None and not 0 <= min(column) <= max(column) < size:
            raise invalid_argument(f"{name} out of range")


def _check_type_names(pprof: profile_pb2.Profile) -> None:
    strings = pprof.string_table
    if any("-" in strings[sample_type.type] for sample_type in pprof.sample_type):
        raise invalid_argument("sample type contains -")
    types = (*pprof.sample_type, pprof.period_type)
    # A colon separates the parts of a profile type: no query could ask for such a name.
    if any(":" in strings[index] for index in chain.from_iterable(map(_TYPE_COLUMNS, types))):
        raise invalid_argument("sample type contains :")


def _check_totals(pprof: profile_pb2.Profile, samples: _Samples) -> None:
    """Values are stored summed, in 64 bits. Samples with a negative value are left out of what is stored."""
    if max(samples.values, default=0) * len(samples.ends) <= _MAX_INT64:
        return
    width = len(pprof.sample_type)
    rows = zip(*(samples.values[column::width] for column in range(width)), strict=True)
    kept = [row for row in rows if min(row) >= 0]
    for sample_type, column in zip(pprof.sample_type, zip(*kept, strict=True), strict=False):
        if sum(column) > _MAX_INT64:
            name = pprof.string_table[sample_type.type]
            raise invalid_argument(f"the values of sample type '{name}' add up to more than 64 bits hold")


def _check_frames(
    pprof: profile_pb2.Profile, samples: _Samples, line_counts: Mapping[int, int], settings: Settings
) -> None:
    """Count the frames of all stacks with inlined lines expanded, each stack cut as it is going to be."""
    limit, deepest = settings.max_profile_frames, settings.max_stack_depth
    if sum(samples.depths) * max(line_counts.values(), default=0) <= limit:
        return
    frames = 0
    for sample in pprof.sample:
        frames += min(deepest, sum(line_counts.get(id_, 0) for id_ in sample.location_id))
        if frames > limit:
            raise invalid_argument(
                f"the profile exceeds the frames limit (max_profile_frames, limit: {limit})"
            )


def _over_limit(labels: Mapping[str, str], limit: str, actual: int, allowed: int) -> RpcError:
    return invalid_argument(
        f"the profile with labels '{format_labels(labels.items())}' exceeds the {limit}, "
        f"actual: {actual}, limit: {allowed})"
    )


def _timestamp(ns: int) -> str:
    """UTC to the millisecond, as Go prints it: `2023-02-17 13:13:14.5 +0000 UTC`."""
    seconds, rest_ns = divmod(ns, _SECOND_NS)
    fraction = f".{rest_ns // _MILLISECOND_NS:03}".rstrip("0").rstrip(".")
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}{fraction} +0000 UTC"
