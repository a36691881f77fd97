"""The uploads of a store: inserts them within the limits of their tenants, and maps failures to errors for clients."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from flamehouse.deadline import time_limit
from flamehouse.disk import Disk
from flamehouse.model.profile import Upload
from flamehouse.store import Failures, Record, UploadKey
from flamehouse.store.connection.client import ClickHouse
from flamehouse.store.connection.errors import TO_WRITERS, as_rpc_errors
from flamehouse.store.write.cardinality import SeriesBudget
from flamehouse.store.write.ledger import key_of
from flamehouse.store.write.writer import LoneWriter, Writer
from flamehouse.telemetry import metrics

if TYPE_CHECKING:
    from flamehouse.store.write.log.writer import Pending, Replay


class Uploads:
    """Stores uploads through a `Writer`.

    `series_per_day` returns a tenant's limit. `time_limit_s` applies to `insert`, `in_ledger` and `check`.
    """

    def __init__(
        self,
        clickhouse: ClickHouse,
        writer: Writer | None,
        series_per_day: Callable[[str], int],
        time_limit_s: int,
    ) -> None:
        self._clickhouse = clickhouse
        self._writer = writer or LoneWriter(clickhouse)
        self._budget = SeriesBudget(clickhouse, series_per_day)
        self._time_limit_s = time_limit_s

    def open_log(self, folder: Path, replay: "Replay", *, fsync: bool) -> None:
        """See `ClickHouseStore.open_log`."""
        # Only a local server has a log: functions on AWS start faster without these modules.
        from flamehouse.store.write.inserts import BatchInserts  # noqa: PLC0415
        from flamehouse.store.write.log.quarantine import Quarantine  # noqa: PLC0415
        from flamehouse.store.write.log.upload_log import UploadLog  # noqa: PLC0415
        from flamehouse.store.write.log.writer import LogWriter  # noqa: PLC0415

        disk = Disk()
        log: UploadLog[Pending] = UploadLog(folder / "log", disk, fsync=fsync)
        inserts = BatchInserts(self._clickhouse)
        writer = LogWriter(inserts, log, disk, Quarantine(folder / "quarantine", disk))
        writer.start(replay)
        self._writer = writer

    def insert(self, upload: Upload, record: Record | None) -> None:
        """See `Store.insert`."""
        with (
            as_rpc_errors(TO_WRITERS),
            time_limit(self._time_limit_s),
            self._budget.taken(upload),
            metrics.timed(metrics.INSERT_MILLISECONDS),
        ):
            self._writer.insert(upload, record)
        metrics.add(metrics.SAMPLES_STORED, sum(len(profile.values) for profile in upload.profiles))

    def insert_batch(self, uploads: Sequence[tuple[Upload, Record]]) -> Failures:
        """See `Store.insert_batch`."""
        with as_rpc_errors(TO_WRITERS), metrics.timed(metrics.INSERT_MILLISECONDS):
            failures = self._writer.insert_batch(uploads, self._budget)
        stored = (upload for upload, _ in uploads if key_of(upload) not in failures)
        metrics.add(
            metrics.SAMPLES_STORED, sum(len(each.values) for upload in stored for each in upload.profiles)
        )
        return failures

    def in_ledger(self, keys: Sequence[UploadKey]) -> set[UploadKey]:
        """See `Store.in_ledger`."""
        with as_rpc_errors(TO_WRITERS), time_limit(self._time_limit_s):
            return self._writer.in_ledger(keys)

    def admit(self, size: int) -> None:
        """Raise RpcError(UNAVAILABLE) if there is no space for an upload of `size` bytes, before it is read."""
        self._writer.admit(size)

    def settle(self) -> None:
        """Wait until queries see every upload acknowledged so far. Raises what the `Writer` raises."""
        self._writer.settle()

    def check(self) -> None:
        """Raise RpcError(UNAVAILABLE) if no uploads are accepted at the moment."""
        with as_rpc_errors(TO_WRITERS), time_limit(self._time_limit_s):
            self._writer.check()
            self._clickhouse.rows("SELECT 1")

    def stop(self) -> None:
        """Insert the content of the log, and end background work."""
        self._writer.stop()
