"""GetProfileStats, in both encodings, and on a store."""

import pytest

from flamehouse.model.time_range import TimeRange
from flamehouse.pb.types_pb2 import GetProfileStatsRequest, GetProfileStatsResponse
from flamehouse.settings import Settings
from flamehouse.store import Store
from flamehouse.store.connection.client import ClickHouse
from flamehouse.store.read import profile_stats as stats_query
from flamehouse.store.read.reader import Reader
from tests.support.queries.queries import Server, new_tenant, some_monday_ms
from tests.support.servers.apps import Querier
from tests.support.servers.doubles import CannedStore, RecordedClickHouse
from tests.support.uploads.profiles import labels_of, pprof_of, sample
from tests.support.uploads.uploads import series

HOUR = 3_600_000
DAY = 24 * HOUR


@pytest.mark.parametrize("proto", [True, False])
@pytest.mark.parametrize(
    ("times", "response"),
    [
        (None, GetProfileStatsResponse()),
        (
            TimeRange(start_ms=0, end_ms=7),
            GetProfileStatsResponse(data_ingested=True, oldest_profile_time=0, newest_profile_time=7),
        ),
    ],
)
def test_the_times_are_those_of_the_store(
    proto: bool, times: TimeRange | None, response: GetProfileStatsResponse
) -> None:
    querier = Querier(store=CannedStore(times=times))
    request = GetProfileStatsRequest()
    assert querier.call("GetProfileStats", request, GetProfileStatsResponse, proto=proto) == response
    assert querier.store.calls == [("profile_times", "anonymous")]


def test_the_json_names_are_those_that_drilldown_reads() -> None:
    querier = Querier(
        store=CannedStore(times=TimeRange(start_ms=1_700_000_000_001, end_ms=1_700_000_000_002))
    )
    assert querier.post("GetProfileStats", "{}").json() == {
        "dataIngested": True,
        "oldestProfileTime": "1700000000001",
        "newestProfileTime": "1700000000002",
    }


def push_at(store: Store, settings: Settings, tenant: str, *times: int) -> None:
    for number, time_ms in enumerate(times):
        profile = pprof_of([sample("a", 1)], time_ms=time_ms)
        Server.on(store, settings, tenant).push(series(labels_of(pod=str(number % 3)), profile))


@pytest.mark.parametrize(
    "offsets",
    [
        [0],
        [DAY - 1, 0, 5],
        [DAY - 1, 3 * HOUR, DAY, 2 * DAY - 1, 2 * DAY - 2],
        [40 * DAY, 17, 3 * DAY, 12 * DAY, 40 * DAY - 1],
    ],
)
def test_the_first_and_last_profile_are_found_wherever_they_are(
    store: Store, settings: Settings, tenant: str, offsets: list[int]
) -> None:
    monday = some_monday_ms()
    times = [monday + offset for offset in offsets]
    push_at(store, settings, tenant, *times)
    push_at(store, settings, new_tenant(), monday - DAY, monday + 80 * DAY)
    assert store.profile_times((tenant,)) == TimeRange(start_ms=min(times), end_ms=max(times))


def test_a_tenant_without_profiles_costs_one_query(clickhouse: ClickHouse, tenant: str) -> None:
    recorded = RecordedClickHouse(clickhouse)
    assert stats_query.profile_times(Reader(clickhouse=recorded, settings={}), (tenant,)) is None
    [sql] = recorded.statements
    assert "profiles" not in sql


def test_days_whose_profiles_have_expired_are_skipped(
    store: Store, clickhouse: ClickHouse, settings: Settings, tenant: str
) -> None:
    monday = some_monday_ms()
    push_at(store, settings, tenant, monday + DAY, monday + 3 * DAY)
    days = [monday // DAY + offset for offset in (-9, 20)]
    clickhouse.command(
        "INSERT INTO series SELECT * REPLACE (toDate(arrayJoin({days:Array(Int32)})) AS day) FROM series"
        " WHERE tenant = {tenant:String}",
        {"tenant": tenant, "days": days},
    )
    assert store.profile_times((tenant,)) == TimeRange(start_ms=monday + DAY, end_ms=monday + 3 * DAY)
