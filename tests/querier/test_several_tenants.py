"""A query of several tenants (`a|b`) has the response that one tenant with the data of both would have."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import pytest
from google.protobuf import json_format

from flamehouse.pb.profile_pb2 import Profile
from flamehouse.pb.push_pb2 import RawProfileSeries
from flamehouse.settings import Settings
from flamehouse.store.clickhouse_store import ClickHouseStore
from flamehouse.store.connection.client import ClickHouse
from flamehouse.store.schema.migrate import migrate
from flamehouse.store.write.rollups import Rollups
from flamehouse.store.write.writer import LoneWriter
from tests.support.queries.queries import Server, new_tenant, some_monday_ms
from tests.support.queries.shop_data import HOUR, MINUTE, SPAN, TRACE
from tests.support.uploads.adhoc_files import SERVICE as ADHOC
from tests.support.uploads.otlp import PATH as OTLP
from tests.support.uploads.profiles import CPU, labels_of, pprof_of, sample
from tests.support.uploads.uploads import PUSH, series

HOURS: Final = 4
ROLL_UP: Final = """
INSERT INTO rollups
SELECT
    tenant, service, toStartOfHour(time), profile_type, fingerprint, count(), sum(cityHash64(profile_id)), now64(9),
    any(stacktrace_ids), arrayMap(value -> value + 1000, any(values))
FROM sampled_profiles
WHERE tenant = {tenant:String}
GROUP BY tenant, service, toStartOfHour(time), profile_type, fingerprint
"""
"""Makes a roll-up that covers the stored profiles, with values that show that it was read."""


def of_a(monday: int) -> list[RawProfileSeries]:
    """Returns a series that b has too, with other values and partly other stacks, and two of a's own."""
    spans = {"span_id": SPAN, "trace_id": TRACE}
    shop = [
        pprof_of(
            [sample(["main", "search"], 5 + hour), sample(["main", "only_a"], 3, **spans)],
            time_ms=monday + hour * HOUR + MINUTE,
        )
        for hour in range(3)
    ]
    cart = pprof_of([sample(["main", "add"], 7)], time_ms=monday + 2 * MINUTE)
    wall = pprof_of([sample(["main"], 4)], time_ms=monday, types=[("wall", "nanoseconds")])
    return [
        series(labels_of(env="prod"), *shop),
        series(labels_of(service_name="cart", env="test"), cart),
        series({**labels_of(canary="yes"), "__name__": "wall"}, wall),
    ]


def of_b(monday: int) -> list[RawProfileSeries]:
    shop = [
        pprof_of(
            [sample(["main", "search"], 11), sample(["main", "search", "only_b"], 2 + hour)],
            time_ms=monday + hour * HOUR + (1 + hour % 2) * MINUTE,
        )
        for hour in range(1, HOURS)
    ]
    memory = pprof_of([sample(["main"], 9)], time_ms=monday + MINUTE, types=[("inuse_space", "bytes")])
    return [
        series(labels_of(env="prod"), *shop),
        series({**labels_of(pod="x"), "__name__": "memory"}, memory),
    ]


