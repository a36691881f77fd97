"""Timelines of flamebearer JSON: sums over time, in steps that suit the range, with zeros for empty steps."""

from collections.abc import Iterable
from typing import Any, Final

from flamehouse.model.time_range import TimeRange
from flamehouse.units import S_PER_DAY, S_PER_HOUR

_POINTS: Final = 1_500
"""The approximate maximum number of steps of a range."""
_SHORTEST_STEP_S: Final = 15
_MINUTE: Final = 60

# The steps of Grafana's graphs: (upper bound of range / 1,500, rounded step), both in seconds.
_STEPS_S: Final = (
    (17.5, 15),
    (25, 20),
    (45, 30),
    (1.5 * _MINUTE, _MINUTE),
    (3.5 * _MINUTE, 2 * _MINUTE),
    (7.5 * _MINUTE, 5 * _MINUTE),
    (12.5 * _MINUTE, 10 * _MINUTE),
    (17.5 * _MINUTE, 15 * _MINUTE),
    (25 * _MINUTE, 20 * _MINUTE),
    (45 * _MINUTE, 30 * _MINUTE),
    (1.5 * S_PER_HOUR, S_PER_HOUR),
    (2.5 * S_PER_HOUR, 2 * S_PER_HOUR),
    (4.5 * S_PER_HOUR, 3 * S_PER_HOUR),
    (9 * S_PER_HOUR, 6 * S_PER_HOUR),
    (S_PER_DAY, 12 * S_PER_HOUR),
    (7 * S_PER_DAY, S_PER_DAY),
)
_LONGEST_STEP_S: Final = 7 * S_PER_DAY

type Timeline = dict[str, Any]
"""The JSON object of a timeline."""


def step_of(within: TimeRange) -> int:
    """Returns the step of a timeline over this range, in seconds."""
    length_s = within.length_ms / 1_000 / _POINTS
    if length_s < _SHORTEST_STEP_S:
        return _SHORTEST_STEP_S
    return next((step for at_most, step in _STEPS_S if length_s <= at_most), _LONGEST_STEP_S)


def on_steps(within: TimeRange, step_s: int) -> TimeRange:
    """Returns the range with both ends rounded down to a step."""
    step_ms = step_s * 1_000
    return TimeRange(start_ms=within.start_ms // step_ms * step_ms, end_ms=within.end_ms // step_ms * step_ms)


def point_count(within: TimeRange, step_s: int) -> int:
    """Returns the number of points of a timeline; the ends of `within` are on steps, and the last one is excluded."""
    return within.length_ms // (step_s * 1_000)


def timeline_of(points: Iterable[tuple[int, float]], within: TimeRange, step_s: int) -> Timeline:
    """Builds a timeline from points on the steps of `within`, start included; times are seconds since the epoch.

    A point at the end of `within` is dropped, as in Pyroscope.
    """
    step_ms = step_s * 1_000
    samples = [0] * point_count(within, step_s)
    for timestamp, value in points:
        if timestamp < within.end_ms:
            samples[(timestamp - within.start_ms) // step_ms] = int(value)
    return {
        "startTime": within.start_ms // 1_000,
        "samples": samples,
        "durationDelta": step_s,
        "watermarks": None,
    }
