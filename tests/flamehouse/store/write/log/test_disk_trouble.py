"""A disk that is full, read-only or failing: uploads and /ready name the folder and the reason, and recover with the disk."""

import errno
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from flamehouse.disk import Disk
from flamehouse.errors import RpcError
from flamehouse.settings import Settings
from flamehouse.store.clickhouse_store import ClickHouseStore
from flamehouse.store.connection.client import ClickHouse
from flamehouse.store.write.inserts import BatchInserts
from flamehouse.store.write.log.quarantine import Quarantine
from flamehouse.store.write.log.upload_log import UploadLog
from flamehouse.store.write.log.writer import LogWriter, Pending
from tests.support.uploads.counted import Counted, once
from tests.support.uploads.uploads import rejection

pytestmark = pytest.mark.parametrize("place", ["embedded"], indirect=True, scope="session")

FREE = 1_000


@dataclass(slots=True)
class TroubledDisk(Disk):
    """A disk on which one operation fails until `trouble` is emptied."""

    trouble: str = ""
    code: int = errno.EIO

    def free_bytes(self, folder: Path) -> int:
        return FREE if self.trouble == "free_bytes" else Disk.free_bytes(self, folder)

    def create(self, path: Path) -> int:
        self._fail("create")
        return Disk.create(self, path)

    def append(self, descriptor: int, content: bytes) -> None:
        if self.trouble == "append":
            Disk.append(self, descriptor, content[:5])
        self._fail("append")
        Disk.append(self, descriptor, content)

    def sync(self, descriptor: int) -> None:
        self._fail("sync")
        Disk.sync(self, descriptor)

    def _fail(self, operation: str) -> None:
        if self.trouble == operation:
            raise OSError(self.code, errno.errorcode[self.code])


TROUBLES = {
    "full according to its free space": (
        "free_bytes",
        errno.ENOSPC,
        f"is full: {FREE} bytes are free, and an upload of ",
    ),
    "full in the middle of a record": ("append", errno.ENOSPC, "is full: "),
    "over quota": ("append", errno.EDQUOT, "is full: "),
    "read-only": ("create", errno.EROFS, "cannot write to"),
    "failing to write": ("append", errno.EIO, "cannot write to"),
    "failing to sync": ("sync", errno.EIO, "cannot write to"),
}


@pytest.fixture
def disk() -> TroubledDisk:
    return TroubledDisk()


@pytest.fixture
def logging_store(
    clickhouse: ClickHouse, settings: Settings, disk: TroubledDisk, tmp_path: Path
) -> Iterator[ClickHouseStore]:
    log: UploadLog[Pending] = UploadLog(tmp_path / "log", disk)
    quarantine = Quarantine(tmp_path / "quarantine", disk)
    writer = LogWriter(BatchInserts(clickhouse), log, disk, quarantine)
    writer.start(lambda _: None)
    yield ClickHouseStore(clickhouse, writer, settings)
    disk.trouble = ""
    writer.stop()


@pytest.fixture
def counted(logging_store: ClickHouseStore, settings: Settings) -> Counted:
    return Counted.on(logging_store, settings)


@pytest.mark.parametrize(("trouble", "code", "message"), TROUBLES.values(), ids=TROUBLES)
def test_an_upload_to_a_failing_disk_is_rejected_and_its_retry_is_stored(
    counted: Counted, disk: TroubledDisk, tmp_path: Path, trouble: str, code: int, message: str
) -> None:
    assert counted.send(0) == 200
    counted.counts()
    disk.trouble, disk.code = trouble, code
    response = counted.server.send_push(counted.series(1))
    status, wire_name, text = rejection(response)
    assert (status, wire_name) == (503, "unavailable")
    assert message in text
    assert str(tmp_path / "log") in text
    assert int(response.headers["Retry-After"]) > 0
    disk.trouble = ""
    counted.counts()
    assert [counted.send(number) for number in (1, 2)] == [200, 200]
    assert counted.counts() == once(range(3))


def test_readiness_names_a_full_disk(
    logging_store: ClickHouseStore, disk: TroubledDisk, tmp_path: Path
) -> None:
    logging_store.check()
    disk.trouble = "free_bytes"
    with pytest.raises(RpcError, match=f"the disk of {tmp_path / 'log'} is full: {FREE} bytes are free"):
        logging_store.check()


def test_a_log_folder_that_cannot_be_created_is_an_error_at_startup(
    clickhouse: ClickHouse, tmp_path: Path
) -> None:
    (tmp_path / "log").write_text("a file")
    disk = Disk()
    log: UploadLog[Pending] = UploadLog(tmp_path / "log", disk)
    writer = LogWriter(BatchInserts(clickhouse), log, disk, Quarantine(tmp_path, disk))
    with pytest.raises(RpcError, match=f"cannot write to {tmp_path / 'log'}"):
        writer.start(lambda _: None)
