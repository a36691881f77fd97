"""The requests of Grafana's data source, Profiles Drilldown and profilecli, call by call.

The data source and profilecli use connect-go: protobuf, with a protocol version, accepting gzip. Drilldown is a
browser behind Grafana's proxy: JSON, with label names of any characters.
"""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pytest
from google.protobuf import json_format
from google.protobuf.message import Message

from all_in_one import create_app
from flamehouse.pb import profile_pb2, querier_pb2, types_pb2
from flamehouse.services import Services
from flamehouse.settings import Settings
from flamehouse.store import Store
from tests.support.queries.queries import some_monday_ms
from tests.support.queries.shop_data import (
    CART,
    CART_TOTAL,
    GOROUTINES,
    HOUR,
    SHOP,
    SHOP_TOTAL,
    SPAN,
    SPAN_TOTAL,
    TRACE,
    Shop,
    shop,
)
from tests.support.servers.client import Client
from tests.support.servers.place import Place
from tests.support.uploads.profiles import CPU

pytestmark = pytest.mark.parametrize("place", ["embedded", "server", "cloud"], indirect=True, scope="session")

CONNECT_GO: Final = {
    "Content-Type": "application/proto",
    "Connect-Protocol-Version": "1",
    "Accept-Encoding": "gzip",
    "User-Agent": "connect-go/1.19.2 (go1.26.1)",
}
PROFILECLI: Final = {**CONNECT_GO, "Accept": "*/*;allow-utf8-labelnames=true", "User-Agent": "pyroscope/1.19"}
BROWSER: Final = {
    "Content-Type": "application/json",
    "Accept": "application/json, text/plain, */*",
    "Accept-Encoding": "gzip, deflate, br",
    "X-Grafana-Org-Id": "1",
}


@pytest.fixture
def data(place: Place, store: Store, settings: Settings, tenant: str, tmp_path: Path) -> Shop:
    services = Services(settings=replace(settings, adhoc_profiles=str(tmp_path)), store=store)
    server = place.url or create_app(lambda: services)
    monday = next(time for time in iter(some_monday_ms, 0) if time >= 10**12)
    return shop(Client(server=server, tenant=tenant, credential=place.credential), monday)


def connect_go[Resp: Message](
    data: Shop,
    rpc: str,
    request: Message,
    response_type: type[Resp],
    headers: Mapping[str, str] = CONNECT_GO,
) -> Resp:
    """Returns the response to a message in the form that connect-go sends."""
    path = f"/querier.v1.QuerierService/{rpc}"
    response = data.client.send("POST", path, request.SerializeToString(), headers)
    assert response.status_code == 200, response.text
    assert response.headers["Content-Type"] == "application/proto"
    return response_type.FromString(response.content)


def browser(data: Shop, path: str, request: Mapping[str, Any]) -> Any:
    """Returns the response to a request in the form that Drilldown sends."""
    response = data.client.send("POST", path, json.dumps(request).encode(), BROWSER)
    assert response.status_code == 200, response.text
    return response.json()


def drilldown(data: Shop, rpc: str, **request: Any) -> Any:
    return browser(data, f"/querier.v1.QuerierService/{rpc}", request)


def test_the_data_source_is_healthy_whatever_1970_holds(data: Shop) -> None:
    request = querier_pb2.ProfileTypesRequest(start=1_000, end=4_000)
    assert connect_go(data, "ProfileTypes", request, querier_pb2.ProfileTypesResponse).profile_types == []
    nothing = querier_pb2.ProfileTypesRequest()
    assert connect_go(data, "ProfileTypes", nothing, querier_pb2.ProfileTypesResponse).profile_types == []


def test_explore_picks_a_type_and_labels(data: Shop) -> None:
    types = connect_go(
        data, "ProfileTypes", querier_pb2.ProfileTypesRequest(**data.range), querier_pb2.ProfileTypesResponse
    ).profile_types
    assert [(each.ID, each.name, each.sample_type) for each in types] == [
        (GOROUTINES, "goroutine", "goroutine"),
        (CPU, "process_cpu", "cpu"),
    ]
    names = connect_go(
        data,
        "LabelNames",
        types_pb2.LabelNamesRequest(matchers=[SHOP], **data.range),
        types_pb2.LabelNamesResponse,
    ).names
    assert [name for name in names if not name.startswith("__")] == ["env", "service_name"]
    values = connect_go(
        data,
        "LabelValues",
        types_pb2.LabelValuesRequest(name="service_name", matchers=["{}"], **data.range),
        types_pb2.LabelValuesResponse,
    ).names
    assert values == ["cart", "shop"]


def series_request(data: Shop, **more: Any) -> querier_pb2.SelectSeriesRequest:
    return querier_pb2.SelectSeriesRequest(
        profile_typeID=CPU, label_selector="{}", step=15.0, **data.range, **more
    )


