"""Uploads are stored once: by both writers, in batches, and with any step failing or killed."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from threading import Thread

import pytest
from clickhouse_connect.driver.exceptions import ClickHouseError

from flamehouse.disk import Disk
from flamehouse.errors import Code, RpcError
from flamehouse.model.profile import Upload
from flamehouse.settings import Settings
from flamehouse.store import Store
from flamehouse.store.connection.client import ClickHouse
from flamehouse.store.write.inserts import BatchInserts
from flamehouse.store.write.log.quarantine import Quarantine
from flamehouse.store.write.log.upload_log import UploadLog
from flamehouse.store.write.log.writer import LogWriter, Pending
from flamehouse.store.write.writer import LoneWriter, Writer
from tests.support.servers.faults import POISONED, Killed, Mortal, poisoned, without
from tests.support.uploads.counted import Counted, once

EMBEDDED = pytest.mark.parametrize("place", ["embedded"], indirect=True, scope="session")
"""The places whose uploads are stored through the log."""
SERVER = pytest.mark.parametrize("place", ["server"], indirect=True, scope="session")
"""The places whose uploads are separate inserts."""

UNWRITTEN = [
    (),
    ("sampled_profiles_view",),
    ("stacktraces_view", "series_view"),
    ("sampled_profiles_view", "stacktraces_view"),
]
"""Views that a kill prevented from writing."""


@dataclass(slots=True)
class Logged:
    """The writers of one folder's log. Each record is the index of an upload in `uploads`."""

    folder: Path
    uploads: list[Upload] = field(default_factory=list)
    disk: Disk = field(default_factory=Disk)

    def writer(self, clickhouse: ClickHouse) -> LogWriter:
        return LogWriter(
            BatchInserts(clickhouse),
            self.log(),
            self.disk,
            Quarantine(self.folder / "quarantine", self.disk),
        )

    def log(self) -> UploadLog[Pending]:
        return UploadLog(self.folder / "log", self.disk)

    def record(self, upload: Upload) -> "Numbered":
        self.uploads.append(upload)
        return Numbered(len(self.uploads) - 1)

    def replay(self, record: bytes) -> Upload:
        return self.uploads[int(record)]

    def leave(self, uploads: Sequence[Upload]) -> None:
        """Acknowledges the uploads in the log, and stops before they are inserted."""
        log = self.log()
        assert [*log.left_segments()] == []
        for upload in uploads:
            record = self.record(upload)
            log.append(record.pieces(), Pending(upload=upload, record=record))

    def recover(self, clickhouse: ClickHouse) -> None:
        """Starts and stops a writer, as a process does."""
        writer = self.writer(clickhouse)
        writer.start(self.replay)
        writer.stop()
        assert [*(self.folder / "log").iterdir()] == []

    def quarantined(self) -> list[str]:
        folder = self.folder / "quarantine"
        return sorted(file.name for file in folder.iterdir()) if folder.exists() else []


@dataclass(frozen=True, slots=True)
class Numbered:
    """A record that identifies an upload of `Logged`."""

    number: int

    def pieces(self) -> Sequence[bytes]:
        return (str(self.number).encode(),)


@pytest.fixture
def counted(store: Store, settings: Settings) -> Counted:
    return Counted.on(store, settings)


@pytest.fixture
def logged(tmp_path: Path) -> Logged:
    return Logged(tmp_path)


@pytest.fixture
def insert(clickhouse: ClickHouse, logged: Logged) -> Iterator[Callable[[Upload], None]]:
    """Stores an upload through the writer of this place."""
    with ExitStack() as stack:
        writer: Writer = LoneWriter(clickhouse)
        if clickhouse.embedded:
            through_log = logged.writer(clickhouse)
            through_log.start(logged.replay)
            writer = through_log
        stack.callback(writer.stop)

        def insert(upload: Upload) -> None:
            writer.insert(upload, logged.record(upload))
            writer.settle()

        yield insert


def test_an_upload_is_stored_once_however_often_it_is_sent(
    counted: Counted, insert: Callable[[Upload], None]
) -> None:
    for number in (0, 0, 1, 0):
        insert(counted.upload(number))
    assert counted.counts() == once({0, 1})


