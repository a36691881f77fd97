"""Ranges that the RPCs accept, and the part that reaches the store."""

import json
import time

import pytest

from flamehouse.model.time_range import TimeRange
from flamehouse.settings import Settings
from tests.support.servers.apps import Querier
from tests.support.servers.doubles import CannedStore

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
SLACK_MS = 60_000

OPTIONAL_RANGE: dict[str, dict[str, object]] = {
    "ProfileTypes": {},
    "LabelNames": {},
    "LabelValues": {"name": "service_name"},
    "Series": {},
    "AnalyzeQuery": {"query": "{}"},
}
REQUIRED_RANGE: dict[str, dict[str, object]] = {
    "SelectSeries": {"profileTypeID": "a:b:c:d:e", "labelSelector": "{}", "step": 15},
    "SelectMergeStacktraces": {"profileTypeID": "a:b:c:d:e", "labelSelector": "{}"},
}
REQUESTS = OPTIONAL_RANGE | REQUIRED_RANGE
EMPTY: dict[str, object] = {
    "SelectMergeStacktraces": {
        "flamegraph": {"names": ["total"], "levels": [{"values": ["0", "0", "0", "0"]}]}
    },
    "AnalyzeQuery": {
        "queryScopes": [{"componentType": "store", "componentCount": "1"}],
        "queryImpact": {},
    },
}
"""Responses without data that are not the empty message."""
every_rpc = pytest.mark.parametrize("rpc", REQUESTS)


def body(rpc: str, start: int, end: int) -> str:
    return json.dumps({**REQUESTS[rpc], "start": start, "end": end})


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def queried_range(store: CannedStore) -> TimeRange:
    """Returns the range of the store's only call."""
    (request,) = store.calls
    last = request[-1]
    return last if isinstance(last, TimeRange) else last.within


@every_rpc
def test_a_range_inside_the_limits_reaches_the_store_unchanged(rpc: str) -> None:
    querier = Querier()
    end = now_ms() + HOUR_MS
    assert querier.post(rpc, body(rpc, end - 2 * HOUR_MS, end)).status_code == 200
    assert queried_range(querier.store) == TimeRange(start_ms=end - 2 * HOUR_MS, end_ms=end)


@every_rpc
@pytest.mark.parametrize(("start", "end"), [(1000, 4000), (-5000, -1000), (-(2**63), 1), (1, 1)], ids=str)
def test_a_range_before_all_profiles_has_an_empty_response(rpc: str, start: int, end: int) -> None:
    querier = Querier()
    response = querier.post(rpc, body(rpc, start, end))
    assert (response.status_code, response.json()) == (200, EMPTY.get(rpc, {}))
    assert querier.store.calls == []


@every_rpc
def test_the_part_beyond_the_lookback_is_ignored(rpc: str) -> None:
    querier = Querier(settings=Settings(max_query_lookback_s=86_400))
    end = now_ms()
    assert querier.post(rpc, body(rpc, end - 10 * DAY_MS, end)).status_code == 200
    within = queried_range(querier.store)
    assert within.end_ms == end
    assert 0 <= within.start_ms - (end - DAY_MS) < SLACK_MS


@every_rpc
def test_a_range_of_a_month_is_accepted_even_if_it_ends_in_the_future(rpc: str) -> None:
    querier = Querier()
    now = now_ms()
    assert querier.post(rpc, body(rpc, now - 30 * DAY_MS, now + DAY_MS)).status_code == 200


@every_rpc
@pytest.mark.parametrize(("start", "end"), [(-(2**63), 2**63 - 1), (1, 2**63 - 1), (2**63 - 1, 2**63 - 1)])
def test_the_ends_of_a_range_are_clamped_to_the_stores_limits(rpc: str, start: int, end: int) -> None:
    querier = Querier(store=CannedStore(retention=0))
    assert querier.post(rpc, body(rpc, start, end)).status_code == 200
    assert bool(querier.store.calls) == (start < 2**63 - 1)
    for request in querier.store.calls:
        within = request[-1] if isinstance(request[-1], TimeRange) else request[-1].within
        assert 0 <= within.start_ms <= within.end_ms <= 2**63 // 10**6


@every_rpc
def test_a_reversed_range_is_rejected(rpc: str) -> None:
    rejection = Querier().rejection(rpc, body(rpc, 2000, 1000))
    assert rejection == (400, "invalid_argument", "query start time is after end time")


@every_rpc
def test_a_range_over_the_longest_is_rejected(rpc: str) -> None:
    querier = Querier(settings=Settings(max_query_length_s=3600))
    end = now_ms() - DAY_MS
    assert querier.rejection(rpc, body(rpc, end - 2 * HOUR_MS, end)) == (
        400,
        "invalid_argument",
        "the query time range exceeds the limit (max_query_length, actual: 7200s, limit: 3600s)",
    )


@pytest.mark.parametrize("rpc", REQUIRED_RANGE)
@pytest.mark.parametrize(("start", "end"), [(0, 0), (0, 1000), (1000, 0)])
def test_a_required_range_needs_both_ends(rpc: str, start: int, end: int) -> None:
    assert Querier().rejection(rpc, body(rpc, start, end)) == (
        400,
        "invalid_argument",
        "missing time range in the query",
    )


@pytest.mark.parametrize("rpc", OPTIONAL_RANGE)
@pytest.mark.parametrize(("start", "end"), [(0, 1000), (1000, 0)])
def test_an_optional_range_needs_both_ends(rpc: str, start: int, end: int) -> None:
    assert Querier().rejection(rpc, body(rpc, start, end))[2] == "missing time range in the query"


@pytest.mark.parametrize("rpc", OPTIONAL_RANGE)
def test_the_default_range_is_the_last_hour(rpc: str) -> None:
    querier = Querier()
    assert querier.post(rpc, json.dumps(REQUESTS[rpc])).status_code == 200
    within = queried_range(querier.store)
    assert within.length_ms == HOUR_MS
    assert 0 <= now_ms() - within.end_ms < SLACK_MS
