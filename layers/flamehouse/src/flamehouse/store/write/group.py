"""Stores a worker's batch of uploads. The queue repeats messages, so other processes may store some of the uploads too.

Each upload is an INSERT with its own token, the same in every process, so ClickHouse drops the second of two INSERTs
even if they run at the same time (docs/adr/0018). The INSERTs of a batch run concurrently, and a server combines them
into one part (async_insert). Once per batch, the ledger is read, and the ledger's entries and the symbols are written.
"""

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Final

from clickhouse_connect.driver.exceptions import ClickHouseError

from flamehouse.model.profile import Upload
from flamehouse.store import Failures, UploadKey
from flamehouse.store.connection.client import ClickHouse
from flamehouse.store.connection.errors import code_of
from flamehouse.store.write.batch import Batch
from flamehouse.store.write.cardinality import SeriesBudget
from flamehouse.store.write.completion import without_stored_profiles
from flamehouse.store.write.concurrent_inserts import insert_each
from flamehouse.store.write.deletions import Deletions
from flamehouse.store.write.ledger import key_of, stored_uploads
from flamehouse.store.write.replay import ReplayInserts
from flamehouse.store.write.seen_ids import Known
from flamehouse.store.write.token_inserts import TokenInserts

_MAX_KEYS: Final = 250
"""The number of upload keys per query, so that they fit into a parameter."""


class GroupInserts:
    """Stores batches. `clock` returns Unix nanoseconds. Thread-safe."""

    def __init__(
        self, clickhouse: ClickHouse, known: Known, clock: Callable[[], int], deletions: Deletions
    ) -> None:
        self._clickhouse = clickhouse
        self._inserts = TokenInserts(clickhouse, combined=True)
        self._known = known
        self._clock = clock
        self._deletions = deletions

    def store(self, uploads: Sequence[Upload], budget: SeriesBudget) -> Failures:
        """Store the uploads, except those already stored; return the errors.

        Raises RpcError or ClickHouseError if the outcome of all of them is unknown.
        """
        by_key = {key_of(upload): upload for upload in uploads}
        stored = self.in_ledger([*by_key])
        again = self._deletions.affected(uploads)
        missing = {key: upload for key, upload in by_key.items() if key not in stored | again}
        failures: Failures = {}
        if missing:
            failures = self._insert_missing([*missing.values()], budget)
            again |= self._deletions.affected(missing.values())
        if again:
            failures = {
                **failures,
                **self._store_again([by_key[key] for key in again - failures.keys()], budget),
            }
        entered = [upload for key, upload in missing.items() if key not in failures.keys() | again]
        if entered:
            self._inserts.enter(entered, _name_of(entered))
        return failures

    def _insert_missing(self, uploads: Sequence[Upload], budget: SeriesBudget) -> Failures:
        completed = without_stored_profiles(self._clickhouse, uploads, self._clock())
        self._insert_symbols(completed)
        return insert_each(completed, self._insert_upload, budget)

    def _store_again(self, uploads: Sequence[Upload], budget: SeriesBudget) -> Failures:
        """Store uploads that may have lost rows to a deletion, even if they are in the ledger."""
        self._known.forget()
        return ReplayInserts(self._clickhouse, budget).store(uploads)

    def in_ledger(self, keys: Sequence[UploadKey]) -> set[UploadKey]:
        """Return the uploads that are completely stored."""
        found: set[UploadKey] = set()
        for start in range(0, len(keys), _MAX_KEYS):
            found |= stored_uploads(self._clickhouse, keys[start : start + _MAX_KEYS])
        return found

    def _insert_symbols(self, uploads: Sequence[Upload]) -> None:
        """Insert the symbols of all uploads.

        If ClickHouse rejects them, each upload is inserted with its own symbols.
        """
        batch = Batch(uploads, self._known)
        try:
            self._inserts.insert_symbols(batch)
        except ClickHouseError as error:
            if code_of(error) is None:  # ClickHouse is unreachable
                raise
        else:
            batch.symbols_stored()

    def _insert_upload(self, upload: Upload) -> None:
        """Insert an upload without the symbols that are already stored."""
        batch = Batch([upload], self._known)
        self._inserts.insert(batch, upload.id.hex())
        batch.stored()


def _name_of(uploads: Sequence[Upload]) -> str:
    return sha256(b"".join(sorted(upload.id for upload in uploads))).hexdigest()
