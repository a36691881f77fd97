"""SelectMergeStacktraces, in both encodings."""

import json
import time
from typing import Any
from uuid import UUID

import pytest

from flamehouse.model.call_tree import CutTree, StacktraceQuery
from flamehouse.model.profile_type import ProfileType
from flamehouse.model.sample_selector import SampleSelector
from flamehouse.model.selector import parse_selector
from flamehouse.model.time_range import TimeRange
from flamehouse.pb.querier_pb2 import (
    FlameGraph,
    Level,
    SelectMergeStacktracesRequest,
    SelectMergeStacktracesResponse,
)
from flamehouse.settings import Settings
from tests.support.servers.apps import Querier
from tests.support.servers.doubles import CannedStore

RPC = "SelectMergeStacktraces"
TYPE = "process_cpu:cpu:nanoseconds:cpu:nanoseconds"
SELECTOR = '{service_name="shop"}'
END_MS = time.time_ns() // 1_000_000
START_MS = END_MS - 3_600_000
TREE = CutTree(
    ids=(11, 12, 13), parents=(0, 11, 0), names=("a", "b", "c"), totals=(6, 4, 4), selves=(2, 4, 4), total=10
)


def body(**changes: object) -> str:
    request = {"profileTypeID": TYPE, "label_selector": SELECTOR, "start": START_MS, "end": END_MS, **changes}
    return json.dumps({name: value for name, value in request.items() if value is not None})


@pytest.mark.parametrize("proto", [True, False])
def test_the_stores_tree_is_laid_out_in_levels(proto: bool) -> None:
    querier = Querier(store=CannedStore(tree=TREE))
    request = SelectMergeStacktracesRequest(
        profile_typeID=TYPE, label_selector=SELECTOR, start=START_MS, end=END_MS
    )
    response = querier.call(RPC, request, SelectMergeStacktracesResponse, proto=proto)
    assert response.flamegraph == FlameGraph(
        names=["total", "c", "a", "b"],
        levels=[
            Level(values=[0, 10, 0, 0]),
            Level(values=[0, 6, 2, 2, 0, 4, 4, 1]),
            Level(values=[2, 4, 4, 3]),
        ],
        total=10,
        max_self=4,
    )


def test_no_data_is_one_empty_bar() -> None:
    response = Querier().post(RPC, body()).json()
    assert response == {"flamegraph": {"names": ["total"], "levels": [{"values": ["0", "0", "0", "0"]}]}}


@pytest.mark.parametrize(
    ("fields", "max_nodes"),
    [(None, 8192), (0, 8192), (1, 1), ("16384", 16_384), (1_048_576, 1_048_576)],
)
def test_the_complete_query_reaches_the_store(fields: object, max_nodes: int) -> None:
    querier = Querier()
    assert querier.post(RPC, body(maxNodes=fields)).status_code == 200
    query = StacktraceQuery(
        profile_type=ProfileType.parse(TYPE),
        matchers=parse_selector(SELECTOR),
        within=TimeRange(start_ms=START_MS, end_ms=END_MS),
        max_nodes=max_nodes,
    )
    assert querier.store.calls == [("select_merge_stacktraces", "anonymous", query)]


def test_the_default_number_of_nodes_is_bounded_by_the_limit() -> None:
    querier = Querier(settings=Settings(max_flamegraph_nodes=100))
    assert querier.post(RPC, body()).status_code == 200
    assert querier.store.calls[0][2].max_nodes == 100


@pytest.mark.parametrize(
    ("max_nodes", "message"),
    [
        (1_048_577, "max flamegraph nodes limit 1048577 is greater than allowed 1048576"),
        (-1, "max flamegraph nodes limit must be set (max allowed 1048576)"),
    ],
)
def test_a_number_of_nodes_out_of_bounds_is_rejected(max_nodes: int, message: str) -> None:
    assert Querier().rejection(RPC, body(max_nodes=max_nodes)) == (400, "invalid_argument", message)


@pytest.mark.parametrize(
    "changes",
    [
        {"profileTypeID": None},
        {"profileTypeID": "process_cpu"},
        {"label_selector": None},
        {"label_selector": "}"},
    ],
)
def test_a_bad_selection_is_an_invalid_argument(changes: dict[str, object]) -> None:
    assert Querier().rejection(RPC, body(**changes))[:2] == (400, "invalid_argument")


@pytest.mark.parametrize(
    "changes",
    [
        {"format": "PROFILE_FORMAT_FLAMEGRAPH"},
        {"format": 0},
        {"stack_trace_selector": {}},
        {"async": {"type": "ASYNC_QUERY_TYPE_DISABLED"}},
        {"profileIdSelector": []},
    ],
)
def test_an_unrestricted_selection_is_accepted(changes: dict[str, object]) -> None:
    assert Querier().post(RPC, body(**changes)).status_code == 200


