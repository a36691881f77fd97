"""SelectSeries, in both encodings."""

import pytest

from flamehouse.model.exemplar import Exemplar, PointKind
from flamehouse.model.profile_type import ProfileType
from flamehouse.model.sample_selector import EVERY_SAMPLE, SampleSelector
from flamehouse.model.selector import parse_selector
from flamehouse.model.series import SeriesQuery, SeriesResult
from flamehouse.model.time_range import TimeRange
from flamehouse.pb import types_pb2
from flamehouse.pb.querier_pb2 import SelectSeriesRequest, SelectSeriesResponse
from flamehouse.pb.types_pb2 import LabelPair, Point, Series
from tests.support.queries.stepped import END_MS, ONE_TOO_MANY, SELECTOR, START_MS, body
from tests.support.servers.apps import Querier
from tests.support.servers.doubles import CannedStore
from tests.support.uploads.profiles import CPU


def store_query(**changes: object) -> SeriesQuery:
    """Returns the store's query for a body with these changes."""
    querier = Querier()
    response = querier.post("SelectSeries", body(**changes))
    assert response.status_code == 200, response.text
    ((_, _, query),) = querier.store.calls
    assert isinstance(query, SeriesQuery)
    return query


@pytest.mark.parametrize("proto", [True, False])
def test_series_are_returned_as_the_store_returns_them(proto: bool) -> None:
    results = (
        SeriesResult(labels=(("env", "prod"), ("zone", "")), points=((START_MS, 2.5), (END_MS, 1e18))),
        SeriesResult(labels=(), points=()),
    )
    querier = Querier(store=CannedStore(series=results))
    request = SelectSeriesRequest(
        profile_typeID=CPU, label_selector=SELECTOR, start=START_MS, end=END_MS, step=60, group_by=["env"]
    )
    response = querier.call("SelectSeries", request, SelectSeriesResponse, proto=proto)
    assert list(response.series) == [
        Series(
            labels=[LabelPair(name="env", value="prod"), LabelPair(name="zone")],
            points=[Point(timestamp=START_MS, value=2.5), Point(timestamp=END_MS, value=1e18)],
        ),
        Series(),
    ]


def test_the_complete_query_reaches_the_store() -> None:
    assert store_query(
        profile_typeID=f"{CPU}:delta",
        groupBy=["zone", "env", "zone"],
        limit="7",
        aggregation="TIME_SERIES_AGGREGATION_TYPE_AVERAGE",
    ) == SeriesQuery(
        profile_type=ProfileType.parse(CPU),
        matchers=parse_selector(SELECTOR),
        within=TimeRange(start_ms=START_MS, end_ms=END_MS),
        step_ms=60_000,
        group_by=("zone", "env"),
        average=True,
        limit=7,
    )


@pytest.mark.parametrize(
    ("changes", "field", "value"),
    [
        ({}, "average", False),
        ({"aggregation": "TIME_SERIES_AGGREGATION_TYPE_SUM"}, "average", False),
        ({"aggregation": 1}, "average", True),
        ({}, "exemplars", None),
        ({"exemplarType": "EXEMPLAR_TYPE_NONE"}, "exemplars", None),
        ({"exemplarType": "EXEMPLAR_TYPE_INDIVIDUAL"}, "exemplars", PointKind.PROFILE),
        ({"exemplarType": 3}, "exemplars", PointKind.SPAN),
        ({}, "samples", EVERY_SAMPLE),
        ({"stackTraceSelector": {"call_site": []}}, "samples", EVERY_SAMPLE),
        (
            {"stack_trace_selector": {"callSite": [{"name": "main"}, {}, {"name": "é"}]}},
            "samples",
            SampleSelector(call_site=("main", "", "é")),
        ),
        ({}, "limit", ONE_TOO_MANY),
        ({"limit": 0}, "limit", ONE_TOO_MANY),
        ({"limit": -3}, "limit", ONE_TOO_MANY),
        ({"limit": 10_000}, "limit", 10_000),
        ({"limit": 10**18}, "limit", ONE_TOO_MANY),
        ({}, "group_by", ()),
        ({"step": 0.001}, "step_ms", 1),
        ({"step": "2.5"}, "step_ms", 2500),
        pytest.param({"step": 1e300}, "step_ms", START_MS, id="longer than any range"),
        pytest.param({"step": 1.7e308}, "step_ms", START_MS, id="close to the largest float"),
    ],
)
def test_a_parameter_sets_its_field_of_the_query(
    changes: dict[str, object], field: str, value: object
) -> None:
    assert getattr(store_query(**changes), field) == value


