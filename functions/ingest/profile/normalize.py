"""Normalizes profiles for the store: hashes symbols, merges samples and splits them into series.

The order is Grafana Pyroscope's (normalize, then split by sample labels), except that a stack is cut after its inlined
lines are expanded. Values are stored as sent: no deltas are computed.
"""

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from uuid import UUID

from flamehouse.errors import invalid_argument
from flamehouse.label_rules import parse_label_rules
from flamehouse.model.labels import LabelSet, validate_labels
from flamehouse.model.profile import SeriesProfile, Symbols, fingerprint_of
from flamehouse.model.profile_type import ProfileType
from flamehouse.pb import profile_pb2
from flamehouse.settings import Settings
from ingest.profile.overflow import fold, fold_own
from ingest.profile.samples import Merged, columns_of, merge_samples
from ingest.profile.series_labels import SERVICE_NAME
from ingest.profile.symbols import SymbolTable
from ingest.profile.validate import ValidProfile

_DROPPED_LABELS = frozenset({"__delta__", "__order__", "__session_id__", "__name_replaced__"})
_GODELTAPROF = "godeltaprof_"


def normalize(
    profile: ValidProfile,
    *,
    profile_id: UUID,
    received_ns: int,
    settings: Settings,
    series_left: int,
    folds_own: bool = False,
) -> list[SeriesProfile]:
    """Convert a validated profile to the parts to store, one per series.

    Samples whose labels would make more series than `series_left` share folded labels; with `folds_own`, the profile's
    own labels are folded too. Raises RpcError(INVALID_ARGUMENT) for labels that together with sample labels make an
    invalid set, and for more series than an upload may make.
    """
    symbols = Symbols()
    table = SymbolTable(profile, symbols, settings.max_stack_depth, settings.native_frames)
    parts: list[SeriesProfile] = []
    rules = parse_label_rules(settings.label_rules)
    own_labels = rules.relabelled(profile.labels)
    if folds_own:
        own_labels = {**fold_own(own_labels)}
    merged = merge_samples(profile, table, rules)
    most = max(1, series_left // len(profile.pprof.sample_type))
    for sample_labels, samples in fold(merged, most, settings.max_label_names - len(own_labels)).items():
        labels = _join_labels(own_labels, sample_labels)
        validate_labels(labels, settings)
        for part in _series_profiles(profile.pprof, labels, samples, symbols, profile_id, received_ns):
            parts.append(part)
            # There may be thousands of label sets, each with thousands of sample types.
            check_series_count(len(parts), settings)
    return parts


def check_series_count(count: int, settings: Settings) -> None:
    """Raise RpcError(INVALID_ARGUMENT) for more series than an upload may make."""
    if count > settings.max_series_per_upload:
        raise invalid_argument(
            f"the upload has more series than the limit of {settings.max_series_per_upload}"
            " (MAX_SERIES_PER_UPLOAD); the usual cause is a sample label with unique values"
        )


def profile_id_of(upload_id: bytes, index: int) -> UUID:
    """Return the id of profile number `index` of the upload, which is the same for all attempts."""
    return UUID(bytes=sha256(upload_id + index.to_bytes(4)).digest()[:16], version=4)


def _series_profiles(
    pprof: profile_pb2.Profile,
    labels: Mapping[str, str],
    samples: Sequence[Merged],
    symbols: Symbols,
    profile_id: UUID,
    received_ns: int,
) -> Iterator[SeriesProfile]:
    """Yield the profile's parts for one label set: a SeriesProfile per sample type with a nonzero value."""
    for index, sample_type in enumerate(pprof.sample_type):
        columns = columns_of(samples, index)
        if not columns.values:
            continue
        profile_type = _profile_type(labels["__name__"], sample_type, pprof)
        series = _series_labels(labels, profile_type)
        yield SeriesProfile(
            time_ns=pprof.time_nanos or received_ns,
            duration_ns=pprof.duration_nanos,
            profile_id=profile_id,
            profile_type=profile_type.id,
            service=labels[SERVICE_NAME],
            fingerprint=fingerprint_of(series),
            labels=series,
            symbols=symbols,
            stacktrace_ids=columns.stacktrace_ids,
            values=columns.values,
            span_ids=columns.span_ids,
            trace_ids=columns.trace_ids,
        )


def _profile_type(name: str, sample_type: profile_pb2.ValueType, pprof: profile_pb2.Profile) -> ProfileType:
    text = pprof.string_table
    period = pprof.period_type
    return ProfileType(
        name=name,
        sample_type=text[sample_type.type],
        sample_unit=text[sample_type.unit],
        period_type=text[period.type],
        period_unit=text[period.unit],
    )


def _join_labels(labels: Mapping[str, str], sample_labels: LabelSet) -> dict[str, str]:
    """Return the labels of the series and of its samples, without those that only control ingestion."""
    joined = {**labels, **dict(sample_labels)}
    joined["__name__"] = joined["__name__"].removeprefix(_GODELTAPROF)
    return {name: value for name, value in joined.items() if name not in _DROPPED_LABELS}


def _series_labels(labels: Mapping[str, str], profile_type: ProfileType) -> LabelSet:
    """Return all labels of a series, with the private ones of its profile type; empty period parts are omitted."""
    private = {
        "__profile_type__": profile_type.id,
        "__service_name__": labels[SERVICE_NAME],
        "__type__": profile_type.sample_type,
        "__unit__": profile_type.sample_unit,
    }
    if profile_type.period_type:
        private["__period_type__"] = profile_type.period_type
    if profile_type.period_unit:
        private["__period_unit__"] = profile_type.period_unit
    return tuple(sorted({**labels, **private}.items()))