def test_a_panel_draws_series_and_the_profile_behind_a_point(data: Shop) -> None:
    request = series_request(
        data, group_by=["service_name"], limit=5, exemplar_type=types_pb2.EXEMPLAR_TYPE_INDIVIDUAL
    )
    series = connect_go(data, "SelectSeries", request, querier_pb2.SelectSeriesResponse).series
    totals = {
        label.value: sum(point.value for point in each.points) for each in series for label in each.labels
    }
    assert totals == {"shop": SHOP_TOTAL, "cart": CART_TOTAL}
    exemplar = series[0].points[0].exemplars[0]
    assert (exemplar.value, exemplar.timestamp) == (8, data.start)
    one = flamegraph(data, SHOP, profile_id_selector=[str(UUID(exemplar.profile_id))])
    assert one.total == 8


def flamegraph(data: Shop, selector: str, **more: Any) -> querier_pb2.FlameGraph:
    request = querier_pb2.SelectMergeStacktracesRequest(
        profile_typeID=CPU, label_selector=selector, max_nodes=16_384, **data.range, **more
    )
    response = connect_go(data, "SelectMergeStacktraces", request, querier_pb2.SelectMergeStacktracesResponse)
    return response.flamegraph


@pytest.mark.parametrize(
    ("selector", "total"),
    [
        (SHOP, SHOP_TOTAL),
        ('{service_name="shop",}', SHOP_TOTAL),
        ('{ service_name =~ "shop|cart" , env != "test" }', SHOP_TOTAL + CART_TOTAL),
        ('{"otel.scope.name"="shop.test"}', SHOP_TOTAL),
        ('{service_name="absent"}', 0),
    ],
)
def test_the_bars_of_a_flame_graph_nest_for_every_selection(data: Shop, selector: str, total: int) -> None:
    graph = flamegraph(data, selector)
    assert (graph.names[0], graph.total) == ("total", total)
    assert list(graph.levels[0].values)[:2] == [0, total]


def test_traces_lead_to_profiles(data: Shop) -> None:
    request = querier_pb2.SelectMergeSpanProfileRequest(
        profile_typeID=CPU, label_selector="{}", span_selector=[SPAN], **data.range
    )
    graph = connect_go(
        data, "SelectMergeSpanProfile", request, querier_pb2.SelectMergeSpanProfileResponse
    ).flamegraph
    assert (graph.total, set(graph.names)) == (SPAN_TOTAL, {"total", "main", "serve", "checkout"})
    assert flamegraph(data, "{}", trace_id_selector=[TRACE]).total == SPAN_TOTAL


@pytest.mark.parametrize(
    ("kind", "points"),
    [
        (querier_pb2.HEATMAP_QUERY_TYPE_INDIVIDUAL, 8),
        (querier_pb2.HEATMAP_QUERY_TYPE_SPAN, 4),
    ],
)
def test_a_heatmap_counts_profiles_or_spans(
    data: Shop, kind: querier_pb2.HeatmapQueryType, points: int
) -> None:
    request = querier_pb2.SelectHeatmapRequest(
        profile_typeID=CPU, label_selector="{}", step=HOUR / 64_000, query_type=kind, **data.range
    )
    series = connect_go(data, "SelectHeatmap", request, querier_pb2.SelectHeatmapResponse).series
    assert sum(sum(slot.counts) for each in series for slot in each.slots) == points


def test_drilldown_lists_services_and_their_profile_types(data: Shop) -> None:
    assert drilldown(data, "GetProfileStats")["dataIngested"] is True
    response = drilldown(
        data, "Series", **data.range, labelNames=["service_name", "__profile_type__"], matchers=[]
    )
    sets = [{pair["name"]: pair["value"] for pair in each["labels"]} for each in response["labelsSet"]]
    assert Counter((each["service_name"], each["__profile_type__"]) for each in sets) == Counter(
        [("cart", CPU), ("shop", CPU), ("shop", GOROUTINES)]
    )


def test_drilldown_compares_by_labels(data: Shop) -> None:
    matcher = f'{{__profile_type__="{CPU}", service_name="shop"}}'
    names = drilldown(data, "LabelNames", **data.range, matchers=[matcher])["names"]
    assert "env" in names
    assert "otel.scope.name" not in names
    values = drilldown(data, "LabelValues", name="env", **data.range, matchers=[matcher])
    assert values == {"names": ["prod"]}


def test_drilldown_draws_a_comparison(data: Shop) -> None:
    query = (
        f"leftQuery={CPU}{SHOP}&leftFrom={data.start}&leftUntil={data.end}"
        f"&rightQuery={CPU}{CART}&rightFrom={data.start}&rightUntil={data.end}"
    )
    response = data.client.send("GET", f"/pyroscope/render-diff?{query}", b"", BROWSER)
    body = response.json()
    assert (body["leftTicks"], body["rightTicks"]) == (SHOP_TOTAL, CART_TOTAL)
    assert {*body["flamebearer"]["names"]} == {"total", "main", "serve", "search", "checkout", "add"}


