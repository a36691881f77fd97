"""Rows that qryn's collector inserts into flamehouse's database become profiles, each once."""

import time
from collections.abc import Callable, Iterator, Sized
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from pathlib import Path
from threading import Semaphore
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from flamehouse.services import Services
from flamehouse.settings import Settings
from flamehouse.store.clickhouse_store import open_store
from flamehouse.store.connection.client import ClickHouse
from qryn.input import Input
from tests.support.qryn.database import connected, insert
from tests.support.qryn.profiles import NOON_MS, go_cpu, rows_of_every_kind
from tests.support.qryn.rows import input_row
from tests.support.queries.queries import new_tenant
from tests.support.servers.command import flamehouse
from tests.support.servers.faults import POISONED
from tests.support.servers.local_server import running, start
from tools.clickhouse_http.process import ClickHouseServer, clickhouse_server
from tools.qryn_tables import COLUMNS

TYPES = {
    "timestamp_ns": "UInt64",
    "type": "LowCardinality(String)",
    "service_name": "LowCardinality(String)",
    "sample_types_units": "Array(Tuple(String, String))",
    "period_type": "LowCardinality(String)",
    "period_unit": "LowCardinality(String)",
    "tags": "Array(Tuple(String, String))",
    "duration_ns": "UInt64",
    "payload_type": "LowCardinality(String)",
    "payload": "String",
    "values_agg": "Array(Tuple(String, Int64, Int32))",
    "tree": "Array(Tuple(UInt64, UInt64, UInt64, Array(Tuple(String, Int64, Int64))))",
    "functions": "Array(Tuple(UInt64, String))",
}
"""The columns of `profiles_input` in order, from ../shared/reference/qryn.md, section 1.1."""
WAIT_S = 60
WRITERS = 100


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseServer]:
    """A ClickHouse server whose database accepts rows of the collector."""
    with clickhouse_server(tmp_path_factory.mktemp("input")) as running_server:
        for _ in range(2):
            migrated = flamehouse("migrate", "--qryn-input", CLICKHOUSE_DSN=running_server.dsn)
            assert migrated.returncode == 0, migrated.stderr
        yield running_server


@pytest.fixture
def collector(server: ClickHouseServer) -> Iterator[Client]:
    """A client of the database, with empty tables for the collector."""
    client = connected(server, "flamehouse")
    for table in ("qryn_rows", "qryn_rejected"):
        client.command(f"TRUNCATE TABLE {table}")
    yield client
    client.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumer:
    """Processes the rows as a flamehouse process does, for a new tenant."""

    input: Input
    clickhouse: ClickHouse

    def totals(self) -> dict[str, int]:
        """Returns the totals of CPU time by service."""
        return totals_of(self.clickhouse, self.input.tenant)


@pytest.fixture
def consumer(server: ClickHouseServer) -> Iterator[Consumer]:
    settings = Settings(clickhouse_dsn=server.dsn)
    clickhouse, store = ClickHouse(settings), open_store(settings)
    services = Services(settings=settings, store=store)
    yield Consumer(
        input=Input(clickhouse=clickhouse, services=services, tenant=new_tenant()), clickhouse=clickhouse
    )
    store.close()
    clickhouse.close()


def totals_of(clickhouse: ClickHouse, tenant: str) -> dict[str, int]:
    sql = """
        SELECT service, sum(total) FROM sampled_profiles
        WHERE tenant = {tenant:String} AND profile_type NOT LIKE '%:samples:count:%' GROUP BY service
    """
    return {service: int(total) for service, total in clickhouse.rows(sql, {"tenant": tenant})}


def wait_until(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.05)


def has_length(items: Sized, least: int) -> bool:
    return len(items) >= least


def left(client: Client, table: str = "qryn_rows") -> int:
    count: int = client.query(f"SELECT count() FROM {table}").result_rows[0][0]  # noqa: S608  # of this test's
    return count


