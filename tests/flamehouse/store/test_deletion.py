"""Deleting profiles removes all rows that only they use, and none of other tenants, services and times."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from clickhouse_connect.driver.exceptions import ClickHouseError

from flamehouse.model.selector import parse_selector
from flamehouse.model.time_range import TimeRange
from flamehouse.settings import Settings
from flamehouse.store.clickhouse_store import ClickHouseStore
from flamehouse.store.connection.client import ClickHouse
from flamehouse.store.deletion import Deletion, delete, selected
from flamehouse.store.maintenance import maintain
from flamehouse.store.schema.migrate import migrate
from flamehouse.store.write.inserts import BatchInserts
from flamehouse.store.write.ledger import key_of, stored_uploads
from flamehouse.store.write.writer import LoneWriter
from flamehouse.units import MAX_MS
from tests.support.queries.queries import new_tenant
from tests.support.servers.faults import Killed, Mortal
from tests.support.uploads.counted import Counted, once

pytestmark = pytest.mark.parametrize("place", ["embedded", "server"], indirect=True, scope="session")

EVER = TimeRange(start_ms=1, end_ms=MAX_MS)
WEEK = 7 * 24 * 3_600_000
TABLES = (
    "uploads",
    "sampled_profiles",
    "rollups",
    "series",
    "stacktraces",
    "locations",
    "mappings",
    "functions",
)


@pytest.fixture(scope="module")
def deleting(settings: Settings, clickhouse: ClickHouse) -> Iterator[ClickHouse]:  # noqa: ARG001  # merges stop before
    """A separate database with merges, which deletions of single rows need."""
    own = replace(settings, clickhouse_database="deleting")
    migrate(own)
    deleting = ClickHouse(own)
    yield deleting
    deleting.close()


@pytest.fixture
def counted(deleting: ClickHouse, settings: Settings) -> Counted:
    return Counted.on(ClickHouseStore(deleting, LoneWriter(deleting), settings), settings)


def store(clickhouse: ClickHouse, counted: Counted, number: int, **labels: str) -> None:
    """Stores an upload with empty caches."""
    upload = counted.upload(number, **labels)
    BatchInserts(clickhouse).insert([upload], f"{upload.tenant} {number} {labels}")


def of(counted: Counted, selector: str = "{}", within: TimeRange = EVER) -> Deletion:
    tenant = counted.server.client.tenant
    return Deletion(tenant=tenant, matchers=parse_selector(selector), within=within)


def rows(clickhouse: ClickHouse, counted: Counted) -> dict[str, int]:
    """Returns the number of the tenant's rows in each table."""
    tenant = {"tenant": counted.server.client.tenant}
    counting = "SELECT count() FROM {} FINAL WHERE tenant = {{tenant:String}}"
    return {
        table: clickhouse.rows(
            counting.format(table)
            if table not in {"uploads", "sampled_profiles"}
            else counting.format(table).replace(" FINAL", ""),
            tenant,
        )[0][0]
        for table in TABLES
    }


def test_a_tenant_is_deleted_from_every_table_and_no_other_tenant_is(
    counted: Counted, deleting: ClickHouse, settings: Settings
) -> None:
    other = Counted.on(ClickHouseStore(deleting, LoneWriter(deleting), settings), settings, new_tenant())
    for each in (counted, other):
        store(deleting, each, 0)
    assert maintain(deleting, 60)
    before = rows(deleting, other)
    assert before == rows(deleting, counted)
    assert min(before[table] for table in TABLES if table != "mappings") > 0
    found = selected(deleting, of(counted))
    assert (found.profiles, found.services) == (before["sampled_profiles"], ["shop"])
    assert found.bytes > 0

    delete(deleting, of(counted), names=True)

    assert rows(deleting, counted) == dict.fromkeys(TABLES, 0)
    assert selected(deleting, of(counted)).services == []
    assert (counted.counts(), counted.services()) == (once([]), [])
    assert (rows(deleting, other), other.counts()) == (before, once([0]))


