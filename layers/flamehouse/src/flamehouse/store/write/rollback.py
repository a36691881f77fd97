"""Taking back uploads that were cut off half-way, so that they can be stored as if they had never come.

Their rows are deleted by upload id, and then the series that no profile is left of. Roll-ups do not know uploads: what
they hold beyond the samples is balanced by further rows, so that no reader misses for a moment what others stored. All
of it may be run twice. Symbols stay, since nothing names them any more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import Template

from clickhouse_connect.driver.exceptions import DatabaseError

from flamehouse.model.profile import Upload
from flamehouse.store.connection.client import ClickHouse, ServerSettings

_NS_PER_HOUR = 3_600 * 10**9
_NO_SUCH_DATA_PART = 232

_NOW: ServerSettings = {"mutations_sync": 2}
_EXACT: ServerSettings = {"deduplicate_insert_select": "disable", "max_partitions_per_insert_block": 0}

_OF_UPLOADS = """
    tenant = {tenant:String} AND hex(upload_id) IN {upload_ids:Array(String)}
    AND time >= fromUnixTimestamp64Nano({from_ns:Int64}, 'UTC') AND time < fromUnixTimestamp64Nano({until_ns:Int64}, 'UTC')
"""
_WITHOUT_PROFILES = """
    tenant = {tenant:String} AND fingerprint IN {fingerprints:Array(UInt64)}
    AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32})
    AND (day, fingerprint) NOT IN (
        SELECT toDate(time, 'UTC'), fingerprint
        FROM profiles
        WHERE tenant = {tenant:String} AND fingerprint IN {fingerprints:Array(UInt64)}
            AND time >= toDateTime64({first_day:Int64} * 86400, 9, 'UTC')
            AND time < toDateTime64(({last_day:Int64} + 1) * 86400, 9, 'UTC')
    )
"""
_LEFT_BEHIND = {"samples": _OF_UPLOADS, "profiles": _OF_UPLOADS, "series": _WITHOUT_PROFILES}

_PARTS = Template("""
SELECT _part, countIf(NOT ($condition)) AS others
FROM $table
WHERE _part IN (SELECT DISTINCT _part FROM $table WHERE $condition)
GROUP BY _part
""")

_BALANCE = Template("""
INSERT INTO $rollup
SELECT tenant, profile_type, service, fingerprint, bucket, stacktrace_id, sum(value) AS difference
FROM
(
    SELECT
        tenant, profile_type, service, fingerprint,
        toStartOfInterval(time, INTERVAL $interval, 'UTC') AS bucket,
        stacktrace_id, value
    FROM samples
    WHERE tenant = {tenant:String} AND fingerprint IN {fingerprints:Array(UInt64)}
        AND time >= fromUnixTimestamp64Nano({from_ns:Int64}, 'UTC') AND time < fromUnixTimestamp64Nano({until_ns:Int64}, 'UTC')
        AND intDiv(toUnixTimestamp64Nano(time), 3600000000000) IN {hours:Array(Int64)}
    UNION ALL
    SELECT tenant, profile_type, service, fingerprint, bucket, stacktrace_id, -value
    FROM $rollup
    WHERE tenant = {tenant:String} AND fingerprint IN {fingerprints:Array(UInt64)}
        AND bucket >= fromUnixTimestamp64Nano({from_ns:Int64}, 'UTC') AND bucket < fromUnixTimestamp64Nano({until_ns:Int64}, 'UTC')
        AND intDiv(toUnixTimestamp64Nano(bucket), 3600000000000) IN {hours:Array(Int64)}
)
GROUP BY ALL
HAVING difference != 0
""")
_ROLLUPS = {"samples_5m": "5 MINUTE", "samples_1h": "1 HOUR"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """What uploads of one tenant may have left behind: their ids, and the series and hours that they reach into.

    `hours` are counted from the epoch, in order.
    """

    tenant: str
    upload_ids: Sequence[bytes]
    fingerprints: Sequence[int]
    hours: Sequence[int]


def footprints_of(uploads: Sequence[Upload]) -> list[Footprint]:
    """Where the rows of these uploads would be found, one footprint a tenant."""
    footprints = []
    for tenant in sorted({upload.tenant for upload in uploads}):
        own = [upload for upload in uploads if upload.tenant == tenant]
        profiles = [profile for upload in own for profile in upload.profiles]
        footprints.append(
            Footprint(
                tenant=tenant,
                upload_ids=[upload.id for upload in own],
                fingerprints=sorted({profile.fingerprint for profile in profiles}),
                hours=sorted({profile.time_ns // _NS_PER_HOUR for profile in profiles}),
            )
        )
    return footprints


def take_back(clickhouse: ClickHouse, footprint: Footprint) -> None:
    """Remove what the footprint's uploads left behind; other uploads keep theirs."""
    if not footprint.hours:
        return
    first, last = footprint.hours[0], footprint.hours[-1]
    parameters = {
        "tenant": footprint.tenant,
        "upload_ids": [id_.hex().upper() for id_ in footprint.upload_ids],
        "fingerprints": list(footprint.fingerprints),
        "hours": list(footprint.hours),
        "from_ns": first * _NS_PER_HOUR,
        "until_ns": (last + 1) * _NS_PER_HOUR,
        "first_day": first // 24,
        "last_day": last // 24,
    }
    for table, condition in _LEFT_BEHIND.items():
        _delete(clickhouse, table, condition, parameters)
    for rollup, interval in _ROLLUPS.items():
        clickhouse.command(_BALANCE.substitute(rollup=rollup, interval=interval), parameters, _EXACT)


def _delete(clickhouse: ClickHouse, table: str, condition: str, parameters: Mapping[str, object]) -> None:
    """Delete the rows, whole parts where no others are in them.

    A failed insert leaves parts of its own, which are dropped at once. Only what was merged with others since needs a
    mutation, which takes a while for every part of the table.
    """
    parts = clickhouse.rows(_PARTS.substitute(table=table, condition=condition), parameters)
    dropped = [_drop_part(clickhouse, table, part) for part, others in parts if not others]
    if len(dropped) < len(parts) or not all(dropped):
        clickhouse.command(f"ALTER TABLE {table} DELETE WHERE {condition}", parameters, _NOW)


def _drop_part(clickhouse: ClickHouse, table: str, part: str) -> bool:
    """Drop the part; whether it was still there and not merged away meanwhile."""
    try:
        clickhouse.command(f"ALTER TABLE {table} DROP PART {{part:String}}", {"part": part})
    except DatabaseError as error:
        if error.code != _NO_SUCH_DATA_PART:
            raise
        return False
    return True
