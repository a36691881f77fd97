"""Profiles of the layout before migration 0003: every query returns the same before, during and after their migration."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import count
from typing import Any
from uuid import uuid4

import pytest
from google.protobuf import json_format

from flamehouse.pb.profile_pb2 import Profile
from flamehouse.settings import Settings
from flamehouse.store.clickhouse_store import ClickHouseStore
from flamehouse.store.connection.client import ClickHouse
from flamehouse.store.maintenance import Maintenance
from flamehouse.store.schema import migrate
from flamehouse.store.schema.carry_over import CarryOver, drop_old_layout
from flamehouse.store.write.rollback import footprints_of, roll_back
from flamehouse.store.write.writer import LoneWriter
from tests.support.queries.queries import Server, drawn, some_monday_ms
from tests.support.servers.faults import Killed, Mortal
from tests.support.uploads.counted import Counted
from tests.support.uploads.pprofs import stacks_in
from tests.support.uploads.profiles import labels_of, pprof_of, sample
from tests.support.uploads.uploads import series

pytestmark = pytest.mark.parametrize("place", ["embedded"], indirect=True, scope="session")

HOUR = 3_600_000
DAY = 24 * HOUR
SPAN = "9a517183f26a089d"
OLD = "SELECT name FROM system.tables WHERE database = currentDatabase() AND name IN ('profiles', 'samples', 'samples_5m', 'samples_1h')"
NEW_ROWS = "SELECT count(), uniqExact(profile_id, profile_type, fingerprint) FROM sampled_profiles"


@pytest.fixture
def old(settings: Settings, clickhouse: ClickHouse) -> Iterator[ClickHouse]:
    """A database as the version before migration 0003 left it."""
    own = replace(settings, clickhouse_database=f"carry_over_{uuid4().hex}")
    clickhouse.command("CREATE DATABASE {name:Identifier}", {"name": own.clickhouse_database})
    database = ClickHouse(own)
    database.command(migrate._CREATE_HISTORY)  # noqa: SLF001  # as that version makes it
    for number in (1, 2):
        for statement in migrate.migration(number):
            database.command(statement, settings={"allow_suspicious_low_cardinality_types": 1})
    database.command("INSERT INTO migrations SELECT 2, 0, now64(9, 'UTC')")
    yield database
    database.close()
    clickhouse.command("DROP DATABASE {name:Identifier}", {"name": own.clickhouse_database})


def settings_of(settings: Settings, database: ClickHouse) -> Settings:
    [(name,)] = database.rows("SELECT currentDatabase()")
    return replace(settings, clickhouse_database=name)


def push(server: Server, monday: int, numbers: Sequence[int]) -> None:
    """Sends an hourly profile of two series, with a span in each."""
    for number in numbers:
        samples = [sample(["main", "abc"[number % 3]], number + 1), sample(["main"], 2, span_id=SPAN)]
        pprof = pprof_of(samples, time_ms=monday + number * HOUR + number)
        server.push(series(labels_of(pod="pq"[number % 2]), pprof))


def responses(server: Server, monday: int) -> list[Any]:
    """Returns the results of queries of every kind: of whole hours, of parts of hours, and of spans."""
    end = monday + 12 * HOUR
    selector: dict[str, Any] = {
        "profile_typeID": "process_cpu:cpu:nanoseconds:cpu:nanoseconds",
        "label_selector": "{}",
        "start": monday,
        "end": end,
    }
    return [
        server.flamegraph(monday, end),
        server.flamegraph(monday + 2 * HOUR + 1, end - HOUR // 2, selector='{pod="p"}'),
        server.series(monday, end, step=1_800, groupBy=["pod"]),
        stacks_in(json_format.ParseDict(server.call("SelectMergeProfile", **selector).json(), Profile())),
        *(
            server.call(rpc, **selector, **more).json()
            for rpc, more in (
                ("SelectMergeSpanProfile", {"spanSelector": [SPAN]}),
                ("SelectSeries", {"step": 60, "exemplarType": "EXEMPLAR_TYPE_SPAN"}),
                ("SelectHeatmap", {"step": 60, "queryType": "HEATMAP_QUERY_TYPE_INDIVIDUAL"}),
            )
        ),
        server.call("GetProfileStats").json(),
    ]


def test_every_query_returns_the_same_before_during_and_after_a_carry_over(
    old: ClickHouse, settings: Settings
) -> None:
    own, monday = settings_of(settings, old), some_monday_ms()
    # In the first state the new table is empty: everything is read from the old layout.
    writing = Server.on(ClickHouseStore(old, LoneWriter(old), own), own)
    push(writing, monday, range(6))
    migrate.migrate(own)
    carry_over = CarryOver(old)
    carry_over.begin()
    server = Server.on(ClickHouseStore(old, LoneWriter(old), own, carry_over), own, writing.client.tenant)
    expected = drawn([*((["main", "abc"[number % 3]], number + 1) for number in range(6)), (["main"], 12)])
    before = responses(server, monday)
    assert before[0] == expected
    for _ in range(6):
        assert not carry_over.carry(0) or old.rows(NEW_ROWS) == [(6, 6)]
        assert responses(server, monday) == before
    maintenance = Maintenance(old, carry_over)
    while not maintenance.step(60):
        assert responses(server, monday) == before
    assert (old.rows(OLD), carry_over.source) == ([], "sampled_profiles")
    assert responses(server, monday) == before


def test_profiles_stored_during_a_carry_over_are_counted_once(old: ClickHouse, settings: Settings) -> None:
    own, monday = settings_of(settings, old), some_monday_ms()
    writing = Server.on(ClickHouseStore(old, LoneWriter(old), own), own)
    push(writing, monday, range(4))
    migrate.migrate(own)
    carry_over = CarryOver(old)
    carry_over.begin()
    server = Server.on(ClickHouseStore(old, LoneWriter(old), own, carry_over), own, writing.client.tenant)
    stored = 4
    while True:
        # A new profile, in an hour that is carried over already or in another, and a retry.
        push(server, monday, [stored, 0])
        stored += 1
        values = [(["main", "abc"[number % 3]], number + 1) for number in range(stored)]
        assert server.flamegraph(monday, monday + DAY) == drawn([*values, (["main"], 2 * stored)])
        if carry_over.step(0):
            break
    assert old.rows(OLD) == []
    assert old.rows(NEW_ROWS) == [(stored, stored)]


def test_a_carry_over_killed_at_any_step_carries_each_profile_once(
    old: ClickHouse, settings: Settings
) -> None:
    own, monday = settings_of(settings, old), some_monday_ms()
    server = Server.on(ClickHouseStore(old, LoneWriter(old), own), own)
    push(server, monday, range(3))
    migrate.migrate(own)
    for life in count():
        try:
            assert CarryOver(Mortal(old, life)).carry(60)
        except Killed:
            continue
        break
    assert life > 6
    assert old.rows(NEW_ROWS) == [(3, 3)]
    values = [(["main", "abc"[number % 3]], number + 1) for number in range(3)]
    assert server.flamegraph(monday, monday + DAY) == drawn([*values, (["main"], 6)])


def test_a_partly_dropped_old_layout_hides_nothing_and_is_dropped_later(
    old: ClickHouse, settings: Settings
) -> None:
    own, monday = settings_of(settings, old), some_monday_ms()
    writing = Server.on(ClickHouseStore(old, LoneWriter(old), own), own)
    push(writing, monday, [0])
    migrate.migrate(own)
    assert CarryOver(old).carry(60)
    for number, life in enumerate(range(0, 16, 2), 1):
        with pytest.raises(Killed):
            drop_old_layout(Mortal(old, life))
        carry_over = CarryOver(old)
        carry_over.begin()
        server = Server.on(ClickHouseStore(old, LoneWriter(old), own, carry_over), own, writing.client.tenant)
        push(server, monday, [number])
        values = [(["main", "abc"[each % 3]], each + 1) for each in range(number + 1)]
        found = server.flamegraph(monday, monday + DAY)
        assert found == drawn([*values, (["main"], 2 * number + 2)]), life
    assert Maintenance(old).step(60)
    assert old.rows(OLD) == []


def test_unacknowledged_uploads_are_not_carried_over(old: ClickHouse, settings: Settings) -> None:
    own = settings_of(settings, old)
    counted = Counted.on(ClickHouseStore(old, LoneWriter(old), own), own)
    with pytest.raises(Killed):
        LoneWriter(Mortal(old, 4)).insert(counted.upload(0))
    migrate.migrate(own)
    assert CarryOver(old).carry(60)
    assert old.rows(NEW_ROWS) == [(0, 0)]


def test_an_upload_is_rolled_back_from_both_layouts(old: ClickHouse, settings: Settings) -> None:
    own = settings_of(settings, old)
    migrate.migrate(own)
    carry_over = CarryOver(old)
    carry_over.begin()
    counted = Counted.on(ClickHouseStore(old, LoneWriter(old), own, carry_over), own)
    counted.send(0)
    for footprint in footprints_of([counted.upload(0)]):
        roll_back(old, footprint)
    tables: Sequence[str] = ("profiles", "samples", "sampled_profiles")
    rows: Callable[[str], Any] = lambda table: old.rows(f"SELECT count() FROM {table}")  # noqa: E731, S608  # the test's own
    assert [rows(table) for table in tables] == [[(0,)]] * 3


def test_a_new_database_has_no_old_layout(clickhouse: ClickHouse) -> None:
    assert clickhouse.rows(OLD) == []