def test_queries_return_nothing_of_a_deleted_service(
    counted: Counted, deleting: ClickHouse, settings: Settings
) -> None:
    other = Counted.on(ClickHouseStore(deleting, LoneWriter(deleting), settings), settings, new_tenant())
    for each in (counted, other):
        store(deleting, each, 0)
    store(deleting, counted, 1, service_name="cart")
    assert maintain(deleting, 60)
    delete(deleting, of(counted, '{service_name="cart"}'), names=True)
    assert (counted.counts(), counted.services()) == (once([0]), ["shop"])
    assert rows(deleting, counted) == rows(deleting, other)


def test_symbols_and_labels_of_other_series_of_the_service_remain(
    counted: Counted, deleting: ClickHouse
) -> None:
    store(deleting, counted, 0, env="prod")
    store(deleting, counted, 1, env="dev")
    assert maintain(deleting, 60)
    delete(deleting, of(counted, '{env=~"d.v"}'), names=True)
    assert counted.counts() == once([0])
    assert counted.server.label_values(*counted.mondays, "env") == ["prod"]
    names = deleting.rows(
        "SELECT DISTINCT name FROM functions WHERE tenant = {tenant:String} ORDER BY name",
        {"tenant": counted.server.client.tenant},
    )
    assert [name for (name,) in names] == ["main", "shared", "upload 0"]


def test_a_range_deletes_its_profiles_and_a_shared_upload_stays_in_the_ledger(
    counted: Counted, deleting: ClickHouse
) -> None:
    store(deleting, counted, 0)
    key = key_of(counted.upload(0))
    whole = once([0])
    first, second = (TimeRange(start_ms=monday, end_ms=monday + WEEK) for monday in counted.mondays)
    delete(deleting, of(counted, within=first), names=True)
    nothing = once([])
    expected = {week: (whole if week.endswith("2") else nothing).get(week, {}) for week in counted.counts()}
    assert {week: count for week, count in counted.counts().items()} == expected
    assert stored_uploads(deleting, [key]) == {key}
    delete(deleting, of(counted, within=second), names=True)
    assert stored_uploads(deleting, [key]) == set()


def test_an_interrupted_deletion_is_completed_by_the_next(counted: Counted, deleting: ClickHouse) -> None:
    store(deleting, counted, 0)
    store(deleting, counted, 1, service_name="cart")
    kills = 0
    for calls in range(1, 80, 3):
        try:
            delete(Mortal(deleting, calls), of(counted, '{service_name="cart"}'), names=True)
        except Killed:
            kills += 1
            continue
        break
    assert kills > 2
    assert (counted.counts(), counted.services()) == (once([0]), ["shop"])


def test_labels_and_symbols_remain_while_processes_may_remember_them(
    counted: Counted, deleting: ClickHouse
) -> None:
    store(deleting, counted, 0)
    before = rows(deleting, counted)
    delete(deleting, of(counted), names=False)
    after = rows(deleting, counted)
    changed = {"uploads", "sampled_profiles", "rollups"}
    assert after == {**before, **dict.fromkeys(changed, 0)}
    assert counted.counts() == once([])


def test_a_deleted_upload_is_stored_again_under_another_token(counted: Counted, deleting: ClickHouse) -> None:
    store(deleting, counted, 0)
    delete(deleting, of(counted), names=True)
    upload = counted.upload(0)
    BatchInserts(deleting).insert([upload], f"{upload.tenant} again")
    assert counted.counts() == once([0])


def test_an_invalid_regular_expression_deletes_nothing(counted: Counted, deleting: ClickHouse) -> None:
    store(deleting, counted, 0)
    with pytest.raises(ClickHouseError):
        delete(deleting, of(counted, '{env=~"("}'), names=True)
    assert counted.counts() == once([0])