def late_of_b(monday: int) -> RawProfileSeries:
    """Returns a profile in an hour whose roll-ups exist already."""
    return series(
        labels_of(env="prod"), pprof_of([sample(["main"], 100)], time_ms=monday + HOUR + 3 * MINUTE)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Both:
    """Two tenants, each alone and both in one query, and a third tenant with the data of both."""

    monday: int
    a: Server
    b: Server
    several: Server
    merged: Server

    @property
    def range(self) -> dict[str, Any]:
        return {"start": self.monday, "end": self.monday + HOURS * HOUR}

    def selection(self, selector: str = "{}", **more: Any) -> dict[str, Any]:
        return {"profileTypeID": CPU, "labelSelector": selector, **self.range, **more}


@pytest.fixture(scope="module")
def own_database(settings: Settings, clickhouse: ClickHouse) -> Iterator[ClickHouse]:  # noqa: ARG001  # merges stop before
    """A database without the profiles of other tests, since their roll-ups may take long."""
    own = replace(settings, clickhouse_database="several_tenants")
    migrate(own)
    with closing(ClickHouse(own)) as own_database:
        yield own_database


@pytest.fixture(scope="module")
def both(settings: Settings, own_database: ClickHouse) -> Both:
    store = ClickHouseStore(own_database, LoneWriter(own_database), settings)
    on = partial(Server.on, store, settings)
    a, b, merged = on(), on(), on()
    names = [each.client.tenant for each in (b, a, b)]
    both = Both(monday=some_monday_ms(), a=a, b=b, several=on("|".join(names)), merged=merged)
    for server, sent in ((a, of_a), (b, of_b), (merged, of_a), (merged, of_b)):
        server.push(*sent(both.monday))
    assert Rollups(own_database).step(60)
    for server in (b, merged):
        server.push(late_of_b(both.monday))
    return both


SHOP: Final = '{service_name="shop"}'
QUERIES: Final[Mapping[str, Callable[[Both], tuple[str, dict[str, Any]]]]] = {
    "profile types": lambda both: ("ProfileTypes", both.range),
    "label names": lambda both: ("LabelNames", {"matchers": ["{}"], **both.range}),
    "label names of a service": lambda both: ("LabelNames", {"matchers": [SHOP], **both.range}),
    "label values": lambda both: ("LabelValues", {"name": "service_name", **both.range}),
    "series": lambda both: ("Series", {"matchers": ["{}"], "labelNames": [], **both.range}),
    "series by name": lambda both: (
        "Series",
        {"matchers": ['{env=~".+"}'], "labelNames": ["service_name", "env"], **both.range},
    ),
    "stats": lambda _: ("GetProfileStats", {}),
    "flame graph": lambda both: ("SelectMergeStacktraces", both.selection()),
    "flame graph of a label": lambda both: ("SelectMergeStacktraces", both.selection('{env="prod"}')),
    "flame graph of an hour": lambda both: (
        "SelectMergeStacktraces",
        both.selection(SHOP, end=both.monday + HOUR),
    ),
    "cut flame graph": lambda both: ("SelectMergeStacktraces", both.selection(SHOP, maxNodes=3)),
    "call site": lambda both: (
        "SelectMergeStacktraces",
        both.selection(stackTraceSelector={"callSite": [{"name": "main"}, {"name": "search"}]}),
    ),
    "frames": lambda both: (
        "SelectMergeStacktraces",
        both.selection(stackTraceSelector={"frameFilter": {"includeFunctionNameRegexes": ["^only_"]}}),
    ),
    "trace": lambda both: ("SelectMergeStacktraces", both.selection(traceIdSelector=[TRACE])),
    "spans": lambda both: ("SelectMergeSpanProfile", both.selection(spanSelector=[SPAN])),
    "time series": lambda both: ("SelectSeries", both.selection(step=1800)),
    "time series by label": lambda both: (
        "SelectSeries",
        both.selection(step=1800, groupBy=["service_name", "env"]),
    ),
    "averages": lambda both: (
        "SelectSeries",
        both.selection(step=7200, aggregation="TIME_SERIES_AGGREGATION_TYPE_AVERAGE"),
    ),
    "exemplars": lambda both: (
        "SelectSeries",
        both.selection(step=1800, exemplarType="EXEMPLAR_TYPE_INDIVIDUAL", groupBy=["env"]),
    ),
    "heatmap": lambda both: (
        "SelectHeatmap",
        both.selection(step=1800, groupBy=["env"], exemplarType="EXEMPLAR_TYPE_INDIVIDUAL"),
    ),
    "diff": lambda both: (
        "Diff",
        {"left": both.selection('{env="prod"}'), "right": both.selection(SHOP, end=both.monday + 2 * HOUR)},
    ),
}


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_of_two_tenants_returns_the_data_of_both(both: Both, name: str) -> None:
    rpc, body = QUERIES[name](both)
    several, merged, b = (
        _without_ids(server.call(rpc, **body).json()) for server in (both.several, both.merged, both.b)
    )
    assert several == merged
    assert several != {}
    assert several != b


def _without_ids(response: Any) -> Any:
    """Returns a response without profile ids, which depend on the tenant."""
    if isinstance(response, list):
        return [_without_ids(each) for each in response]
    if isinstance(response, dict):
        return {name: _without_ids(value) for name, value in response.items() if name != "profileId"}
    return response


@pytest.mark.parametrize("more", [{}, {"labelSelector": '{env="prod"}'}, {"maxNodes": 2}])
def test_a_pprof_of_two_tenants_has_the_stacks_of_both(both: Both, more: dict[str, Any]) -> None:
    several, merged, a = (
        stacks(server, {**both.selection(), **more}) for server in (both.several, both.merged, both.a)
    )
    assert several == merged != a


def stacks(server: Server, body: Mapping[str, Any]) -> Counter[tuple[str, ...]]:
    """Returns the values of a merged profile by the names in the stack, leaf first."""
    profile = json_format.ParseDict(server.call("SelectMergeProfile", **body).json(), Profile())
    functions = {each.id: profile.string_table[each.name] for each in profile.function}
    lines = {each.id: [functions[line.function_id] for line in each.line] for each in profile.location}
    found: Counter[tuple[str, ...]] = Counter()
    for each in profile.sample:
        found[tuple(name for id_ in each.location_id for name in lines[id_])] += each.value[0]
    return found


def test_pages_of_two_tenants_show_both(both: Both) -> None:
    times = f"from={both.range['start']}&until={both.range['end']}"
    query = quote(CPU + SHOP)
    sides = "&".join(
        f"{side}Query={query}&{side}From={both.range['start']}&{side}Until={both.range['end']}"
        for side in ("left", "right")
    )
    for target in (
        f"/pyroscope/render?query={query}&{times}",
        f"/pyroscope/render-diff?{sides}",
        f"/pyroscope/label-values?label=service_name&{times}",
    ):
        several, merged = (server.client.send("GET", target) for server in (both.several, both.merged))
        assert (several.status_code, several.json()) == (200, merged.json())


def test_the_counts_of_two_tenants_add_up(both: Both) -> None:
    def counts(server: Server) -> Counter[str]:
        [scope] = server.call("AnalyzeQuery", query="{}", **both.range).json()["queryScopes"]
        return Counter({name: int(scope.get(f"{name}Count", 0)) for name in ("series", "profile", "sample")})

    assert counts(both.several) == counts(both.a) + counts(both.b)


def test_a_stale_rollup_of_one_tenant_leaves_those_of_others_in_use(
    store: ClickHouseStore, settings: Settings, clickhouse: ClickHouse
) -> None:
    """The roll-up of b is stale, but a's of the same series and hour is still used."""
    monday = some_monday_ms()
    servers = {name: Server.on(store, settings) for name in ("a", "b")}
    for server in servers.values():
        server.push(series(labels_of(), pprof_of([sample(["main"], 1)], time_ms=monday + MINUTE)))
        clickhouse.command(ROLL_UP, {"tenant": server.client.tenant})
    several = Server.on(store, settings, "|".join(each.client.tenant for each in servers.values()))
    assert several.flamegraph(monday, monday + 2 * HOUR).total == 2_002
    servers["b"].push(series(labels_of(), pprof_of([sample(["main"], 10)], time_ms=monday + 2 * MINUTE)))
    assert several.flamegraph(monday, monday + 2 * HOUR).total == 1_012


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", PUSH, "{}"),
        ("POST", "/ingest?name=app&format=folded", "a 1"),
        ("POST", "/pyroscope/ingest?name=app&format=folded", "a 1"),
        ("POST", OTLP, "{}"),
        ("POST", f"{ADHOC}/List", "{}"),
        ("POST", f"{ADHOC}/Upload", '{"name": "a", "profile": "YSAx"}'),
        ("POST", f"{ADHOC}/Get", '{"id": "01ARYZ6S41TSV4RRFFQ69G5FAV-a"}'),
        ("POST", "/settings.v1.SettingsService/Get", "{}"),
        ("POST", "/settings.v1.SettingsService/Set", '{"setting": {"name": "a", "value": "b"}}'),
        ("POST", "/settings.v1.SettingsService/Delete", '{"name": "a"}'),
    ],
)
def test_requests_for_one_tenant_reject_several(
    store: ClickHouseStore, settings: Settings, tmp_path: Path, method: str, path: str, body: str
) -> None:
    with_files = replace(settings, adhoc_profiles=str(tmp_path))
    server = Server.on(store, with_files, f"{new_tenant()}|{new_tenant()}")
    response = server.client.send(method, path, body.encode(), {"Content-Type": "application/json"})
    assert response.status_code == 400, response.text
    assert "name one tenant in X-Scope-OrgID" in json.loads(response.content)["message"]
