"""SelectSeries with exemplars and call sites over real uploads, compared with plain Python."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from google.protobuf import json_format
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from flamehouse.pb.querier_pb2 import SelectSeriesRequest, SelectSeriesResponse
from flamehouse.settings import Settings
from flamehouse.store import Store
from flamehouse.store.read import series as series_query
from tests.support.queries.points import (
    DAY,
    HOUR,
    PRIVATE,
    PROFILES,
    SECOND,
    SPANS,
    TRACES,
    Labels,
    Part,
    Pointed,
    Taken,
    World,
    world,
)
from tests.support.queries.queries import Server, some_monday_ms
from tests.support.uploads.profiles import CPU

INDIVIDUAL, SPAN, NONE = "EXEMPLAR_TYPE_INDIVIDUAL", "EXEMPLAR_TYPE_SPAN", "EXEMPLAR_TYPE_NONE"
AVERAGE = "TIME_SERIES_AGGREGATION_TYPE_AVERAGE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request; times count from a Monday, `step` in milliseconds."""

    start: int = DAY
    end: int = DAY + HOUR
    step: int = HOUR
    group_by: Sequence[str] = ()
    call_site: Sequence[str] = ()
    exemplars: str = INDIVIDUAL
    average: bool = False
    limit: int = 0


def fields_of(world: World, request: Request) -> dict[str, Any]:
    return {
        "profileTypeID": CPU,
        "labelSelector": "{}",
        "start": world.monday + request.start,
        "end": world.monday + request.end,
        "step": request.step / SECOND,
        "groupBy": request.group_by,
        "exemplarType": request.exemplars,
        "stackTraceSelector": {"callSite": [{"name": name} for name in request.call_site]},
        "aggregation": AVERAGE if request.average else 0,
        "limit": request.limit,
    }


def call(world: World, request: Request) -> list[Mapping[str, Any]]:
    response = world.server.client.rpc("SelectSeries", fields_of(world, request))
    series: list[Mapping[str, Any]] = response.get("series", [])
    return series


type Points = dict[tuple[Labels, int], tuple[float, Mapping[str, Any] | None]]
"""The value of each point, and its exemplar if it has one, by the labels of its series and its timestamp."""


def found(world: World, request: Request) -> Points:
    points: Points = {}
    for series in call(world, request):
        labels = tuple((pair["name"], pair["value"]) for pair in series.get("labels", []))
        for point in series["points"]:
            (exemplar,) = point.get("exemplars", [None])
            points[labels, int(point["timestamp"]) - world.monday] = (point["value"], exemplar)
    return points


def points_of(
    world: World, request: Request, *, spans: bool
) -> Mapping[tuple[Labels, int], Sequence[Pointed]]:
    """Returns the points of the samples in each point of the response."""
    points: dict[tuple[Labels, int], list[Pointed]] = {}
    last = min(
        request.start + (request.end - request.start) // request.step * request.step,
        max(request.start, request.end - 1),
    )
    for point in world.points(request.group_by, spans=spans, call_site=request.call_site):
        if request.start - request.step < point.at <= last:
            timestamp = request.start - (request.start - point.at) // request.step * request.step
            points.setdefault((point.group, timestamp), []).append(point)
    return points


def expected(world: World, request: Request) -> Points:
    profiles = points_of(world, request, spans=False)
    marking = {INDIVIDUAL: profiles, SPAN: points_of(world, request, spans=True), NONE: {}}[request.exemplars]
    exemplars = {
        key: min(each, key=lambda point: (-point.value, point.at < request.start, point.rank)).as_json(
            world.monday, request.group_by
        )
        for key, each in marking.items()
    }
    return {
        key: (
            sum(point.value for point in each)
            / (sum(point.series for point in each) if request.average else 1),
            exemplars.get(key),
        )
        for key, each in profiles.items()
    }


MOMENTS = st.builds(lambda count, off: DAY + count + off, st.sampled_from([0, HOUR]), st.integers(-2, 90_000))
REQUESTS = st.builds(
    lambda ends, **more: Request(start=min(ends), end=max(ends), **more),
    st.tuples(MOMENTS, MOMENTS),
    step=st.sampled_from([1, SECOND, 15 * SECOND, HOUR, 2 * DAY]),
    group_by=st.sampled_from([(), ("env",), ("thread", "env"), ("no",), ("nowhere",), ("__type__",)]),
    call_site=st.sampled_from(["", "", "a", "ab", "abc", "b", "z", [""]]),
    exemplars=st.sampled_from([INDIVIDUAL, SPAN, NONE]),
    average=st.booleans(),
)


@examples(max_examples=20)
@given(PROFILES, st.lists(REQUESTS, min_size=6, max_size=6))
def test_points_and_exemplars_match_plain_python(
    store: Store, settings: Settings, profiles: list[Taken], requests: list[Request]
) -> None:
    pushed = world(Server.on(store, settings), some_monday_ms(), profiles)
    for request in requests:
        assert found(pushed, request) == expected(pushed, request)


