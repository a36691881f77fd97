"""SelectMergeProfile at its limits: Drilldown's requests, invalid requests, and profiles stored during a query."""

import json
from dataclasses import replace
from typing import Any

import pytest
from google.protobuf import json_format

from flamehouse.pb.profile_pb2 import Profile
from flamehouse.settings import Settings
from flamehouse.store import Store
from flamehouse.store.connection.client import ClickHouse
from tests.support.queries.queries import Server, some_monday_ms
from tests.support.uploads.pprofs import names_of_stack, stacks_in
from tests.support.uploads.profiles import CPU, labels_of, pprof_of, sample
from tests.support.uploads.uploads import series

LARGEST = (1 << 63) - 1
PROFILE_ID = "7c9e6679-7425-40de-944b-e07fc1f90ae7"


def selection(monday: int, **more: Any) -> dict[str, Any]:
    return {"profileTypeID": CPU, "labelSelector": "{}", "start": monday, "end": monday + 9, **more}


def pushed(store: Store, settings: Settings, *stacks: tuple[str, int]) -> tuple[Server, int]:
    """Returns a server with a profile for each stack, a millisecond apart, and the time of the first."""
    server, monday = Server.on(store, settings), some_monday_ms()
    server.push(
        *(
            series(labels_of(), pprof_of([sample(stack, value)], time_ms=monday + at))
            for at, (stack, value) in enumerate(stacks)
        )
    )
    return server, monday


def stacks_of(pprof: Profile) -> dict[str, int]:
    return {"".join(names_of_stack(stack)): value for stack, value in stacks_in(pprof).items()}


def test_drilldown_queries_the_stacks_below_a_function(store: Store, settings: Settings) -> None:
    server, monday = pushed(store, settings, ("ab", 5), ("cb", 3))
    body = {
        "profile_typeID": CPU,
        "label_selector": '{service_name="shop",}',
        "start": monday,
        "end": monday + 9,
        "stackTraceSelector": {"call_site": [{"name": "a"}]},
        "maxNodes": 500,
    }
    path = "/querier.v1.QuerierService/SelectMergeProfile"
    response = server.client.send(
        "POST", path, json.dumps(body).encode(), {"Content-Type": "application/json"}
    ).json()
    # The fields that Drilldown reads, by the names it uses.
    assert {"stringTable", "location", "function", "sample"} <= response.keys()
    assert stacks_of(json_format.ParseDict(response, Profile())) == {"ab": 5}


@pytest.mark.parametrize(
    "stacks",
    [
        (("a", LARGEST), ("b", 1)),
        (("ab", LARGEST), ("ab", LARGEST)),
        tuple((name, LARGEST) for name in "abc"),
    ],
)
def test_a_total_beyond_64_bits_is_rejected(
    store: Store, settings: Settings, stacks: tuple[tuple[str, int], ...]
) -> None:
    server, monday = pushed(store, settings, *stacks)
    for max_nodes in (0, 1):
        response = server.call("SelectMergeProfile", **selection(monday, maxNodes=max_nodes))
        assert (response.status_code, response.json()["code"]) == (400, "out_of_range")


def test_a_total_of_64_bits_is_exported(store: Store, settings: Settings) -> None:
    server, monday = pushed(store, settings, ("a", LARGEST - 1), ("b", 1))
    response = server.call("SelectMergeProfile", **selection(monday))
    assert stacks_of(json_format.ParseDict(response.json(), Profile())) == {"a": LARGEST - 1, "b": 1}


def test_an_unknown_location_is_dropped_from_its_stack(
    store: Store, settings: Settings, clickhouse: ClickHouse
) -> None:
    """Simulates a profile that is stored during the query: its stack may be visible before it is."""
    server, monday = pushed(store, settings, ("ab", 5))
    bound = {"tenant": server.client.tenant}
    clickhouse.command(
        "INSERT INTO stacktraces SELECT * REPLACE (777 AS id, arrayPushBack(locations, 12345) AS locations)"
        " FROM stacktraces WHERE tenant = {tenant:String}",
        bound,
    )
    clickhouse.command(
        "INSERT INTO sampled_profiles SELECT * REPLACE ([777] AS stacktrace_ids, [2] AS values)"
        " FROM sampled_profiles WHERE tenant = {tenant:String}",
        bound,
    )
    response = server.call("SelectMergeProfile", **selection(monday))
    assert response.status_code == 200, response.text
    assert stacks_of(json_format.ParseDict(response.json(), Profile())) == {"ab": 7}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"maxNodes": -1}, "max flamegraph nodes limit must be set (max allowed 1048576)"),
        ({"profileIdSelector": [PROFILE_ID] * 1_001}, "the query has 1001 ids: use at most 1000"),
        ({"profileIdSelector": ["x"]}, 'invalid profile id: "x" is not a UUID'),
        ({"traceIdSelector": ["ab"]}, 'invalid trace id length: "ab"'),
        (
            {"stackTraceSelector": {"callSite": [{"name": "a"}] * 4_001}},
            "the query has 4001 functions of a call site: use at most 4000",
        ),
    ],
)
def test_an_invalid_request_is_rejected(
    store: Store, settings: Settings, fields: dict[str, Any], message: str
) -> None:
    response = Server.on(store, settings).call("SelectMergeProfile", **selection(some_monday_ms(), **fields))
    assert (response.status_code, response.json()) == (400, {"code": "invalid_argument", "message": message})


@pytest.mark.parametrize(
    "fields",
    [
        {"profileIdSelector": [f"7c9e6679-7425-40de-944b-{number:012x}" for number in range(1_000)]},
        {"stackTraceSelector": {"callSite": [{"name": "absent"}]}},
        {"stackTraceSelector": {"callSite": [{"name": "a"}] * 4_000}},
        {"stackTraceSelector": {"goPgo": {"keepLocations": (1 << 32) - 1}}, "traceIdSelector": ["f" * 32]},
    ],
)
def test_an_empty_selection_is_a_pprof_without_samples(
    store: Store, settings: Settings, fields: dict[str, Any]
) -> None:
    server, monday = pushed(store, settings, ("ab", 5))
    response = server.call("SelectMergeProfile", **selection(monday, **fields))
    assert response.status_code == 200
    assert set(response.json()) == {
        "sampleType",
        "stringTable",
        "timeNanos",
        "durationNanos",
        "periodType",
        "period",
        "defaultSampleType",
    }


@pytest.mark.parametrize(
    "fields",
    [
        {"maxNodes": 1_048_577},
        {"maxNodes": (1 << 63) - 1},
        {"stackTraceSelector": {"goPgo": {"keepLocations": (1 << 32) - 1}}},
    ],
)
def test_the_largest_limits_cut_nothing(store: Store, settings: Settings, fields: dict[str, Any]) -> None:
    server, monday = pushed(store, settings, ("ab", 5))
    response = server.call("SelectMergeProfile", **selection(monday, **fields))
    assert stacks_of(json_format.ParseDict(response.json(), Profile())) == {"ab": 5}


def test_a_limit_on_flame_graph_nodes_does_not_limit_profiles(store: Store, settings: Settings) -> None:
    server, monday = pushed(store, settings, ("ab", 5))
    narrow = Server.on(store, replace(settings, max_flamegraph_nodes=1), server.client.tenant)
    request = selection(monday, maxNodes=500)
    assert narrow.call("SelectMergeProfile", **request).status_code == 200
    pprof = narrow.call("SelectMergeStacktraces", **request, format="PROFILE_FORMAT_PPROF")
    assert (pprof.status_code, pprof.json()["code"]) == (400, "invalid_argument")
