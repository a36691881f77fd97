"""The status of each RPC for each kind of invalid request, as in Pyroscope's own conformance test.

Where Pyroscope's two storage versions differ, we follow the more lenient, older one: labels and series need no range.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from flamehouse.pb.querier_pb2 import DESCRIPTOR
from flamehouse.settings import Settings
from flamehouse.store import Store
from tests.support.queries.queries import Server
from tests.support.queries.valid_requests import BODIES, END, SELECTION, SERVICE, START, Body
from tests.support.servers.apps import QUERIER_ROUTES


def fields_of(rpc: str) -> Body:
    body: Body = BODIES[rpc].get("left", BODIES[rpc])
    return body


SERVED = sorted(route.path for route in QUERIER_ROUTES if route.path.startswith(SERVICE))
RPCS = [path.removeprefix(f"{SERVICE}/") for path in SERVED]
every_rpc = pytest.mark.parametrize("rpc", RPCS)

every_rpc_of_a_range = pytest.mark.parametrize("rpc", [rpc for rpc in RPCS if "start" in fields_of(rpc)])

WRONG: Mapping[str, tuple[Any, ...]] = {
    "profileTypeID": (None, "", "cpu", "a:b:c:d", "a:b:c:d:e:f:g", 7),
    "labelSelector": (None, "", "{", "{a=b}", '{a="b"} c', '{a~"b"}', '{="b"}', [], 7),
    "matchers": ([""], ["{"], ["{}", '{a=~"b"'], "{}", [7]),
    "query": ("{", "{a=b}", '{a="b"} c', 7),
    "name": (None, ""),
    "step": (None, 0, -1, 0.0009, "NaN", "Infinity", "soon"),
    "start": (END + 1, "now-1h", 1.5, {}),
    "end": (START - 1, "now", "1e400"),
    "spanSelector": (["a1"], ["00000000000000g1"], "00000000000000a1"),
}
"""Values of a field that are an invalid argument to any RPC that has the field; None removes it."""
LENIENT = ("ProfileTypes", "LabelNames", "LabelValues", "Series", "AnalyzeQuery")
"""RPCs whose range is optional and defaults to the last hour."""
ZEROS: tuple[Body, ...] = (
    {"start": 0, "end": 0},
    {"start": None, "end": None},
    {"start": "0"},
    {"end": None},
)


@pytest.fixture(scope="module")
def server(store: Store, settings: Settings) -> Server:
    """A tenant without profiles."""
    return Server.on(store, settings)


def changed(rpc: str, **changes: object) -> Iterator[Body]:
    """Yields the valid request with these fields changed; a request of two selections once for each side."""
    body = BODIES[rpc]
    for side in body.keys() & {"left", "right"}:
        yield {**body, side: _without_none({**body[side], **changes})}
    if "left" not in body:
        yield _without_none({**body, **changes})


def _without_none(fields: Body) -> Body:
    return {name: value for name, value in fields.items() if value is not None}


def outcome(
    server: Server, rpc: str, body: Body | bytes, method: str = "POST", **headers: str
) -> tuple[int, str]:
    """Returns the status, and the code of an error in JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    sent = {"Content-Type": "application/json", **headers}
    response = server.client.send(method, f"{SERVICE}/{rpc}", content, sent)
    if response.status_code in {200, 405, 415}:
        return response.status_code, ""
    assert response.headers["Content-Type"] == "application/json"
    assert response.json()["message"]
    return response.status_code, response.json()["code"]


def test_every_rpc_of_the_service_is_tested() -> None:
    service = DESCRIPTOR.services_by_name["QuerierService"]
    assert sorted(BODIES) == sorted(method.name for method in service.methods)


@every_rpc
def test_a_valid_request_succeeds(server: Server, rpc: str) -> None:
    assert outcome(server, rpc, BODIES[rpc]) == (200, "")


@every_rpc
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_any_other_method_is_not_allowed(server: Server, rpc: str, method: str) -> None:
    assert outcome(server, rpc, BODIES[rpc], method) == (405, "")