@pytest.mark.parametrize("format_", ["FLAMEGRAPH", "TREE", "DOT", "PPROF"])
def test_a_client_polls_for_the_result_with_the_request_id_alone(format_: str) -> None:
    querier = Querier(store=CannedStore(tree=TREE))
    query = {"format": f"PROFILE_FORMAT_{format_}"}
    later = querier.post(RPC, body(**query, **{"async": {"type": "ASYNC_QUERY_TYPE_FORCE"}})).json()
    request_id = later["async"]["requestId"]
    assert later == {"async": {"requestId": request_id, "status": "ASYNC_QUERY_STATUS_IN_PROGRESS"}}
    assert querier.store.calls == []
    request = {"type": "ASYNC_QUERY_TYPE_FORCE", "requestId": request_id}
    response = querier.post(RPC, json.dumps({"async": request})).json()
    assert response.pop("async") == {"requestId": request_id, "status": "ASYNC_QUERY_STATUS_SUCCESS"}
    assert response == querier.post(RPC, body(**query)).json()


@pytest.mark.parametrize(
    "changes",
    [
        {"profileTypeID": "process_cpu"},
        {"label_selector": "}"},
        {"start": 0},
        {"start": 2_000_000_000_000, "end": 1_000_000_000_000},
        {"maxNodes": -1},
        {"format": 99},
        {"profileIdSelector": ["1"]},
    ],
)
@pytest.mark.parametrize("format_", ["FLAMEGRAPH", "TREE", "DOT", "PPROF"])
def test_an_async_query_is_complete_in_its_first_response(changes: dict[str, object], format_: str) -> None:
    request = {"format": f"PROFILE_FORMAT_{format_}", "async": {"type": "ASYNC_QUERY_TYPE_FORCE"}, **changes}
    assert Querier().rejection(RPC, body(**request))[:2] == (400, "invalid_argument")


@pytest.mark.parametrize("request_id", ["1", "é", "AAAA", "____"])
def test_an_unknown_request_id_is_an_invalid_argument(request_id: str) -> None:
    assert Querier().rejection(RPC, body(**{"async": {"requestId": request_id}})) == (
        400,
        "invalid_argument",
        "unknown async.request_id: send the id of a response from this server",
    )


def test_a_request_id_of_an_invalid_request_is_an_invalid_argument() -> None:
    assert Querier().rejection(RPC, body(**{"async": {"requestId": "CgA="}}))[:2] == (400, "invalid_argument")


PROFILE_ID = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
SPAN_ID = "9a517183f26a089d"
TRACE_ID = "0af7651916cd43dd8448eb211c80319c"


@pytest.mark.parametrize(
    ("fields", "samples"),
    [
        ({"profileIdSelector": [PROFILE_ID, PROFILE_ID.upper()]}, {"profile_ids": (UUID(PROFILE_ID),)}),
        ({"spanSelector": [SPAN_ID, SPAN_ID]}, {"span_ids": (0x9A517183F26A089D,)}),
        ({"traceIdSelector": [TRACE_ID]}, {"trace_ids": (bytes.fromhex(TRACE_ID),)}),
        (
            {"stack_trace_selector": {"callSite": [{"name": "main"}, {"name": "serve"}]}},
            {"call_site": ("main", "serve")},
        ),
    ],
)
def test_the_selected_samples_are_part_of_the_stores_query(
    fields: dict[str, object], samples: dict[str, Any]
) -> None:
    querier = Querier()
    assert querier.post(RPC, body(**fields)).status_code == 200
    assert querier.store.calls[0][2].samples == SampleSelector(**samples)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"spanSelector": [SPAN_ID], "traceIdSelector": [TRACE_ID]},
            "span_selector and trace_id_selector cannot be combined",
        ),
        ({"spanSelector": ["9a51"]}, 'invalid span id length: "9a51"'),
        ({"spanSelector": [""]}, 'invalid span id length: ""'),
        ({"spanSelector": ["9a51 7183f26a08d"]}, 'invalid span id: "9a51 7183f26a08d" is not hexadecimal'),
        ({"spanSelector": ["9a5171 83f26a089"]}, 'invalid span id: "9a5171 83f26a089" is not hexadecimal'),
        ({"traceIdSelector": [SPAN_ID]}, f'invalid trace id length: "{SPAN_ID}"'),
        ({"traceIdSelector": ["x" * 32]}, f'invalid trace id: "{"x" * 32}" is not hexadecimal'),
        ({"profileIdSelector": ["7c9e6679"]}, 'invalid profile id: "7c9e6679" is not a UUID'),
        (
            {"profileIdSelector": [f"{{{PROFILE_ID}}}"]},
            f'invalid profile id: "{{{PROFILE_ID}}}" is not a UUID',
        ),
        ({"spanSelector": [SPAN_ID] * 1_001}, "the query has 1001 ids: use at most 1000"),
        (
            {"stackTraceSelector": {"callSite": [{"name": "a"}] * 4_001}},
            "the query has 4001 functions of a call site: use at most 4000",
        ),
    ],
)
def test_an_invalid_selection_of_samples_is_rejected(fields: dict[str, object], message: str) -> None:
    assert Querier().rejection(RPC, body(**fields)) == (400, "invalid_argument", message)