def test_the_input_has_the_columns_that_the_collector_inserts_by_position(collector: Client) -> None:
    described = collector.query("DESCRIBE TABLE profiles_input").result_rows
    assert [(row[0], row[1]) for row in described] == [*TYPES.items()]
    assert [*TYPES] == [*COLUMNS]


def test_a_native_block_without_a_column_list_is_inserted(collector: Client, consumer: Consumer) -> None:
    insert(collector, [input_row(go_cpu(), "native", [("env", "prod")])])
    block = collector.raw_query(f"SELECT {', '.join(COLUMNS)} FROM qryn_rows", fmt="Native")  # noqa: S608
    collector.command("TRUNCATE TABLE qryn_rows")
    collector.raw_insert("profiles_input", insert_block=block, fmt="Native")
    assert left(collector) == 1
    assert consumer.input.step(30)
    assert consumer.totals() == {"native": 20_000_000}


def test_rows_of_every_writer_become_profiles_and_are_deleted(collector: Client, consumer: Consumer) -> None:
    rows = rows_of_every_kind()
    insert(collector, rows)
    assert consumer.input.step(60)
    stored = consumer.totals()
    assert len(stored) == len(rows) - 1, "OTLP counts samples"
    assert {stored[service] for service in ("go", "push", "unreadable", "in seconds", "jfr")} == {20_000_000}
    assert (left(collector), left(collector, "qryn_rejected")) == (0, 0)


def test_a_batch_that_the_collector_repeats_is_stored_once(collector: Client, consumer: Consumer) -> None:
    rows = [input_row(go_cpu(NOON_MS + at), "again", [("a", "1"), ("b", "2")]) for at in range(5)]
    shuffled = [[*row[:6], [*reversed(row[6])], *row[7:]] for row in rows]
    insert(collector, rows)
    insert(collector, shuffled)
    assert consumer.input.step(60)
    insert(collector, rows)
    assert consumer.input.step(60)
    assert consumer.totals() == {"again": 5 * 20_000_000}
    assert left(collector) == 0


def test_several_processes_store_the_same_rows_once(collector: Client, consumer: Consumer) -> None:
    other = replace(consumer.input)
    insert(collector, [input_row(go_cpu(NOON_MS + at), "shared") for at in range(20)])
    with ThreadPoolExecutor(2) as threads:
        assert [*threads.map(lambda input_: input_.step(60), (consumer.input, other))]
    assert consumer.totals() == {"shared": 20 * 20_000_000}
    assert left(collector) == 0


def test_a_step_that_runs_out_of_time_is_continued_by_the_next(
    collector: Client, consumer: Consumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert(collector, [input_row(go_cpu(NOON_MS + at), "long") for at in range(6)])
    clock = count()
    monkeypatch.setattr("qryn.input._CHUNK_ROWS", 2)
    monkeypatch.setattr("qryn.input.monotonic", lambda: next(clock))
    for stored in (4, 6):
        assert consumer.input.step(2) == (stored == 6)
        assert consumer.totals() == {"long": stored * 20_000_000}
    assert left(collector) == 0


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"payload": b"no pprof", "tree": [], "functions": []}, "the profile is not a pprof message"),
        ({"payload_type": "xml", "tree": [], "functions": []}, "unknown payload_type 'xml'"),
        ({"timestamp_ns": 2**64 - 1}, "is after the year 2262"),
        ({"timestamp_ns": 10**18}, "outside of ingestion window"),
        ({"period_type": b"\xff"}, "is not UTF-8"),
        ({"tags": [("a", b"\xff")]}, "invalid label value"),
    ],
)
def test_a_poisoned_upload_is_quarantined_with_its_reason(
    changed: dict[str, Any], reason: str, collector: Client, consumer: Consumer
) -> None:
    poison = input_row(go_cpu(), "poison", **changed)
    insert(collector, [poison])
    insert(collector, [input_row(go_cpu(), "good")])
    assert consumer.input.step(60)
    assert consumer.totals() == {"good": 20_000_000}
    assert left(collector) == 0
    [(found, service)] = collector.query("SELECT reason, service_name FROM qryn_rejected").result_rows
    assert service == "poison"
    assert reason in found


