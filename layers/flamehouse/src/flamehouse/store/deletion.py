"""Deletes a tenant's profiles by selector and time, with the data that only they refer to.

A deletion proceeds week by week. In each week, the labels are deleted last, since they determine what is selected.
Running an interrupted deletion again completes it.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from flamehouse.errors import Code, RpcError
from flamehouse.model.selector import Matcher
from flamehouse.model.setting import Setting
from flamehouse.model.time_range import TimeRange
from flamehouse.store.connection.client import ClickHouse, ServerSettings
from flamehouse.store.read.matchers import series_condition
from flamehouse.store.read.reader import Reader
from flamehouse.store.read.selection import clamp_ms
from flamehouse.store.sql import SqlFile
from flamehouse.store.tenant_settings import set_setting
from flamehouse.store.write.deletions import OWNER, WAIT_S
from flamehouse.store.write.rollback import Footprint, roll_back
from flamehouse.units import DAYS_PER_WEEK, MS_PER_DAY, MS_PER_HOUR, MS_PER_S, NS_PER_HOUR

_SQL: Final = SqlFile(__file__)
_ROWS: Final = (("uploads", "uploads"), ("sampled_profiles", "profiles"), ("rollups", "rollups"))
"""Tables and the conditions on their rows, in deletion order: an upload without a ledger entry counts as not stored."""
_SYMBOLS: Final = ("stacktraces", "locations", "mappings", "functions")
"""In deletion order: each table is referenced only by tables before it."""
_UNTIL: Final = "until"
"""The name of a registered deletion's setting."""
_DELETING: Final[ServerSettings] = {
    "mutations_sync": 2,
    # Replicas may evaluate a subquery at different times, but nothing writes to the selected rows meanwhile (see
    # `delete`).
    "allow_nondeterministic_mutations": 1,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletion:
    """What to delete: a tenant's profiles in [start, end) whose labels match all `matchers`; all without matchers."""

    tenant: str
    matchers: Sequence[Matcher] = ()
    within: TimeRange


@dataclass(frozen=True, slots=True, kw_only=True)
class Selected:
    """What a deletion selects: rows of profiles, one per sample type and label set, and an estimate of bytes on disk.

    `last_ms` is the time of the last profile.
    """

    profiles: int
    bytes: int
    services: Sequence[str]
    last_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Week:
    """The part of a deletion that lies in one week: parameters of the SQL, and the names of its services."""

    parameters: dict[str, object]
    services: Sequence[str]


def selected(clickhouse: ClickHouse, deletion: Deletion) -> Selected:
    """Count what `delete` would delete.

    Raises: ClickHouseError for an invalid regular expression.
    """
    series = _Series(deletion)
    [(rows, bytes_, last_ms)] = clickhouse.rows(
        _SQL("count", profiles=series.profiles), series.parameters(deletion.within)
    )
    services = {service for week in _weeks(clickhouse, series) for service in week.services}
    return Selected(profiles=rows, bytes=bytes_, services=sorted(services), last_ms=last_ms)


def until_ms(deletion: Deletion, found: Selected) -> int:
    """The end of the profile times that `delete` may delete, if clients send selected profiles for another hour."""
    now_ms = int(time.time() * MS_PER_S)
    return min(deletion.within.end_ms, max(found.last_ms + 1, now_ms + MS_PER_HOUR))


def delete(
    clickhouse: ClickHouse, deletion: Deletion, *, names: bool, done: Callable[[str], None] = lambda _: None
) -> None:
    """Delete the profiles, their roll-ups and the ledger entries of uploads without other profiles.

    Calls `done` after each table. Call `register_deletion` first if clients may send the uploads again.

    With `names`, also deletes labels and symbols that no profile refers to. A process that stored some of them within
    the last hour remembers them and does not send them again, so no such process may be running.
    """
    series = _Series(deletion)
    for week in _weeks(clickhouse, series):
        for table, part in _ROWS:
            condition = _SQL(
                part, series=series.sql, profiles=series.profiles, whole_uploads=series.whole_uploads
            )
            _delete(clickhouse, table, condition, week)
            done(table)
        if names:
            for table in _SYMBOLS:
                _delete(clickhouse, table, _SQL(table, of_services=_SQL("of_services")), week)
                done(table)
            _delete(clickhouse, "series", _SQL("labels", series=series.sql), week)
            done("series")


def register_deletion(
    clickhouse: ClickHouse, tenants: Iterable[str], until_ms: int, wait: Callable[[float], None] = time.sleep
) -> None:
    """Register that profiles before `until_ms` are about to be deleted; return once every process has read this.

    With an embedded engine this does not wait, since only one process writes to a data folder.
    """
    setting = Setting(name=_UNTIL, value=str(until_ms), modified_at=until_ms)
    for tenant in tenants:
        try:
            set_setting(Reader(clickhouse=clickhouse, settings={}), OWNER + tenant, setting)
        except RpcError as error:
            if error.code is not Code.ALREADY_EXISTS:  # a later time is registered
                raise
    if not clickhouse.embedded:
        wait(WAIT_S)


def upload_ids(clickhouse: ClickHouse, deletion: Deletion) -> set[bytes]:
    """The uploads that `delete` would delete completely."""
    series = _Series(deletion)
    sql = _SQL("ids", whole_uploads=series.whole_uploads)
    rows = clickhouse.rows(sql, series.parameters(deletion.within))
    return {bytes.fromhex(id_) for (id_,) in rows}


def delete_uploads(clickhouse: ClickHouse, tenant: str, ids: Sequence[bytes], service: str = "") -> None:
    """Delete these uploads: ledger entries, rows and roll-ups. With `service`, only those with profiles of it.

    Register the deletion first. Symbols remain, since the uploads are about to be stored again. Running an interrupted
    deletion again completes it.
    """
    parameters = {"tenant": tenant, "upload_ids": [id_.hex().upper() for id_ in ids], "service": service}
    [(fingerprints, first_ns, last_ns, found)] = clickhouse.rows(_SQL("footprint"), parameters)
    if not found:
        return
    hours = range(first_ns // NS_PER_HOUR, last_ns // NS_PER_HOUR + 1)
    of_uploads = {
        "tenant": tenant,
        "upload_ids": found,
        "fingerprints": fingerprints,
        "from_ns": hours[0] * NS_PER_HOUR,
        "until_ns": (hours[-1] + 1) * NS_PER_HOUR,
    }
    _run_delete(clickhouse, "uploads", _SQL("of_ledger"), of_uploads)
    # Roll-ups are deleted both before the rows, by which a repeated deletion finds them, and after them, since
    # maintenance may have made new ones meanwhile.
    _run_delete(clickhouse, "rollups", _SQL("of_hours"), of_uploads)
    footprint = Footprint(
        tenant=tenant,
        upload_ids=[bytes.fromhex(id_) for id_ in found],
        fingerprints=fingerprints,
        hours=(hours[0], hours[-1]),
    )
    roll_back(clickhouse, footprint)
    _run_delete(clickhouse, "rollups", _SQL("of_hours"), of_uploads)


class _Series:
    """The selected series as a subquery, the conditions that it implies for other tables, and its parameters."""

    def __init__(self, deletion: Deletion) -> None:
        condition = series_condition(deletion.matchers)
        self.deletion = deletion
        self.sql = _SQL(
            "series", join=condition.split.join, matches=condition.sql, settings=condition.split.settings
        )
        self.profiles = _SQL("profiles", series=self.sql)
        self.whole_uploads = _SQL("whole_uploads", profiles=self.profiles)
        self._bound = {"tenant": deletion.tenant, **condition.parameters}

    def parameters(self, within: TimeRange) -> dict[str, object]:
        """The parameters of SQL that contains the subquery, for profiles in `within`, [start, end)."""
        start_ms, end_ms = clamp_ms(within.start_ms), clamp_ms(within.end_ms)
        return {
            **self._bound,
            "from_ms": start_ms,
            "until_ms": end_ms,
            "first_day": start_ms // MS_PER_DAY,
            "last_day": max(start_ms, end_ms - 1) // MS_PER_DAY,
        }


def _weeks(clickhouse: ClickHouse, series: _Series) -> Iterator[_Week]:
    """The weeks of the deletion that have selected series, oldest first."""
    within = series.deletion.within
    for week, services in clickhouse.rows(_SQL("weeks", series=series.sql), series.parameters(within)):
        start_ms = max(within.start_ms, week * MS_PER_DAY)
        end_ms = min(within.end_ms, (week + DAYS_PER_WEEK) * MS_PER_DAY)
        of_week = series.parameters(TimeRange(start_ms=start_ms, end_ms=end_ms))
        yield _Week(parameters={**of_week, "week": week, "services": services}, services=services)


def _delete(clickhouse: ClickHouse, table: str, condition: str, week: _Week) -> None:
    _run_delete(clickhouse, table, condition, week.parameters)


def _run_delete(clickhouse: ClickHouse, table: str, condition: str, parameters: Mapping[str, object]) -> None:
    clickhouse.command(_SQL("delete", table=table, condition=condition), parameters, _DELETING)
