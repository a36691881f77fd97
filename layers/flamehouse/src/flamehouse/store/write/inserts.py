"""Inserts batches of uploads into ClickHouse, exactly once per token, and then enters them in the ledger."""

from collections.abc import Callable, Sequence

from flamehouse.model.profile import Upload
from flamehouse.store import UploadKey
from flamehouse.store.connection.client import ClickHouse
from flamehouse.store.write.batch import Batch
from flamehouse.store.write.completion import without_stored
from flamehouse.store.write.deletions import Deletions
from flamehouse.store.write.ledger import key_of, stored_uploads
from flamehouse.store.write.rollback import footprints_of, roll_back
from flamehouse.store.write.seen_ids import Known
from flamehouse.store.write.token_inserts import TokenInserts


def nothing() -> None:
    """No sync: another copy of the uploads is on disk, or the server makes its own data durable."""


class BatchInserts:
    """Inserts uploads in batches.

    `sync` makes the rows durable before their uploads are entered in the ledger. Without it, an entry in the ledger may
    survive a power failure that destroys the rows.
    """

    def __init__(self, clickhouse: ClickHouse, *, sync: Callable[[], None] = nothing) -> None:
        self._clickhouse = clickhouse
        self._inserts = TokenInserts(clickhouse, combined=False)
        self._known = Known()
        self._sync = sync
        self._deletions = Deletions(clickhouse)

    def unstored(self, uploads: Sequence[Upload]) -> list[Upload]:
        """The uploads that may not be stored completely, without duplicates and without samples that are stored.

        They include uploads in the ledger that a deletion may have affected. The labels of these are inserted even if
        all their samples are stored, since an earlier INSERT may have failed between two tables.
        """
        by_key = {key_of(upload): upload for upload in uploads}
        in_ledger = [by_key.pop(key) for key in stored_uploads(self._clickhouse, by_key)]
        affected = self._deletions.affected(in_ledger) if in_ledger else set()
        rest = [without_stored(self._clickhouse, each) for each in in_ledger if key_of(each) in affected]
        return [*by_key.values(), *rest]

    def in_ledger(self, keys: Sequence[UploadKey]) -> set[UploadKey]:
        """The uploads that are completely stored."""
        return stored_uploads(self._clickhouse, keys)

    def delete(self, uploads: Sequence[Upload]) -> None:
        """Delete all rows of the uploads, if there are any."""
        for footprint in footprints_of(uploads):
            roll_back(self._clickhouse, footprint)

    def insert(self, uploads: Sequence[Upload], token: str) -> None:
        """Insert the uploads, once per token, then enter them in the ledger.

        There is one INSERT per week of profile time, since a week is a partition.
        """
        if not uploads:
            return
        batch = Batch(uploads, self._known)
        self._inserts.insert(batch, token)
        self._sync()
        self._inserts.enter(uploads, token)
        batch.stored()
