"""Absurd requests: each gets a result or an error that names its fault, never a 5xx."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from flamehouse.settings import Settings
from flamehouse.store import Store
from tests.support.queries.queries import EVERYTHING, Server, drawn
from tests.support.uploads.profiles import CPU, labels_of, pprof_of, sample
from tests.support.uploads.uploads import series

NOW = 1_714_566_123_456
"""The time of the sensible requests: a day in 2024."""
HOUR = 3_600_000
DAY = 24 * HOUR
YEAR_2100 = 4_102_444_800_000
YEAR_2262 = 9_223_372_036_854
"""The last millisecond that fits into 64 bits in nanoseconds."""
YEAR_5000 = 95_617_584_000_000
LAST = (1 << 63) - 1
STACKS = (("ab", 3), ("ac", 2), ("d", 4))
NOTHING = drawn([])

SELECTION = {"profileTypeID": CPU, "labelSelector": "{}"}
RPCS: dict[str, Mapping[str, Any]] = {
    "ProfileTypes": {},
    "LabelNames": {},
    "LabelValues": {"name": "service_name"},
    "SelectSeries": {**SELECTION, "step": 15},
    "SelectHeatmap": {**SELECTION, "step": 15},
    "SelectMergeStacktraces": SELECTION,
}


@pytest.fixture(scope="module")
def server(store: Store, settings: Settings) -> Server:
    """A server with one profile from an hour ago."""
    server = Server.on(store, settings)
    samples = [sample(stack, value) for stack, value in STACKS]
    server.push(series(labels_of(env="prod"), pprof_of(samples, time_ms=NOW - HOUR)))
    return server


@pytest.mark.parametrize("rpc", RPCS)
@pytest.mark.parametrize(
    ("start", "end", "found"),
    [
        (NOW - 2 * HOUR, NOW, True),
        (1, NOW, True),
        (-1, NOW, True),
        (-LAST - 1, LAST, True),
        (1, LAST, True),
        (NOW - 30 * DAY, NOW + 30 * DAY, True),
        (1_000, 4_000, False),
        (-4_000, -1_000, False),
        (NOW + DAY, YEAR_5000, False),
        (YEAR_2100, YEAR_2100 + HOUR, False),
        (YEAR_2100 - 1, YEAR_2100 + 1, False),
        (YEAR_5000, YEAR_5000 + 1, False),
        (LAST - 1, LAST, False),
        (-LAST - 1, -LAST, False),
    ],
    ids=str,
)
def test_an_extreme_range_is_accepted(server: Server, rpc: str, start: int, end: int, found: bool) -> None:
    response = server.call(rpc, **RPCS[rpc], start=start, end=end)
    assert response.status_code == 200, response.text
    body = response.json()
    if rpc == "SelectMergeStacktraces":
        body = body["flamegraph"].get("total")
    assert bool(body) is found


@pytest.mark.parametrize("at", [NOW - HOUR, NOW - HOUR - 1, 1, YEAR_2100])
def test_a_range_of_zero_length_has_no_samples(server: Server, at: int) -> None:
    assert server.flamegraph(at, at) == NOTHING


@pytest.mark.parametrize("start", [1_000, -1_000])
def test_grafana_tests_its_data_source_in_1970(server: Server, start: int) -> None:
    response = server.call("ProfileTypes", start=start, end=4_000)
    assert (response.status_code, response.json()) == (200, {})


@pytest.mark.parametrize("rpc", RPCS)
@pytest.mark.parametrize(
    ("start", "end"), [(NOW, NOW - 1), (LAST, 1), (1, -1), (0, NOW), (NOW, 0), ("now-1h", "now"), (1.5, 2)]
)
def test_an_invalid_range_is_rejected(server: Server, rpc: str, start: object, end: object) -> None:
    response = server.call(rpc, **RPCS[rpc], start=start, end=end)
    assert (response.status_code, response.json()["code"]) == (400, "invalid_argument")


@pytest.mark.parametrize("step", [0.001, 0.0015, 1, 15.5, 3_600, 1e9, 1e18, 1e300, 1.7e308])
@pytest.mark.parametrize("start", [1, NOW - HOUR, NOW - HOUR + 1])
@pytest.mark.parametrize("end", [NOW, LAST])
def test_an_extreme_step_is_accepted(server: Server, step: float, start: int, end: int) -> None:
    step_ms = int(min(step, LAST) * 1_000)
    point = start - (start - (NOW - HOUR)) // step_ms * step_ms
    found = [([("env", "prod")], [(point, 9)])] if start <= point <= min(end, YEAR_2262) else []
    assert server.series(start, end, step=step, groupBy=["env"]) == found


@pytest.mark.parametrize("step", [0, -1, 0.0009, "NaN", "Infinity", "-Infinity", 1e-300])
def test_an_invalid_step_is_rejected(server: Server, step: object) -> None:
    request = {**RPCS["SelectSeries"], "step": step, "start": NOW - HOUR, "end": NOW}
    response = server.call("SelectSeries", **request)
    assert (response.status_code, response.json()["code"]) == (400, "invalid_argument")


@pytest.mark.parametrize("max_nodes", [1, 2, 4, 8_192, EVERYTHING])
def test_a_flame_graph_has_the_requested_number_of_nodes(server: Server, max_nodes: int) -> None:
    assert server.flamegraph(NOW - DAY, NOW, max_nodes=max_nodes) == drawn(STACKS, max_nodes)


@pytest.mark.parametrize("max_nodes", [-1, EVERYTHING + 1, LAST, -LAST - 1])
def test_a_flame_graph_of_too_many_nodes_is_rejected(server: Server, max_nodes: int) -> None:
    request = {**SELECTION, "start": NOW - HOUR, "end": NOW, "maxNodes": max_nodes}
    response = server.call("SelectMergeStacktraces", **request)
    assert (response.status_code, response.json()["code"]) == (400, "invalid_argument")


@pytest.mark.parametrize(
    "selector",
    [
        '{env=~"("}',
        '{env!~"(?=a)"}',
        '{env=~"a{2,1}"}',
        '{env=~"' + "(" * 4_000 + '"}',
        "{" + 'env="x",' * 101 + "}",
        '{env="' + "x" * 20_000 + '"}',
        "{env=prod}",
        "' OR 1=1",
        "",
    ],
    ids=range(9),
)
@pytest.mark.parametrize(
    "rpc", ["LabelNames", "LabelValues", "SelectSeries", "SelectHeatmap", "SelectMergeStacktraces"]
)
def test_an_invalid_selector_is_rejected(server: Server, rpc: str, selector: str) -> None:
    request = {**RPCS[rpc], "start": NOW - HOUR, "end": NOW}
    request |= {"labelSelector": selector} if "labelSelector" in request else {"matchers": [selector]}
    response = server.call(rpc, **request)
    assert (response.status_code, response.json()["code"]) == (400, "invalid_argument")


TIMES = st.sampled_from([-LAST - 1, -1, 0, 1, NOW - HOUR, NOW, YEAR_2100, YEAR_5000, LAST]) | st.integers(
    -LAST - 1, LAST
)
NUMBERS = st.floats() | st.integers(-LAST - 1, LAST) | st.sampled_from(["1e3", "0x1", "", None, "NaN"])
CALL_SITES = st.lists(st.sampled_from(["a", "b", "", "\0", "é"]), max_size=3).map(
    lambda names: {"callSite": [{"name": name} for name in names]}
)
ODD: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "ProfileTypes": {},
    "LabelNames": {},
    "LabelValues": {"name": st.text(max_size=8)},
    "SelectSeries": {
        "step": NUMBERS,
        "limit": NUMBERS,
        "groupBy": st.lists(st.text(max_size=4), max_size=3),
        "aggregation": st.integers(-1, 3),
        "exemplarType": st.integers(-1, 5),
        "stackTraceSelector": CALL_SITES,
    },
    "SelectHeatmap": {
        "step": NUMBERS,
        "limit": NUMBERS,
        "groupBy": st.lists(st.text(max_size=4), max_size=3),
        "queryType": st.integers(-1, 3),
        "exemplarType": st.integers(-1, 5),
    },
    "SelectMergeStacktraces": {"maxNodes": NUMBERS},
}


def requests(rpc: str) -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    """Draws requests to one RPC: a range, and some of its odd fields."""
    return st.tuples(st.just(rpc), st.fixed_dictionaries({"start": TIMES, "end": TIMES}, optional=ODD[rpc]))


@examples(max_examples=75)
@given(st.sampled_from(list(ODD)).flatmap(requests))
def test_odd_requests_cause_no_server_fault(server: Server, query: tuple[str, dict[str, Any]]) -> None:
    rpc, fields = query
    response = server.call(rpc, **{**RPCS[rpc], **fields})
    assert response.status_code in (200, 400), response.text


@pytest.mark.parametrize("rpc", RPCS)
def test_profiles_before_the_lookback_are_not_returned(
    store: Store, settings: Settings, server: Server, rpc: str
) -> None:
    short = replace(settings, max_query_lookback_s=60, max_query_length_s=60)
    seen_through = Server.on(store, short, server.client.tenant)
    for start in (1_000, NOW - 30 * DAY):
        response = seen_through.call(rpc, **RPCS[rpc], start=start, end=NOW - HOUR + 1)
        assert response.status_code == 200, response.text
        empty = {"flamegraph": {"names": ["total"], "levels": [{"values": ["0"] * 4}]}}
        assert response.json() == (empty if rpc == "SelectMergeStacktraces" else {})
