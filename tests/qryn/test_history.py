"""Profiles imported from a qryn database have qryn's totals, labels, times and stacks, each row once."""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from uuid import uuid4

import pytest
from clickhouse_connect.driver.client import Client

from flamehouse.model.profile import Upload
from flamehouse.settings import Settings
from flamehouse.store import Store
from flamehouse.store.connection.client import ClickHouse, ServerSettings
from flamehouse.store.write.inserts import nothing
from flamehouse.store.write.ledger import enter_uploads
from qryn.comparison import Compared, compare
from qryn.history import Counts, History, Receipt
from qryn.source import Range, Source, open_source
from tests.support.qryn.database import create_qryn, insert
from tests.support.qryn.profiles import DAY_MS, NOON_MS, go_cpu, of_one_type, otlp_row, rows_of_every_kind
from tests.support.qryn.rows import InputRow, input_row
from tests.support.queries.queries import Server
from tools.clickhouse_http.process import ClickHouseServer
from tools.qryn_tables import COLUMNS, Schema, add_trees

ALL = Range(from_ns=0, until_ns=(1 << 63) - 1)
MS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """A qryn database, and the tenant for which it is imported."""

    client: Client
    source: Source
    clickhouse: ClickHouse
    settings: Settings
    tenant: str

    def insert(self, *rows: InputRow, columns: Sequence[str] = COLUMNS) -> None:
        insert(self.client, rows, columns=columns)

    def run(self, within: Range = ALL, sync: Callable[[], None] = nothing) -> Counts:
        """Imports everything in a range."""
        bounds = self.source.bounds(within)
        assert bounds is not None
        receipt = Receipt(tenant=self.tenant, received_ns=time.time_ns())
        history = History(
            source=self.source,
            clickhouse=self.clickhouse,
            settings=self.settings,
            receipt=receipt,
            sync=sync,
        )
        history.run(within, self.source.windows(within, bounds), lambda: None)
        return history.counts

    def compared(self, within: Range = ALL) -> list[Compared]:
        bounds = self.source.bounds(within)
        assert bounds is not None
        windows = self.source.windows(within, bounds)
        return compare(self.source, self.clickhouse, self.tenant, within, windows)

    def rows(self, table: str = "sampled_profiles") -> int:
        """Returns the number of the tenant's rows in a table."""
        sql = f"SELECT count() FROM {table} WHERE tenant = {{tenant:String}}"  # noqa: S608  # of this test's
        [(count,)] = self.clickhouse.rows(sql, {"tenant": self.tenant})
        return int(count)


type Make = Callable[[Schema], Migration]


@pytest.fixture
def make(
    qryn_server: ClickHouseServer, clickhouse: ClickHouse, store: Store, settings: Settings, tenant: str
) -> Make:
    assert store

    def made(schema: Schema) -> Migration:
        database = f"qryn_{uuid4().hex}"
        client = create_qryn(qryn_server, database, schema)
        of_source = Settings(clickhouse_dsn=qryn_server.dsn, clickhouse_database=database)
        return Migration(
            client=client,
            source=open_source(ClickHouse(of_source), database),
            clickhouse=clickhouse,
            settings=settings,
            tenant=tenant,
        )

    return made


@pytest.fixture
def migration(make: Make) -> Migration:
    return make(Schema.TREES)


def differing(compared: Sequence[Compared]) -> list[Compared]:
    return [each for each in compared if each.differs]


