"""Whenever the power fails, each acknowledged upload is stored exactly once after the next start."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import pytest

from flamehouse.disk import Disk
from flamehouse.errors import RpcError
from flamehouse.model.profile import Upload
from flamehouse.settings import Settings
from flamehouse.store import Store
from flamehouse.store.clickhouse_store import open_store
from flamehouse.store.connection.client import ClickHouse
from flamehouse.store.schema.migrate import migrate
from flamehouse.store.write.inserts import BatchInserts
from flamehouse.store.write.log.quarantine import Quarantine
from flamehouse.store.write.log.upload_log import UploadLog
from flamehouse.store.write.log.writer import LogWriter
from flamehouse.store.write.rollback import footprints_of, roll_back
from tests.support.queries.queries import Server, some_monday_ms
from tests.support.servers.doubles import CannedStore
from tests.support.servers.power import FailingDisk, Remains
from tests.support.uploads.profiles import labels_of, pprof_of, sample
from tests.support.uploads.uploads import series

pytestmark = pytest.mark.parametrize("place", ["embedded"], indirect=True, scope="session")

LEAST_CUTS = 50
"""Examples of each of the four states in which a power failure leaves files: 200 together."""


@dataclass(frozen=True, slots=True)
class Numbered:
    """A record that identifies an upload of the test."""

    number: int

    def pieces(self) -> Sequence[bytes]:
        return (str(self.number).encode(),)


class UnsyncedInserts(BatchInserts):
    """Inserts whose rows a power failure deletes unless the file system was synced after them; the ledger remains."""

    def __init__(self, clickhouse: ClickHouse) -> None:
        super().__init__(clickhouse)
        self.inserted: list[Upload] = []

    def insert(self, uploads: Sequence[Upload], token: str) -> None:
        super().insert(uploads, token)
        self.inserted += uploads


class SyncingDisk(FailingDisk):
    """A failing disk that records which inserts its syncs have made durable."""

    inserts: UnsyncedInserts

    def sync_file_system(self, path: Path) -> None:
        super().sync_file_system(path)
        self.inserts.inserted.clear()


def writer_on(inserts: BatchInserts, folder: Path, disk: Disk) -> LogWriter:
    return LogWriter(inserts, UploadLog(folder / "log", disk), disk, Quarantine(folder / "quarantine", disk))


@pytest.fixture(scope="module")
def small(settings: Settings) -> Settings:
    """A separate database, since deleting rows takes seconds in the shared one, which never merges."""
    small = replace(settings, clickhouse_database="power")
    migrate(small)
    return small


@pytest.fixture(scope="module")
def clickhouse(small: Settings) -> Iterator[ClickHouse]:
    clickhouse = ClickHouse(small)
    yield clickhouse
    clickhouse.close()


@pytest.fixture(scope="module")
def store(small: Settings) -> Iterator[Store]:
    store = open_store(small)
    yield store
    store.close()


@pytest.mark.parametrize("remains", Remains)
def test_acknowledged_uploads_survive_a_power_failure_at_any_operation(
    store: Store, small: Settings, clickhouse: ClickHouse, tmp_path: Path, remains: Remains
) -> None:
    monday = some_monday_ms()
    for cut in count():
        server = Server.on(store, small)
        uploads = [upload_at(server.client.tenant, monday + number) for number in range(3)]
        folder = tmp_path / server.client.tenant
        folder.mkdir()
        inserts, disk = UnsyncedInserts(clickhouse), SyncingDisk(cut // 2)
        disk.inserts = inserts
        acknowledged = acknowledged_by(writer_on(inserts, folder, disk), uploads, settling=bool(cut % 2))
        disk.lost = True
        lose_rows(clickhouse, inserts.inserted)
        disk.leave(remains)
        restart(clickhouse, folder, uploads)
        stored = numbers_in(server, monday)
        assert len({*stored}) == len(stored), "stored twice"
        assert acknowledged <= {*stored}
        if disk.made < disk.operations and cut >= LEAST_CUTS:
            break
    assert acknowledged == {0, 1, 2}


def upload_at(tenant: str, time_ms: int) -> Upload:
    """Returns an upload of one profile with one sample of value 1."""
    store = CannedStore()
    server = Server.on(store, Settings(ingest_window_past_s=0), tenant)
    server.push(series(labels_of(), pprof_of([sample(["main", f"at {time_ms}"], 1)], time_ms=time_ms)))
    ((_, upload),) = store.calls
    assert isinstance(upload, Upload)
    return upload


def numbers_in(server: Server, monday: int) -> list[int]:
    """Returns the numbers of the stored uploads, each as often as its profiles and samples are stored."""
    points = [
        at
        for _, points in server.series(monday, monday + 3, step=0.001)
        for at, total in points
        for _ in range(int(total))
    ]
    assert server.flamegraph(monday, monday + 3).total == len(points)
    return [at - monday for at in points]


def acknowledged_by(writer: LogWriter, uploads: Sequence[Upload], *, settling: bool) -> set[int]:
    """Returns the numbers of the uploads that the writer acknowledges before the power fails."""
    acknowledged: set[int] = set()
    with suppress(RpcError):
        writer.start(lambda _: None)
        for number, upload in enumerate(uploads):
            writer.insert(upload, Numbered(number))
            acknowledged.add(number)
            if settling:
                writer.settle()
    writer.stop()
    return acknowledged


def lose_rows(clickhouse: ClickHouse, uploads: Sequence[Upload]) -> None:
    """Deletes rows that had not reached the disk; the ledger and the tokens had."""
    for footprint in footprints_of(uploads):
        roll_back(clickhouse, footprint)


def restart(clickhouse: ClickHouse, folder: Path, uploads: Sequence[Upload]) -> None:
    writer = writer_on(BatchInserts(clickhouse), folder, Disk())
    writer.start(lambda record: uploads[int(record)])
    writer.stop()
    assert [*(folder / "log").iterdir()] == []
    assert not (folder / "quarantine").exists()
