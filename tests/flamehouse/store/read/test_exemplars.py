"""SelectSeries with exemplars and of call sites over real uploads, compared with what plain Python finds."""

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
class Asked:
    """A question; times count from a Monday, `step` in milliseconds."""

    start: int = DAY
    end: int = DAY + HOUR
    step: int = HOUR
    group_by: Sequence[str] = ()
    call_site: Sequence[str] = ()
    exemplars: str = INDIVIDUAL
    average: bool = False
    limit: int = 0


def question(world: World, asked: Asked) -> dict[str, Any]:
    return {
        "profileTypeID": CPU,
        "labelSelector": "{}",
        "start": world.monday + asked.start,
        "end": world.monday + asked.end,
        "step": asked.step / SECOND,
        "groupBy": asked.group_by,
        "exemplarType": asked.exemplars,
        "stackTraceSelector": {"callSite": [{"name": name} for name in asked.call_site]},
        "aggregation": AVERAGE if asked.average else 0,
        "limit": asked.limit,
    }


def ask(world: World, asked: Asked) -> list[Mapping[str, Any]]:
    answer = world.server.client.rpc("SelectSeries", question(world, asked))
    series: list[Mapping[str, Any]] = answer.get("series", [])
    return series


type Points = dict[tuple[Labels, int], tuple[float, Mapping[str, Any] | None]]
"""By the labels of its series and its timestamp, the value of each point and its exemplar if it has one."""


def found(world: World, asked: Asked) -> Points:
    points: Points = {}
    for series in ask(world, asked):
        labels = tuple((pair["name"], pair["value"]) for pair in series.get("labels", []))
        for point in series["points"]:
            (exemplar,) = point.get("exemplars", [None])
            points[labels, int(point["timestamp"]) - world.monday] = (point["value"], exemplar)
    return points


def points_of(world: World, asked: Asked, *, spans: bool) -> Mapping[tuple[Labels, int], Sequence[Pointed]]:
    """What each point of the answer is made of."""
    points: dict[tuple[Labels, int], list[Pointed]] = {}
    last = min(
        asked.start + (asked.end - asked.start) // asked.step * asked.step, max(asked.start, asked.end - 1)
    )
    for point in world.points(asked.group_by, spans=spans, call_site=asked.call_site):
        if asked.start - asked.step < point.at <= last:
            timestamp = asked.start - (asked.start - point.at) // asked.step * asked.step
            points.setdefault((point.group, timestamp), []).append(point)
    return points


def expected(world: World, asked: Asked) -> Points:
    profiles = points_of(world, asked, spans=False)
    marking = {INDIVIDUAL: profiles, SPAN: points_of(world, asked, spans=True), NONE: {}}[asked.exemplars]
    exemplars = {
        key: min(each, key=lambda point: (-point.value, point.at < asked.start, point.rank)).answered(
            world.monday, asked.group_by
        )
        for key, each in marking.items()
    }
    return {
        key: (
            sum(point.value for point in each)
            / (sum(point.series for point in each) if asked.average else 1),
            exemplars.get(key),
        )
        for key, each in profiles.items()
    }


MOMENTS = st.builds(lambda count, off: DAY + count + off, st.sampled_from([0, HOUR]), st.integers(-2, 90_000))
ASKED = st.builds(
    lambda ends, **more: Asked(start=min(ends), end=max(ends), **more),
    st.tuples(MOMENTS, MOMENTS),
    step=st.sampled_from([1, SECOND, 15 * SECOND, HOUR, 2 * DAY]),
    group_by=st.sampled_from([(), ("env",), ("thread", "env"), ("no",), ("nowhere",), ("__type__",)]),
    call_site=st.sampled_from(["", "", "a", "ab", "abc", "b", "z", [""]]),
    exemplars=st.sampled_from([INDIVIDUAL, SPAN, NONE]),
    average=st.booleans(),
)


@examples(max_examples=20)
@given(PROFILES, st.lists(ASKED, min_size=6, max_size=6))
def test_points_and_exemplars_are_those_of_plain_python(
    store: Store, settings: Settings, profiles: list[Taken], questions: list[Asked]
) -> None:
    pushed = world(Server.on(store, settings), some_monday_ms(), profiles)
    for asked in questions:
        assert found(pushed, asked) == expected(pushed, asked)


