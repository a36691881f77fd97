"""Flame graphs as flamebearer JSON, the response format of /pyroscope/render and ad hoc profiles.

Format: grafana.com/docs/pyroscope/latest/reference-server-api, section "/pyroscope/render". Numbers are JSON numbers,
not strings.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from flamehouse.pb.querier_pb2 import FlameGraph, FlameGraphDiff

_DEFAULT_RATE: Final = 100
_CPU_RATE: Final = 1_000_000_000
_OBJECTS: Final = frozenset({"inuse_objects", "alloc_objects", "goroutine", "samples"})

type Flamebearer = dict[str, object]
"""Flamebearer JSON: the object of one flame graph."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """How to display the values of a sample type: its name, the unit, and the number of samples per second."""

    name: str
    units: str
    sample_rate: int = _DEFAULT_RATE
    spy_name: str = ""


def shown_as(sample_type: str, unit: str) -> Shown:
    """Return Pyroscope's metadata for a sample type. CPU time is shown as samples of one nanosecond each."""
    if sample_type == "cpu":
        return Shown(name=sample_type, units="samples", sample_rate=_CPU_RATE)
    return Shown(name=sample_type, units="objects" if sample_type in _OBJECTS else unit)


def flamebearer_of(graph: FlameGraph, shown: Shown) -> Flamebearer:
    """Return the flame graph of one selection; the caller adds a timeline or groups."""
    return _flamebearer(graph, shown, "single")


def flamebearer_diff_of(graph: FlameGraphDiff, shown: Shown) -> Flamebearer:
    """Return the flame graph of two selections, with the total of each."""
    ticks = {"leftTicks": graph.leftTicks, "rightTicks": graph.rightTicks}
    return {**_flamebearer(graph, shown, "double"), **ticks}


def _flamebearer(graph: FlameGraph | FlameGraphDiff, shown: Shown, format_: str) -> Flamebearer:
    flamebearer: Mapping[str, object] = {
        "names": [*graph.names],
        "levels": [[*level.values] for level in graph.levels],
        "numTicks": graph.total,
        "maxSelf": graph.max_self,
    }
    metadata = {
        "format": format_,
        "spyName": shown.spy_name,
        "sampleRate": shown.sample_rate,
        "units": shown.units,
        "name": shown.name,
    }
    return {
        "version": 1,
        "flamebearer": flamebearer,
        "metadata": metadata,
        "timeline": None,
        "groups": None,
        "heatmap": None,
    }
