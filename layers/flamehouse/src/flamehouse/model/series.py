"""Totals of profiles over time: the query and its result."""

from collections.abc import Sequence
from dataclasses import dataclass

from flamehouse.model.exemplar import Exemplar, PointKind
from flamehouse.model.labels import LabelSet
from flamehouse.model.profile_type import ProfileType
from flamehouse.model.sample_selector import EVERY_SAMPLE, SampleSelector
from flamehouse.model.selector import Matcher
from flamehouse.model.time_range import TimeRange


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesQuery:
    """Totals of profiles over time: the point at T sums the profiles in (T - step_ms, T] before the end.

    Points are at start, start + step, ... up to the end. `limit` 0 means all series. Only the selected samples of a
    profile count; a profile without any is ignored.
    """

    profile_type: ProfileType
    matchers: Sequence[Matcher]
    within: TimeRange
    step_ms: int
    group_by: tuple[str, ...] = ()
    average: bool = False
    limit: int = 0
    samples: SampleSelector = EVERY_SAMPLE
    exemplars: PointKind | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesResult:
    """One series of a result: `points` are (timestamp in ms, value), in time order, without empty buckets.

    `exemplars` has one entry per point, None for a point without one; it is empty unless exemplars are requested.
    """

    labels: LabelSet
    points: Sequence[tuple[int, float]]
    exemplars: Sequence[Exemplar | None] = ()
