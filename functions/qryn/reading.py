"""Converts a row of qryn to an upload: from its payload, or from its tree if the payload is unreadable or differs."""

from collections.abc import Sequence
from dataclasses import replace

from flamehouse.errors import RpcError, invalid_argument
from flamehouse.pb import profile_pb2
from flamehouse.units import MAX_INT64
from ingest.profile.checked import CheckedProfile, Checks
from ingest.profile.incoming import IncomingProfile
from ingest.profile.validate import ValidProfile
from ingest.readers import ReadUpload
from qryn.payload import profiles_of_payload
from qryn.row import Row
from qryn.tree import pprof_of_tree


class TreeNeededError(Exception):
    """The payload is unusable, and the row was read without its tree."""


def read_row(row: Row, upload_id: bytes, checks: Checks) -> ReadUpload:
    """Return a row's upload with this id: stacks with files and lines come from the payload, values from qryn.

    Raises:
        RpcError: `invalid_argument` for an invalid row.
        TreeNeededError: if the row must be read again with its tree.
    """
    profiles = _valid_profiles(row, checks)
    return ReadUpload(id=upload_id, profiles=[CheckedProfile(id="", profile=profile) for profile in profiles])


def _valid_profiles(row: Row, checks: Checks) -> Sequence[ValidProfile]:
    _check_names(row)
    try:
        profiles = [
            checks.accept(_settled(profile, row)) for profile in profiles_of_payload(row, checks.settings)
        ]
    except RpcError:
        if row.tree is None:
            raise TreeNeededError from None
        if not row.tree:
            raise
    else:
        if _totals_of(profiles) == row.values:
            return profiles
        if row.tree is None:
            raise TreeNeededError
        if not row.tree:
            return profiles
    of_tree = IncomingProfile(labels=row.labels, pprof=pprof_of_tree(row))
    _set_types(of_tree.pprof, row.sample_types)
    return [checks.accept(_settled(of_tree, row))]


def _check_names(row: Row) -> None:
    """Raises RpcError if a name is not UTF-8, as protobuf requires."""
    for text in (
        row.type,
        row.period_type,
        row.period_unit,
        *(text for pair in row.sample_types for text in pair),
    ):
        try:
            text.encode()
        except UnicodeEncodeError:
            raise invalid_argument(f"the type name {text!r} is not UTF-8") from None


def _totals_of(profiles: Sequence[ValidProfile]) -> dict[str, int]:
    """Return the sums by sample type, as in `values_agg`."""
    totals: dict[str, int] = {}
    for profile in profiles:
        types, texts = profile.pprof.sample_type, profile.pprof.string_table
        values = profile.columns.samples.values
        for index, type_ in enumerate(types):
            name = f"{texts[type_.type]}:{texts[type_.unit]}"
            totals[name] = totals.get(name, 0) + sum(values[index :: len(types)])
    return totals


def _settled(profile: IncomingProfile, row: Row) -> IncomingProfile:
    """Return the profile with the row's period type and time, which JFR payloads lack."""
    pprof = profile.pprof
    pprof.period_type.type = _text(pprof, row.period_type)
    pprof.period_type.unit = _text(pprof, row.period_unit)
    time_ns = row.time_ns or pprof.time_nanos
    if time_ns > MAX_INT64:
        raise invalid_argument(f"the time {row.timestamp_ns} is after the year 2262")
    pprof.time_nanos = time_ns
    pprof.duration_nanos = row.true_duration_ns or pprof.duration_nanos
    return replace(profile, pprof=pprof)


def _set_types(pprof: profile_pb2.Profile, sample_types: Sequence[tuple[str, str]]) -> None:
    for type_, unit in sample_types:
        pprof.sample_type.add(type=_text(pprof, type_), unit=_text(pprof, unit))


def _text(pprof: profile_pb2.Profile, text: str) -> int:
    """Add text to the string table; return its index."""
    if not pprof.string_table:
        pprof.string_table.append("")
    if not text:
        return 0
    pprof.string_table.append(text)
    return len(pprof.string_table) - 1