def test_exemplars_are_the_same_in_protobuf(store: Store, settings: Settings) -> None:
    parts = [Part(value=value, span=SPANS[1], trace=TRACES[1], thread="é") for value in (3, 1 << 40)]
    pushed = world(Server.on(store, settings), some_monday_ms(), [Taken(at=DAY, parts=parts)])
    asked = question(pushed, Asked(exemplars=SPAN, group_by=["thread"], call_site="a"))
    client = pushed.server.client
    path = "/querier.v1.QuerierService/SelectSeries"
    body = json_format.ParseDict(asked, SelectSeriesRequest()).SerializeToString()
    response = client.send("POST", path, body, {"Content-Type": "application/proto"})
    answer = SelectSeriesResponse.FromString(response.content)
    assert answer.series[0].points[0].exemplars[0].trace_id == TRACES[1]
    assert json_format.MessageToDict(answer) == client.rpc("SelectSeries", asked)


def the_exemplar(store: Store, settings: Settings, parts: Sequence[Part], asked: Asked) -> Mapping[str, Any]:
    """That of the one point that a profile of these samples has."""
    pushed = world(Server.on(store, settings), some_monday_ms(), [Taken(at=DAY, parts=parts)])
    ((_, exemplar),) = found(pushed, asked).values()
    assert exemplar is not None
    return exemplar


def test_a_profile_that_labels_have_split_is_one_exemplar_with_what_its_series_share(
    store: Store, settings: Settings
) -> None:
    parts = [Part(value=1, thread="a"), Part(value=2, thread="b"), Part(value=4)]
    exemplar = the_exemplar(store, settings, parts, Asked(group_by=["env"]))
    assert exemplar["value"] == "7"
    assert [pair["name"] for pair in exemplar["labels"]] == [*PRIVATE, "no", "service_name"]


@pytest.mark.parametrize("span", SPANS[1:])
@pytest.mark.parametrize("trace", TRACES)
def test_a_span_is_told_as_it_was_sent(store: Store, settings: Settings, span: str, trace: str) -> None:
    parts = [Part(value=100), Part(value=2, span=span, trace=trace), Part(value=3, span=span, trace=trace)]
    exemplar = the_exemplar(store, settings, parts, Asked(exemplars=SPAN))
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
    points = found(pushed, Asked(step=SECOND, exemplars=SPAN))
    assert points[(), DAY] == (15, None)
    value, exemplar = points[(), DAY + SECOND]
    assert exemplar is not None
    assert (value, exemplar["spanId"]) == (1, SPANS[1])


def test_series_beyond_the_limit_bring_no_exemplars(store: Store, settings: Settings) -> None:
    profiles = [Taken(at=DAY, parts=[Part(value=value)]) for value in (1, 3, 2)]
    pushed = world(Server.on(store, settings), some_monday_ms(), profiles)
    asked = Asked(group_by=["no"], limit=2)
    assert found(pushed, asked) == {
        key: point
        for key, point in expected(pushed, asked).items()
        if key[0] in ((("no", "1"),), (("no", "2"),))
    }


def test_more_exemplars_than_an_answer_may_hold_are_refused_with_advice(
    store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    profiles = [Taken(at=DAY + number, parts=[Part(value=number + 1)]) for number in range(4)]
    pushed = world(Server.on(store, settings), some_monday_ms(), profiles)
    monkeypatch.setattr(series_query, "_MAX_EXEMPLARS", 3)
    for allowed in (
        Asked(start=DAY + 1, step=1),
        Asked(step=2),
        Asked(group_by=["no"], step=1, limit=3),
        Asked(step=1, exemplars=NONE),
    ):
        assert found(pushed, allowed)
    response = pushed.server.ask("SelectSeries", **question(pushed, Asked(step=1)))
    assert (response.status_code, response.json()["code"]) == (400, "invalid_argument")
    assert response.json()["message"].startswith(
        "the series would have 4 exemplars, and the limit is 3: ask for"
    )


def test_the_largest_value_there_is_comes_whole(store: Store, settings: Settings) -> None:
    parts = [Part(value=(1 << 63) - 2, thread="a"), Part(value=1, thread="b")]
    assert the_exemplar(store, settings, parts, Asked())["value"] == str((1 << 63) - 1)
