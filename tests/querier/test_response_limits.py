"""Limits on responses, and the errors for larger ones."""

import json
from dataclasses import replace
from typing import Any

import pytest

from flamehouse.model.series import SeriesResult
from flamehouse.pb.profile_pb2 import Profile, Sample
from flamehouse.pb.querier_pb2 import SelectMergeProfileRequest
from flamehouse.settings import Settings
from flamehouse.store.clickhouse_store import ClickHouseStore, open_store
from flamehouse.store.connection.client import ClickHouse
from flamehouse.web.codec import Encoded
from flamehouse.web.connect import unary
from tests.support.costs import costing_at_most
from tests.support.queries.queries import Server, some_monday_ms
from tests.support.servers.apps import Querier, error, request, serve
from tests.support.servers.doubles import CannedStore
from tests.support.uploads.profiles import CPU, labels_of, pprof_of, sample
from tests.support.uploads.uploads import series

PODS = 40
TOO_LARGE = (
    "the response is larger than the allowed 100 bytes (max_answer_bytes);"
    " request fewer nodes, a shorter range or fewer series"
)
FOR_CLICKHOUSE = "the response exceeds the size limit; request a shorter range, fewer series, fewer labels or a longer step"
TOO_MANY = (
    "the response has more than 2 series (max_answer_series);"
    " group by other labels, select fewer series, or set a limit to get the largest"
)


@pytest.mark.parametrize(("size", "limit", "status"), [(100, 100, 200), (101, 100, 429), (10_000, 0, 200)])
@pytest.mark.parametrize("accepted", ["identity", "gzip"])
def test_a_response_has_a_budget_of_bytes_before_compression(
    size: int, limit: int, status: int, accepted: str
) -> None:
    name = "x" * (size - len('{"names":[""]}'))
    querier = Querier(store=CannedStore(names=(name,)), settings=Settings(max_answer_bytes=limit))
    response = querier.post("LabelNames", "{}", headers={"Accept-Encoding": accepted})
    assert response.status_code == status
    if status == 200:
        assert len(response.content) == size
    else:
        assert error(response)[1:] == ("resource_exhausted", TOO_LARGE)


def test_a_json_response_over_the_budget_fails_before_it_is_complete() -> None:
    samples = [Sample(location_id=range(1 << 14, (1 << 14) + 200), value=[1])] * 20_000
    body = Encoded(message_type=Profile, data=Profile(sample=samples).SerializeToString())
    route = unary("/test.v1.Test/Export", SelectMergeProfileRequest, lambda _call, _request: body)
    app = serve(route, settings=Settings(max_answer_bytes=1 << 20))
    # The numbers of the complete response take 300 MiB as Python strings.
    with costing_at_most(mib=150):
        response = request(app, "/test.v1.Test/Export", "{}")
    assert error(response)[:2] == (429, "resource_exhausted")


QUERY = {"profileTypeID": CPU, "labelSelector": "{}", "step": 15}


@pytest.mark.parametrize(
    ("found", "limit", "allowed", "status"),
    [(2, 0, 2, 200), (3, 0, 2, 429), (3, 3, 2, 429), (3, 0, 0, 200), (3, 7, 0, 200)],
)
def test_the_series_of_a_response_are_limited(found: int, limit: int, allowed: int, status: int) -> None:
    results = [SeriesResult(labels=(("pod", str(number)),), points=()) for number in range(found)]
    querier = Querier(
        store=CannedStore(series=results, retention=0), settings=Settings(max_answer_series=allowed)
    )
    body = json.dumps({**QUERY, "start": 1_790_000_000_000, "end": 1_790_000_001_000, "limit": limit})
    response = querier.post("SelectSeries", body)
    assert response.status_code == status
    assert status == 200 or error(response)[1:] == ("resource_exhausted", TOO_MANY)


@pytest.fixture(scope="module")
def monday() -> int:
    return some_monday_ms()


@pytest.fixture(scope="module")
def pods(store: ClickHouseStore, settings: Settings, monday: int) -> Server:
    """Forty series; pod number n has a total of n."""
    server = Server.on(store, settings)
    names = [f"pod-{number:02}-{'x' * 500}" for number in range(PODS)]
    samples = [sample(name, number + 1, pod=name) for number, name in enumerate(names)]
    server.push(series(labels_of(), pprof_of(samples, time_ms=monday)))
    store.settle()  # other stores have these series too
    return server


@pytest.mark.parametrize("rpc", ["SelectSeries", "SelectHeatmap"])
def test_a_group_by_of_too_many_values_is_rejected_and_a_limit_gets_the_largest(
    pods: Server, store: ClickHouseStore, settings: Settings, monday: int, rpc: str
) -> None:
    for limit, allowed, body in ((0, PODS, PODS), (0, PODS - 1, None), (3, 3, 3)):
        server = Server.on(store, replace(settings, max_answer_series=allowed), pods.client.tenant)
        query = {**QUERY, "groupBy": ["pod"], "limit": limit, "start": monday, "end": monday + 1}
        response = server.call(rpc, **query)
        if body is None:
            assert error(response)[:2] == (429, "resource_exhausted")
        else:
            assert len(response.json()["series"]) == body


@pytest.mark.parametrize(
    ("rpc", "more"),
    [
        ("LabelValues", {"name": "pod"}),
        ("Series", {}),
        ("Series", {"labelNames": ["pod"]}),
        ("SelectSeries", {**QUERY, "groupBy": ["pod"]}),
        ("SelectMergeStacktraces", {"profileTypeID": CPU, "labelSelector": "{}"}),
    ],
)
def test_clickhouse_returns_at_most_the_budget(
    pods: Server,
    clickhouse: ClickHouse,  # noqa: ARG001  # keeps the engine open
    settings: Settings,
    monday: int,
    rpc: str,
    more: dict[str, Any],
) -> None:
    for budget, status in ((10_000, 429), (1_000_000, 200)):
        narrow = replace(settings, max_answer_bytes=budget)
        store = open_store(narrow)
        server = Server.on(store, narrow, pods.client.tenant)
        response = server.call(rpc, **more, start=monday, end=monday + 1)
        store.close()
        assert response.status_code == status, response.text
        assert status == 200 or error(response)[1:] == (
            "resource_exhausted",
            FOR_CLICKHOUSE,
        )
