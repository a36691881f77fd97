"""Timelines of flamebearer JSON: sums over time in steps that fit the range, with zeros for empty steps."""

from collections.abc import Iterable
from typing import Any, Final

from flamehouse.model.time_range import TimeRange

_POINTS: Final = 1_500
"""The approximate maximum number of steps of a range."""
_SHORTEST_STEP_S: Final = 15
_MINUTE: Final = 60
_HOUR: Final = 3_600
_DAY: Final = 86_400

# The steps of Grafana's graphs: (upper bound of range / 1,500, step), where the step is a round number.
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
    (1.5 * _HOUR, _HOUR),
    (2.5 * _HOUR, 2 * _HOUR),
    (4.5 * _HOUR, 3 * _HOUR),
    (9 * _HOUR, 6 * _HOUR),
    (_DAY, 12 * _HOUR),
    (7 * _DAY, _DAY),
)
_LONGEST_STEP_S: Final = 7 * _DAY

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
    """Returns the number of samples of a timeline over a range on steps, its end excluded."""
    return within.length_ms // (step_s * 1_000)


def timeline_of(points: Iterable[tuple[int, float]], within: TimeRange, step_s: int) -> Timeline:
    """Builds a timeline from points on the steps of `within`, its start included; times are seconds since the epoch.

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
