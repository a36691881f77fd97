"""SelectHeatmap over real uploads, compared with a heatmap in plain Python."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from google.protobuf import json_format
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from flamehouse.pb.querier_pb2 import SelectHeatmapRequest, SelectHeatmapResponse
from flamehouse.settings import Settings
from flamehouse.store import Store
from flamehouse.store.read import heatmap as heatmap_query
from tests.support.queries.points import (
    DAY,
    HOUR,
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

BUCKETS = 20
LARGEST = (1 << 63) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request; times count from a Monday, `step` in milliseconds."""

    start: int = DAY
    end: int = DAY + HOUR
    step: int = SECOND
    group_by: Sequence[str] = ()
    points: str = "INDIVIDUAL"
    exemplars: bool = True
    limit: int = 0

    def json(self, monday: int) -> dict[str, Any]:
        return {
            "profileTypeID": CPU,
            "labelSelector": "{}",
            "start": monday + self.start,
            "end": monday + self.end,
            "step": self.step / SECOND,
            "groupBy": self.group_by,
            "queryType": f"HEATMAP_QUERY_TYPE_{self.points}",
            "exemplarType": f"EXEMPLAR_TYPE_{self.points if self.exemplars else 'NONE'}",
            "limit": self.limit,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A slot of the response, its timestamp counted from the Monday."""

    at: int
    y_min: Sequence[float]
    counts: Sequence[int]
    exemplars: Sequence[Mapping[str, Any]]


type Series = list[tuple[Labels, list[Slot]]]


def call(world: World, request: Request) -> Series:
    response = world.server.client.rpc("SelectHeatmap", request.json(world.monday))
    return [
        (
            tuple((pair["name"], pair["value"]) for pair in series.get("labels", [])),
            [
                Slot(
                    at=int(slot["timestamp"]) - world.monday,
                    y_min=slot["yMin"],
                    counts=slot["counts"],
                    exemplars=slot.get("exemplars", []),
                )
                for slot in series["slots"]
            ],
        )
        for series in response.get("series", [])
    ]


def expected(world: World, request: Request) -> Series:
    """Returns Pyroscope's result, by the rules that the tests' names state."""
    points = [
        point
        for point in world.points(request.group_by, spans=request.points == "SPAN")
        if request.start - request.step < point.at < request.end
    ]
    if not points:
        return []
    bounds = bounds_of([point.value for point in points])
    groups: dict[Labels, dict[int, dict[int, list[Pointed]]]] = {}
    for point in points:
        timestamp = request.start - (request.start - point.at) // request.step * request.step
        bucket = max(number for number in range(BUCKETS) if bounds[number] <= point.value)
        slots = groups.setdefault(point.group, {})
        slots.setdefault(timestamp, {}).setdefault(bucket, []).append(point)
    series = [
        (labels, [_slot(world, request, at, bounds, cells) for at, cells in sorted(slots.items())])
        for labels, slots in groups.items()
    ]
    series.sort(key=lambda each: (-sum(sum(slot.counts) for slot in each[1]), each[0]))
    return series[: request.limit or None]


def bounds_of(values: Sequence[int]) -> Sequence[int]:
    """Returns the lower bound of each bucket."""
    width = float(max(max(values) - min(values), 1)) / BUCKETS
    return [min(values) + int(number * width) for number in range(BUCKETS)]


def _slot(
    world: World, request: Request, at: int, bounds: Sequence[int], cells: Mapping[int, Sequence[Pointed]]
) -> Slot:
    best = [min(cells[bucket], key=lambda point: point.rank) for bucket in sorted(cells)]
    return Slot(
        at=at,
        y_min=[float(bound) for bound in bounds],
        counts=[len(cells.get(bucket, ())) for bucket in range(BUCKETS)],
        exemplars=[point.as_json(world.monday, request.group_by) for point in best]
        if request.exemplars
        else [],
    )


MOMENTS = st.builds(lambda count, off: DAY + count + off, st.sampled_from([0, HOUR]), st.integers(-2, 90_000))
REQUESTS = st.builds(
    lambda ends, **more: Request(start=min(ends), end=max(ends), **more),
    st.tuples(MOMENTS, MOMENTS).filter(lambda ends: ends[0] != ends[1]),
    step=st.sampled_from([1, 7, SECOND, 15 * SECOND, HOUR, 2 * DAY]),
    group_by=st.sampled_from([(), ("env",), ("thread", "env"), ("no",), ("nowhere",)]),
    points=st.sampled_from(["INDIVIDUAL", "SPAN"]),
    exemplars=st.booleans(),
    limit=st.integers(0, 3),
)


@examples(max_examples=20)
@given(PROFILES, st.lists(REQUESTS, min_size=6, max_size=6))
def test_a_heatmap_matches_plain_python(
    store: Store, settings: Settings, profiles: list[Taken], requests: list[Request]
) -> None:
    pushed = world(Server.on(store, settings), some_monday_ms(), profiles)
    for request in requests:
        assert call(pushed, request) == expected(pushed, request)


def test_a_heatmap_is_the_same_in_protobuf(store: Store, settings: Settings) -> None:
    parts = [Part(value=value, span=SPANS[1], trace=TRACES[1], thread="é") for value in (3, 1 << 40)]
    pushed = world(Server.on(store, settings), some_monday_ms(), [Taken(at=DAY, parts=parts)])
    request = Request(points="SPAN", group_by=["thread"]).json(pushed.monday)
    client = pushed.server.client
    path = "/querier.v1.QuerierService/SelectHeatmap"
    body = json_format.ParseDict(request, SelectHeatmapRequest()).SerializeToString()
    response = client.send("POST", path, body, {"Content-Type": "application/proto"})
    result = SelectHeatmapResponse.FromString(response.content)
    assert result.series[0].slots[0].exemplars[0].trace_id == TRACES[1]
    assert json_format.MessageToDict(result) == client.rpc("SelectHeatmap", request)


def pushed_values(store: Store, settings: Settings, values: Sequence[int]) -> World:
    """Sends a profile of each value, all at one time."""
    profiles = [Taken(at=DAY, parts=[Part(value=value)]) for value in values]
    return world(Server.on(store, settings), some_monday_ms(), profiles)


@pytest.mark.parametrize(
    ("values", "buckets", "y_min"),
    [
        ((0 + 1, 21, 20, 2), {0: 1, 1: 1, 19: 2}, range(1, 21)),
        ((100, 500, 119, 120, 139, 480, 479), {0: 2, 1: 2, 18: 1, 19: 2}, range(100, 500, 20)),
        # with equal or few values, the lower buckets are empty
        ((7, 7, 7), {19: 3}, [7] * 20),
        ((1, 2), {19: 2}, [1] * 20),
        ((10, 11, 12), {9: 1, 19: 2}, [10] * 10 + [11] * 10),
        ((LARGEST, LARGEST), {19: 2}, [LARGEST] * 20),
        ((1, LARGEST), {0: 1, 19: 1}, [1 + int(number * (float(LARGEST - 1) / 20)) for number in range(20)]),
    ],
)
def test_values_fall_into_twenty_buckets_with_integer_bounds(
    store: Store, settings: Settings, values: Sequence[int], buckets: Mapping[int, int], y_min: Sequence[int]
) -> None:
    ((_, (slot,)),) = call(pushed_values(store, settings, values), Request())
    assert slot.y_min == [float(bound) for bound in y_min]
    assert {bucket: count for bucket, count in enumerate(slot.counts) if count} == buckets
    assert [int(exemplar["value"]) for exemplar in slot.exemplars][-1] == max(values)


@pytest.mark.parametrize(
    ("at", "timestamp"),
    [
        # the first slot begins before the start
        (DAY - SECOND, None),
        (DAY - SECOND + 1, DAY),
        (DAY, DAY),
        (DAY + 1, DAY + SECOND),
        (DAY + SECOND, DAY + SECOND),
        # the last slot extends past the end, but profiles from the end on do not count
        (DAY + 2_499, DAY + 3 * SECOND),
        (DAY + 2_500, None),
    ],
)
def test_the_timestamp_of_a_slot_is_its_end(
    store: Store, settings: Settings, at: int, timestamp: int | None
) -> None:
    profiles = [Taken(at=at, parts=[Part(value=1)])]
    pushed = world(Server.on(store, settings), some_monday_ms(), profiles)
    response = call(pushed, Request(end=DAY + 2_500))
    assert [slot.at for _, slots in response for slot in slots] == ([] if timestamp is None else [timestamp])


def test_all_series_share_the_same_buckets(store: Store, settings: Settings) -> None:
    pushed = pushed_values(store, settings, [1, 21])
    response = call(pushed, Request(group_by=["no"], limit=1))
    assert [(labels, slot.y_min) for labels, (slot,) in response] == [
        ((("no", "0"),), [float(bound) for bound in range(1, 21)])
    ]


def test_a_span_is_one_point_in_each_profile_that_contains_it(store: Store, settings: Settings) -> None:
    parts = [Part(value=1, span=SPANS[1]), Part(value=2, span=SPANS[1], stack="b"), Part(value=9)]
    profiles = [Taken(at=DAY, parts=parts), Taken(at=DAY, parts=parts)]
    pushed = world(Server.on(store, settings), some_monday_ms(), profiles)
    ((_, (slot,)),) = call(pushed, Request(points="SPAN"))
    assert sum(slot.counts) == 2
    assert [(exemplar["spanId"], exemplar["value"]) for exemplar in slot.exemplars] == [(SPANS[1], "3")]


def test_a_heatmap_of_too_many_cells_is_rejected_with_advice(
    store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heatmap_query, "_MAX_CELLS", 3)
    pushed = pushed_values(store, settings, [1, 1, 10, 20])
    assert call(pushed, Request())
    for allowed in (Request(group_by=["no"], limit=3), Request(end=DAY + 1, step=1)):
        assert call(pushed, allowed)
    response = pushed.server.call("SelectHeatmap", **Request(group_by=["no"]).json(pushed.monday))
    assert (response.status_code, response.json()["code"]) == (400, "invalid_argument")
    assert response.json()["message"].startswith(
        "the heatmap would have 4 cells, and the limit is 3: request"
    )
