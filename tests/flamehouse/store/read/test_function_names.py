"""Function names are queried once, and are correct whenever they were stored."""

from flamehouse.model.profile_type import ProfileType
from flamehouse.model.time_range import TimeRange
from flamehouse.settings import Settings
from flamehouse.store.clickhouse_store import ClickHouseStore
from flamehouse.store.connection.client import ClickHouse
from flamehouse.store.read.function_names import FunctionNames
from flamehouse.store.read.reader import Reader
from flamehouse.store.read.selection import selection_of
from flamehouse.store.write.writer import LoneWriter
from tests.support.queries.queries import EVERYTHING, Server, drawn, some_monday_ms
from tests.support.servers.doubles import RecordedClickHouse
from tests.support.uploads.profiles import CPU, labels_of, pprof_of, sample
from tests.support.uploads.uploads import series

HOUR = 3_600_000


def test_only_new_names_are_queried(
    clickhouse: ClickHouse, store: ClickHouseStore, settings: Settings, tenant: str
) -> None:
    monday = some_monday_ms()
    sender = Server.on(store, settings, tenant)
    recorded = RecordedClickHouse(clickhouse)
    reader = Server.on(ClickHouseStore(recorded, LoneWriter(recorded), settings), settings, tenant)

    def read_names() -> int:
        """Returns the number of queries for names that a flame graph needed."""
        recorded.statements.clear()
        flamegraph = reader.flamegraph(monday, monday + HOUR)
        assert flamegraph == sender.flamegraph(monday, monday + HOUR)
        return sum("FROM functions" in sql for sql in recorded.statements)

    assert read_names() == 0
    sender.push(series(labels_of(), pprof_of([sample(["main", "né", ""], 1)], time_ms=monday)))
    assert [read_names(), read_names()] == [1, 0]
    sender.push(series(labels_of(), pprof_of([sample(["main", "new"], 1)], time_ms=monday)))
    assert [read_names(), read_names()] == [1, 0]
    sender.push(series(labels_of(env="prod"), pprof_of([sample(["main", "né"], 4)], time_ms=monday)))
    assert read_names() == 0


def test_many_names_are_found(store: ClickHouseStore, settings: Settings) -> None:
    server, monday = Server.on(store, settings), some_monday_ms()
    stacks = [(["main", f"function {number}"], 1) for number in range(9_000)]
    profile = pprof_of([sample(*stack) for stack in stacks], time_ms=monday)
    server.push(series(labels_of(), profile))
    found = server.flamegraph(monday, monday + HOUR, max_nodes=EVERYTHING)
    assert found == drawn(stacks, EVERYTHING)


def test_a_missing_name_is_empty_until_it_is_stored(clickhouse: ClickHouse, tenant: str) -> None:
    monday = some_monday_ms()
    within = TimeRange(start_ms=monday, end_ms=monday + HOUR)
    selection = selection_of((tenant,), ProfileType.parse(CPU), (), within)
    names = FunctionNames()
    reader = Reader(clickhouse=clickhouse, settings={})
    assert names.of([7, 8, 7], reader, selection) == ["", "", ""]
    clickhouse.command(
        "INSERT INTO functions (tenant, week, name_id, name)"
        " VALUES ({tenant:String}, toDate({first_day:Int32}), 7, 'seven')",
        selection.parameters,
    )
    assert names.of([7, 8, 7], reader, selection) == ["seven", "", "seven"]


def test_names_are_cached_within_a_budget(clickhouse: ClickHouse, tenant: str) -> None:
    monday = some_monday_ms()
    within = TimeRange(start_ms=monday, end_ms=monday + HOUR)
    selection = selection_of((tenant,), ProfileType.parse(CPU), (), within)
    clickhouse.command(
        "INSERT INTO functions (tenant, week, name_id, name)"
        " SELECT {tenant:String}, toDate({first_day:Int32}), number, repeat('x', 60000) FROM numbers(300)",
        selection.parameters,
    )
    recorded = RecordedClickHouse(clickhouse)
    names = FunctionNames()
    reader = Reader(clickhouse=recorded, settings={})
    for ids, requests in ((range(3), 1), (range(3), 0), (range(300), 1), (range(3), 1), (range(3), 0)):
        recorded.statements.clear()
        assert names.of(ids, reader, selection) == ["x" * 60_000] * len(ids)
        assert len(recorded.statements) == requests
