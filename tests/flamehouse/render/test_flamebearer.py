"""Flame graphs as flamebearer JSON."""

import json

import pytest

from flamehouse.pb.querier_pb2 import FlameGraph, FlameGraphDiff, Level
from flamehouse.render.flamebearer import Shown, flamebearer_diff_of, flamebearer_of, shown_as


@pytest.mark.parametrize(
    ("sample_type", "unit", "units", "sample_rate"),
    [
        ("cpu", "nanoseconds", "samples", 1_000_000_000),
        ("samples", "count", "objects", 100),
        ("inuse_objects", "count", "objects", 100),
        ("alloc_objects", "count", "objects", 100),
        ("goroutine", "count", "objects", 100),
        ("inuse_space", "bytes", "bytes", 100),
        ("wall", "nanoseconds", "nanoseconds", 100),
    ],
)
def test_a_sample_type_is_shown_in_pyroscopes_units(
    sample_type: str, unit: str, units: str, sample_rate: int
) -> None:
    assert shown_as(sample_type, unit) == Shown(name=sample_type, units=units, sample_rate=sample_rate)


def test_a_flame_graph_is_written_with_plain_numbers() -> None:
    graph = FlameGraph(names=["total", "a"], levels=[Level(values=[0, 7, 0, 0])], total=7, max_self=5)
    assert json.loads(json.dumps(flamebearer_of(graph, shown_as("cpu", "nanoseconds")))) == {
        "version": 1,
        "flamebearer": {"names": ["total", "a"], "levels": [[0, 7, 0, 0]], "numTicks": 7, "maxSelf": 5},
        "metadata": {
            "format": "single",
            "spyName": "",
            "sampleRate": 1_000_000_000,
            "units": "samples",
            "name": "cpu",
        },
        "timeline": None,
        "groups": None,
        "heatmap": None,
    }


def test_a_comparison_shows_the_total_of_each_side() -> None:
    graph = FlameGraphDiff(names=["total"], total=7, max_self=0, leftTicks=3, rightTicks=4)
    response = flamebearer_diff_of(graph, shown_as("inuse_space", "bytes"))
    assert (response["leftTicks"], response["rightTicks"]) == (3, 4)
    assert isinstance(response["metadata"], dict)
    assert response["metadata"]["format"] == "double"