def test_profiles_of_every_writer_have_the_same_totals_labels_and_stacks_as_in_qryn(
    migration: Migration, store: Store, settings: Settings
) -> None:
    rows = rows_of_every_kind()
    migration.insert(*rows)
    assert migration.run() == Counts(read=len(rows), stored=len(rows))
    compared = migration.compared()
    assert not differing(compared)
    assert {(each.key.service, each.key.profile_type): each.ours for each in compared} == {
        (service, type_): value
        for service in (
            *(
                "go",
                "push",
                "unreadable",
                "without payload",
                "another payload",
                "without a tree",
                "in seconds",
            ),
            *("unknown_service", "tags", "jfr"),
        )
        for type_, value in (
            ("process_cpu:samples:count:cpu:nanoseconds", 2),
            ("process_cpu:cpu:nanoseconds:cpu:nanoseconds", 20_000_000),
        )
    } | {
        ("memory", "memory:alloc_objects:count:space:bytes"): 2,
        ("memory", "memory:alloc_space:bytes:space:bytes"): 4_096,
        ("goroutines", "goroutines:goroutine:count:goroutine:count"): 7,
        ("threads", "threadcreate:threadcreate:count:threadcreate:count"): 7,
        ("otlp", "samples:samples:count:cpu:nanoseconds"): 3,
    }

    server = Server.on(store, settings, migration.tenant)
    within = (NOON_MS - 1_000, NOON_MS + 1_000)
    assert server.label_names(*within, '{service_name="tags"}') == [
        *("dotted.name", "empty", "quoted", "service_name", "twice")
    ]
    assert server.label_values(*within, "twice") == ["2"]
    assert server.label_values(*within, "region", '{service_name="go"}') == ["eu"]
    assert server.label_names(*within, '{service_name="push"}') == ["a", "b", "service_name"]
    for service in ("go", "push", "unreadable", "without payload", "another payload", "in seconds", "jfr"):
        selves = server.selves(*within, selector=f'{{service_name="{service}"}}')
        assert selves == {"b": 10_000_000, "c": 10_000_000}, service
    count = "samples:samples:count:cpu:nanoseconds"
    assert server.selves(*within, selector='{service_name="otlp"}', type_=count) == {"work": 3}


def test_a_repeated_import_stores_nothing(migration: Migration) -> None:
    rows = [input_row(go_cpu(NOON_MS + at), "shop") for at in range(10)]
    migration.insert(*rows[:6])
    assert migration.run() == Counts(read=6, stored=6)
    migration.insert(*rows[6:])
    assert migration.run() == Counts(read=10, stored=4, stored_before=6)
    assert migration.rows() == 20
    assert not differing(migration.compared())


def test_an_import_interrupted_within_a_batch_stores_nothing_twice(
    migration: Migration, monkeypatch: pytest.MonkeyPatch
) -> None:
    migration.insert(*(input_row(go_cpu(NOON_MS + at), "shop") for at in range(900)))
    batches = iter([True, False, *[True] * 10])

    def killed(clickhouse: ClickHouse, uploads: Sequence[Upload], settings: ServerSettings) -> None:
        if not next(batches):
            raise KeyboardInterrupt
        enter_uploads(clickhouse, uploads, settings)

    monkeypatch.setattr("flamehouse.store.write.token_inserts.enter_uploads", killed)
    with pytest.raises(KeyboardInterrupt):
        migration.run()
    assert migration.rows() == 1_600, "the second batch is stored, and not in the ledger"
    assert migration.run() == Counts(read=900, stored=500, stored_before=400)
    assert migration.rows() == 1_800
    assert not differing(migration.compared())


def test_profiles_are_on_disk_before_the_ledger_has_them(migration: Migration) -> None:
    migration.insert(*(input_row(go_cpu(NOON_MS + at), "shop") for at in range(900)))
    found: list[tuple[int, int]] = []

    def sync() -> None:
        found.append((migration.rows(), migration.rows("uploads")))
        if len(found) == 2:
            raise OSError("the power fails")

    with pytest.raises(OSError, match="the power fails"):
        migration.run(sync=sync)
    assert found == [(800, 0), (1_600, 400)]
    assert migration.run(sync=sync) == Counts(read=900, stored=500, stored_before=400)
    assert found[2:] == [(1_600, 400), (1_800, 800)]
    assert not differing(migration.compared())


def test_rows_that_qryn_stored_twice_are_one_profile(migration: Migration) -> None:
    row = input_row(go_cpu(), "shop")
    migration.insert(row, row, input_row(go_cpu(value=2), "shop"))
    migration.insert(row)
    assert migration.run() == Counts(read=4, stored=2, stored_before=2)
    assert [(each.theirs, each.repeated, each.ours) for each in migration.compared()] == [
        (60_000_000, 40_000_000, 60_000_000),
        (6, 4, 6),
    ]


