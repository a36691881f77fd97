"""The questions the store answers, and the shape of its answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from uuid import UUID

from flamehouse.model.labels import LabelSet
from flamehouse.model.profile_type import ProfileType
from flamehouse.model.selector import Matcher
from flamehouse.model.time_range import TimeRange


class PointKind(Enum):
    """What an exemplar or a point of a heatmap is: a whole profile, or a span in one."""

    PROFILE = auto()
    SPAN = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Exemplar:
    """The profile or span that stands for others; `value` is its total in the selected series.

    `span_id` (16 hexadecimal digits) and `trace_id` (32) are empty where there is none. `labels` are those that all its
    series have in common, private ones included, without those that were grouped by.
    """

    time_ms: int
    profile_id: str
    span_id: str
    trace_id: str
    value: int
    labels: LabelSet


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelSetsQuery:
    """The distinct label sets of the matching series, of the labels `names`, sorted; of all where there are none.

    Of all names, those beyond `[a-zA-Z_][a-zA-Z0-9_]*` are left out unless `utf8_names` are wanted.
    """

    matchers: Sequence[Matcher]
    within: TimeRange
    names: tuple[str, ...] = ()
    utf8_names: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameFilter:
    """Selects stacks by the names of their frames.

    A stack has a frame for each of `include` and for each of `include_regexes`, and none that is in `exclude` or that
    matches one of `exclude_regexes`. The regular expressions are RE2's, and match anywhere in a name.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    include_regexes: tuple[str, ...] = ()
    exclude_regexes: tuple[str, ...] = ()


EVERY_FRAME = FrameFilter()


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleSelector:
    """Which samples of the selected series count; what is empty selects nothing in particular.

    Of `profile_ids`, of `span_ids`, of `trace_ids` (16 bytes each) a sample has to have one. `call_site` is what its
    stack has to begin with: names of functions, root first. `frames` says which frames its stack has.
    """

    profile_ids: tuple[UUID, ...] = ()
    span_ids: tuple[int, ...] = ()
    trace_ids: tuple[bytes, ...] = ()
    call_site: tuple[str, ...] = ()
    frames: FrameFilter = EVERY_FRAME


EVERY_SAMPLE = SampleSelector()


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesQuery:
    """Totals of profiles over time: the point at T sums what came after T - step_ms, up to and with T, before end.

    Points stand at start, start + step, ... up to end. `limit` 0 keeps every series. Of a profile the selected samples
    count, and one that has none of them is as if it were not there.
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
    """One answered series: `points` are (timestamp in ms, value), in time order, empty buckets left out.

    `exemplars` has one for each point, None where it has none; it is empty where none were asked for.
    """

    labels: LabelSet
    points: Sequence[tuple[int, float]]
    exemplars: Sequence[Exemplar | None] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatmapQuery:
    """How many points (profiles or spans) of which value there were when: those after start - step_ms, before end.

    The slot at T counts what came after T - step_ms, up to and with T; T is start, start + step, ... `limit` 0 keeps
    every series.
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
    """A column of a heatmap: how many points each bucket of values has, and the largest point of each that has any."""

    timestamp: int
    counts: Sequence[int]
    exemplars: Sequence[Exemplar]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatmapSeries:
    """The slots of one series that hold a point, in time order."""

    labels: LabelSet
    slots: Sequence[HeatmapSlot]


@dataclass(frozen=True, slots=True, kw_only=True)
class Heatmap:
    """The series with the most points first. `y_min` are the least values of the buckets, which all series share."""

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
    """The merged stacks of the selected samples in [start, end), with all that is known of their locations.

    With `max_nodes` the call tree of locations is cut to so many nodes and their ties, with `leaf_locations` each stack to
    so many, the innermost; 0 cuts nothing.
    """

    profile_type: ProfileType
    matchers: Sequence[Matcher]
    within: TimeRange
    max_nodes: int = 0
    leaf_locations: int = 0
    samples: SampleSelector = EVERY_SAMPLE


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """How much a question is about: counts of rows, and bytes on disk.

    `profiles` and `samples` are counted for each sample type; `parts` are those of the table `profiles` that are read.
    """

    series: int = 0
    profiles: int = 0
    samples: int = 0
    parts: int = 0
    index_bytes: int = 0
    profile_bytes: int = 0
    symbol_bytes: int = 0
