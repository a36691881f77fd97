"""A tenant or service retains profiles for a shorter time than the database; maintenance deletes what has expired."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from flamehouse.settings import Settings
from flamehouse.store.clickhouse_store import ClickHouseStore
from flamehouse.store.connection.client import ClickHouse
from flamehouse.store.maintenance import maintain
from flamehouse.store.read.reader import Reader
from flamehouse.store.schema.migrate import migrate
from flamehouse.store.tenant_retention import (
    Retention,
    every_retention,
    expire,
    expired,
    store_retention,
    with_change,
)
from flamehouse.store.write.writer import LoneWriter
from tests.support.queries.queries import Server, some_monday_ms
from tests.support.uploads.profiles import labels_of, pprof_of, sample
from tests.support.uploads.uploads import series

pytestmark = pytest.mark.parametrize("place", ["embedded", "server"], indirect=True, scope="session")

DAY_MS = 86_400_000
SERVICES = ("shop", "cart")


@pytest.fixture(scope="module")
def expiring(settings: Settings, clickhouse: ClickHouse) -> Iterator[ClickHouse]:  # noqa: ARG001  # merges stop before
    """A separate database with merges, which deletions of single rows need."""
    own = replace(settings, clickhouse_database="expiring")
    migrate(own)
    expiring = ClickHouse(own)
    yield expiring
    expiring.close()


class Days:
    """A tenant with a profile of each service at noon of each of the first days from a Monday on."""

    def __init__(self, clickhouse: ClickHouse, settings: Settings, monday: int, days: int = 10) -> None:
        self.monday = monday
        self.days = days
        self.server = Server.on(ClickHouseStore(clickhouse, LoneWriter(clickhouse), settings), settings)
        for day in range(days):
            time_ms = monday + day * DAY_MS + DAY_MS // 2
            pushed = (
                series(labels_of(service_name=each), pprof_of([sample(["main", each], 1)], time_ms=time_ms))
                for each in SERVICES
            )
            self.server.push(*pushed)

    @property
    def name(self) -> str:
        return self.server.client.tenant

    def left(self) -> dict[str, list[int]]:
        """Returns the days that still have profiles, by service."""
        whole = (self.monday, self.monday + self.days * DAY_MS)
        found = self.server.series(*whole, step=86_400, group_by=["service_name"])
        return {
            labels[0][1]: [(at - self.monday) // DAY_MS - 1 for at, _ in points] for labels, points in found
        }


def test_each_tenant_and_service_expires_by_its_own_retention(
    expiring: ClickHouse, settings: Settings
) -> None:
    monday = some_monday_ms()
    days, other = (Days(expiring, settings, monday) for _ in range(2))
    assert maintain(expiring, 60)
    rules = [
        Retention(tenant=days.name, days=4),
        Retention(tenant=days.name, service="cart", days=1),
    ]
    now_s = (monday + 9 * DAY_MS) / 1_000 + 3_600
    before = days.left()
    found = expired(expiring, rules, now_s)
    assert (found.profiles, found.services) == (5 + 8, ["cart", "shop"])
    assert found.bytes > 0
    assert days.left() == before

    expire(expiring, rules, now_s)

    assert days.left() == {"shop": [5, 6, 7, 8, 9], "cart": [8, 9]}
    assert other.left() == {each: list(range(10)) for each in SERVICES}
    assert expired(expiring, rules, now_s).profiles == 0
    flamegraph = days.server.selves(monday, monday + 10 * DAY_MS)
    assert flamegraph == {"shop": 5, "cart": 2}
    # The first week has expired for cart; shop still has profiles in it.
    last_day = {"start": monday + 6 * DAY_MS, "end": monday + 6 * DAY_MS + 1}
    assert days.server.label_values(last_day["start"], last_day["end"], "service_name") == ["shop"]


def test_a_late_profile_that_has_expired_is_deleted_by_the_next_maintenance(
    expiring: ClickHouse, settings: Settings
) -> None:
    monday = some_monday_ms()
    days = Days(expiring, settings, monday, days=1)
    store_retention(Reader(clickhouse=expiring, settings={}), Retention(tenant=days.name, days=30))
    assert maintain(expiring, 60, deletes=False)
    assert days.left() != {}
    assert maintain(expiring, 60)
    assert days.left() == {}
    days.server.push(series(labels_of(), pprof_of([sample(["main"], 1)], time_ms=monday + 7 * DAY_MS)))
    assert maintain(expiring, 60)
    assert days.server.selves(monday, monday + 10 * DAY_MS) == {}


def test_retentions_are_stored_replaced_and_removed(expiring: ClickHouse) -> None:
    reader = Reader(clickhouse=expiring, settings={})
    tenants = [f"stored-{number}" for number in range(2)]
    changes = [
        Retention(tenant=tenants[0], days=9),
        Retention(tenant=tenants[0], days=5),
        Retention(tenant=tenants[1], service="a/b *", days=7),
        Retention(tenant=tenants[1], days=8),
        Retention(tenant=tenants[1], days=0),
    ]
    for change in changes:
        store_retention(reader, change)
    stored = [each for each in every_retention(expiring) if each.tenant in tenants]
    assert stored == [changes[1], changes[2]]
    assert with_change(stored, changes[3]) == [changes[2], changes[3]]
    assert with_change(stored, replace(changes[2], days=0)) == []
    for each in stored:
        store_retention(reader, replace(each, days=0))
