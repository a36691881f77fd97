"""Taking back uploads that were cut off half-way, so that they can be stored as if they had never come.

Their rows are deleted by upload id. Roll-ups do not know uploads: the hours that the uploads touched are summed again
from the samples that stay. All of it may be run twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from flamehouse.profile import Upload
from flamehouse.store.client import ClickHouse

_NS_PER_HOUR = 3_600 * 10**9
_NOW = {"mutations_sync": 2}

_DELETE_ROWS = (
    "ALTER TABLE samples DELETE WHERE tenant = {tenant:String} AND hex(upload_id) IN {upload_ids:Array(String)}",
    "ALTER TABLE profiles DELETE WHERE tenant = {tenant:String} AND hex(upload_id) IN {upload_ids:Array(String)}",
)

_REBUILD_ROLLUPS = (
    """
ALTER TABLE samples_5m
DELETE WHERE tenant = {tenant:String} AND fingerprint IN {fingerprints:Array(UInt64)}
    AND bucket >= fromUnixTimestamp64Nano({from_ns:Int64}, 'UTC') AND bucket < fromUnixTimestamp64Nano({until_ns:Int64}, 'UTC')
""",
    """
ALTER TABLE samples_1h
DELETE WHERE tenant = {tenant:String} AND fingerprint IN {fingerprints:Array(UInt64)}
    AND bucket >= fromUnixTimestamp64Nano({from_ns:Int64}, 'UTC') AND bucket < fromUnixTimestamp64Nano({until_ns:Int64}, 'UTC')
""",
    """
INSERT INTO samples_5m
SELECT
    tenant, profile_type, service, fingerprint,
    toStartOfInterval(time, INTERVAL 5 MINUTE, 'UTC') AS bucket,
    stacktrace_id, sum(value)
FROM samples
WHERE tenant = {tenant:String} AND fingerprint IN {fingerprints:Array(UInt64)}
    AND time >= fromUnixTimestamp64Nano({from_ns:Int64}, 'UTC') AND time < fromUnixTimestamp64Nano({until_ns:Int64}, 'UTC')
GROUP BY ALL
""",
    """
INSERT INTO samples_1h
SELECT
    tenant, profile_type, service, fingerprint,
    toStartOfInterval(time, INTERVAL 1 HOUR, 'UTC') AS bucket,
    stacktrace_id, sum(value)
FROM samples
WHERE tenant = {tenant:String} AND fingerprint IN {fingerprints:Array(UInt64)}
    AND time >= fromUnixTimestamp64Nano({from_ns:Int64}, 'UTC') AND time < fromUnixTimestamp64Nano({until_ns:Int64}, 'UTC')
GROUP BY ALL
""",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """What uploads of one tenant may have left behind: their ids, and the series and whole hours they reach into."""

    tenant: str
    upload_ids: Sequence[bytes]
    fingerprints: Sequence[int]
    from_ns: int
    until_ns: int


def footprints_of(uploads: Sequence[Upload]) -> list[Footprint]:
    """Where the rows of these uploads would be found, one footprint a tenant."""
    footprints = []
    for tenant in sorted({upload.tenant for upload in uploads}):
        own = [upload for upload in uploads if upload.tenant == tenant]
        times = [profile.time_ns for upload in own for profile in upload.profiles] or [0]
        footprints.append(
            Footprint(
                tenant=tenant,
                upload_ids=[upload.id for upload in own],
                fingerprints=sorted({profile.fingerprint for upload in own for profile in upload.profiles}),
                from_ns=min(times) // _NS_PER_HOUR * _NS_PER_HOUR,
                until_ns=(max(times) // _NS_PER_HOUR + 1) * _NS_PER_HOUR,
            )
        )
    return footprints


def take_back(clickhouse: ClickHouse, footprint: Footprint) -> None:
    """Remove every trace of the footprint's uploads; other uploads keep theirs."""
    parameters = {
        "tenant": footprint.tenant,
        "upload_ids": [id_.hex().upper() for id_ in footprint.upload_ids],
        "fingerprints": list(footprint.fingerprints),
        "from_ns": footprint.from_ns,
        "until_ns": footprint.until_ns,
    }
    for statement in (*_DELETE_ROWS, *_REBUILD_ROLLUPS):
        clickhouse.command(statement, parameters, _NOW)
