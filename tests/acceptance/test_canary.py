"""The requests of profilecli's `canary-exporter`, with which Pyroscope's authors check a running server.

Facts: github.com/grafana/pyroscope, cmd/profilecli/canary_exporter_probes.go. Its gRPC probe does not apply.
"""

import json
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

import pytest
from google.protobuf import json_format
from opentelemetry.proto.collector.profiles.v1development.profiles_service_pb2 import (
    ExportProfilesServiceRequest,
)

from tests.support.queries.queries import Server
from tests.support.queries.shop_data import Target
from tests.support.servers.client import Client
from tests.support.uploads.profiles import pprof_of, sample
from tests.support.uploads.uploads import series

SERVICE: Final = "pyroscope-canary-exporter"
LABELS: Final = {"service_name": SERVICE, "job": "canary-exporter", "instance": "host-1"}
SELECTOR: Final = "{" + ", ".join(f'{name}="{value}"' for name, value in LABELS.items()) + "}"
TYPE: Final = "deadmans_switch:made_up:profilos:made_up:profilos"
OTLP_TYPE: Final = "otlp_test:otlp_test:count:otlp_test:samples"
SPAN: Final = "00000bac2a5ab0c7"


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """A tenant with the canary's profiles."""

    client: Client
    at_ms: int

    @property
    def range(self) -> dict[str, Any]:
        return {"start": self.at_ms, "end": self.at_ms + 5_000}

    def call(self, rpc: str, profile_type: str = TYPE, **request: Any) -> dict[str, Any]:
        selection = {"profileTypeID": profile_type, "labelSelector": SELECTOR}
        return self.client.rpc(rpc, {**selection, **self.range, **request})

    def get(self, path: str, **arguments: object) -> Any:
        response = self.client.send("GET", f"{path}?{urlencode(arguments)}")
        assert response.status_code == 200, response.text
        return response.json()


@pytest.fixture(scope="module")
def canary(target: Target) -> Canary:
    client = target.data.client
    at_ms = time.time_ns() // 1_000_000
    samples = [sample(["func2", "func1"], 10), sample(["func1"], 20, profile_id=SPAN)]
    profile = pprof_of(samples, time_ms=at_ms, types=[("made_up", "profilos")])
    Server(client=client).push(series({"__name__": "deadmans_switch", **LABELS}, profile))
    for media_type, method in (
        ("application/json", "http_json"),
        ("application/x-protobuf", "http_protobuf"),
    ):
        request = otlp_request(at_ms, method)
        body = json.dumps(request).encode()
        if media_type != "application/json":
            body = json_format.ParseDict(request, ExportProfilesServiceRequest()).SerializeToString()
        response = client.send("POST", "/v1development/profiles", body, {"Content-Type": media_type})
        assert response.status_code == 200, response.text
    return Canary(client=client, at_ms=at_ms)


def otlp_request(at_ms: int, method: str) -> dict[str, Any]:
    """Returns an export whose location 0 is a real one, although OTLP reserves index 0 for a missing location."""
    attributes = {
        "service.name": SERVICE,
        "job": "canary-exporter",
        "instance": "host-1",
        "ingestion_method": method,
    }
    profile = {
        "timeUnixNano": str(at_ms * 1_000_000),
        "period": "1",
        "sampleType": {"typeStrindex": 1, "unitStrindex": 3},
        "periodType": {"typeStrindex": 1, "unitStrindex": 2},
        "samples": [{"stackIndex": 1, "values": ["10"]}, {"stackIndex": 2, "values": ["20"]}],
    }
    return {
        "dictionary": {
            "stringTable": [
                "",
                "otlp_test",
                "samples",
                "count",
                "func1",
                "func2",
                "ingestion_method",
                method,
            ],
            "mappingTable": [{}],
            "functionTable": [{}, {"nameStrindex": 4}, {"nameStrindex": 5}],
            "locationTable": [{"lines": [{"functionIndex": 1}]}, {"lines": [{"functionIndex": 2}]}],
            "stackTable": [{}, {"locationIndices": [1, 0]}, {"locationIndices": [0]}],
        },
        "resourceProfiles": [
            {
                "resource": {
                    "attributes": [
                        {"key": name, "value": {"stringValue": value}} for name, value in attributes.items()
                    ]
                },
                "scopeProfiles": [{"scope": {"name": SERVICE}, "profiles": [profile]}],
            }
        ],
    }


