"""Imports the profiles of a qryn database in batches; each row is stored once, even if the import is interrupted."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import batched
from typing import Final
from uuid import uuid4

from flamehouse.errors import RpcError, invalid_argument
from flamehouse.model.profile import Upload
from flamehouse.settings import Settings
from flamehouse.store.connection.client import ClickHouse
from flamehouse.store.sql import SqlFile
from flamehouse.store.write.inserts import BatchInserts, nothing
from flamehouse.units import MAX_INT64
from ingest.pipeline import upload_of
from ingest.profile.checked import Checks
from qryn.reading import TreeNeededError, read_row
from qryn.row import ID_PREFIX, Row
from qryn.source import FoundRow, Range, Source, Window

_SQL: Final = SqlFile(__file__)
_BATCH_ROWS: Final = 400
"""The number of rows per INSERT."""
_MAX_REASONS: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The tenant of the rows, and the time of the import."""

    tenant: str
    received_ns: int
    size: int = 0


@dataclass(slots=True, kw_only=True)
class Counts:
    """Counts rows by outcome; `stored_before` are repetitions, or were stored by an earlier import."""

    read: int = 0
    stored: int = 0
    stored_before: int = 0
    empty: int = 0
    rejected: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """The upload ids of a window: those in the ledger, and those with rows left by an interrupted import."""

    stored: set[bytes] = field(default_factory=set)
    interrupted: set[bytes] = field(default_factory=set)


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """The import of one database's profiles, for one tenant, into the migrated database `clickhouse`."""

    source: Source
    clickhouse: ClickHouse
    settings: Settings
    receipt: Receipt
    sync: Callable[[], None] = nothing
    """Makes writes of an embedded ClickHouse durable; does nothing for a server."""
    counts: Counts = field(default_factory=Counts)

    def run(
        self, within: Range, windows: Sequence[Window] | Iterator[Window], report: Callable[[], None]
    ) -> None:
        """Import the rows of the windows; `report` is called after every batch.

        Raises: ClickHouseError if either database fails.
        """
        inserts = BatchInserts(self.clickhouse, sync=self.sync)
        for window in windows:
            rows = self.source.rows(within, window)
            known = self._known(rows)
            for batch in batched(rows, _BATCH_ROWS, strict=False):
                self._store(inserts, within, window, batch, known)
                report()

    def _store(
        self,
        inserts: BatchInserts,
        within: Range,
        window: Window,
        batch: Sequence[FoundRow],
        known: _Known,
    ) -> None:
        by_id = {found.row.upload_id(self.receipt.tenant): found for found in batch}
        for id_ in known.stored & by_id.keys():
            del by_id[id_]
        uploads = [*self._uploads(within, window, by_id)]
        inserts.delete([upload for upload in uploads if upload.id in known.interrupted])
        # The token must be new: with the one of an interrupted import, ClickHouse would drop the rows just deleted.
        inserts.insert(uploads, uuid4().hex)
        known.stored.update(upload.id for upload in uploads)
        self.counts.read += len(batch)
        self.counts.stored += len(uploads)
        self.counts.stored_before += len(batch) - len(by_id)

    def _known(self, rows: Sequence[FoundRow]) -> _Known:
        """Return the known uploads at the rows' times. Called once per window: the query slows as the ledger grows."""
        times = [found.row.time_ns for found in rows if 0 < found.row.time_ns <= MAX_INT64]
        if not times:
            return _Known()
        parameters = {
            "tenant": self.receipt.tenant,
            "first_ns": min(times),
            "last_ns": max(times),
            "prefix": ID_PREFIX.decode(),
        }
        known = _Known()
        for id_, stored in self.clickhouse.rows(_SQL("known"), parameters):
            (known.stored if stored else known.interrupted).add(bytes.fromhex(id_))
        return known

    def _uploads(self, within: Range, window: Window, by_id: Mapping[bytes, FoundRow]) -> Iterator[Upload]:
        """Yield the uploads of the valid rows; `by_id` has the rows by upload id."""
        without_tree = []
        for id_, found in by_id.items():
            try:
                upload = self._upload(id_, found.row)
            except TreeNeededError:
                without_tree.append(found)
                continue
            if upload is not None:
                yield upload
        if without_tree:
            for found in self.source.rows_with_trees(within, window, without_tree):
                upload = self._upload(found.row.upload_id(self.receipt.tenant), found.row)
                if upload is not None:
                    yield upload

    def _upload(self, id_: bytes, row: Row) -> Upload | None:
        """Return the upload of a row; None, and count the row, if it has nothing to store or is rejected."""
        checks = Checks(settings=self.settings, received_ns=self.receipt.received_ns, past_s=0)
        try:
            if not row.timestamp_ns:
                raise invalid_argument("the row has no time (timestamp_ns is 0)")
            rows = upload_of(read_row(row, id_, checks), self.receipt, self.settings)
        except RpcError as error:
            self._reject(error)
            return None
        if rows.rejected:
            self._reject(next(iter(rows.rejected.values())))
            return None
        self.counts.empty += rows.upload is None
        return rows.upload

    def _reject(self, error: RpcError) -> None:
        """Count the row by its reason; after a hundred reasons, under "other reasons"."""
        reasons = self.counts.rejected
        known = error.message in reasons or len(reasons) < _MAX_REASONS
        reasons[error.message if known else "other reasons"] += 1
