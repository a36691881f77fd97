"""Retentions of tenants and services, shorter than the database's, and the deletion of profiles that expire under them.

A TTL deletes whole parts, which contain profiles of all tenants. Maintenance therefore deletes the profiles that a
tenant retains for a shorter time, in whole days. The retentions are stored in the table `tenant_settings`, under names
that no tenant can have.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from flamehouse.model.selector import Matcher, MatchOp
from flamehouse.model.setting import Setting
from flamehouse.model.time_range import TimeRange
from flamehouse.store.connection.client import ClickHouse
from flamehouse.store.deletion import Deletion, Selected, delete, selected
from flamehouse.store.read.reader import Reader
from flamehouse.store.tenant_settings import delete_setting, set_setting
from flamehouse.units import DAYS_PER_WEEK, FIRST_MONDAY, MS_PER_DAY, MS_PER_S, NS_PER_MS

_OWNER: Final = "retention/"
"""The prefix of a row's `tenant` column; names of tenants contain no slash."""
_ALL: Final = "*"
_SERVICE: Final = "service/"

_EVERY: Final = """
SELECT tenant, name, argMax((value, deleted), version) AS latest
FROM tenant_settings
WHERE startsWith(tenant, {owner:String})
GROUP BY tenant, name
ORDER BY tenant, name
"""


_MAY_EXPIRE: Final = "CHECK GRANT ALTER DELETE ON sampled_profiles"


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How many days a tenant retains profiles of a service; if empty, of all services without their own retention."""

    tenant: str
    service: str = ""
    days: int


def every_retention(clickhouse: ClickHouse) -> list[Retention]:
    """Every stored retention, sorted by tenant and service."""
    found = [
        Retention(
            tenant=str(tenant).removeprefix(_OWNER),
            service="" if name == _ALL else str(name).removeprefix(_SERVICE),
            days=int(value),
        )
        for tenant, name, (value, deleted) in clickhouse.rows(_EVERY, {"owner": _OWNER})
        if not deleted
    ]
    return sorted(found, key=lambda each: (each.tenant, each.service))


def store_retention(reader: Reader, retention: Retention) -> None:
    """Replace the retention of a tenant or service; 0 days removes it."""
    owner, name = _OWNER + retention.tenant, _SERVICE + retention.service if retention.service else _ALL
    if not retention.days:
        delete_setting(reader, owner, name)
        return
    modified_at = time.time_ns() // NS_PER_MS
    set_setting(reader, owner, Setting(name=name, value=str(retention.days), modified_at=modified_at))


def may_expire(clickhouse: ClickHouse) -> bool:
    """Whether the user of the client may delete profiles (the role `expire` of setup-sql)."""
    [(allowed,)] = clickhouse.rows(_MAY_EXPIRE)
    return bool(allowed)


def expired(clickhouse: ClickHouse, retentions: Sequence[Retention], now_s: float) -> Selected:
    """What `expire` would delete."""
    found = [selected(clickhouse, each) for each in _deletions(retentions, now_s)]
    return Selected(
        profiles=sum(each.profiles for each in found),
        bytes=sum(each.bytes for each in found),
        services=sorted({service for each in found if each.profiles for service in each.services}),
    )


def expire(clickhouse: ClickHouse, retentions: Sequence[Retention], now_s: float) -> None:
    """Delete the profiles that are older than their retention, in whole UTC days, so that none is deleted early.

    Labels and symbols are deleted only for weeks that have expired completely. A process may remember symbols of such a
    week as stored, but a profile that refers to them has expired too.
    """
    for each in _deletions(retentions, now_s):
        if not selected(clickhouse, each).profiles:
            continue
        end_ms = each.within.end_ms
        week_ms = _week_of(end_ms // MS_PER_DAY) * MS_PER_DAY
        for start, end, names in ((0, week_ms, True), (week_ms, end_ms, False)):
            part = Deletion(
                tenant=each.tenant, matchers=each.matchers, within=TimeRange(start_ms=start, end_ms=end)
            )
            delete(clickhouse, part, names=names)


def with_change(retentions: Iterable[Retention], change: Retention) -> list[Retention]:
    """The retentions of the change's tenant, as they are after `store_retention` of the change."""
    kept = [each for each in retentions if each.tenant == change.tenant and each.service != change.service]
    return [*kept, change] if change.days else kept


def _deletions(retentions: Sequence[Retention], now_s: float) -> Iterator[Deletion]:
    own: dict[str, list[str]] = {}
    for each in retentions:
        if each.service:
            own.setdefault(each.tenant, []).append(each.service)
    today = int(now_s) * MS_PER_S // MS_PER_DAY
    for each in retentions:
        others = [_service(name, MatchOp.NOT_EQUAL) for name in own.get(each.tenant, ())]
        yield Deletion(
            tenant=each.tenant,
            matchers=[_service(each.service, MatchOp.EQUAL)] if each.service else others,
            within=TimeRange(start_ms=0, end_ms=(today - each.days) * MS_PER_DAY),
        )


def _service(name: str, op: MatchOp) -> Matcher:
    return Matcher(name="service_name", op=op, value=name)


def _week_of(day: int) -> int:
    """The Monday of a day's week, both in days since the epoch."""
    return day - (day - FIRST_MONDAY) % DAYS_PER_WEEK
