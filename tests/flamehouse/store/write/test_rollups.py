"""Roll-ups change no result: with late, repeated or deleted profiles, and maintenance killed at any step."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from flamehouse.model.profile import Upload
from flamehouse.settings import Settings
from flamehouse.store.clickhouse_store import ClickHouseStore
from flamehouse.store.connection.client import ClickHouse
from flamehouse.store.schema.migrate import migrate
from flamehouse.store.write.rollback import footprints_of, roll_back
from flamehouse.store.write.rollups import Rollups
from flamehouse.store.write.writer import LoneWriter
from tests.support.queries.queries import Server, drawn, new_tenant, some_monday_ms
from tests.support.servers.doubles import CannedStore
from tests.support.servers.faults import Killed, Mortal
from tests.support.uploads.profiles import labels_of, pprof_of, sample
from tests.support.uploads.uploads import series

pytestmark = pytest.mark.parametrize("place", ["embedded"], indirect=True, scope="session")

HOUR = 3_600_000
HOURS = 4
LARGEST = (1 << 63) - 1

ROLLUPS = """
SELECT dateDiff('hour', toDateTime({monday:UInt32}, 'UTC'), hour), profiles, arraySum(values)
FROM rollups
WHERE tenant = {tenant:String}
ORDER BY ALL
"""
TAMPER = """
INSERT INTO rollups
SELECT * REPLACE (arrayMap(value -> value + 100, values) AS values, made + 1 AS made, profiles + {more:Int8} AS profiles)
FROM rollups
WHERE tenant = {tenant:String}
"""


@pytest.fixture(scope="module")
def rolling(settings: Settings, clickhouse: ClickHouse) -> Iterator[ClickHouse]:  # noqa: ARG001  # merges stop before
    """A separate database with merges, which deletions of single rows need."""
    own = replace(settings, clickhouse_database="rolling")
    migrate(own)
    rolling = ClickHouse(own)
    yield rolling
    rolling.close()


@dataclass(kw_only=True)
class Tenant:
    """A tenant's profiles by number: those that are stored, and the expected results of queries."""

    clickhouse: ClickHouse
    server: Server
    settings: Settings
    monday: int = field(default_factory=some_monday_ms)
    stored: dict[int, int] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.server.client.tenant

    def upload(self, number: int, value: int = 1) -> Upload:
        """Returns the upload of a profile in one of four hours, of one of two series."""
        store = CannedStore(retention=0)
        stack = ["main", "abc"[number % 3]]
        pprof = pprof_of([sample(stack, value)], time_ms=self.monday + number % HOURS * HOUR + number)
        labels = labels_of(pod="pq"[number % 2])
        Server.on(store, Settings(retention_days=0), self.name).push(series(labels, pprof))
        ((_, upload),) = store.calls
        assert isinstance(upload, Upload)
        return upload

    def store(self, number: int, value: int = 1) -> None:
        LoneWriter(self.clickhouse).insert(self.upload(number, value))
        self.stored[number] = value

    def delete(self, number: int) -> None:
        for footprint in footprints_of([self.upload(number, self.stored.pop(number, 1))]):
            roll_back(self.clickhouse, footprint)

    def check(self) -> None:
        """Checks that queries over whole hours and over parts of them return the stored profiles."""
        for start, end in ((0, HOURS * HOUR), (1, HOURS * HOUR - 1)):
            inside = [
                (["main", "abc"[number % 3]], value)
                for number, value in self.stored.items()
                if start <= number % HOURS * HOUR + number < end
            ]
            found = self.server.flamegraph(self.monday + start, self.monday + end)
            assert found == drawn(inside), (start, end, self.stored)

    def rollups(self) -> Sequence[tuple[int, int, int]]:
        parameters = {"tenant": self.name, "monday": self.monday // 1_000}
        return [
            (hour, profiles, total) for hour, profiles, total in self.clickhouse.rows(ROLLUPS, parameters)
        ]


@pytest.fixture
def tenant_of(rolling: ClickHouse, settings: Settings) -> Tenant:
    return new(rolling, settings)


def new(clickhouse: ClickHouse, settings: Settings) -> Tenant:
    store = ClickHouseStore(clickhouse, LoneWriter(clickhouse), settings)
    return Tenant(clickhouse=clickhouse, server=Server.on(store, settings, new_tenant()), settings=settings)


def roll_up(clickhouse: ClickHouse) -> None:
    assert Rollups(clickhouse).step(60)


def test_an_hour_of_a_series_is_rolled_up_once_it_is_closed(tenant_of: Tenant) -> None:
    for number in (0, 4, 8, 1):
        tenant_of.store(number, 10)
    end_of_first = tenant_of.monday // 1_000 + 3_600
    for clock, expected in (
        (end_of_first + 299, []),
        (end_of_first + 300, [(0, 3, 30)]),
        (end_of_first + 3_900, [(0, 3, 30), (1, 1, 10)]),
    ):
        assert Rollups(tenant_of.clickhouse, partial(float, clock)).step(60)
        assert tenant_of.rollups() == expected
    tenant_of.check()


@pytest.mark.parametrize(("more", "used"), [(0, True), (1, False)])
def test_a_rollup_is_used_if_it_covers_exactly_the_stored_profiles(
    tenant_of: Tenant, more: int, used: bool
) -> None:
    tenant_of.store(0, 10)
    roll_up(tenant_of.clickhouse)
    tenant_of.clickhouse.command(TAMPER, {"tenant": tenant_of.name, "more": more})
    tenant_of.clickhouse.command("OPTIMIZE TABLE rollups FINAL")
    monday = tenant_of.monday
    found = tenant_of.server.flamegraph(monday, monday + 2 * HOUR)
    assert found.total == (110 if used else 10)
    # Another half-hour is read from profiles.
    assert tenant_of.server.flamegraph(monday + 1, monday + 2 * HOUR).total == 0


def test_an_hour_that_adds_up_to_more_than_64_bits_has_no_rollup(tenant_of: Tenant) -> None:
    for number in (0, 12):
        tenant_of.store(number, LARGEST)
    tenant_of.store(1, 5)
    roll_up(tenant_of.clickhouse)
    assert tenant_of.rollups() == [(1, 1, 5)]
    response = tenant_of.server.call(
        "SelectMergeStacktraces",
        profile_typeID="process_cpu:cpu:nanoseconds:cpu:nanoseconds",
        label_selector="{}",
        start=tenant_of.monday,
        end=tenant_of.monday + 2 * HOUR,
    )
    assert response.json()["code"] == "out_of_range"


def test_maintenance_killed_at_any_step_changes_no_result(tenant_of: Tenant) -> None:
    for life in count():
        tenant_of.store(life)
        tenant_of.store(100 + life, 3)
        try:
            assert Rollups(Mortal(tenant_of.clickhouse, life)).step(60)
        except Killed:
            tenant_of.check()
            continue
        break
    assert life > 4
    tenant_of.check()
    roll_up(tenant_of.clickhouse)
    assert {hour for hour, *_ in tenant_of.rollups()} == {*range(HOURS)}


NUMBERS = st.integers(0, 11)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["store", "delete"]), NUMBERS),
        st.tuples(st.sampled_from(["roll up", "merge"]), st.just(0)),
    ),
    max_size=8,
)


@examples(max_examples=6)
@given(steps=STEPS)
def test_late_repeated_and_deleted_profiles_count_correctly(
    rolling: ClickHouse, settings: Settings, steps: Sequence[tuple[str, int]]
) -> None:
    tenant = new(rolling, settings)
    for step, number in steps:
        match step:
            case "store" if tenant.stored.get(number):
                tenant.store(number, tenant.stored[number])
            case "store":
                # A deleted upload's token is known, so its retry is another upload.
                tenant.store(number, 1 + len(steps) + steps.index((step, number)))
            case "delete":
                tenant.delete(number)
            case "roll up":
                roll_up(rolling)
                tenant.check()
            case _:
                rolling.command("OPTIMIZE TABLE rollups FINAL")
    tenant.check()
