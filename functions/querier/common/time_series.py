"""The step, series limit and exemplars of queries over time."""

import math
from collections.abc import Mapping
from typing import Final

from flamehouse.errors import Code, RpcError, invalid_argument
from flamehouse.model.exemplar import Exemplar, PointKind
from flamehouse.model.labels import LabelSet
from flamehouse.model.time_range import TimeRange
from flamehouse.pb import types_pb2
from flamehouse.pb.types_pb2 import (
    EXEMPLAR_TYPE_INDIVIDUAL,
    EXEMPLAR_TYPE_NONE,
    EXEMPLAR_TYPE_SPAN,
    EXEMPLAR_TYPE_UNSPECIFIED,
    LabelPair,
)
from flamehouse.settings import Settings
from querier.common.labels import label_pairs

_SHORTEST_STEP_S: Final = 0.001
_EXEMPLARS: Final[Mapping[int, PointKind | None]] = {
    EXEMPLAR_TYPE_UNSPECIFIED: None,
    EXEMPLAR_TYPE_NONE: None,
    EXEMPLAR_TYPE_INDIVIDUAL: PointKind.PROFILE,
    EXEMPLAR_TYPE_SPAN: PointKind.SPAN,
}


def check_step(step_s: float) -> None:
    """Raises RpcError(INVALID_ARGUMENT) for a step that is below one millisecond or infinite."""
    if not step_s >= _SHORTEST_STEP_S or math.isinf(step_s):
        raise invalid_argument("step must be >= 1ms")


def step_ms(step_s: float, within: TimeRange) -> int:
    """Returns the step in whole milliseconds, bounded: above the bound there is a single bucket anyway."""
    return int(min(step_s * 1000, max(within.start_ms, within.length_ms + 1)))


def series_limit(limit: int, settings: Settings) -> int:
    """Returns the number of series to request: `limit`, where 0 means all, bounded by max_answer_series + 1."""
    allowed = settings.max_answer_series
    bounds = [bound for bound in (limit, allowed and allowed + 1) if bound > 0]
    return min(bounds, default=0)


def check_series_count(count: int, settings: Settings) -> None:
    """Raises RpcError(RESOURCE_EXHAUSTED) for more series than max_answer_series."""
    allowed = settings.max_answer_series
    if allowed and count > allowed:
        raise RpcError(
            Code.RESOURCE_EXHAUSTED,
            f"the response has more than {allowed} series (max_answer_series); group by other labels, "
            "select fewer series, or set a limit to get the largest",
        )


def exemplar_kind(exemplar_type: int) -> PointKind | None:
    """Returns the requested kind of exemplars, or None. Raises RpcError(INVALID_ARGUMENT) for an unknown type."""
    if exemplar_type not in _EXEMPLARS:
        raise invalid_argument(f"unknown exemplar type: {exemplar_type}")
    return _EXEMPLARS[exemplar_type]


class ExemplarMessages:
    """Encodes exemplars as messages. Most have the same labels as the previous one, so label messages are reused."""

    def __init__(self) -> None:
        self._pairs: dict[LabelSet, list[LabelPair]] = {}

    def message(self, exemplar: Exemplar) -> types_pb2.Exemplar:
        pairs = self._pairs.get(exemplar.labels)
        if pairs is None:
            pairs = self._pairs[exemplar.labels] = label_pairs(exemplar.labels)
        return types_pb2.Exemplar(
            timestamp=exemplar.time_ms,
            profile_id=exemplar.profile_id,
            span_id=exemplar.span_id,
            trace_id=exemplar.trace_id,
            value=exemplar.value,
            labels=pairs,
        )
