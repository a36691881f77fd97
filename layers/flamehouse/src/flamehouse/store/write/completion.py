"""Completes uploads that were interrupted long ago, without storing any profile twice.

ClickHouse forgets the token of an INSERT after two hours. From then on, the rows themselves show which profiles of an
upload are stored: an INSERT writes all of its profiles or none, and repeated rows in the other tables do no harm.
"""

from array import array
from collections.abc import Sequence
from dataclasses import replace
from typing import Final
from uuid import UUID

from flamehouse.model.profile import SeriesProfile, Upload
from flamehouse.store.connection.client import READ_LATEST, ClickHouse
from flamehouse.units import NS_PER_S, S_PER_HOUR

_REMEMBERED_S: Final = S_PER_HOUR
"""Half of the time for which ClickHouse remembers a token, so it still recognizes uploads received since then."""

_PROFILES = """
SELECT hex(upload_id), profile_id, profile_type, fingerprint
FROM sampled_profiles
WHERE tenant = {tenant:String} AND service IN {services:Array(String)}
    AND hex(upload_id) IN {upload_ids:Array(String)}
    AND time >= fromUnixTimestamp64Nano({first_ns:Int64}, 'UTC') AND time <= fromUnixTimestamp64Nano({last_ns:Int64}, 'UTC')
"""

type _Row = tuple[bytes, UUID, str, int]
"""The identity of a row: upload, profile, profile type, fingerprint."""


def without_stored_profiles(clickhouse: ClickHouse, uploads: Sequence[Upload], now_ns: int) -> list[Upload]:
    """Return the uploads; in those older than the tokens, stored profiles lose their samples and keep their labels."""
    oldest = now_ns - _REMEMBERED_S * NS_PER_S
    return [
        upload if upload.received_ns > oldest else without_stored(clickhouse, upload) for upload in uploads
    ]


def without_stored(clickhouse: ClickHouse, upload: Upload) -> Upload:
    """The upload, without the samples of the profiles that are stored."""
    return _without(upload, _stored_rows(clickhouse, upload))


def labels_of(upload: Upload) -> Upload:
    """The upload without any samples: its INSERT stores labels and symbols."""
    return replace(upload, profiles=[_emptied(profile) for profile in upload.profiles])


def has_samples(upload: Upload) -> bool:
    return any(profile.values for profile in upload.profiles)


def _stored_rows(clickhouse: ClickHouse, upload: Upload) -> set[_Row]:
    times = [profile.time_ns for profile in upload.profiles]
    parameters = {
        "tenant": upload.tenant,
        "services": sorted({profile.service for profile in upload.profiles}),
        "upload_ids": [upload.id.hex().upper()],
        "first_ns": min(times),
        "last_ns": max(times),
    }
    rows = clickhouse.rows(_PROFILES, parameters, READ_LATEST)
    return {(bytes.fromhex(id_), profile, type_, fingerprint) for id_, profile, type_, fingerprint in rows}


def _without(upload: Upload, stored: set[_Row]) -> Upload:
    profiles = [
        _emptied(profile)
        if (upload.id, profile.profile_id, profile.profile_type, profile.fingerprint) in stored
        else profile
        for profile in upload.profiles
    ]
    return replace(upload, profiles=profiles)


def _emptied(profile: SeriesProfile) -> SeriesProfile:
    return replace(
        profile,
        stacktrace_ids=array("Q"),
        values=array("q"),
        span_ids=array("Q"),
        trace_ids=(),
        omitted_samples=profile.sample_count,
    )