def test_rows_wait_while_clickhouse_does_not_accept_profiles(collector: Client, consumer: Consumer) -> None:
    insert(collector, [input_row(go_cpu(), "waits")])
    collector.command("RENAME TABLE ingest TO ingest_away")
    try:
        for _ in range(7):
            assert not consumer.input.step(10)
    finally:
        collector.command("RENAME TABLE ingest_away TO ingest")
    assert left(collector) == 1
    assert consumer.input.step(60)
    assert (consumer.totals(), left(collector)) == ({"waits": 20_000_000}, 0)


def test_an_upload_that_clickhouse_rejects_is_quarantined_after_five_attempts(
    collector: Client, consumer: Consumer
) -> None:
    collector.command(
        f"CREATE MATERIALIZED VIEW poison ENGINE = Null AS SELECT throwIf(CAST(service, 'String') = '{POISONED}') AS fails FROM ingest"  # noqa: S608
    )
    try:
        for number in range(5):
            insert(collector, [input_row(go_cpu(), POISONED), input_row(go_cpu(NOON_MS + number), "good")])
            assert not consumer.input.step(60)
        assert consumer.input.step(60)
    finally:
        collector.command("DROP TABLE poison")
    assert consumer.totals() == {"good": 5 * 20_000_000}
    reasons = collector.query("SELECT DISTINCT reason, service_name FROM qryn_rejected").result_rows
    assert reasons == [("ClickHouse rejected the profile 5 times", POISONED)]
    assert left(collector) == 0


def test_servers_killed_while_a_hundred_writers_insert_store_every_row_once(
    server: ClickHouseServer, collector: Client, consumer: Consumer, tmp_path: Path
) -> None:
    tenant = new_tenant()
    environ = {"CLICKHOUSE_DSN": server.dsn, "QRYN_INPUT_TENANT": tenant}
    turns, inserted = Semaphore(0), list[int]()

    def write(number: int) -> None:
        row = input_row(go_cpu(NOON_MS + number), f"writer-{number % 10}")
        with connected(server, "flamehouse") as client:
            for _ in range(2):
                turns.acquire()
                insert(client, [row])
                inserted.append(number)

    with ThreadPoolExecutor(WRITERS) as writers, ExitStack() as at_end:
        at_end.callback(turns.release, 2 * WRITERS)
        written = [writers.submit(write, number) for number in range(WRITERS)]
        for killed_after in (20, 90):
            with running(tmp_path, **environ) as killed:
                turns.release(70)
                wait_until(partial(has_length, inserted, killed_after))
                killed.process.kill()
        with running(tmp_path, **environ) as last:
            turns.release(60)
            for each in written:
                each.result()
            wait_until(lambda: left(collector) == 0)
            assert last.stop() == 0
    assert len(inserted) == 2 * WRITERS
    assert totals_of(consumer.clickhouse, tenant) == {f"writer-{n}": 10 * 20_000_000 for n in range(10)}


def test_an_embedded_clickhouse_accepts_no_rows_of_a_collector(tmp_path: Path) -> None:
    run = flamehouse("migrate", "--qryn-input", CLICKHOUSE_DSN=f"chdb://{tmp_path}")
    assert (run.returncode, run.stderr.count("\n")) == (1, 1)
    assert "a collector cannot insert into a data folder" in run.stderr


def test_an_invalid_tenant_prevents_the_start(server: ClickHouseServer, tmp_path: Path) -> None:
    with start(tmp_path, CLICKHOUSE_DSN=server.dsn, QRYN_INPUT_TENANT="a b") as process:
        _, words = process.communicate(timeout=WAIT_S)
    assert process.returncode == 1
    assert "invalid QRYN_INPUT_TENANT 'a b'" in words
