"""The queries of the store and their results."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from uuid import UUID

from flamehouse.model.labels import LabelSet
from flamehouse.model.profile_type import ProfileType
from flamehouse.model.selector import Matcher
from flamehouse.model.time_range import TimeRange


class PointKind(Enum):
    """What an exemplar or a point of a heatmap represents: a whole profile, or a span in one."""

    PROFILE = auto()
    SPAN = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Exemplar:
    """The profile or span that represents others; `value` is its total in the selected series.

    `span_id` (16 hexadecimal digits) and `trace_id` (32) are empty if unknown. `labels` are the labels that all
    its series share, including private ones, without the labels that the query groups by.
    """

    time_ms: int
    profile_id: str
    span_id: str
    trace_id: str
    value: int
    labels: LabelSet


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelSetsQuery:
    """The distinct label sets of the matching series, sorted, reduced to the labels `names` unless that is empty.

    If `names` is empty, names that do not match `[a-zA-Z_][a-zA-Z0-9_]*` are omitted unless `utf8_names` is set.
    """

    matchers: Sequence[Matcher]
    within: TimeRange
    names: tuple[str, ...] = ()
    utf8_names: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameFilter:
    """Selects stacks by the names of their frames.

    A stack matches if it has a frame for each of `include` and each of `include_regexes`, and no frame that is in
    `exclude` or matches one of `exclude_regexes`. The regular expressions are RE2's and match anywhere in a name.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    include_regexes: tuple[str, ...] = ()
    exclude_regexes: tuple[str, ...] = ()


EVERY_FRAME = FrameFilter()


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleSelector:
    """Which samples of the selected series count; an empty field does not restrict them.

    A sample must have one of `profile_ids`, one of `span_ids` and one of `trace_ids` (16 bytes each). Its stack must
    begin with `call_site` (names of functions, root first) and match `frames`.
    """

    profile_ids: tuple[UUID, ...] = ()
    span_ids: tuple[int, ...] = ()
    trace_ids: tuple[bytes, ...] = ()
    call_site: tuple[str, ...] = ()
    frames: FrameFilter = EVERY_FRAME


EVERY_SAMPLE = SampleSelector()


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


@dataclass(frozen=True, slots=True, kw_only=True)
class StacktraceQuery:
    """The merged call tree of the selected samples in [start, end), cut to its `max_nodes` largest nodes and their ties."""

    profile_type: ProfileType
    matchers: Sequence[Matcher]
    within: TimeRange
    max_nodes: int
    samples: SampleSelector = EVERY_SAMPLE


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileQuery:
    """The merged stacks of the selected samples in [start, end), with all symbols of their locations.

    `max_nodes` cuts the call tree of locations to that many nodes and their ties; `leaf_locations` cuts each stack to
    that many innermost locations. 0 cuts nothing.
    """

    profile_type: ProfileType
    matchers: Sequence[Matcher]
    within: TimeRange
    max_nodes: int = 0
    leaf_locations: int = 0
    samples: SampleSelector = EVERY_SAMPLE


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """The scope of a query: counts of rows, and bytes on disk.

    `profiles` and `samples` are counted per sample type; `parts` are the parts read from the table `profiles`.
    """

    series: int = 0
    profiles: int = 0
    samples: int = 0
    parts: int = 0
    index_bytes: int = 0
    profile_bytes: int = 0
    symbol_bytes: int = 0
