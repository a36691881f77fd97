"""Checks the time range of a query against the settings before the store sees it."""

import time
from typing import Final

from flamehouse.errors import invalid_argument
from flamehouse.model.time_range import TimeRange
from flamehouse.units import NS_PER_MS
from flamehouse.web.connect import Call

_LAST_MS: Final = 9_223_372_036_854
"""The last millisecond that signed 64-bit nanoseconds can represent, in the year 2262."""
_HOUR_MS: Final = 3_600_000
NOTHING: Final = TimeRange(start_ms=0, end_ms=0)
"""The range of a query that lies before the lookback limit; the store is not queried for it."""


def query_range(call: Call, start_ms: int, end_ms: int) -> TimeRange | None:
    """Returns the part of the range after the lookback limit; None if it is empty.

    Raises RpcError(INVALID_ARGUMENT) for a range that is missing (0), reversed or too long. The part in the future
    does not count towards the length.
    """
    if start_ms == 0 or end_ms == 0:
        raise invalid_argument("missing time range in the query")
    if start_ms > end_ms:
        raise invalid_argument("query start time is after end time")
    now_ms = time.time_ns() // NS_PER_MS
    lookback_s = call.services.query_lookback_s
    start_ms = max(start_ms, now_ms - lookback_s * 1000 if lookback_s else 0)
    end_ms = min(end_ms, _LAST_MS)
    if end_ms < start_ms:
        return None
    _check_length(min(end_ms, now_ms) - start_ms, call.services.query_length_s)
    return TimeRange(start_ms=start_ms, end_ms=end_ms)


def query_range_or_last_hour(call: Call, start_ms: int, end_ms: int) -> TimeRange | None:
    """As `query_range`, but a request without a range, as old data sources send, covers the last hour."""
    if start_ms == 0 and end_ms == 0:
        end_ms = time.time_ns() // NS_PER_MS
        start_ms = end_ms - _HOUR_MS
    return query_range(call, start_ms, end_ms)


def _check_length(length_ms: int, limit_s: int) -> None:
    if limit_s and length_ms > limit_s * 1000:
        raise invalid_argument(
            "the query time range exceeds the limit "
            f"(max_query_length, actual: {length_ms / 1000:g}s, limit: {limit_s}s)"
        )
