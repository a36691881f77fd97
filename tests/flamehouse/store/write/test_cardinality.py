"""Limits on series: an upload over a limit is rejected before any of it is stored."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from flamehouse.errors import RpcError
from flamehouse.settings import Settings
from flamehouse.store.clickhouse_store import ClickHouseStore
from flamehouse.store.connection.client import ClickHouse
from flamehouse.store.write import cardinality
from flamehouse.store.write.writer import LoneWriter
from tests.support.queries.queries import Server, drawn, new_tenant, some_monday_ms
from tests.support.uploads.counted import Counted, once
from tests.support.uploads.profiles import labels_of, pprof_of, sample
from tests.support.uploads.uploads import Ingest, pprof, rejection, series

pytestmark = pytest.mark.parametrize("place", ["embedded"], indirect=True, scope="session")

DAY_MS = 86_400_000
LIMIT = 3

type Open = Callable[[], Server]


@pytest.fixture
def restart(clickhouse: ClickHouse, settings: Settings, tenant: str) -> Open:
    """Returns a server of a new process, with a limit of LIMIT series a day."""
    limited = replace(settings, max_series_per_day=LIMIT, max_series_per_upload=LIMIT + 1)
    return lambda: Server.on(ClickHouseStore(clickhouse, LoneWriter(clickhouse), limited), limited, tenant)


def push(server: Server, monday: int, *pods: str, days: tuple[int, ...] = (0,)) -> int:
    """Pushes a profile of each pod for each of the days after Monday, and returns the status."""
    profiles = [pprof_of([sample("ab", 1)], time_ms=monday + day * DAY_MS) for day in days]
    return server.send_push(*(series(labels_of(pod=pod), *profiles) for pod in pods)).status_code


def pods_of(server: Server, monday: int, day: int = 0) -> list[str]:
    return server.label_values(monday + day * DAY_MS, monday + day * DAY_MS + 1, "pod")


def test_the_series_per_day_are_limited(restart: Open) -> None:
    server, monday = restart(), some_monday_ms()
    assert push(server, monday, "a", "b") == 200
    assert push(server, monday, "b", "c") == 200
    assert push(server, monday, "d") == 429
    assert push(server, monday, "a", "b", "c", "d") == 429
    assert pods_of(server, monday) == ["a", "b", "c"]
    assert server.flamegraph(monday, monday + 1) == drawn([("ab", 4)])
    assert push(server, monday, "c", "b", "a") == 200


def test_series_of_an_earlier_process_count(restart: Open) -> None:
    monday = some_monday_ms()
    assert push(restart(), monday, "a", "b", "c") == 200
    assert [push(restart(), monday, pod) for pod in "cd"] == [200, 429]


def test_the_series_of_the_next_day_and_of_other_tenants_are_counted_separately(restart: Open) -> None:
    server, monday = restart(), some_monday_ms()
    assert push(server, monday, "a", "b", "c") == 200
    assert push(server, monday, "d", days=(1,)) == 200
    other = replace(server, client=replace(server.client, tenant=new_tenant()))
    assert push(other, monday, "d") == 200


def test_an_upload_rejected_for_one_day_counts_on_no_other_day(restart: Open) -> None:
    server, monday = restart(), some_monday_ms()
    assert push(server, monday, "a", "b", "c", days=(1,)) == 200
    assert push(server, monday, "x", "y", "z", days=(0, 1)) == 429
    assert push(server, monday, "a", "b", "c") == 200
    assert pods_of(server, monday) == ["a", "b", "c"]


def test_the_error_names_the_day_and_the_setting(restart: Open) -> None:
    server = restart()
    monday = 1_577_664_000_000
    assert push(server, monday, "a", "b") == 200
    profile = pprof_of([sample("ab", 1)], time_ms=monday)
    response = server.send_push(*(series(labels_of(pod=pod), profile) for pod in "cd"))
    assert rejection(response) == (
        429,
        "resource_exhausted",
        (
            "too many series: this tenant has 2 on 2019-12-30, and the limit is 3 a day (max_series_per_day);"
            " a label whose values never repeat is the usual cause"
        ),
    )


def test_evicted_counts_change_no_result(restart: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cardinality, "_MAX_COUNTED", 0)
    server, monday = restart(), some_monday_ms()
    assert [push(server, monday, pod) for pod in "abcda"] == [200, 200, 200, 429, 200]


def test_a_limit_of_0_is_unlimited(clickhouse: ClickHouse, settings: Settings) -> None:
    unlimited = replace(settings, max_series_per_day=0)
    server = Server.on(ClickHouseStore(clickhouse, LoneWriter(clickhouse), unlimited), unlimited)
    assert push(server, some_monday_ms(), *(f"pod-{number}" for number in range(200))) == 200


def test_a_retry_of_the_upload_that_reached_the_limit_gets_the_same_response(
    clickhouse: ClickHouse, settings: Settings
) -> None:
    limited = replace(settings, max_series_per_day=1)
    counted = Counted.on(ClickHouseStore(clickhouse, LoneWriter(clickhouse), limited), limited)
    assert [counted.send(number) for number in (0, 0, 1, 0)] == [200] * 4
    assert counted.counts() == once({0, 1})


def test_a_failed_upload_frees_its_series(clickhouse: ClickHouse) -> None:
    tenant = new_tenant()
    received = Ingest()
    for name in ("first", "second"):
        received.post(
            pprof([("cpu", "nanoseconds")]).SerializeToString(),
            f"name={name}&format=pprof",
            headers={"X-Scope-OrgID": tenant},
        )
    first, second = received.uploads
    budget = cardinality.SeriesBudget(clickhouse, lambda _: 1)
    with pytest.raises(OSError, match="disk"), budget.taken(first):
        raise OSError("disk")
    with budget.taken(second):
        pass
    with pytest.raises(RpcError, match="too many series"), budget.taken(first):
        pytest.fail("the day is full")
