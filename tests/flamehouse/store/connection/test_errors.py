"""Errors that clients receive when a real ClickHouse fails, without its details."""

from dataclasses import replace

import pytest

from flamehouse.errors import Code, RpcError
from flamehouse.settings import Settings
from flamehouse.store.clickhouse_store import ClickHouseStore, open_store
from flamehouse.store.connection.client import ClickHouse
from flamehouse.store.connection.errors import TO_READERS, TO_WRITERS, as_rpc_errors
from flamehouse.store.write.writer import LoneWriter
from tests.support.queries.queries import Server
from tests.support.servers.faults import POISONED, poisoned, without
from tests.support.uploads.counted import Counted, once
from tests.support.uploads.profiles import CPU
from tests.support.uploads.uploads import rejection

UNAVAILABLE = (
    503,
    "unavailable",
    "the profile store is unavailable and may be waking up; retry in 30 seconds",
)
NOT_SET_UP = (
    503,
    "unavailable",
    "the profile store is not set up for this version of flamehouse; the operator finds the reason in the log",
)

OF_ANOTHER_SCHEMA = "SELECT secret FROM sampled_profiles"
FAILING = {
    "SELECT match('a', '(')": Code.INVALID_ARGUMENT,
    "SELECT sleepEachRow(1) FROM numbers(2) SETTINGS max_execution_time = 0.1, max_block_size = 1": Code.DEADLINE_EXCEEDED,
    "SELECT groupArray(number) FROM numbers(10000000) SETTINGS max_memory_usage = 1000000": Code.RESOURCE_EXHAUSTED,
    OF_ANOTHER_SCHEMA: Code.UNAVAILABLE,
    "SELECT throwIf(true, 'secret')": Code.UNAVAILABLE,
}


@pytest.fixture
def counted(store: ClickHouseStore, settings: Settings) -> Counted:
    return Counted.on(store, settings)


@pytest.mark.parametrize(("sql", "code"), FAILING.items())
def test_a_failed_query_is_reported_without_its_sql(clickhouse: ClickHouse, sql: str, code: Code) -> None:
    with pytest.raises(RpcError) as failure, as_rpc_errors(TO_READERS):
        clickhouse.rows(sql)
    assert failure.value.code is code
    assert not {"SELECT", "secret", "DB::Exception"} & {*failure.value.message.split()}


@pytest.mark.parametrize("sql", FAILING)
def test_a_writer_gets_retry_after(clickhouse: ClickHouse, sql: str) -> None:
    with pytest.raises(RpcError) as failure, as_rpc_errors(TO_WRITERS):
        clickhouse.rows(sql)
    expected = NOT_SET_UP if sql == OF_ANOTHER_SCHEMA else UNAVAILABLE
    assert (failure.value.http_status, failure.value.code.wire_name, failure.value.message) == expected


def test_a_failed_upload_is_unavailable_until_it_can_be_stored(
    counted: Counted, clickhouse: ClickHouse, settings: Settings
) -> None:
    store = ClickHouseStore(clickhouse, LoneWriter(clickhouse), settings)
    here = counted.through(Server.on(store, settings))
    with poisoned(clickhouse):
        response = here.server.send_push(here.series(0, service_name=POISONED))
        assert rejection(response) == UNAVAILABLE
        assert int(response.headers["Retry-After"]) > 0
        assert here.send(1) == 200
    for _ in range(2):
        here.server.push(here.series(0, service_name=POISONED))
    assert (here.counts(), here.services()) == (once({0, 1}), [POISONED, "shop"])


@pytest.mark.parametrize(
    "rpc", ["SelectMergeStacktraces", "SelectSeries", "LabelNames", "LabelValues", "ProfileTypes"]
)
def test_a_query_of_a_schema_of_another_version_is_unavailable(
    counted: Counted, clickhouse: ClickHouse, rpc: str
) -> None:
    with without(clickhouse, "series", "functions"):
        request = {
            "profileTypeID": CPU,
            "labelSelector": "{pod='a'}",
            "start": 1,
            "end": 2,
            "step": 1,
            "name": "pod",
        }
        assert rejection(counted.server.call(rpc, **request)) == NOT_SET_UP


def test_an_unreachable_server_is_unavailable(settings: Settings) -> None:
    nowhere = replace(settings, clickhouse_dsn="http://secret:secret@127.0.0.1:1")
    store = open_store(nowhere)
    counted = Counted.on(store, nowhere)
    assert rejection(counted.server.send_push(counted.series(0))) == UNAVAILABLE
    assert rejection(counted.server.call("ProfileTypes", start=1, end=2)) == UNAVAILABLE
    store.close()