@pytest.mark.parametrize(
    "changes",
    [
        {"exemplarType": "EXEMPLAR_TYPE_NONE"},
        {"exemplarType": "EXEMPLAR_TYPE_UNSPECIFIED"},
        {"stackTraceSelector": {}},
        {"stackTraceSelector": {"callSite": []}},
        {"stackTraceSelector": None},
    ],
)
def test_an_unrestricted_selection_is_accepted(changes: dict[str, object]) -> None:
    store_query(**changes)


@pytest.mark.parametrize("proto", [True, False])
def test_each_point_comes_with_its_exemplar(proto: bool) -> None:
    profile = Exemplar(
        time_ms=7, profile_id="p", span_id="", trace_id="", value=1 << 62, labels=(("a", "b"),)
    )
    span = Exemplar(time_ms=8, profile_id="p", span_id="0a", trace_id="0b", value=2, labels=())
    points = ((START_MS, 2.5), (START_MS + 1, 3.0), (END_MS, 1e18))
    querier = Querier(
        store=CannedStore(series=[SeriesResult(labels=(), points=points, exemplars=(profile, None, span))])
    )
    request = SelectSeriesRequest(
        profile_typeID=CPU,
        label_selector=SELECTOR,
        start=START_MS,
        end=END_MS,
        step=60,
        exemplar_type="EXEMPLAR_TYPE_INDIVIDUAL",
    )
    (series,) = querier.call("SelectSeries", request, SelectSeriesResponse, proto=proto).series
    labels = [LabelPair(name="a", value="b")]
    assert [list(point.exemplars) for point in series.points] == [
        [types_pb2.Exemplar(timestamp=7, profile_id="p", value=1 << 62, labels=labels)],
        [],
        [types_pb2.Exemplar(timestamp=8, profile_id="p", span_id="0a", trace_id="0b", value=2)],
    ]


@pytest.mark.parametrize("step", [None, 0, 0.0009, -1, "NaN", "Infinity", "-Infinity"])
def test_a_step_below_a_millisecond_or_infinite_is_rejected(step: object) -> None:
    rejection = Querier().rejection("SelectSeries", body(step=step))
    assert rejection == (400, "invalid_argument", "step must be >= 1ms")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"profile_typeID": None}, "profile-type selection must be of the form"),
        ({"profile_typeID": ""}, "profile-type selection must be of the form"),
        ({"profile_typeID": "a:b:c:d"}, "profile-type selection must be of the form"),
        ({"profile_typeID": "a:b:c:d:e:f:g"}, "profile-type selection must be of the form"),
        ({"labelSelector": None}, "invalid label selector"),
        ({"labelSelector": ""}, "invalid label selector"),
        ({"labelSelector": "{a="}, "invalid label selector"),
        (
            {"stackTraceSelector": {"callSite": [{"name": "f"}] * 4_001}},
            "the query has 4001 functions of a call site: use at most 4000",
        ),
        ({"exemplarType": 4}, "unknown exemplar type: 4"),
        ({"exemplarType": -1}, "unknown exemplar type: -1"),
        (
            {"groupBy": [str(number) for number in range(101)]},
            "group_by has 101 labels: use at most 100",
        ),
    ],
)
def test_a_bad_selection_is_an_invalid_argument(changes: dict[str, object], message: str) -> None:
    status, code, text = Querier().rejection("SelectSeries", body(**changes))
    assert (status, code) == (400, "invalid_argument")
    assert text.startswith(message)
