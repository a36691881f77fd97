"""Validates profiles before they are processed: limits, consistency and time.

The checks, their order and their messages are those of Grafana Pyroscope, which clients know; only the limits on frames
and totals are ours. Large lists are checked as columns.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from flamehouse.errors import Code, RpcError, invalid_argument
from flamehouse.model.labels import format_labels, validate_labels
from flamehouse.pb import profile_pb2
from flamehouse.settings import Settings
from flamehouse.telemetry.request import note_service
from flamehouse.units import MAX_INT64, NS_PER_MS, NS_PER_S
from ingest.profile.columns import ColumnarProfile, PprofColumns, Samples, read_columns
from ingest.profile.incoming import IncomingProfile
from ingest.profile.series_labels import SERVICE_NAME


class TooNewError(RpcError):
    """The profile's time is after the ingestion window. Of all validation errors, only this one may pass on a retry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidProfile:
    """A valid profile, with the columns of its pprof."""

    labels: dict[str, str]
    pprof: profile_pb2.Profile
    columns: PprofColumns

    @property
    def part_count(self) -> int:
        """The number of parts that take memory and time: messages, strings and locations of stacks."""
        samples, locations, functions = self.columns.samples, self.columns.locations, self.columns.functions
        lists = (
            samples.depths,
            samples.location_ids,
            samples.labels,
            locations.ids,
            locations.lines,
            functions.ids,
            self.pprof.mapping,
            self.pprof.string_table,
        )
        return sum(map(len, lists))


def validate(profile: IncomingProfile, settings: Settings, received_ns: int, past_s: int) -> ValidProfile:
    """Check one profile. Raises RpcError(INVALID_ARGUMENT) with the reason.

    The profile's time may be up to `past_s` seconds before `received_ns`; 0 means no limit.

    In a valid profile, string indices are within the table, every sample has one value per sample type, totals have at
    most 64 bits, and labels are valid. Dangling ids are allowed: normalization drops them.
    """
    note_service(profile.labels.get(SERVICE_NAME, ""))
    pprof = profile.pprof
    if not pprof.sample_type:
        raise invalid_argument("empty profile")
    _check_time(profile, settings, received_ns, past_s)
    columns = _columns_of(profile, settings)
    _check_samples(profile, columns.samples, settings)
    if 0 in columns.locations.ids:
        raise invalid_argument("location id is 0")
    _check_string_indices(pprof, columns)
    _check_type_names(pprof)
    _check_totals(pprof, columns.samples)
    _check_frames(columns, settings)
    validate_labels(profile.labels, settings)
    return ValidProfile(labels=profile.labels, pprof=pprof, columns=columns)


def _columns_of(profile: IncomingProfile, settings: Settings) -> PprofColumns:
    if isinstance(profile, ColumnarProfile):
        check_sample_count(len(profile.columns.samples.depths), profile.labels, settings)
        return profile.columns
    check_sample_count(len(profile.pprof.sample), profile.labels, settings)
    return read_columns(profile.pprof)


def check_size(size: int, labels: Mapping[str, str], settings: Settings) -> None:
    """Check the size of a profile in bytes, before it is decoded."""
    if size > settings.max_profile_bytes:
        raise _over_limit(labels, "size limit (MAX_PROFILE_BYTES", size, settings.max_profile_bytes)


def check_sample_count(count: int, labels: Mapping[str, str], settings: Settings) -> None:
    """Check the number of samples of a profile."""
    if count > settings.max_profile_samples:
        limit = "samples count limit (MAX_PROFILE_SAMPLES"
        raise _over_limit(labels, limit, count, settings.max_profile_samples)


def check_sample_labels(most: int, labels: Mapping[str, str], settings: Settings) -> None:
    """Check the number of labels of a sample."""
    if most > settings.max_sample_labels:
        limit = "sample labels limit (MAX_SAMPLE_LABELS"
        raise _over_limit(labels, limit, most, settings.max_sample_labels)


def _check_time(profile: IncomingProfile, settings: Settings, received_ns: int, past_s: int) -> None:
    time_ns = profile.pprof.time_nanos
    if time_ns <= 0:
        return
    starts_ns = received_ns - past_s * NS_PER_S if past_s else None
    ends_ns = received_ns + settings.ingest_window_future_s * NS_PER_S
    if time_ns < ends_ns and (starts_ns is None or time_ns > starts_ns):
        return
    start = "" if starts_ns is None else f"starts at {_timestamp(starts_ns)} and "
    error = TooNewError if time_ns >= ends_ns else RpcError
    raise error(
        Code.INVALID_ARGUMENT,
        f"profile with labels '{format_labels(profile.labels.items())}' is outside of ingestion window "
        f"(profile timestamp: {_timestamp(time_ns)}, the ingestion window {start}ends at {_timestamp(ends_ns)})",
    )