def test_exemplars_are_the_same_in_protobuf(store: Store, settings: Settings) -> None:
    parts = [Part(value=value, span=SPANS[1], trace=TRACES[1], thread="é") for value in (3, 1 << 40)]
    pushed = world(Server.on(store, settings), some_monday_ms(), [Taken(at=DAY, parts=parts)])
    request = fields_of(pushed, Request(exemplars=SPAN, group_by=["thread"], call_site="a"))
    client = pushed.server.client
    path = "/querier.v1.QuerierService/SelectSeries"
    body = json_format.ParseDict(request, SelectSeriesRequest()).SerializeToString()
    response = client.send("POST", path, body, {"Content-Type": "application/proto"})
    result = SelectSeriesResponse.FromString(response.content)
    assert result.series[0].points[0].exemplars[0].trace_id == TRACES[1]
    assert json_format.MessageToDict(result) == client.rpc("SelectSeries", request)


def the_exemplar(
    store: Store, settings: Settings, parts: Sequence[Part], request: Request
) -> Mapping[str, Any]:
    """Returns the exemplar of the only point of a profile with these samples."""
    pushed = world(Server.on(store, settings), some_monday_ms(), [Taken(at=DAY, parts=parts)])
    ((_, exemplar),) = found(pushed, request).values()
    assert exemplar is not None
    return exemplar


def test_a_profile_split_by_labels_is_one_exemplar_with_the_common_labels(
    store: Store, settings: Settings
) -> None:
    parts = [Part(value=1, thread="a"), Part(value=2, thread="b"), Part(value=4)]
    exemplar = the_exemplar(store, settings, parts, Request(group_by=["env"]))
    assert exemplar["value"] == "7"
    assert [pair["name"] for pair in exemplar["labels"]] == [*PRIVATE, "no", "service_name"]


@pytest.mark.parametrize("span", SPANS[1:])
@pytest.mark.parametrize("trace", TRACES)
def test_a_span_id_is_returned_as_sent(store: Store, settings: Settings, span: str, trace: str) -> None:
    parts = [Part(value=100), Part(value=2, span=span, trace=trace), Part(value=3, span=span, trace=trace)]
    exemplar = the_exemplar(store, settings, parts, Request(exemplars=SPAN))
    assert (exemplar["spanId"], exemplar.get("traceId", "")) == (span, trace)
    assert exemplar["value"] == "5"


def test_a_point_without_a_span_has_no_span_for_an_exemplar(store: Store, settings: Settings) -> None:
    pushed = world(
        Server.on(store, settings),
        some_monday_ms(),
        [
            Taken(at=DAY, parts=[Part(value=7), Part(value=8, trace=TRACES[1])]),
            Taken(at=DAY + SECOND, parts=[Part(value=1, span=SPANS[1])]),
        ],
    )
    points = found(pushed, Request(step=SECOND, exemplars=SPAN))
    assert points[(), DAY] == (15, None)
    value, exemplar = points[(), DAY + SECOND]
    assert exemplar is not None
    assert (value, exemplar["spanId"]) == (1, SPANS[1])


def test_series_beyond_the_limit_have_no_exemplars(store: Store, settings: Settings) -> None:
    profiles = [Taken(at=DAY, parts=[Part(value=value)]) for value in (1, 3, 2)]
    pushed = world(Server.on(store, settings), some_monday_ms(), profiles)
    request = Request(group_by=["no"], limit=2)
    assert found(pushed, request) == {
        key: point
        for key, point in expected(pushed, request).items()
        if key[0] in ((("no", "1"),), (("no", "2"),))
    }


def test_more_exemplars_than_a_response_may_have_are_rejected_with_advice(
    store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    profiles = [Taken(at=DAY + number, parts=[Part(value=number + 1)]) for number in range(4)]
    pushed = world(Server.on(store, settings), some_monday_ms(), profiles)
    monkeypatch.setattr(series_query, "_MAX_EXEMPLARS", 3)
    for allowed in (
        Request(start=DAY + 1, step=1),
        Request(step=2),
        Request(group_by=["no"], step=1, limit=3),
        Request(step=1, exemplars=NONE),
    ):
        assert found(pushed, allowed)
    response = pushed.server.call("SelectSeries", **fields_of(pushed, Request(step=1)))
    assert (response.status_code, response.json()["code"]) == (400, "invalid_argument")
    assert response.json()["message"].startswith(
        "the series would have 4 exemplars, and the limit is 3: request"
    )


def test_the_largest_value_is_returned_exactly(store: Store, settings: Settings) -> None:
    parts = [Part(value=(1 << 63) - 2, thread="a"), Part(value=1, thread="b")]
    assert the_exemplar(store, settings, parts, Request())["value"] == str((1 << 63) - 1)
