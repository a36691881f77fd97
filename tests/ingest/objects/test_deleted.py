"""Uploads and files that are sent again after a deletion are stored once, in every mode and by both writers."""

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from flamehouse.model.time_range import TimeRange
from flamehouse.settings import DIRECT, FALLBACK, STAGED, Settings
from flamehouse.store.clickhouse_store import ClickHouseStore
from flamehouse.store.connection.client import ClickHouse
from flamehouse.store.deletion import Deletion, delete, register_deletion, selected, until_ms
from flamehouse.store.schema.migrate import migrate
from flamehouse.store.write.writer import LoneWriter
from flamehouse.units import MAX_MS
from tests.support.servers.staging import Staging
from tests.support.uploads.counted import Counted, once
from tests.support.uploads.profiles import pprof_of, sample
from tools.aws import LocalAws

pytestmark = pytest.mark.parametrize("place", ["server"], indirect=True, scope="session")

WAYS = (DIRECT, FALLBACK, STAGED, "staged by fallback")


@pytest.fixture(scope="module")
def deleting(settings: Settings, clickhouse: ClickHouse) -> Iterator[ClickHouse]:  # noqa: ARG001  # merges stop before
    """A separate database with merges, which deletions of single rows need."""
    own = replace(settings, clickhouse_database="dropped_again")
    migrate(own)
    deleting = ClickHouse(own)
    yield deleting
    deleting.close()


def process(aws: LocalAws, clickhouse: ClickHouse, settings: Settings, mode: str) -> Staging:
    """Returns the write path of a new process."""
    return Staging.on(aws, ClickHouseStore(clickhouse, LoneWriter(clickhouse), settings), settings, mode)


def delete_all(clickhouse: ClickHouse, tenant: str) -> None:
    what = Deletion(tenant=tenant, within=TimeRange(start_ms=1, end_ms=MAX_MS))
    register_deletion(clickhouse, [tenant], until_ms(what, selected(clickhouse, what)), wait=lambda _: None)
    delete(clickhouse, what, names=False)


@pytest.mark.parametrize("way", WAYS)
def test_an_acknowledged_upload_is_stored_once_after_its_deletion(
    aws: LocalAws, deleting: ClickHouse, settings: Settings, tenant: str, way: str
) -> None:
    staging = process(aws, deleting, settings, FALLBACK if way.endswith(FALLBACK) else way)
    counted = Counted.on(staging.services.store, settings, tenant).through(staging.server(tenant))
    assert counted.send(0) == 200
    staging.drain()
    assert counted.counts() == once([0])
    delete_all(deleting, tenant)
    assert counted.counts() == once([])
    again = process(aws, deleting, settings, staging.services.settings.ingest_mode)
    if way == "staged by fallback":
        again.services.circuit.failed()
    resent = counted.through(again.server(tenant))
    for _ in range(2):
        assert resent.send(0) == 200
        if way != FALLBACK:  # which may stage it on a busy machine
            assert len(again.keys("staged/")) == (0 if way == DIRECT else 1)
        again.drain()
        assert counted.counts() == once([0])
        assert again.keys("staged/") == []


def test_a_dropped_file_is_stored_once_after_its_deletion(
    aws: LocalAws, deleting: ClickHouse, settings: Settings, tenant: str
) -> None:
    staging = process(aws, deleting, settings, DIRECT)
    now_ms = time.time_ns() // 1_000_000
    content = pprof_of([sample(["main", "work"], 7)], time_ms=now_ms - 60_000).SerializeToString()
    server, key = staging.server(tenant), f"drops/{tenant}/shop/cpu.pprof"

    def total() -> int:
        return server.flamegraph(now_ms - 120_000, now_ms).total

    staging.services.blobs.put(key, content, {})
    staging.drain()
    first = total()
    assert first > 0
    delete_all(deleting, tenant)
    assert total() == 0
    again = process(aws, deleting, settings, DIRECT)
    for _ in range(2):
        again.services.blobs.put(key, content, {})
        again.drain()
        assert total() == first