def test_every_version_of_the_schema_is_read(make: Make) -> None:
    first = make(Schema.FIRST)
    row = input_row(go_cpu(), "first")
    first.insert(row[:11], columns=COLUMNS[:11])
    assert first.run() == Counts(read=1, stored=1)
    add_trees(first.client)
    first.insert(input_row(go_cpu(), "upgraded", payload=b""))
    upgraded = Migration(
        client=first.client,
        source=open_source(first.source.clickhouse, "first"),
        clickhouse=first.clickhouse,
        settings=first.settings,
        tenant=first.tenant,
    )
    assert upgraded.run() == Counts(read=2, stored=1, stored_before=1)

    cluster = make(Schema.CLUSTER)
    assert cluster.source.profiles == "profiles_dist"
    cluster.insert(input_row(go_cpu(), "clustered", [("env", "prod")]))
    assert cluster.run() == Counts(read=1, stored=1)
    assert not differing(cluster.compared(Range(from_ns=0, until_ns=ALL.until_ns, services=("clustered",))))


def test_unreadable_rows_are_counted_by_reason_and_as_a_difference(migration: Migration) -> None:
    migration.insert(
        input_row(go_cpu(), "good"),
        input_row(go_cpu(), "broken", payload=b"no pprof", tree=[], functions=[]),
        input_row(go_cpu(), "timeless", timestamp_ns=0),
        input_row(go_cpu(), "colons", [(f"label {number}", "x") for number in range(200)]),
        input_row(go_cpu(), "loop", payload=b"", tree=[(2, 1, 1, [("samples:count", 1, 1)]), (1, 1, 2, [])]),
        input_row(of_one_type("goroutine"), "kind", payload_type="xml", tree=[], functions=[]),
    )
    counts = migration.run()
    assert (counts.read, counts.stored, counts.rejected.total()) == (6, 1, 5)
    reasons = " ".join(sorted(counts.rejected))
    for words in (
        "the profile is not a pprof message",
        "has no time (timestamp_ns is 0)",
        "MAX_LABEL_NAMES",
        "of the tree is its own ancestor",
        "unknown payload_type 'xml'",
    ):
        assert words in reasons
    assert {each.key.service for each in differing(migration.compared())} == {
        *("broken", "timeless", "colons", "loop", "kind")
    }


def test_a_range_and_services_limit_the_import(migration: Migration) -> None:
    services = ("shop", "cart")
    days = (NOON_MS - DAY_MS, NOON_MS, NOON_MS + DAY_MS)
    migration.insert(*(input_row(go_cpu(at), service) for service in services for at in days))
    migration.insert(input_row(go_cpu(), "shop", timestamp_ns=NOON_MS // 1_000))
    within = Range(from_ns=NOON_MS * MS, until_ns=(NOON_MS + DAY_MS) * MS, services=("shop",))
    assert migration.run(within) == Counts(read=2, stored=2)
    assert [(each.key.service, each.theirs) for each in migration.compared(within)] == [
        ("shop", 40_000_000),
        ("shop", 4),
    ]
    assert migration.run() == Counts(read=7, stored=5, stored_before=2)


def test_windows_cover_every_row_once_and_are_bounded(
    migration: Migration, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qryn.source._MAX_WINDOW_ROWS", 20)
    chosen = random.Random(5)
    times = [NOON_MS + chosen.choice((1, 3_600_000)) * chosen.randrange(60) for _ in range(300)]
    migration.insert(
        *(input_row(go_cpu(at, value=n + 1), "shop") for n, at in enumerate([*times, *[NOON_MS] * 30]))
    )
    bounds = migration.source.bounds(ALL)
    assert bounds is not None
    windows = [*migration.source.windows(ALL, bounds)]
    assert sum(window.rows for window in windows) == bounds.rows == 330
    assert [window for window in windows if window.rows > 20 and window.last - window.first >= MS] == []
    assert all(one.last < other.first for one, other in pairwise(windows))
    assert [len(migration.source.rows(ALL, window)) for window in windows] == [each.rows for each in windows]


def test_otlp_rows_have_files_and_lines(migration: Migration) -> None:
    migration.insert(otlp_row("otlp"))
    migration.run()
    sql = "SELECT DISTINCT filename FROM functions WHERE service = 'otlp' AND tenant = {tenant:String}"
    assert migration.clickhouse.rows(sql, {"tenant": migration.tenant}) == [("app.c",)]
