"""The fault matrix: in every mode and with every fault, an upload with a 200 is stored once, and none is stored twice.

docs/s3.md has the status of each cell; the tests read it from there.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from typing import Final, NamedTuple

import pytest

import flamehouse.blobs
from flamehouse.aws.objects import ObjectStorage
from flamehouse.blobs import storage_of
from flamehouse.settings import DIRECT, FALLBACK, STAGED, Settings
from flamehouse.store.clickhouse_store import ClickHouseStore, open_store
from flamehouse.store.connection.client import ClickHouse
from flamehouse.store.write.writer import LoneWriter
from ingest import worker
from ingest.objects import staged
from tests.support.servers.faults import Killed, Mortal, MortalStorage
from tests.support.servers.place import REPO
from tests.support.servers.scripted import closed_port
from tests.support.servers.staging import Staging, messages_of, new_blobs
from tests.support.uploads.counted import Counted
from tools.aws import LocalAws, LocalBucket, LocalQueue
from tools.clickhouse_http.faults import Fault, FaultyClickHouse, faulty

pytestmark = pytest.mark.parametrize("place", ["server"], indirect=True, scope="session")


class Trouble(NamedTuple):
    """The fault of ClickHouse, whether the bucket is down, and whether uploads are to be retained."""

    fault: Fault = Fault.NONE
    without_bucket: bool = False
    keeps: bool = False


FAULTS: Final[Mapping[str, Trouble]] = {
    "none": Trouble(),
    "ClickHouse is down": Trouble(Fault.DOWN),
    "ClickHouse does not respond": Trouble(Fault.SLOW),
    "ClickHouse Cloud responds with 503 while it wakes": Trouble(Fault.WAKING),
    "the connection is reset before the INSERT": Trouble(Fault.RESET_BEFORE),
    "the connection is reset after the INSERT": Trouble(Fault.RESET_AFTER),
    "the password is wrong": Trouble(Fault.WRONG_PASSWORD),
    "a table has too many parts": Trouble(Fault.TOO_MANY_PARTS),
    "the bucket is down": Trouble(without_bucket=True),
    "ClickHouse and the bucket are down": Trouble(Fault.DOWN, without_bucket=True),
    "none, with `KeepBlobs`": Trouble(keeps=True),
    "ClickHouse is down, with `KeepBlobs`": Trouble(Fault.DOWN, keeps=True),
    "the connection is reset after the INSERT, with `KeepBlobs`": Trouble(Fault.RESET_AFTER, keeps=True),
    "the bucket is down, with `KeepBlobs`": Trouble(without_bucket=True, keeps=True),
}
MODES: Final = (DIRECT, FALLBACK, STAGED)
_ROW: Final = re.compile(r"^\| ([^|]+) \| (\d+) \| (\d+) \| (\d+) \|$", re.MULTILINE)
STATUSES: Final = {
    (mode, fault): int(status)
    for fault, *statuses in _ROW.findall((REPO / "docs/s3.md").read_text())
    for mode, status in zip(MODES, statuses, strict=True)
}
_OF_INSERTS: Final = (
    "the connection is reset before the INSERT",
    "the connection is reset after the INSERT",
    "a table has too many parts",
)
CELLS: Final = [
    *((mode, fault, False) for mode, fault in STATUSES),
    *((mode, fault, True) for mode in MODES for fault in _OF_INSERTS),
]
"""The mode, the fault, and whether it affects INSERTs alone."""
_WORKER_HALF_CALLS: Final = {False: 24, True: 26}
"""The steps of a worker with one upload: read the object and the tenant's limits, query the ledger and the deletions, insert
symbols and profiles of two weeks, write the ledger, retain the upload if configured, delete the object, read the
limits to publish. The worker may be killed before and after each."""


_STORED: Final = """
SELECT count(), uniqExact(profile_id), uniqExact(upload_id),
    (SELECT uniqExact(upload_id) FROM uploads WHERE tenant = {tenant:String})