def _check_samples(profile: IncomingProfile, samples: Samples, settings: Settings) -> None:
    width = len(profile.pprof.sample_type)
    if samples.widths.count(width) != len(samples.widths):
        raise invalid_argument("sample value length mismatch")
    check_sample_labels(max(samples.label_counts, default=0), profile.labels, settings)


def _check_string_indices(pprof: profile_pb2.Profile, columns: PprofColumns) -> None:
    """Check the indices into the string table, and the ids of functions."""
    types, period, mappings, functions = (
        pprof.sample_type,
        pprof.period_type,
        pprof.mapping,
        columns.functions,
    )
    labels = [profile_pb2.Label.FromString(label) for label in set(columns.samples.labels)]
    if 0 in functions.ids:
        raise invalid_argument("function id is 0")
    size = len(pprof.string_table)
    if not size or pprof.string_table[0]:
        raise invalid_argument("string 0 should be empty string")
    for name, indices in (
        ("sample type type string index", [each.type for each in types]),
        ("sample type unit string index", [each.unit for each in types]),
        ("period type type string index", [period.type]),
        ("period type unit string index", [period.unit]),
        ("sample label string index", [index for label in labels for index in (label.key, label.str)]),
        ("function name string index", functions.names),
        ("function system name index string", functions.system_names),
        ("function file name string index", functions.filenames),
        ("mapping file name string index", [each.filename for each in mappings]),
        ("mapping build id string index", [each.build_id for each in mappings]),
    ):
        if indices and not 0 <= min(indices) <= max(indices) < size:
            raise invalid_argument(f"{name} out of range")


def _check_type_names(pprof: profile_pb2.Profile) -> None:
    strings = pprof.string_table
    if any("-" in strings[sample_type.type] for sample_type in pprof.sample_type):
        raise invalid_argument("sample type contains -")
    types = (*pprof.sample_type, pprof.period_type)
    # A colon separates the parts of a profile type: no query could select such a name.
    if any(":" in strings[index] for each in types for index in (each.type, each.unit)):
        raise invalid_argument("sample type contains :")


def _check_totals(pprof: profile_pb2.Profile, samples: Samples) -> None:
    """Check the totals, which are stored in 64 bits. Negative values count as zero."""
    if max(samples.values, default=0) * len(samples.widths) <= MAX_INT64:
        return
    width = len(pprof.sample_type)
    for index, sample_type in enumerate(pprof.sample_type):
        if sum(value for value in samples.values[index::width] if value > 0) > MAX_INT64:
            name = pprof.string_table[sample_type.type]
            raise invalid_argument(f"the values of sample type '{name}' add up to more than 64 bits")


def _check_frames(columns: PprofColumns, settings: Settings) -> None:
    """Check the number of frames of all stacks, with inlined lines expanded and each stack cut to the maximum depth.

    A location counts once per line, or once if it has no lines.
    """
    limit, deepest = settings.max_profile_frames, settings.max_stack_depth
    samples, locations = columns.samples, columns.locations
    if len(samples.location_ids) * (max(locations.line_counts, default=0) or 1) <= limit:
        return
    line_counts = {id_: count or 1 for id_, count in zip(locations.ids, locations.line_counts, strict=True)}
    frames = end = 0
    for depth in samples.depths:
        start, end = end, end + depth
        frames += min(deepest, sum(line_counts.get(id_, 0) for id_ in samples.location_ids[start:end]))
        if frames > limit:
            raise invalid_argument(
                f"the profile exceeds the frames limit (MAX_PROFILE_FRAMES, limit: {limit})"
            )


def _over_limit(labels: Mapping[str, str], limit: str, actual: int, allowed: int) -> RpcError:
    return invalid_argument(
        f"the profile with labels '{format_labels(labels.items())}' exceeds the {limit}, "
        f"actual: {actual}, limit: {allowed})"
    )


def _timestamp(ns: int) -> str:
    """Format the time in UTC to the millisecond, as Go prints it: `2023-02-17 13:13:14.5 +0000 UTC`."""
    seconds, rest_ns = divmod(ns, NS_PER_S)
    fraction = f".{rest_ns // NS_PER_MS:03}".rstrip("0").rstrip(".")
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}{fraction} +0000 UTC"
