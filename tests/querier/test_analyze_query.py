"""AnalyzeQuery, in both encodings, and on a store: the figures of a query's data."""

from typing import Any

import pytest

from flamehouse.model.analysis import Analysis
from flamehouse.model.selector import Matcher, MatchOp, parse_selector
from flamehouse.pb.querier_pb2 import AnalyzeQueryRequest, AnalyzeQueryResponse, QueryImpact, QueryScope
from flamehouse.settings import Settings
from flamehouse.store import Store
from tests.support.queries.queries import Server, some_monday_ms
from tests.support.servers.apps import Querier
from tests.support.servers.doubles import CannedStore
from tests.support.uploads.profiles import CPU, labels_of, pprof_of, sample
from tests.support.uploads.uploads import series

HOUR = 3_600_000
DAY = 24 * HOUR
FOUND = Analysis(
    series=2, profiles=3, samples=40, parts=1, index_bytes=100, profile_bytes=2_000, symbol_bytes=30_000
)


@pytest.mark.parametrize("proto", [True, False])
def test_the_scope_has_every_count_and_the_impact_their_sum(proto: bool) -> None:
    querier = Querier(store=CannedStore(analysis=FOUND))
    response = querier.call(
        "AnalyzeQuery", AnalyzeQueryRequest(query="{}"), AnalyzeQueryResponse, proto=proto
    )
    scope = QueryScope(
        component_type="store",
        component_count=1,
        block_count=1,
        series_count=2,
        profile_count=3,
        sample_count=40,
        index_bytes=100,
        profile_bytes=2_000,
        symbol_bytes=30_000,
    )
    impact = QueryImpact(total_bytes_in_time_range=32_100, total_queried_series=2)
    assert response == AnalyzeQueryResponse(query_scopes=[scope], query_impact=impact)


@pytest.mark.parametrize("body", ["{}", '{"start": 1000, "end": 4000, "query": "{}"}'])
def test_an_empty_result_has_the_fields_that_drilldown_reads(body: str) -> None:
    assert Querier().post("AnalyzeQuery", body).json() == {
        "queryScopes": [{"componentType": "store", "componentCount": "1"}],
        "queryImpact": {},
    }


@pytest.mark.parametrize(
    ("query", "matchers"),
    [
        ("", ()),
        ("{}", ()),
        (f'{{__profile_type__="{CPU}",pod="a",}}', parse_selector(f'{{__profile_type__="{CPU}",pod="a"}}')),
        (f'{CPU}{{pod="a"}}', parse_selector(f'{{__profile_type__="{CPU}",pod="a"}}')),
        (CPU, parse_selector(f'{{__profile_type__="{CPU}"}}')),
        ("process_cpu{}", (Matcher(name="__name__", op=MatchOp.EQUAL, value="process_cpu"),)),
    ],
)
def test_a_query_is_a_selector_with_or_without_a_profile_type(
    query: str, matchers: tuple[Matcher, ...]
) -> None:
    querier = Querier()
    request = AnalyzeQueryRequest(query=query)
    querier.call("AnalyzeQuery", request, AnalyzeQueryResponse)
    [(_, _, found, _)] = querier.store.calls
    assert found == matchers


@pytest.mark.parametrize("query", ["{", "a b", '{a="b"} extra'])
def test_a_bad_query_is_an_invalid_argument(query: str) -> None:
    status, code, message = Querier().rejection(
        "AnalyzeQuery", f'{{"query":"{query.replace('"', chr(92) + '"')}"}}'
    )
    assert (status, code) == (400, "invalid_argument")
    assert message.startswith("invalid label selector")


@pytest.fixture(scope="module")
def monday() -> int:
    return some_monday_ms()


@pytest.fixture(scope="module")
def server(store: Store, settings: Settings, monday: int) -> Server:
    """Sends profiles of two types: pod a has ten of one stack, pod b five of three, the first at the same time."""
    server = Server.on(store, settings)
    types = (("samples", "count"), ("cpu", "nanoseconds"))
    for pod, count, stacks in (("a", 10, "x"), ("b", 5, "xyz")):
        for number in range(count):
            samples = [sample(stack, 1, 1) for stack in stacks]
            profile = pprof_of(samples, time_ms=monday + number * HOUR, types=types)
            server.push(series(labels_of(pod=pod), profile))
    return server


def scope(server: Server, query: str, start: int, end: int) -> dict[str, Any]:
    response = server.client.rpc("AnalyzeQuery", {"query": query, "start": start, "end": end})
    [found] = response["queryScopes"]
    return {name: int(value) for name, value in found.items() if name != "componentType"}


@pytest.mark.parametrize(
    ("query", "hours", "counts"),
    [
        ("{}", 10, (4, 30, 50)),
        (f"{CPU}{{}}", 10, (2, 15, 25)),
        (f'{{__profile_type__="{CPU}",pod="b"}}', 10, (1, 5, 15)),
        ('{service_name="shop",pod=~"a|b"}', 2, (4, 8, 16)),
        ('{service_name="shop",pod!="b"}', 3, (2, 6, 6)),
        ('{service_name="cart"}', 10, (0, 0, 0)),
        ('{service_name="shop"}', 0, (4, 0, 0)),
    ],
)
def test_the_series_and_profiles_of_a_selector_in_a_range_are_counted(
    server: Server, monday: int, query: str, hours: int, counts: tuple[int, int, int]
) -> None:
    found = scope(server, query, monday, monday + hours * HOUR)
    counted = tuple(found.get(f"{what}Count", 0) for what in ("series", "profile", "sample"))
    assert counted == counts
    assert [name in found for name in ("indexBytes", "symbolBytes")] == [counts[0] > 0] * 2
    assert [name in found for name in ("profileBytes", "blockCount")] == [counts[1] > 0] * 2


def test_another_day_and_another_tenant_have_no_series(
    server: Server, store: Store, settings: Settings, monday: int
) -> None:
    assert scope(server, "{}", monday + 2 * DAY, monday + 3 * DAY) == {"componentCount": 1}
    assert scope(Server.on(store, settings), "{}", monday, monday + DAY) == {"componentCount": 1}


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("(", "missing )"),
        ("a)", "unexpected )"),
        ("[b-a]", "invalid character class range"),
        ("(?=a)", "invalid perl operator"),
        ("a{1001}", "invalid repetition size"),
    ],
)
def test_a_bad_regular_expression_is_an_invalid_argument(
    server: Server, monday: int, expression: str, reason: str
) -> None:
    response = server.call("AnalyzeQuery", query=f'{{pod=~"{expression}"}}', start=monday, end=monday + DAY)
    assert (response.status_code, response.json()["code"]) == (400, "invalid_argument")
    assert response.json()["message"] == (
        f"the query contains a regular expression that RE2 rejects: {reason}"
    )