FROM sampled_profiles
WHERE tenant = {tenant:String}
"""


def _cell_name(cell: tuple[str, str, bool]) -> str:
    mode, fault, inserts_alone = cell
    return f"{mode}, {fault}{' (INSERTs only)' if inserts_alone else ''}"


@pytest.fixture(scope="module")
def proxy(settings: Settings) -> Iterator[FaultyClickHouse]:
    port = int(settings.clickhouse_dsn.rpartition(":")[2])
    with faulty(port) as running:
        yield running


@pytest.fixture(scope="module")
def all_blobs(_aws: LocalAws) -> tuple[LocalBucket, LocalQueue]:
    return new_blobs(_aws)


@pytest.fixture
def blobs(all_blobs: tuple[LocalBucket, LocalQueue]) -> tuple[LocalBucket, LocalQueue]:
    """An empty bucket and its queue. AWS clients are slow to create, so the module shares them."""
    bucket, queue = all_blobs
    for key in bucket.objects():
        bucket.client.delete_object(Bucket=bucket.name, Key=key)
    while records := queue.receive():
        queue.settle(records, b'{"batchItemFailures": []}')
    return all_blobs


@pytest.fixture
def behind(proxy: FaultyClickHouse, settings: Settings) -> Iterator[ClickHouseStore]:
    """Returns a store of a new process, behind the proxy."""
    store = open_store(through_proxy(proxy, settings))
    yield store
    proxy.fault, proxy.inserts_alone = Fault.NONE, False
    store.close()


@pytest.fixture
def impatient(proxy: FaultyClickHouse, settings: Settings) -> Iterator[ClickHouseStore]:
    """Returns the store of a process that waits one second for a response, for faults that send none."""
    store = open_store(replace(through_proxy(proxy, settings), query_timeout_s=1))
    yield store
    store.close()


@pytest.fixture
def staged_in(
    aws: LocalAws, blobs: tuple[LocalBucket, LocalQueue], behind: ClickHouseStore, settings: Settings
) -> Callable[[str], Staging]:
    """Returns a deployment behind the proxy, in the given mode."""
    return lambda mode: Staging.on(aws, behind, settings, mode, blobs)


@pytest.fixture
def counted(store: ClickHouseStore, settings: Settings) -> Counted:
    """Uploads, counted without the proxy."""
    return Counted.on(store, settings)


def through_proxy(proxy: FaultyClickHouse, settings: Settings) -> Settings:
    return replace(settings, clickhouse_dsn=f"{settings.clickhouse_dsn.rpartition(':')[0]}:{proxy.port}")


def stored(clickhouse: ClickHouse, counted: Counted) -> int:
    """Returns the number of the tenant's stored uploads: each has a profile in each of two weeks, with its own id."""
    tenant = {"tenant": counted.server.client.tenant}
    [(rows, ids, uploads, in_ledger)] = clickhouse.rows(_STORED, tenant)
    assert rows == ids == 2 * uploads
    assert in_ledger == uploads
    return int(uploads)


def retaining(staging: Staging, *, keeps: bool) -> Staging:
    """Returns the same deployment, with or without KeepBlobs."""
    settings = replace(staging.services.settings, keep_blobs=str(keeps).lower())
    return replace(staging, services=replace(staging.services, settings=settings))


def prefixes(staging: Staging) -> list[str]:
    """Returns the prefixes of the objects in the bucket."""
    return [key.partition("/")[0] for key in staging.keys("")]


def bucket_down(staging: Staging, port: int) -> Staging:
    """Returns the same deployment with an unreachable bucket."""
    unreachable = replace(staging.services.settings, aws_endpoint_url_s3=f"http://127.0.0.1:{port}")
    return replace(staging, services=replace(staging.services, settings=unreachable))


@pytest.mark.usefixtures("settings")
def test_the_documented_table_has_every_mode_and_fault() -> None:
    assert STATUSES.keys() == {(mode, fault) for mode in MODES for fault in FAULTS}


@pytest.mark.parametrize("cell", CELLS, ids=_cell_name)
def test_acknowledged_uploads_are_stored_once(
    staged_in: Callable[[str], Staging],
    impatient: ClickHouseStore,
    proxy: FaultyClickHouse,
    clickhouse: ClickHouse,
    counted: Counted,
    cell: tuple[str, str, bool],
) -> None:
    mode, fault, inserts_alone = cell
    trouble = FAULTS[fault]
    staging = retaining(staged_in(mode), keeps=trouble.keeps)
    tenant = counted.server.client.tenant
    with ExitStack() as around:
        proxy.fault, proxy.inserts_alone = trouble.fault, inserts_alone
        there = staging.through(impatient) if trouble.fault is Fault.SLOW else staging
        there = bucket_down(there, around.enter_context(closed_port())) if trouble.without_bucket else there
        statuses = [counted.through(there.server(tenant)).send(number) for number in range(2)]
        assert statuses == [STATUSES[mode, fault]] * 2
        if fault != "ClickHouse does not respond":
            staging.work_once()
    proxy.fault = Fault.NONE
    # The client did not receive the first response, and retries unacknowledged uploads.
    assert counted.through(staging.server(tenant)).send(0) == 200
    if statuses[1] != 200:
        assert counted.through(staging.server(tenant)).send(1) == 200
    staging.drain()
    assert stored(clickhouse, counted) == 2
    assert prefixes(staging) == ["kept"] * (2 * trouble.keeps)