@every_rpc
@pytest.mark.parametrize("content_type", ["text/plain", "application/x-protobuf", "application/grpc", ""])
def test_any_other_content_type_is_unsupported(server: Server, rpc: str, content_type: str) -> None:
    assert outcome(server, rpc, BODIES[rpc], **{"Content-Type": content_type}) == (415, "")


@every_rpc
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff"])
def test_a_body_other_than_a_json_object_is_an_invalid_argument(
    server: Server, rpc: str, body: bytes
) -> None:
    assert outcome(server, rpc, body) == (400, "invalid_argument")


@pytest.mark.parametrize(
    ("rpc", "field"), [(rpc, field) for rpc in RPCS for field in WRONG if field in fields_of(rpc)]
)
def test_a_wrong_field_is_an_invalid_argument(server: Server, rpc: str, field: str) -> None:
    for value in WRONG[field]:
        for body in changed(rpc, **{field: value}):
            assert outcome(server, rpc, body) == (400, "invalid_argument"), value


@pytest.mark.parametrize(
    ("rpc", "format_"),
    [
        ("SelectSeries", None),
        ("Diff", None),
        ("SelectMergeStacktraces", None),
        ("SelectMergeStacktraces", "PROFILE_FORMAT_FLAMEGRAPH"),
        ("SelectMergeStacktraces", "PROFILE_FORMAT_TREE"),
        ("SelectMergeStacktraces", "PROFILE_FORMAT_DOT"),
    ],
)
def test_go_pgo_is_unimplemented_in_formats_other_than_pprof(
    server: Server, rpc: str, format_: str | None
) -> None:
    for go_pgo in ({"keepLocations": 5}, {"aggregateCallees": True}):
        for body in changed(rpc, stackTraceSelector={"goPgo": go_pgo}, format=format_):
            assert outcome(server, rpc, body) == (501, "unimplemented")
    for body in changed(rpc, stackTraceSelector={"goPgo": {}}, format=format_):
        assert outcome(server, rpc, body) == (200, "")


@pytest.mark.parametrize("rpc", ["SelectMergeStacktraces", "Diff"])
@pytest.mark.parametrize("format_", [-1, 5, 99])
def test_an_unknown_format_is_an_invalid_argument(server: Server, rpc: str, format_: int) -> None:
    for body in changed(rpc, format=format_):
        assert outcome(server, rpc, body) == (400, "invalid_argument")


@pytest.mark.parametrize("format_", ["PROFILE_FORMAT_TREE", "PROFILE_FORMAT_DOT", "PROFILE_FORMAT_PPROF"])
def test_a_diff_in_a_format_other_than_a_flame_graph_is_unimplemented(server: Server, format_: str) -> None:
    for body in changed("Diff", format=format_):
        assert outcome(server, "Diff", body) == (501, "unimplemented")


@every_rpc_of_a_range
def test_a_range_needs_both_ends_and_is_optional_for_some_rpcs(server: Server, rpc: str) -> None:
    for zeros in ZEROS:
        neither = zeros.keys() == {"start", "end"}
        expected = (200, "") if neither and rpc in LENIENT else (400, "invalid_argument")
        for body in changed(rpc, **zeros):
            assert outcome(server, rpc, body) == expected, zeros


@every_rpc_of_a_range
@pytest.mark.parametrize(("start", "end"), [(1_000, 4_000), (-4_000, -1_000)])
def test_a_range_before_all_profiles_is_accepted(server: Server, rpc: str, start: int, end: int) -> None:
    for body in changed(rpc, start=start, end=end):
        assert outcome(server, rpc, body) == (200, "")


def test_an_empty_diff_is_an_invalid_argument(server: Server) -> None:
    for body in ({}, {"left": SELECTION}, {"right": SELECTION}, {"left": {}, "right": SELECTION}):
        assert outcome(server, "Diff", body) == (400, "invalid_argument")


@pytest.mark.parametrize("rpc", ["Unheard", "profiletypes", "ProfileTypesX"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_unknown_rpc_is_unimplemented(server: Server, rpc: str, method: str) -> None:
    assert outcome(server, rpc, {}, method) == (501, "unimplemented")
