"""The profile or span that represents a point of a series or a heatmap."""

from dataclasses import dataclass
from enum import Enum, auto

from flamehouse.model.labels import LabelSet


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