@pytest.mark.parametrize(
    ("keeps", "life"),
    [(keeps, life) for keeps, most in _WORKER_HALF_CALLS.items() for life in range(most + 1)],
)
def test_a_worker_killed_between_any_two_steps_loses_and_duplicates_nothing(
    staged_in: Callable[[str], Staging],
    clickhouse: ClickHouse,
    counted: Counted,
    keeps: bool,  # a parameter of the test
    life: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    staging = retaining(staged_in(STAGED), keeps=keeps)
    through = counted.through(staging.server(counted.server.client.tenant))
    assert through.send(0) == 200
    mortal = Mortal(clickhouse, life)
    dying = staging.through(ClickHouseStore(mortal, LoneWriter(mortal), Settings(max_series_per_day=0)))

    def mortal_storage(place: str, settings: Settings) -> ObjectStorage:
        return MortalStorage(storage_of(place, settings), mortal)

    records = staging.queue.receive()
    with monkeypatch.context() as patched:
        patched.setattr(staged, "storage_of", mortal_storage)
        patched.setattr(flamehouse.blobs, "storage_of", mortal_storage)
        if life < _WORKER_HALF_CALLS[keeps]:
            with pytest.raises(Killed):
                worker.work(dying.services, messages_of(records))
        else:
            assert worker.work(dying.services, messages_of(records)) == {}
    staging.queue.expire(records)
    # A retry is in another batch.
    assert through.send(1) == 200
    staging.drain()
    assert stored(clickhouse, counted) == 2
    assert prefixes(staging) == ["kept"] * (2 * keeps)


def test_workers_with_the_same_messages_at_the_same_time_store_each_upload_once(
    staged_in: Callable[[str], Staging], clickhouse: ClickHouse, counted: Counted
) -> None:
    staging = staged_in(STAGED)
    through = counted.through(staging.server(counted.server.client.tenant))
    assert [through.send(number) for number in range(4)] == [200] * 4
    records = staging.queue.receive()
    messages = messages_of(records)
    with ThreadPoolExecutor(3) as workers:
        for done in [workers.submit(worker.work, staging.services, messages) for _ in range(3)]:
            assert done.result() == {}
    staging.queue.expire(records)
    staging.drain()
    assert stored(clickhouse, counted) == 4


def test_a_client_and_the_worker_at_the_same_time_store_an_upload_once(
    staged_in: Callable[[str], Staging], clickhouse: ClickHouse, counted: Counted
) -> None:
    tenant = counted.server.client.tenant
    staging = staged_in(STAGED)
    direct = counted.through(staged_in(DIRECT).server(tenant))
    assert counted.through(staging.server(tenant)).send(0) == 200
    records = staging.queue.receive()
    messages = messages_of(records)
    with ThreadPoolExecutor(2) as both:
        worked, sent = both.submit(worker.work, staging.services, messages), both.submit(direct.send, 0)
        assert (worked.result(), sent.result()) == ({}, 200)
    staging.queue.expire(records)
    staging.drain()
    assert stored(clickhouse, counted) == 1


def test_a_message_redriven_from_the_dead_letter_queue_changes_nothing(
    staged_in: Callable[[str], Staging], clickhouse: ClickHouse, counted: Counted
) -> None:
    staging = staged_in(STAGED)
    through = counted.through(staging.server(counted.server.client.tenant))
    assert through.send(0) == 200
    records = staging.queue.receive()
    staging.queue.expire(records)
    staging.drain()
    redriven = [replace(message, id=f"{message.id} again") for message in messages_of(records)]
    assert worker.work(staging.services, redriven) == {}
    assert stored(clickhouse, counted) == 1


def test_an_open_circuit_saves_later_uploads_the_wait(
    staged_in: Callable[[str], Staging], proxy: FaultyClickHouse, counted: Counted
) -> None:
    staging = staged_in(FALLBACK)
    counted = counted.through(staging.server("anonymous"))
    proxy.fault = Fault.WAKING
    assert counted.send(0) == 200
    assert not staging.services.circuit.allows()
    proxy.fault = Fault.NONE
    assert counted.send(1) == 200
    assert len(staging.keys("staged/")) == 2
