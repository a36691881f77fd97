"""Counts of profiles or spans by time and value: the query and its result."""

from collections.abc import Sequence
from dataclasses import dataclass

from flamehouse.model.exemplar import Exemplar, PointKind
from flamehouse.model.labels import LabelSet
from flamehouse.model.profile_type import ProfileType
from flamehouse.model.selector import Matcher
from flamehouse.model.time_range import TimeRange


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatmapQuery:
    """Counts of points (profiles or spans) by time and value, after start - step_ms and before the end.

    The slot at T counts the points in (T - step_ms, T]; T is start, start + step, ... `limit` 0 means all series.
    """

    profile_type: ProfileType
    matchers: Sequence[Matcher]
    within: TimeRange
    step_ms: int
    points: PointKind
    group_by: tuple[str, ...] = ()
    exemplars: bool = False
    limit: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatmapSlot:
    """A column of a heatmap: the number of points per bucket, and the largest point of each non-empty bucket."""

    timestamp: int
    counts: Sequence[int]
    exemplars: Sequence[Exemplar]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatmapSeries:
    """The slots of one series that contain a point, in time order."""

    labels: LabelSet
    slots: Sequence[HeatmapSlot]


@dataclass(frozen=True, slots=True, kw_only=True)
class Heatmap:
    """The series, those with the most points first.

    `y_min` are the lower bounds of the buckets, shared by all series.
    """

    y_min: Sequence[float]
    series: Sequence[HeatmapSeries]
