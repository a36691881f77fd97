"""Inserts the content of the log: one INSERT per closed segment, in the order of acknowledgement.

The file of a segment is deleted once ClickHouse's own files are known to be on disk. After a crash, the next start
inserts the remaining segments again. It first deletes the rows of their uploads, so it does not matter how much of an
INSERT reached the disk.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Condition, Thread
from time import monotonic
from typing import Final, Protocol
from uuid import uuid4

from clickhouse_connect.driver.exceptions import ClickHouseError

from flamehouse import memory
from flamehouse.deadline import no_time_limit, time_left
from flamehouse.disk import Disk
from flamehouse.errors import Code, RpcError
from flamehouse.memory import Hold
from flamehouse.model.profile import Upload
from flamehouse.store import Failures, Record, UploadKey
from flamehouse.store.connection.errors import code_of, reason_of
from flamehouse.store.write.cardinality import SeriesBudget
from flamehouse.store.write.ledger import key_of
from flamehouse.store.write.log.quarantine import Quarantine
from flamehouse.store.write.log.upload_log import LeftSegment, Segment, UploadLog, disk_trouble
from flamehouse.telemetry import events
from flamehouse.telemetry.log import log

_LEAST_INTERVAL_S: Final = 0.25
_LONGEST_INTERVAL_S: Final = 2.0
_INTERVAL_PER_INSERT: Final = 10
"""An acknowledged upload waits ten times as long as the last INSERT took, within these bounds, unless a query needs it
earlier. The cost of an INSERT and of merging its parts hardly depends on the number of uploads."""
_MAX_SEGMENT_BYTES: Final = 8 << 20
_MAX_BACKLOG_BYTES: Final = 512 << 20
_SYNC_EVERY_S: Final = 5.0
_FIRST_PAUSE_S: Final = 0.1
_LONGEST_PAUSE_S: Final = 10.0
_STOP_WAIT_S: Final = 30.0

_ENGINE_TROUBLE: Final = frozenset(
    (16, 47, 60, 74, 75, 76, 81, 159, 160, 164, 173, 202, 209, 236, 241, 242, 243, 252, 394, 497, 999)
)
"""Codes of ClickHouse (system.errors) that say nothing about an upload: memory, disk, permissions, time, load, a missing
table. The INSERT is then retried with the same token; after any other code, its uploads are inserted one by one."""


type Replay = Callable[[bytes], Upload | None]
"""Parses a record; None if it contains nothing to store. Raises RpcError if the record is invalid."""


@dataclass(frozen=True, slots=True)
class _Parsed:
    """A record as read from the log."""

    content: bytes

    def pieces(self) -> Sequence[bytes]:
        return (self.content,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """An acknowledged upload, and its record, which goes into quarantine if ClickHouse rejects the upload."""

    upload: Upload
    record: Record
    held: Hold | None = None
    """The memory that both occupy until the upload is inserted."""

    @property
    def key(self) -> tuple[str, bytes]:
        return self.upload.tenant, self.upload.id


class Inserts(Protocol):
    """The ClickHouse operations that the log needs. Methods raise ClickHouseError."""

    def unstored(self, uploads: Sequence[Upload]) -> Sequence[Upload]:
        """The uploads that may not be stored completely, without duplicates and without samples that are stored."""

    def in_ledger(self, keys: Sequence[UploadKey]) -> set[UploadKey]:
        """The uploads that ClickHouse has stored completely."""

    def delete(self, uploads: Sequence[Upload]) -> None:
        """Delete all rows of the uploads, if there are any."""

    def insert(self, uploads: Sequence[Upload], token: str) -> None:
        """Insert the uploads, once per token, then enter them in the ledger."""


class LogWriter:
    """Stores uploads through the log. Methods are thread-safe."""

    def __init__(self, inserts: Inserts, log: UploadLog[Pending], disk: Disk, quarantine: Quarantine) -> None:
        self._inserts = inserts
        self._log = log
        self._disk = disk
        self._quarantine = quarantine
        self._process = uuid4().hex
        self._changed = Condition()
        self._urgent = False
        self._stopping = False
        self._storing: Segment[Pending] | None = None
        self._failing = ""
        self._interval_s = _LEAST_INTERVAL_S
        self._stored: list[Segment[Pending]] = []
        self._thread = Thread(target=self._run, name="upload-log", daemon=True)
        self._cleaner = Thread(target=self._clean, name="upload-log-cleaner", daemon=True)

    def start(self, replay: Replay) -> None:
        """Insert what earlier processes left in the log, then start inserting in the background.

        Raises RpcError(UNAVAILABLE) if the log folder is unusable, and ClickHouseError if ClickHouse fails.
        """
        with no_time_limit():
            for segment in self._log.left_segments():
                self._recover(segment, replay)
        self._thread.start()
        self._cleaner.start()

    def insert(self, upload: Upload, record: Record | None = None) -> None:
        """Return once the upload is durable in the log.

        Raises RpcError(UNAVAILABLE) if the upload cannot be written to disk or ClickHouse is too far behind, and
        ValueError without a record, which is what the log stores.
        """
        if record is None:
            raise ValueError("an upload needs a record to be logged")
        payload = record.pieces()
        size = sum(map(len, payload))
        if self._backlog_bytes + size > _MAX_BACKLOG_BYTES:
            raise RpcError(Code.UNAVAILABLE, self._behind())
        held = memory.hold(size + upload.memory_bytes)
        try:
            self._log.append(payload, Pending(upload=upload, record=record, held=held))
        except BaseException:
            held.release()
            raise
        with self._changed:
            current = self._log.current
            self._urgent = self._urgent or (current is not None and current.size > _MAX_SEGMENT_BYTES)
            self._changed.notify_all()

    def insert_batch(self, uploads: Sequence[tuple[Upload, Record]], budget: SeriesBudget) -> Failures:
        """Return once each upload is durable in the log or has failed; see `insert`."""
        failures: dict[UploadKey, RpcError] = {}
        for upload, record in uploads:
            try:
                with budget.taken(upload):
                    self.insert(upload, record)
            except RpcError as error:
                failures[key_of(upload)] = error.alone()
        return failures

    def in_ledger(self, keys: Sequence[UploadKey]) -> set[UploadKey]:
        """The uploads that ClickHouse has stored completely; unless inserts fail, first inserts those in the log."""
        self.settle()
        return self._inserts.in_ledger(keys)

    def settle(self) -> None:
        """Wait until queries see every upload acknowledged so far, or until the caller's time limit.

        Returns at once while inserts into ClickHouse fail: queries then see only what it has already stored.
        """
        with self._changed:
            newest = self._log.current or self._storing
            if newest is None:
                return
            self._urgent = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._is_stored(newest) or self._failing, time_left(_STOP_WAIT_S))

    def admit(self, size: int) -> None:
        """Raise RpcError(UNAVAILABLE) if the log cannot be written, or has no space for `size` bytes."""
        self._log.check(size)

    def check(self) -> None:
        """Raise RpcError(UNAVAILABLE) if the log cannot be written, or if inserts into ClickHouse fail."""
        self._log.check()
        if self._failing:
            raise RpcError(Code.UNAVAILABLE, self._behind())

    def stop(self) -> None:
        """Insert what is in the log, for at most 30 seconds; the next start inserts the rest."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        for thread in (self._thread, self._cleaner):
            if thread.is_alive():
                thread.join(_STOP_WAIT_S)
            with self._changed:
                self._changed.notify_all()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._stopping or self._log.current)
                self._changed.wait_for(lambda: self._stopping or self._urgent, self._interval_s)
                segment = self._storing = self._log.close_segment()
                self._urgent = False
            if segment is not None and not self._store(segment):
                return
            if segment is None and self._stopping:
                return

    def _store(self, segment: Segment[Pending]) -> bool:
        """Insert the segment, with as many retries as needed; return False if the process stops first."""
        pause = _FIRST_PAUSE_S
        give_up = monotonic() + _STOP_WAIT_S
        while True:
            started = monotonic()
            try:
                self._insert(segment)
                break
            except (ClickHouseError, RpcError, OSError) as error:
                self._failing = _reason(error)
                log(events.INSERT_REPEATED, reason=self._failing)
            with self._changed:
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._stopping, pause)
            if self._stopping and monotonic() > give_up:
                return False
            pause = min(2 * pause, _LONGEST_PAUSE_S)
        wanted_s = _INTERVAL_PER_INSERT * (monotonic() - started)
        self._interval_s = min(max(_LEAST_INTERVAL_S, wanted_s), _LONGEST_INTERVAL_S)
        with self._changed:
            self._failing, self._storing = "", None
            self._stored.append(segment)
            self._changed.notify_all()
        _forget(segment)
        return True

    def _insert(self, segment: Segment[Pending]) -> None:
        by_key = {pending.key: pending for pending in segment.items}
        uploads = self._inserts.unstored([pending.upload for pending in by_key.values()])
        batch = [by_key[key_of(upload)] for upload in uploads]
        # A later process numbers its segments from 0 again. If the token were only the name, ClickHouse would drop
        # that process's inserts.
        self._insert_batch(segment.name, batch, uploads, f"{segment.name}.{self._process}")

    def _recover(self, segment: LeftSegment, replay: Replay) -> None:
        batch = self._parse(segment, replay)
        if batch:
            log(events.UPLOADS_RECOVERED, uploads=len(batch), path=str(segment.path))
            # Including uploads in the ledger: after a power failure, it may contain entries of uploads with lost rows.
            uploads = [pending.upload for pending in batch]
            self._inserts.delete(uploads)
            self._insert_batch(segment.name, batch, uploads, _fresh_token(segment.name))
        with disk_trouble(self._log.folder, self._disk):
            self._disk.sync_file_system(self._log.folder)
            self._disk.delete(segment.path)

    def _parse(self, segment: LeftSegment, replay: Replay) -> list[Pending]:
        """The uploads of the segment, without duplicates; invalid records go into quarantine."""
        batch: dict[tuple[str, bytes], Pending] = {}
        for number, record in enumerate(segment.records):
            try:
                upload = replay(record)
            except RpcError as error:
                self._quarantine.put(f"{segment.name}.{number}", record, error.message)
                continue
            if upload is not None:
                pending = Pending(upload=upload, record=_Parsed(record))
                batch[pending.key] = pending
        return [*batch.values()]

    def _insert_batch(
        self, name: str, batch: Sequence[Pending], uploads: Sequence[Upload], token: str
    ) -> None:
        """Insert `uploads`, the unstored part of the batch; if ClickHouse rejects them, insert each one separately."""
        try:
            self._inserts.insert(uploads, token)
        except ClickHouseError as error:
            if _is_engine_trouble(error):
                raise
            self._inserts.delete(uploads)
            for pending in batch:
                self._insert_alone(name, pending)

    def _insert_alone(self, name: str, pending: Pending) -> None:
        """Insert the upload; put it into quarantine if ClickHouse rejects it."""
        try:
            # A new token: rows inserted with an earlier one may just have been deleted.
            self._inserts.insert([pending.upload], _fresh_token(name))
        except ClickHouseError as error:
            if _is_engine_trouble(error):
                raise
            self._inserts.delete([pending.upload])
            record = b"".join(pending.record.pieces())
            self._quarantine.put(f"{name}.{pending.upload.id.hex()}", record, _reason(error))

    def _clean(self) -> None:
        """Delete the files of stored segments once ClickHouse's data for them is on disk.

        A sync is slow on a busy disk, so neither inserts nor queries wait for it.
        """
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._stopping and not self._thread.is_alive(), _SYNC_EVERY_S)
                ends = self._stopping and not self._thread.is_alive()
                stored, self._stored = self._stored, []
            if stored:
                try:
                    self._disk.sync_file_system(self._log.folder)
                    self._log.delete(stored)
                except (OSError, RpcError) as error:
                    log(events.UPLOAD_LOG_FAILED, reason=_reason(error))
            if ends:
                return

    def _is_stored(self, segment: Segment[Pending]) -> bool:
        return segment not in (self._storing, self._log.current)

    @property
    def _backlog_bytes(self) -> int:
        """The size of acknowledged uploads that are not inserted yet, in bytes."""
        return sum(segment.size for segment in (self._storing, self._log.current) if segment is not None)

    def _behind(self) -> str:
        return (
            f"ClickHouse has not inserted {self._backlog_bytes} bytes of acknowledged uploads"
            f"{f' ({self._failing})' if self._failing else ''}; they are in {self._log.folder}"
        )


def _forget(segment: Segment[Pending]) -> None:
    """Release the memory of the segment's uploads, which are now inserted."""
    holds = [pending.held for pending in segment.items if pending.held is not None]
    segment.items.clear()
    if segment.size > _MAX_SEGMENT_BYTES:
        memory.return_freed()
    for hold in holds:
        hold.release()


def _fresh_token(name: str) -> str:
    return f"{name}.{uuid4().hex}"


def _is_engine_trouble(error: ClickHouseError) -> bool:
    """Whether the error says nothing about the uploads; an error without a code did not come from the engine."""
    code = code_of(error)
    return code is None or code in _ENGINE_TROUBLE


def _reason(error: Exception) -> str:
    if isinstance(error, RpcError):
        return error.message
    if isinstance(error, ClickHouseError):
        return reason_of(error)
    return getattr(error, "strerror", None) or type(error).__name__
