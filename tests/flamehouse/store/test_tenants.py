"""Tenants share tables and nothing else."""

import re

import pytest

from flamehouse.settings import Settings
from flamehouse.store.clickhouse_store import ClickHouseStore
from flamehouse.store.connection.client import ClickHouse
from flamehouse.store.write.writer import LoneWriter
from tests.support.queries.queries import Server, drawn, some_monday_ms
from tests.support.servers.doubles import RecordedClickHouse
from tests.support.uploads.profiles import CPU, labels_of, pprof_of, sample
from tests.support.uploads.uploads import series

pytestmark = pytest.mark.parametrize("place", ["embedded"], indirect=True, scope="session")

HOUR = 3_600_000
SELECTOR = '{pod=~"a|b"}'
READ = {"series", "sampled_profiles", "rollups", "stacktraces", "functions"}
FROM_TABLE = re.compile(
    r"\bFROM\s+(series|sampled_profiles|rollups|stacktraces|functions|locations|mappings)\b"
)
OF_TENANT = "tenant = {tenant:String}"


def query_everything(server: Server, start: int, end: int) -> list[object]:
    """Returns the response of each RPC, over a range that reads profiles and roll-ups."""
    return [
        server.flamegraph(start + 1, end, selector=SELECTOR),
        server.flamegraph(start + 1, end),
        server.series(start, end, step=HOUR, selector=SELECTOR, groupBy=["pod"]),
        server.label_names(start, end, SELECTOR),
        server.label_values(start, end, "pod", SELECTOR),
        server.profile_types(start, end),
    ]


def test_every_query_reads_each_table_for_one_tenant_only(
    clickhouse: ClickHouse, store: ClickHouseStore, settings: Settings, tenant: str
) -> None:
    monday = some_monday_ms()
    profile = pprof_of([sample("ab", 1)], time_ms=monday + 2)
    Server.on(store, settings, tenant).push(series(labels_of(pod="a"), profile))
    recorded = RecordedClickHouse(clickhouse)
    server = Server.on(ClickHouseStore(recorded, LoneWriter(recorded), settings), settings, tenant)
    query_everything(server, monday + 1, monday + 4 * HOUR)
    # The retention is the database's, not a tenant's.
    request = [sql for sql in recorded.statements if "FROM migrations" not in sql]
    tables = [FROM_TABLE.findall(sql) for sql in request]
    assert {table for read in tables for table in read} == READ
    for sql, read in zip(request, tables, strict=True):
        assert 0 < len(read) <= sql.count(OF_TENANT), sql


def test_tenants_with_the_same_series_and_stacks_get_their_own_data(
    store: ClickHouseStore, settings: Settings
) -> None:
    monday = some_monday_ms()
    servers = [Server.on(store, settings) for _ in range(2)]
    for value, server in enumerate(servers, 1):
        for hour in range(3):
            profile = pprof_of([sample("ab", value)], time_ms=monday + hour * HOUR + 1)
            server.push(series(labels_of(pod="a"), profile))
    servers[1].push(series(labels_of(pod="b", zone="x"), pprof_of([sample("ac", 9)], time_ms=monday + 1)))
    one, other = (query_everything(server, monday, monday + 4 * HOUR) for server in servers)
    everything = drawn([("ab", 3)])
    assert one[:2] == [everything, everything]
    assert one[3:] == [["pod", "service_name"], ["a"], [CPU]]
    assert other[:2] == [drawn([("ab", 6), ("ac", 9)])] * 2
    assert other[3:] == [["pod", "service_name", "zone"], ["a", "b"], [CPU]]


def test_a_tenant_without_profiles_gets_empty_responses(store: ClickHouseStore, settings: Settings) -> None:
    monday = some_monday_ms()
    Server.on(store, settings).push(series(labels_of(pod="a"), pprof_of([sample("ab", 1)], time_ms=monday)))
    empty = Server.on(store, settings)
    assert query_everything(empty, monday, monday + HOUR) == [drawn([]), drawn([]), [], [], [], []]
