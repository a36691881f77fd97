"""/pyroscope/render and its siblings on a real store: flamebearer JSON with the data of the RPCs."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from google.protobuf import json_format

from flamehouse.model.time_range import TimeRange
from flamehouse.pb.querier_pb2 import DiffResponse
from flamehouse.settings import Settings
from flamehouse.store import Store
from querier.pyroscope.label_values import routes as label_values_routes
from querier.pyroscope.render import routes as render_routes
from querier.pyroscope.render_diff import routes as render_diff_routes
from querier.pyroscope.timeline import step_of
from tests.support.queries.queries import Server, some_monday_ms
from tests.support.servers.apps import request, serve
from tests.support.uploads.profiles import CPU, Sample, labels_of, pprof_of
from tests.support.uploads.uploads import series

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
SHOP = f'{CPU}{{service_name="shop"}}'

type Parameters = Sequence[tuple[str, object]] | Mapping[str, object]


def get(server: Server, path: str, parameters: Parameters) -> httpx.Response:
    return server.client.send("GET", f"{path}?{urlencode(parameters)}", b"", {})


def get_json(server: Server, path: str, parameters: Parameters) -> Any:
    response = get(server, path, parameters)
    assert response.status_code == 200, response.text
    assert response.headers["Content-Type"] == "application/json"
    return response.json()


def push(server: Server, monday: int) -> None:
    """Sends profiles of two services and three environments, in the first two hours of a Monday."""
    sent = [
        (labels_of(env="prod"), 0, "ab", 5),
        (labels_of(env="prod"), 31_000, "ac", 3),
        (labels_of(env="test"), 31_500, "ab", 2),
        (labels_of(), HOUR, "d", 4),
        (labels_of(service_name="cart"), HOUR, "a", 9),
    ]
    server.push(
        *(
            series(labels, pprof_of([Sample(stack=stack, values=(value,))], time_ms=monday + at))
            for labels, at, stack, value in sent
        )
    )


@pytest.fixture
def monday() -> int:
    """A Monday whose milliseconds have 13 digits; fewer would be read as seconds."""
    return next(time for time in iter(some_monday_ms, 0) if time >= 10**12)


@pytest.fixture
def server(store: Store, settings: Settings, monday: int) -> Server:
    server = Server.on(store, settings)
    push(server, monday)
    return server


@pytest.mark.parametrize("max_nodes", [1, 2, 100])
def test_render_draws_what_select_merge_stacktraces_returns(
    server: Server, monday: int, max_nodes: int
) -> None:
    query = {"query": SHOP, "from": monday, "until": monday + 2 * HOUR, "max-nodes": max_nodes}
    drawn = get_json(server, "/pyroscope/render", query)
    graph = server.flamegraph(
        monday, monday + 2 * HOUR, selector='{service_name="shop"}', max_nodes=max_nodes
    )
    assert drawn["version"] == 1
    assert drawn["flamebearer"] == {
        "names": list(graph.names),
        "levels": [list(level.values) for level in graph.levels],
        "numTicks": graph.total,
        "maxSelf": graph.max_self,
    }
    assert drawn["metadata"] == {
        "format": "single",
        "spyName": "",
        "sampleRate": 1_000_000_000,
        "units": "samples",
        "name": "cpu",
    }
    assert "leftTicks" not in drawn


def test_the_timeline_sums_the_profiles_up_to_each_step_and_is_zero_elsewhere(
    server: Server, monday: int
) -> None:
    query = {"query": SHOP, "from": monday + 7_000, "until": monday + MINUTE + 1, "maxNodes": 10}
    drawn = get_json(server, "/pyroscope/render", query)
    assert drawn["timeline"] == {
        "startTime": monday // 1_000,
        "samples": [5, 0, 0, 5],
        "durationDelta": 15,
        "watermarks": None,
    }
    assert drawn["groups"] is None


def test_groups_have_a_timeline_for_each_value_of_the_first_label(server: Server, monday: int) -> None:
    query = [
        ("query", SHOP),
        ("from", monday),
        ("until", monday + 2 * HOUR),
        ("groupBy", "env"),
        ("groupBy", "service_name"),
    ]
    drawn = get_json(server, "/pyroscope/render", query)
    assert {name: sum(each["samples"]) for name, each in drawn["groups"].items()} == {
        "prod": 8,
        "test": 2,
        "*": 4,
    }
    assert sum(drawn["timeline"]["samples"]) == 14
    without = get_json(server, "/pyroscope/render", [pair for pair in query if pair[0] != "groupBy"])
    assert drawn["timeline"] == without["timeline"]


def test_profiles_without_the_label_are_not_grouped_with_the_value_star(server: Server, monday: int) -> None:
    star = pprof_of([Sample(stack="a", values=(6,))], time_ms=monday)
    server.push(series(labels_of(env="*"), star))
    query = {"query": SHOP, "from": monday, "until": monday + 2 * HOUR, "groupBy": "env"}
    groups = get_json(server, "/pyroscope/render", query)["groups"]
    assert {name: sum(each["samples"]) for name, each in groups.items()} == {
        "prod": 8,
        "*": 6,
        "": 4,
        "test": 2,
    }


def test_averages_are_per_profile(server: Server, monday: int) -> None:
    query = {"query": SHOP, "from": monday + 31_000, "until": monday + MINUTE, "aggregation": "avg"}
    assert get_json(server, "/pyroscope/render", query)["timeline"]["samples"] == [0, 2]


def test_a_call_graph_is_that_of_select_merge_stacktraces(server: Server, monday: int) -> None:
    query = {"query": SHOP, "from": monday, "until": monday + 2 * HOUR, "format": "dot", "max-nodes": 3}
    response = get(server, "/pyroscope/render", query)
    fields = {"profileTypeID": CPU, "labelSelector": '{service_name="shop"}', "maxNodes": 3}
    body = server.call(
        "SelectMergeStacktraces",
        **fields,
        start=monday,
        end=monday + 2 * HOUR,
        format="PROFILE_FORMAT_DOT",
    )
    assert response.text == body.json()["dot"]
    assert response.headers["Content-Type"].startswith("text/plain")
    nothing = get(server, "/pyroscope/render", {**query, "until": monday + 1, "from": monday})
    assert (nothing.status_code, nothing.text[:7]) == (200, "digraph")
    long_ago = get(server, "/pyroscope/render", {**query, "from": monday - DAY, "until": monday})
    assert (long_ago.status_code, long_ago.text) == (200, "")


def test_no_data_is_an_empty_flame_graph_with_a_timeline_of_zeros(server: Server, monday: int) -> None:
    query = {"query": SHOP, "from": monday + 5 * HOUR, "until": monday + 6 * HOUR}
    drawn = get_json(server, "/pyroscope/render", query)
    assert drawn["flamebearer"] == {
        "names": ["total"],
        "levels": [[0, 0, 0, 0]],
        "numTicks": 0,
        "maxSelf": 0,
    }
    assert drawn["timeline"] == {
        "startTime": (monday + 5 * HOUR) // 1_000,
        "samples": [0] * (HOUR // 15_000),
        "durationDelta": 15,
        "watermarks": None,
    }
    assert drawn["groups"] is None
    grouped = get_json(server, "/pyroscope/render", {**query, "groupBy": "env"})
    assert (grouped["timeline"], grouped["groups"]) == (drawn["timeline"], {})


@pytest.mark.parametrize("lookback_s", [0, 3_600, 60])
def test_a_timeline_covers_the_requested_range_whatever_the_lookback(
    store: Store, settings: Settings, lookback_s: int
) -> None:
    now = time.time_ns() // 1_000_000
    server = Server.on(store, replace(settings, max_query_lookback_s=lookback_s))
    for at in (now - 100 * MINUTE, now - 30 * MINUTE):
        server.push(series(labels_of(), pprof_of([Sample(stack="a", values=(3,))], time_ms=at)))
    seen = {0: [now - 100 * MINUTE, now - 30 * MINUTE], 3_600: [now - 30 * MINUTE], 60: []}[lookback_s]
    start, end = now - 2 * HOUR, now - 5 * MINUTE
    first, last = start // 15_000, end // 15_000
    samples = [0] * (last - first)
    for at in seen:
        samples[-(-at // 15_000) - first] += 3
    drawn = get_json(
        server, "/pyroscope/render", {"query": SHOP, "from": start, "until": end, "groupBy": "env"}
    )
    expected = {
        "startTime": first * 15,
        "samples": samples,
        "durationDelta": 15,
        "watermarks": None,
    }
    assert drawn["timeline"] == expected
    assert drawn["groups"] == ({"*": expected} if seen else {})


def test_an_empty_range_has_a_timeline_without_profiles(server: Server, monday: int) -> None:
    query = {"query": SHOP, "from": monday, "until": monday}
    assert get_json(server, "/pyroscope/render", query)["timeline"]["samples"] == []


@pytest.mark.parametrize(
    "query",
    [
        f'{CPU}{{service_name="shop",env=~"pro.\\\\b"}}',
        f'{{__name__="{CPU}",service_name="shop",env=~"pro.\\\\b"}}',
        f'{{"{CPU}", service_name = "shop", "env"=~`pro.\\b`,}}',
        f' {{env!="test",env!="",__name__=`{CPU}:delta`,service_name!~"ca.*"}}',
    ],
)
def test_the_profile_type_may_be_written_as_promql_writes_a_name(
    server: Server, monday: int, query: str
) -> None:
    fields = {"query": query, "from": monday, "until": monday + 2 * HOUR}
    assert get_json(server, "/pyroscope/render", fields)["flamebearer"]["numTicks"] == 8


@pytest.mark.parametrize(
    ("parameters", "nodes"),
    [
        ({"max-nodes": 1}, 1),
        ({"maxNodes": 1}, 1),
        ({"max-nodes": "", "maxNodes": 1}, 1),
        ({"max-nodes": 4, "maxNodes": 1}, 1),
        ({"max-nodes": 1, "maxNodes": 0}, 1),
        ({"max-nodes": 0}, 4),
        ({"max-nodes": "many", "maxNodes": "-1"}, 4),
    ],
)
def test_the_number_of_nodes_has_two_parameter_names(
    server: Server, monday: int, parameters: Mapping[str, object], nodes: int
) -> None:
    query = {"query": SHOP, "from": monday, "until": monday + 2 * HOUR, **parameters}
    names = get_json(server, "/pyroscope/render", query)["flamebearer"]["names"]
    assert len(set(names) - {"total", "other"}) == nodes


def test_a_comparison_shows_what_diff_returns(server: Server, monday: int) -> None:
    sides = (SHOP, f'{CPU}{{service_name="cart"}}')
    fields = {
        f"{side}{name}": value
        for side, query in zip(("left", "right"), sides, strict=True)
        for name, value in {"Query": query, "From": monday, "Until": monday + 2 * HOUR}.items()
    }
    drawn = get_json(server, "/pyroscope/render-diff", {**fields, "max-nodes": 100})
    request = {
        side: {
            "profileTypeID": CPU,
            "labelSelector": query.removeprefix(CPU),
            "start": monday,
            "end": monday + 2 * HOUR,
            "maxNodes": 100,
        }
        for side, query in zip(("left", "right"), sides, strict=True)
    }
    graph = json_format.ParseDict(server.call("Diff", **request).json(), DiffResponse()).flamegraph
    assert drawn["flamebearer"]["names"] == list(graph.names)
    assert drawn["flamebearer"]["levels"] == [list(level.values) for level in graph.levels]
    assert drawn["flamebearer"]["numTicks"] == 14 + 9
    assert (drawn["leftTicks"], drawn["rightTicks"]) == (14, 9)
    assert drawn["metadata"]["format"] == "double"


@pytest.mark.parametrize(
    ("label", "values"), [("env", ["prod", "test"]), ("__name__", [CPU]), ("nothing", [])]
)
def test_label_values_are_a_list(server: Server, monday: int, label: str, values: list[str]) -> None:
    query = {"label": label, "from": monday, "until": monday + HOUR}
    assert get_json(server, "/pyroscope/label-values", query) == values


RANGE = {"from": "now-1h", "until": "now"}
SIDES = {
    f"{side}{name}": value
    for side in ("left", "right")
    for name, value in {"Query": SHOP, "From": "now-1h", "Until": "now"}.items()
}
GOROUTINES = "goroutines:goroutine:count:goroutine:count{}"


@pytest.mark.parametrize(
    ("path", "parameters", "status"),
    [
        ("/pyroscope/render", {"query": SHOP, **RANGE}, 200),
        ("/pyroscope/render", {"query": SHOP}, 200),
        ("/pyroscope/render", {"query": CPU}, 200),
        ("/pyroscope/render", {"query": f"{CPU}:delta{{}}"}, 200),
        ("/pyroscope/render", {"query": SHOP, **RANGE, "aggregation": "most"}, 200),
        ("/pyroscope/render", {"query": SHOP, **RANGE, "max-nodes": "many"}, 200),
        ("/pyroscope/render", {"query": SHOP, **RANGE, "max-nodes": "9" * 40}, 200),
        ("/pyroscope/render", {"query": SHOP, **RANGE, "max-nodes": 1 << 21}, 400),
        ("/pyroscope/render", {**RANGE}, 400),
        ("/pyroscope/render", {"query": "", **RANGE}, 400),
        ("/pyroscope/render", {"query": "process_cpu{}", **RANGE}, 400),
        ("/pyroscope/render", {"query": '{service_name="shop"}', **RANGE}, 400),
        ("/pyroscope/render", {"query": f'{{__name__=~"{CPU}"}}', **RANGE}, 400),
        ("/pyroscope/render", {"query": f'{{__name__="{CPU}",__name__="{CPU}"}}', **RANGE}, 400),
        ("/pyroscope/render", {"query": '{__name__="process_cpu"}', **RANGE}, 400),
        ("/pyroscope/render", {"query": SHOP, "from": "", "until": ""}, 200),
        ("/pyroscope/render-diff", {**SIDES, "leftFrom": ""}, 200),
        ("/pyroscope/render", {"query": f"{CPU}{{", **RANGE}, 400),
        ("/pyroscope/render", {"query": SHOP, "from": 0, "until": "now"}, 400),
        ("/pyroscope/render", {"query": SHOP, "from": "now-1h", "until": 0}, 400),
        ("/pyroscope/render", {"query": SHOP, "from": "now", "until": "now-1h"}, 400),
        ("/pyroscope/render-diff", SIDES, 200),
        ("/pyroscope/render-diff", {**SIDES, "rightQuery": GOROUTINES}, 400),
        ("/pyroscope/render-diff", {**SIDES, "leftQuery": ""}, 400),
        ("/pyroscope/render-diff", {**SIDES, "rightFrom": 0}, 400),
        ("/pyroscope/render-diff", {**SIDES, "leftFrom": "now", "leftUntil": "now-1h"}, 400),
        ("/pyroscope/label-values", {"label": "env"}, 200),
        ("/pyroscope/label-values", {}, 400),
        ("/pyroscope/label-values", {"label": ""}, 400),
        ("/pyroscope/label-values", {"label": "env", "from": "now", "until": "now-1h"}, 400),
    ],
)
def test_requests_get_the_same_statuses_as_from_pyroscope(
    path: str, parameters: Mapping[str, object], status: int
) -> None:
    app = serve(*render_routes, *render_diff_routes, *label_values_routes)
    response = request(app, f"{path}?{urlencode(parameters)}", method="GET")
    assert response.status_code == status
    if status != 200:
        assert response.json()["code"] == "invalid_argument"


@pytest.mark.parametrize("path", ["/pyroscope/render", "/pyroscope/render-diff", "/pyroscope/label-values"])
def test_only_get_is_allowed(path: str) -> None:
    app = serve(*render_routes, *render_diff_routes, *label_values_routes)
    response = request(app, f"{path}?{urlencode(SIDES)}", method="POST")
    assert (response.status_code, response.headers["Allow"]) == (405, "GET")


@pytest.mark.parametrize(
    ("length", "step"),
    [(MINUTE, 15), (HOUR, 15), (DAY, 60), (7 * DAY, 300), (30 * DAY, 1_800), (20_000 * DAY, 7 * 86_400)],
)
def test_a_timeline_has_at_most_a_few_thousand_steps(length: int, step: int) -> None:
    assert step_of(TimeRange(start_ms=0, end_ms=length)) == step
