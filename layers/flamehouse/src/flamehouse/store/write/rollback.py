"""Rolls back interrupted uploads: deletes their rows, so that the uploads can be stored again.

Rows are deleted by upload id, then series without any remaining profile. Roll-ups that cover the deleted rows become
invalid and are not used. Symbols remain, since unreferenced symbols do no harm. Every step may run twice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from clickhouse_connect.driver.exceptions import DatabaseError

from flamehouse.model.profile import Upload
from flamehouse.store.connection.client import ClickHouse, ServerSettings
from flamehouse.store.sql import SqlFile
from flamehouse.units import HOURS_PER_DAY, NS_PER_HOUR

_SQL: Final = SqlFile(__file__)
_NO_SUCH_DATA_PART: Final = 232
_NOW: Final[ServerSettings] = {"mutations_sync": 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """Where rows of one tenant's uploads may be: their ids, series and hours.

    `hours` count from the epoch and are sorted.
    """

    tenant: str
    upload_ids: Sequence[bytes]
    fingerprints: Sequence[int]
    hours: Sequence[int]


def footprints_of(uploads: Sequence[Upload]) -> list[Footprint]:
    """The footprints of these uploads, one per tenant."""
    footprints = []
    for tenant in sorted({upload.tenant for upload in uploads}):
        own = [upload for upload in uploads if upload.tenant == tenant]
        profiles = [profile for upload in own for profile in upload.profiles]
        footprints.append(
            Footprint(
                tenant=tenant,
                upload_ids=[upload.id for upload in own],
                fingerprints=sorted({profile.fingerprint for profile in profiles}),
                hours=sorted({profile.time_ns // NS_PER_HOUR for profile in profiles}),
            )
        )
    return footprints


def roll_back(clickhouse: ClickHouse, footprint: Footprint) -> None:
    """Delete the rows of the footprint's uploads; rows of other uploads remain."""
    if not footprint.hours:
        return
    first, last = footprint.hours[0], footprint.hours[-1]
    parameters = {
        "tenant": footprint.tenant,
        "upload_ids": [id_.hex().upper() for id_ in footprint.upload_ids],
        "fingerprints": list(footprint.fingerprints),
        "from_ns": first * NS_PER_HOUR,
        "until_ns": (last + 1) * NS_PER_HOUR,
        "first_day": first // HOURS_PER_DAY,
        "last_day": last // HOURS_PER_DAY,
    }
    for (table,) in clickhouse.rows(_SQL("tables")):
        _delete(clickhouse, table, _SQL("of_uploads"), parameters)
    _delete(clickhouse, "series", _SQL("without_profiles"), parameters)


def _delete(clickhouse: ClickHouse, table: str, condition: str, parameters: Mapping[str, object]) -> None:
    """Delete the rows; drop a whole part if it contains no other rows.

    A failed insert leaves separate parts, which can be dropped immediately. Only rows that have since been merged with
    others need a mutation, which takes a while for every part of the table.
    """
    parts = clickhouse.rows(_SQL("parts", table=table, condition=condition), parameters)
    dropped = [_drop_part(clickhouse, table, part) for part, others in parts if not others]
    if len(dropped) < len(parts) or not all(dropped):
        clickhouse.command(_SQL("delete", table=table, condition=condition), parameters, _NOW)


def _drop_part(clickhouse: ClickHouse, table: str, part: str) -> bool:
    """Drop the part; return False if it no longer exists, because it was merged meanwhile."""
    try:
        clickhouse.command(_SQL("drop_part", table=table), {"part": part})
    except DatabaseError as error:
        if error.code != _NO_SUCH_DATA_PART:
            raise
        return False
    return True
