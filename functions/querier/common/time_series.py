"""What questions over time share: the step, how many series, and exemplars."""

import math
from collections.abc import Mapping
from typing import Final

from flamehouse.errors import Code, RpcError, invalid_argument
from flamehouse.model.labels import LabelSet
from flamehouse.model.queries import Exemplar, PointKind
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
    """RpcError invalid_argument for a step below a millisecond or without end."""
    if not step_s >= _SHORTEST_STEP_S or math.isinf(step_s):
        raise invalid_argument("step must be >= 1ms")


def step_ms(step_s: float, within: TimeRange) -> int:
    """The step in whole milliseconds; one that makes a single bucket of all there is up to `start` is long enough."""
    return int(min(step_s * 1000, max(within.start_ms, within.length_ms + 1)))


def series_to_ask_for(limit: int, settings: Settings) -> int:
    """How many series the store is asked for: `limit` of them, 0 being all, and not many more than may be answered."""
    allowed = settings.max_answer_series
    bounds = [bound for bound in (limit, allowed and allowed + 1) if bound > 0]
    return min(bounds, default=0)


def check_series_count(count: int, settings: Settings) -> None:
    """RpcError resource_exhausted for more series than may be answered."""
    allowed = settings.max_answer_series
    if allowed and count > allowed:
        raise RpcError(
            Code.RESOURCE_EXHAUSTED,
            f"the answer has more than {allowed} series (max_answer_series);"
            " group by other labels, select fewer series, or set a limit to get the largest",
        )


def exemplar_kind(exemplar_type: int) -> PointKind | None:
    """What the exemplars are to be, None for no exemplars; RpcError invalid_argument for a type there is not."""
    if exemplar_type not in _EXEMPLARS:
        raise invalid_argument(f"unknown exemplar type: {exemplar_type}")
    return _EXEMPLARS[exemplar_type]


class ExemplarMessages:
    """Writes exemplars as messages. Most have the labels of the one before: these are made once."""

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