def test_an_upload_is_stored_once_by_several_threads(
    counted: Counted, insert: Callable[[Upload], None]
) -> None:
    uploads = [counted.upload(number) for number in range(3)]
    threads = [Thread(target=insert, args=(uploads[number % 3],)) for number in range(9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counted.counts() == once(range(3))


@EMBEDDED
def test_a_batch_is_one_insert_per_week(counted: Counted, clickhouse: ClickHouse) -> None:
    watched = Mortal(clickhouse)
    uploads = [counted.upload(number) for number in range(5)]
    inserts = BatchInserts(watched)
    inserts.insert(inserts.unstored([*uploads, *uploads]), "token")
    assert watched.inserts == ["ingest", "ingest", "uploads"]
    assert counted.counts() == once(range(5))


@EMBEDDED
@pytest.mark.parametrize("unwritten", UNWRITTEN, ids="+".join)
def test_a_log_is_stored_once_even_if_its_process_is_killed_at_any_step(
    counted: Counted, clickhouse: ClickHouse, logged: Logged, unwritten: tuple[str, ...]
) -> None:
    for life in count():
        uploads = [counted.upload(3 * life + number) for number in range(3)]
        logged.leave(uploads)
        killed = False
        with without(clickhouse, *unwritten):
            try:
                inserts = BatchInserts(Mortal(clickhouse, life))
                inserts.insert(inserts.unstored(uploads), f"killed {life}")
            except Killed:
                killed = True
        logged.recover(clickhouse)
        if not killed:
            break
    assert life == 8, "half calls: the ledger is queried, two weeks are inserted, the ledger is written"
    assert counted.counts() == once(range(3 * life + 3))


@EMBEDDED
def test_a_log_is_stored_once_even_if_a_start_is_killed_at_any_step(
    counted: Counted, clickhouse: ClickHouse, logged: Logged
) -> None:
    uploads = [counted.upload(number) for number in range(2)]
    logged.leave(uploads)
    for life in count():
        try:
            logged.writer(Mortal(clickhouse, life)).start(logged.replay)
        except Killed:
            continue
        break
    assert life > 6
    logged.recover(clickhouse)
    assert counted.counts() == once(range(2))


@EMBEDDED
@pytest.mark.parametrize("good_weeks", [0, 1])
def test_a_poisoned_upload_is_quarantined_alone(
    counted: Counted, clickhouse: ClickHouse, logged: Logged, good_weeks: int
) -> None:
    uploads = [counted.upload(0), counted.upload(1, service_name=POISONED), counted.upload(2)]
    with poisoned(clickhouse, since_ms=counted.mondays[good_weeks]):
        logged.leave(uploads)
        logged.recover(clickhouse)
    assert counted.counts() == once({0, 2})
    assert counted.services() == ["shop"]
    stem = f"0000000000000000.{uploads[1].id.hex()}"
    assert logged.quarantined() == [f"{stem}.json", f"{stem}.upload"]
    assert (logged.folder / "quarantine" / f"{stem}.upload").read_bytes() == b"1"


@EMBEDDED
def test_a_poisoned_upload_does_not_hold_up_a_running_writer(
    counted: Counted, clickhouse: ClickHouse, logged: Logged
) -> None:
    writer = logged.writer(clickhouse)
    writer.start(logged.replay)
    with poisoned(clickhouse):
        for number, labels in ((0, {}), (1, {"service_name": POISONED}), (2, {})):
            upload = counted.upload(number, **labels)
            writer.insert(upload, logged.record(upload))
        writer.settle()
        assert counted.counts() == once({0, 2})
    writer.stop()
    assert len(logged.quarantined()) == 2


@EMBEDDED
def test_a_record_that_cannot_be_read_is_quarantined(
    counted: Counted, clickhouse: ClickHouse, logged: Logged
) -> None:
    def replay(record: bytes) -> Upload:
        if record == b"1":
            raise RpcError(Code.INVALID_ARGUMENT, "unknown version 9")
        return logged.replay(record)

    logged.leave([counted.upload(number) for number in range(3)])
    writer = logged.writer(clickhouse)
    writer.start(replay)
    writer.stop()
    assert counted.counts() == once({0, 2})
    assert "unknown version 9" in (logged.folder / "quarantine" / "0000000000000000.1.json").read_text()


@EMBEDDED
@pytest.mark.parametrize("table", ["uploads", "sampled_profiles", "stacktraces"])
def test_acknowledged_uploads_wait_for_a_missing_table(
    counted: Counted, clickhouse: ClickHouse, logged: Logged, table: str
) -> None:
    writer = logged.writer(clickhouse)
    writer.start(logged.replay)
    with without(clickhouse, table):
        upload = counted.upload(0)
        writer.insert(upload, logged.record(upload))
        writer.settle()
        with pytest.raises(RpcError, match="code 60") as failure:
            writer.check()
        assert failure.value.code is Code.UNAVAILABLE
    writer.stop()
    writer.check()
    assert counted.counts() == once({0})


@SERVER
@pytest.mark.parametrize("unwritten", UNWRITTEN, ids="+".join)
def test_a_retry_completes_an_upload_of_a_killed_function(
    counted: Counted, clickhouse: ClickHouse, unwritten: tuple[str, ...]
) -> None:
    with without(clickhouse, *unwritten), pytest.raises(Killed):
        LoneWriter(Mortal(clickhouse, 2)).insert(counted.upload(0))
    assert not unwritten or (counted.counts(), counted.services()) != (once({0}), ["shop"])
    one, other = LoneWriter(clickhouse), LoneWriter(clickhouse)
    for each in (one, other, one):
        each.insert(counted.upload(0))
    assert (counted.counts(), counted.services()) == (once({0}), ["shop"])


@SERVER
def test_a_rejected_upload_is_an_error_and_can_be_sent_again(
    counted: Counted, clickhouse: ClickHouse
) -> None:
    upload = counted.upload(0, service_name=POISONED)
    with poisoned(clickhouse), pytest.raises(ClickHouseError):
        LoneWriter(clickhouse).insert(upload)
    LoneWriter(clickhouse).insert(upload)
    assert counted.services() == [POISONED]