def stacks_of(pprof: Mapping[str, Any]) -> Mapping[str, int]:
    """Returns the values by stack, leaf first."""
    texts = pprof["stringTable"]
    functions = {function["id"]: texts[int(function["name"])] for function in pprof["function"]}
    locations = {
        location["id"]: "".join(functions[line["functionId"]] for line in location["line"])
        for location in pprof["location"]
    }
    stacks: Counter[str] = Counter()
    for each in pprof["sample"]:
        stacks[">".join(locations[id_] for id_ in each["locationId"])] += int(each["value"][0])
    return stacks


def size_of(flamegraph: Mapping[str, Any]) -> tuple[int, int]:
    return len(flamegraph["names"]), len(flamegraph["levels"])


def test_a_merged_profile_has_the_stacks_that_were_sent(canary: Canary) -> None:
    assert stacks_of(canary.call("SelectMergeProfile")) == {"func1>func2": 10, "func1": 20}


def test_a_merged_profile_has_the_stacks_that_were_sent_by_otlp(canary: Canary) -> None:
    assert stacks_of(canary.call("SelectMergeProfile", OTLP_TYPE)) == {"func2>func1": 20, "func1": 40}


def test_types_series_and_labels_include_the_canary(canary: Canary) -> None:
    types = canary.client.rpc("ProfileTypes", canary.range)["profileTypes"]
    assert TYPE in [each["ID"] for each in types]
    request = {**canary.range, "labelNames": ["service_name", "__profile_type__"]}
    sets = [
        {label["name"]: label["value"] for label in each["labels"]}
        for each in canary.client.rpc("Series", request)["labelsSet"]
    ]
    assert {"service_name": SERVICE, "__profile_type__": TYPE} in sets
    matching = {**canary.range, "matchers": [f'{{service_name="{SERVICE}"}}']}
    assert canary.client.rpc("LabelValues", {**matching, "name": "service_name"})["names"] == [SERVICE]
    assert set(canary.client.rpc("LabelNames", matching)["names"]) >= {
        "__name__",
        "__period_type__",
        "__period_unit__",
        "__profile_type__",
        "__service_name__",
        "__type__",
        "__unit__",
        "service_name",
    }


def test_a_step_longer_than_the_range_is_one_point(canary: Canary) -> None:
    (response,) = canary.call("SelectSeries", step=1000, groupBy=["service_name"])["series"]
    assert response["labels"] == [{"name": "service_name", "value": SERVICE}]
    assert [point["value"] for point in response["points"]] == [30]


def test_flame_graphs_have_the_frames_of_the_samples_and_of_a_span(canary: Canary) -> None:
    assert size_of(canary.call("SelectMergeStacktraces")["flamegraph"]) == (3, 3)
    assert size_of(canary.call("SelectMergeSpanProfile", spanSelector=[SPAN])["flamegraph"]) == (2, 2)


def test_an_exemplar_leads_to_its_profile(canary: Canary) -> None:
    (found,) = canary.call("SelectSeries", step=5, exemplarType="EXEMPLAR_TYPE_INDIVIDUAL")["series"]
    (point,) = found["points"]
    (exemplar,) = point["exemplars"]
    assert exemplar["value"] == "30"
    response = canary.call("SelectMergeStacktraces", profileIdSelector=[exemplar["profileId"]])
    assert size_of(response["flamegraph"]) == (3, 3)


def test_render_and_render_diff_draw_the_canary(canary: Canary) -> None:
    query, start, end = TYPE + SELECTOR, *canary.range.values()
    drawn = canary.get("/pyroscope/render", query=query, **{"from": start}, until=end)
    assert size_of(drawn["flamebearer"]) == (3, 3)
    sides = {
        f"{side}{name}": value
        for side in ("left", "right")
        for name, value in (("Query", query), ("From", start), ("Until", end))
    }
    assert size_of(canary.get("/pyroscope/render-diff", **sides)["flamebearer"]) == (3, 3)


def test_stats_report_that_profiles_are_stored(canary: Canary) -> None:
    stats = canary.client.rpc("GetProfileStats", {})
    assert stats["dataIngested"] is True
    assert int(stats["oldestProfileTime"]) <= canary.at_ms <= int(stats["newestProfileTime"])
