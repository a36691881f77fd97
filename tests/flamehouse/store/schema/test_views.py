"""The documented views, independent of the tables below them: compared with the uploads and with RPC responses."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from flamehouse.settings import Settings
from flamehouse.store.clickhouse_store import ClickHouseStore
from flamehouse.store.connection.client import ClickHouse
from flamehouse.store.schema import migrate
from flamehouse.store.schema.views import view_definitions
from tests.support.queries.queries import Server, new_tenant, some_monday_ms
from tests.support.servers.place import REPO
from tests.support.uploads.profiles import CPU, Sample, labels_of, pprof_of
from tests.support.uploads.uploads import series

pytestmark = pytest.mark.parametrize("place", ["embedded"], indirect=True, scope="session")

WEEK_MS = 7 * 86_400_000
SPAN = "9a517183f26a089d"
TYPES = (("samples", "count"), ("cpu", "nanoseconds"))
SAMPLES = "process_cpu:samples:count:cpu:nanoseconds"
STACKS: tuple[tuple[str, ...], ...] = (
    ("main", "serve", "search"),
    ("main", "serve"),
    ("main", "walk", "walk", "walk"),
)
ROW = re.compile(r"^\| `(\w+)\.(\w+)` \| `([^`]+)` \|", re.MULTILINE)


@pytest.fixture(scope="module")
def stored(store: ClickHouseStore, settings: Settings) -> tuple[str, int]:
    """A tenant with two profiles of shop a week apart, and the time of the first; another tenant has the same ones."""
    tenant, monday = new_tenant(), some_monday_ms()
    for name in (tenant, new_tenant()):
        server = Server.on(store, settings, name)
        for time_ms in (monday, monday + WEEK_MS):
            samples = [
                Sample(stack=STACKS[0], values=(1, 10)),
                Sample(stack=STACKS[1], values=(2, 20), labels={"span_id": SPAN}),
                Sample(stack=STACKS[2], values=(4, 40)),
            ]
            server.push(series(labels_of(region="eu"), pprof_of(samples, time_ms=time_ms, types=TYPES)))
    store.settle()
    return tenant, monday


@pytest.fixture
def rows(clickhouse: ClickHouse, stored: tuple[str, int]) -> Any:
    """Runs SQL with the parameters `tenant` and `cpu`, a profile type."""
    return lambda sql: clickhouse.rows(sql, {"tenant": stored[0], "cpu": CPU})


def test_profiles_have_their_labels_and_totals(rows: Any, stored: tuple[str, int]) -> None:
    found = rows(
        "SELECT toUnixTimestamp64Milli(time), profile_type, service, labels['region'], total, duration_ns >= 0 "
        "FROM profiles_v1 WHERE tenant = {tenant:String} ORDER BY time, total"
    )
    _, monday = stored
    assert found == [
        (time_ms, type_, "shop", "eu", total, 1)
        for time_ms in (monday, monday + WEEK_MS)
        for type_, total in ((SAMPLES, 7), (CPU, 70))
    ]


def test_samples_belong_to_profiles_and_add_up_to_their_totals(rows: Any) -> None:
    found = rows("""
        SELECT profiles.total, sum(samples.value), count()
        FROM profiles_v1 AS profiles
        INNER JOIN samples_v1 AS samples USING (tenant, time, profile_id, profile_type, service)
        WHERE tenant = {tenant:String}
        GROUP BY time, profile_id, profile_type, profiles.total
        ORDER BY profiles.total
    """)
    assert found == [(7, 7, 3), (7, 7, 3), (70, 70, 3), (70, 70, 3)]


def test_a_sample_has_the_stack_and_span_that_were_sent(rows: Any) -> None:
    found = rows("""
        SELECT frames, span_id, sum(value)
        FROM samples_v1
        INNER JOIN stacks_v1 USING (tenant, service, stack_id)
        WHERE tenant = {tenant:String} AND week = toMonday(time) AND profile_type = {cpu:String}
        GROUP BY frames, span_id
        ORDER BY sum(value)
    """)
    assert [(tuple(frames), span_id, value) for frames, span_id, value in found] == [
        (STACKS[0], "", 20),
        (STACKS[1], SPAN, 40),
        (STACKS[2], "", 80),
    ]


def test_functions_are_those_of_the_stacks(rows: Any) -> None:
    found = rows(
        "SELECT week, groupArray(name) FROM (SELECT * FROM functions_v1 ORDER BY name) "
        "WHERE tenant = {tenant:String} AND service = 'shop' GROUP BY week"
    )
    names = sorted({name for stack in STACKS for name in stack})
    assert [sorted(of_week) for _, of_week in found] == [names, names]


def test_function_totals_are_those_of_the_stacks_and_count_recursion_once(rows: Any) -> None:
    found = rows(
        "SELECT function, sum(self), sum(total) FROM function_totals_v1 "
        "WHERE tenant = {tenant:String} AND profile_type = {cpu:String} GROUP BY function"
    )
    selves: Counter[str] = Counter()
    totals: Counter[str] = Counter()
    for stack, value in zip(STACKS, (20, 40, 80), strict=True):
        selves[stack[-1]] += value
        totals.update(dict.fromkeys(stack, value))
    assert {name: (self_, total) for name, self_, total in found} == {
        name: (selves[name], total) for name, total in totals.items()
    }


def test_function_totals_add_up_to_the_flame_graph(
    rows: Any, store: ClickHouseStore, settings: Settings, stored: tuple[str, int]
) -> None:
    tenant, monday = stored
    graph = Server.on(store, settings, tenant).flamegraph(monday, monday + WEEK_MS + 1)
    [(self_, main)] = rows(
        "SELECT sum(self), sumIf(total, function = 'main') FROM function_totals_v1 "
        "WHERE tenant = {tenant:String} AND profile_type = {cpu:String}"
    )
    assert self_ == main == graph.total


def test_the_views_have_the_documented_columns(clickhouse: ClickHouse) -> None:
    documented: dict[str, list[tuple[str, str]]] = {}
    for view, column, type_ in ROW.findall((REPO / "docs/sql.md").read_text()):
        documented.setdefault(view, []).append((column, type_))
    assert documented == {view: columns_of(clickhouse, view) for view in view_definitions()}


def columns_of(clickhouse: ClickHouse, view: str) -> Sequence[tuple[str, str]]:
    sql = "SELECT name, type FROM system.columns WHERE database = currentDatabase() AND table = {view:String}"
    return [(name, type_) for name, type_ in clickhouse.rows(f"{sql} ORDER BY position", {"view": view})]


def test_the_documented_examples_run(clickhouse: ClickHouse) -> None:
    examples = re.findall(r"^```sql\n(.*?)^```", (REPO / "docs/sql.md").read_text(), re.DOTALL | re.MULTILINE)
    assert len(examples) == 2
    for example in examples:
        clickhouse.rows(example)


@pytest.fixture
def own(settings: Settings, clickhouse: ClickHouse) -> Iterator[Settings]:
    """Settings that name a database which does not exist yet."""
    name = f"views_{uuid4().hex}"
    yield replace(settings, clickhouse_database=name)
    clickhouse.command("DROP DATABASE IF EXISTS {name:Identifier}", {"name": name})


def test_only_a_view_of_another_version_is_replaced(own: Settings) -> None:
    migrate.migrate(own)
    database = ClickHouse(own)
    made = "SELECT name, metadata_modification_time, uuid FROM system.tables WHERE database = currentDatabase() AND engine = 'View'"
    before = {name: rest for name, *rest in database.rows(made)}
    assert before.keys() == view_definitions().keys()
    migrate.migrate(own)
    assert {name: rest for name, *rest in database.rows(made)} == before
    database.command("CREATE OR REPLACE VIEW functions_v1 AS SELECT 1 AS one")
    database.command("DROP VIEW samples_v1")
    migrate.migrate(own)
    assert columns_of(database, "functions_v1") != [("one", "UInt8")]
    assert columns_of(database, "samples_v1")
    database.close()