def test_drilldowns_assistant_reads_a_call_graph(data: Shop) -> None:
    query = f"format=dot&max-nodes=100&query={CPU}{SHOP}&from={data.start}&until={data.end}"
    response = data.client.send("GET", f"/pyroscope/render?{query}", b"", BROWSER)
    assert response.status_code == 200
    assert response.text.startswith("digraph")
    assert "checkout" in response.text


def test_drilldown_exports_pprof(data: Shop) -> None:
    request = querier_pb2.SelectMergeProfileRequest(profile_typeID=CPU, label_selector=SHOP, **data.range)
    path = "/querier.v1.QuerierService/SelectMergeProfile"
    sent = {**BROWSER, "Content-Type": "application/proto"}
    response = data.client.send("POST", path, request.SerializeToString(), sent)
    profile = profile_pb2.Profile.FromString(response.content)
    assert sum(sample.value[0] for sample in profile.sample) == SHOP_TOTAL


def test_drilldown_shows_a_function_by_its_lines(data: Shop) -> None:
    response = drilldown(
        data,
        "SelectMergeProfile",
        profile_typeID=CPU,
        label_selector=SHOP,
        start=data.start,
        end=data.end,
        stackTraceSelector={"call_site": [{"name": "main"}, {"name": "serve"}]},
        maxNodes=500,
    )
    profile = json_format.ParseDict(response, profile_pb2.Profile())
    names = {profile.string_table[function.name] for function in profile.function}
    assert names == {"main", "serve", "search", "checkout"}
    assert sum(sample.value[0] for sample in profile.sample) == SHOP_TOTAL


def test_drilldown_shows_the_cost_of_a_query(data: Shop) -> None:
    response = drilldown(data, "AnalyzeQuery", **data.range, query=f"{CPU}{SHOP}")
    assert int(response["queryImpact"]["totalBytesInTimeRange"]) > 0
    assert int(response["queryScopes"][0]["profileCount"]) == 4


def test_drilldown_stores_its_settings(data: Shop) -> None:
    value = json.dumps({"collapsedFlamegraphs": False, "maxNodes": 16384})
    service = "/settings.v1.SettingsService"
    assert browser(data, f"{service}/Get", {}) == {}
    kept = browser(data, f"{service}/Set", {"setting": {"name": "pluginSettings", "value": value}})
    assert kept["setting"]["value"] == value
    (setting,) = browser(data, f"{service}/Get", {})["settings"]
    assert (setting["name"], setting["value"]) == ("pluginSettings", value)


def test_drilldown_views_a_file(data: Shop) -> None:
    service = "/adhocprofiles.v1.AdHocProfileService"
    folded = "bWFpbjtzZXJ2ZSA1Cm1haW4gMgo="  # main;serve 5, main 2
    uploaded = browser(data, f"{service}/Upload", {"name": "cpu.collapsed", "profile": folded})
    found = browser(data, f"{service}/Get", {"id": uploaded["id"]})
    drawn = json.loads(found["flamebearerProfile"])["flamebearer"]
    assert (drawn["numTicks"], set(drawn["names"])) == (7, {"total", "main", "serve"})


@pytest.mark.parametrize(
    "path",
    [
        "/settings.v1.RecordingRulesService/ListRecordingRules",
        "/vcs.v1.VCSService/GithubApp",
        "/vcs.v1.VCSService/GetFile",
        "/querier.v1.QuerierService/Unheard",
    ],
)
def test_unsupported_features_are_unimplemented_with_a_reason(data: Shop, path: str) -> None:
    response = data.client.send("POST", path, b"{}", BROWSER)
    assert (response.status_code, response.json()["code"]) == (501, "unimplemented")
    assert response.json()["message"]


def test_profilecli_queries_a_profile_and_pgo(data: Shop) -> None:
    request = querier_pb2.SelectMergeStacktracesRequest(
        profile_typeID=CPU,
        label_selector=SHOP,
        format=querier_pb2.PROFILE_FORMAT_PPROF,
        **data.range,
    )
    response_type = querier_pb2.SelectMergeStacktracesResponse
    profile = connect_go(data, "SelectMergeStacktraces", request, response_type, PROFILECLI).pprof.profile
    assert sum(sample.value[0] for sample in profile.sample) == SHOP_TOTAL
    request.stack_trace_selector.go_pgo.keep_locations = 1
    trimmed = connect_go(data, "SelectMergeStacktraces", request, response_type, PROFILECLI).pprof.profile
    assert {len(sample.location_id) for sample in trimmed.sample} == {1}


def test_profilecli_lists_series_with_every_name(data: Shop) -> None:
    request = querier_pb2.SeriesRequest(matchers=[SHOP], **data.range)
    sets = connect_go(data, "Series", request, querier_pb2.SeriesResponse, PROFILECLI).labels_set
    assert {pair.name for labels in sets for pair in labels.labels} >= {"otel.scope.name", "env"}


def test_a_server_reports_that_it_is_ready_and_its_version(data: Shop) -> None:
    assert data.client.send("GET", "/ready").text == "ready"
    build = data.client.send("GET", "/api/v1/status/buildinfo").json()
    assert (build["status"], bool(build["data"]["version"])) == ("success", True)
