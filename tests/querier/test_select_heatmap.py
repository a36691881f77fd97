"""SelectHeatmap, in both encodings."""

import pytest

from flamehouse.model.exemplar import Exemplar, PointKind
from flamehouse.model.heatmap import Heatmap, HeatmapQuery, HeatmapSeries, HeatmapSlot
from flamehouse.model.profile_type import ProfileType
from flamehouse.model.selector import parse_selector
from flamehouse.model.time_range import TimeRange
from flamehouse.pb import types_pb2
from flamehouse.pb.querier_pb2 import SelectHeatmapRequest, SelectHeatmapResponse
from flamehouse.pb.types_pb2 import LabelPair
from tests.support.queries.stepped import END_MS, ONE_TOO_MANY, SELECTOR, START_MS, body
from tests.support.servers.apps import Querier
from tests.support.servers.doubles import CannedStore
from tests.support.uploads.profiles import CPU


def store_query(**changes: object) -> HeatmapQuery:
    """Returns the store's query for a body with these changes."""
    querier = Querier()
    response = querier.post("SelectHeatmap", body(**changes))
    assert (response.status_code, response.json()) == (200, {})
    ((_, _, query),) = querier.store.calls
    assert isinstance(query, HeatmapQuery)
    return query


@pytest.mark.parametrize("proto", [True, False])
def test_a_heatmap_is_returned_as_the_store_returns_it(proto: bool) -> None:
    span = Exemplar(time_ms=8, profile_id="p", span_id="0a", trace_id="0b", value=2, labels=(("a", "b"),))
    counts = [0] * 19 + [3]
    heatmap = Heatmap(
        y_min=[float(number) for number in range(20)],
        series=[
            HeatmapSeries(
                labels=(("env", "prod"),),
                slots=[
                    HeatmapSlot(timestamp=START_MS, counts=counts, exemplars=[span]),
                    HeatmapSlot(timestamp=END_MS, counts=counts, exemplars=[]),
                ],
            ),
            HeatmapSeries(labels=(), slots=[]),
        ],
    )
    querier = Querier(store=CannedStore(heatmap=heatmap))
    request = SelectHeatmapRequest(
        profile_typeID=CPU, label_selector=SELECTOR, start=START_MS, end=END_MS, step=60, group_by=["env"]
    )
    response = querier.call("SelectHeatmap", request, SelectHeatmapResponse, proto=proto)
    labels = [LabelPair(name="a", value="b")]
    exemplar = types_pb2.Exemplar(
        timestamp=8, profile_id="p", span_id="0a", trace_id="0b", value=2, labels=labels
    )
    assert list(response.series) == [
        types_pb2.HeatmapSeries(
            labels=[LabelPair(name="env", value="prod")],
            slots=[
                types_pb2.HeatmapSlot(
                    timestamp=START_MS, y_min=range(20), counts=counts, exemplars=[exemplar]
                ),
                types_pb2.HeatmapSlot(timestamp=END_MS, y_min=range(20), counts=counts),
            ],
        ),
        types_pb2.HeatmapSeries(),
    ]


def test_the_complete_query_reaches_the_store() -> None:
    assert store_query(
        profile_typeID=f"{CPU}:delta",
        group_by=["zone", "env", "zone"],
        queryType="HEATMAP_QUERY_TYPE_SPAN",
        exemplarType="EXEMPLAR_TYPE_SPAN",
        limit="7",
    ) == HeatmapQuery(
        profile_type=ProfileType.parse(CPU),
        matchers=parse_selector(SELECTOR),
        within=TimeRange(start_ms=START_MS, end_ms=END_MS),
        step_ms=60_000,
        points=PointKind.SPAN,
        group_by=("zone", "env"),
        exemplars=True,
        limit=7,
    )


@pytest.mark.parametrize(
    ("changes", "field", "value"),
    [
        ({}, "points", PointKind.PROFILE),
        ({"queryType": 0}, "points", PointKind.PROFILE),
        ({"query_type": "HEATMAP_QUERY_TYPE_INDIVIDUAL"}, "points", PointKind.PROFILE),
        ({"queryType": 2}, "points", PointKind.SPAN),
        ({}, "exemplars", False),
        ({"exemplarType": "EXEMPLAR_TYPE_NONE"}, "exemplars", False),
        ({"queryType": 2, "exemplarType": "EXEMPLAR_TYPE_NONE"}, "exemplars", False),
        ({"exemplarType": "EXEMPLAR_TYPE_INDIVIDUAL"}, "exemplars", True),
        ({"queryType": 1, "exemplarType": 2}, "exemplars", True),
        ({}, "limit", ONE_TOO_MANY),
        ({"limit": "0"}, "limit", ONE_TOO_MANY),
        ({"step": 0.001}, "step_ms", 1),
        pytest.param({"step": 1e300}, "step_ms", START_MS, id="longer than any range"),
    ],
)
def test_a_parameter_sets_its_field_of_the_query(
    changes: dict[str, object], field: str, value: object
) -> None:
    assert getattr(store_query(**changes), field) == value


@pytest.mark.parametrize("step", [None, 0, 0.0009, -1, "NaN", "Infinity", "-Infinity"])
def test_a_step_below_a_millisecond_or_infinite_is_rejected(step: object) -> None:
    rejection = Querier().rejection("SelectHeatmap", body(step=step))
    assert rejection == (400, "invalid_argument", "step must be >= 1ms")


OTHER_EXEMPLARS = "exemplar_type must match query_type"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"profile_typeID": None}, "profile-type selection must be of the form"),
        ({"labelSelector": ""}, "invalid label selector"),
        ({"start": None}, "missing time range in the query"),
        ({"start": END_MS + 1}, "query start time is after end time"),
        ({"start": END_MS}, "start time must be before end time"),
        ({"limit": -1}, "limit must be non-negative, got -1"),
        ({"queryType": 3}, "unknown query type: 3"),
        ({"queryType": -1}, "unknown query type: -1"),
        ({"exemplarType": 4}, "unknown exemplar type: 4"),
        ({"exemplarType": "EXEMPLAR_TYPE_SPAN"}, OTHER_EXEMPLARS),
        ({"queryType": 1, "exemplarType": 3}, OTHER_EXEMPLARS),
        ({"queryType": 2, "exemplarType": 2}, OTHER_EXEMPLARS),
        (
            {"groupBy": [str(number) for number in range(101)]},
            "group_by has 101 labels: use at most 100",
        ),
    ],
)
def test_a_malformed_request_is_an_invalid_argument(changes: dict[str, object], message: str) -> None:
    status, code, text = Querier().rejection("SelectHeatmap", body(**changes))
    assert (status, code) == (400, "invalid_argument")
    assert text.startswith(message)
