"""Stores a worker's batch of uploads. The queue repeats messages, so other processes may store some of them too.

Each upload is an INSERT with its own token, the same in every process, so ClickHouse drops the second of two at any
time (docs/adr/0018). The INSERTs run concurrently, and a server combines them into one part (async_insert). The
ledger and the shared symbols are read and written once per batch.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from contextvars import copy_context
from hashlib import sha256
from typing import Final

from clickhouse_connect.driver.exceptions import ClickHouseError

from flamehouse.errors import RpcError
from flamehouse.model.profile import Upload
from flamehouse.store import Failures, UploadKey
from flamehouse.store.connection.client import ClickHouse, ServerSettings
from flamehouse.store.connection.errors import TO_WRITERS, as_rpc_errors, code_of
from flamehouse.store.write.batch import Batch
from flamehouse.store.write.cardinality import SeriesBudget
from flamehouse.store.write.completion import without_stored_profiles
from flamehouse.store.write.deletions import Deletions
from flamehouse.store.write.ledger import enter_uploads, key_of, stored_uploads
from flamehouse.store.write.replay import ReplayInserts
from flamehouse.store.write.row_binary import COLUMNS
from flamehouse.store.write.seen_ids import Known

_THREADS: Final = 16
_MAX_KEYS: Final = 250
"""The number of uploads' keys per query, which fit into a parameter."""


class GroupInserts:
    """Stores batches. `settings` are for the INSERTs. Thread-safe."""

    def __init__(
        self,
        clickhouse: ClickHouse,
        settings: ServerSettings,
        known: Known,
        clock: Callable[[], int],
        deletions: Deletions | None = None,
    ) -> None:
        self._clickhouse = clickhouse
        self._settings = settings
        self._known = known
        self._clock = clock
        self._deletions = deletions or Deletions(clickhouse)

    def store(self, uploads: Sequence[Upload], budget: SeriesBudget) -> Failures:
        """Store the uploads, except those already stored; returns the errors.

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
            enter_uploads(self._clickhouse, entered, self._with_token(_name_of(entered)))
        return failures

    def _insert_missing(self, uploads: Sequence[Upload], budget: SeriesBudget) -> Failures:
        completed = without_stored_profiles(self._clickhouse, uploads, self._clock())
        self._insert_symbols(completed)
        return self._insert_profiles(completed, budget)

    def _store_again(self, uploads: Sequence[Upload], budget: SeriesBudget) -> Failures:
        """Store uploads of which rows may have been deleted, even if they are in the ledger."""
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
            for name, rows in batch.symbols():
                self._insert(rows, name)
        except ClickHouseError as error:
            if code_of(error) is None:  # not an error from ClickHouse, which is unreachable
                raise
        else:
            batch.symbols_stored()

    def _insert_profiles(self, uploads: Sequence[Upload], budget: SeriesBudget) -> dict[UploadKey, RpcError]:
        with ThreadPoolExecutor(min(_THREADS, len(uploads))) as threads:
            # The time limit is part of the context.
            errors = [
                threads.submit(copy_context().run, self._insert_upload, upload, budget) for upload in uploads
            ]
        found = ((upload, error.result()) for upload, error in zip(uploads, errors, strict=True))
        return {key_of(upload): error for upload, error in found if error is not None}

    def _insert_upload(self, upload: Upload, budget: SeriesBudget) -> RpcError | None:
        """Insert an upload without the stored symbols; returns its error, if any."""
        batch = Batch([upload], self._known)
        try:
            with ExitStack() as around:
                around.enter_context(as_rpc_errors(TO_WRITERS))
                around.enter_context(budget.taken(upload))
                for name, rows in batch.inserts():
                    self._insert(rows, f"{upload.id.hex()}:{name}")
        except RpcError as error:
            return error.alone()
        batch.stored()
        return None

    def _insert(self, rows: bytes, token: str) -> None:
        self._clickhouse.insert("ingest", COLUMNS, rows, self._with_token(token))

    def _with_token(self, token: str) -> ServerSettings:
        return {**self._settings, "insert_deduplication_token": token}


def _name_of(uploads: Sequence[Upload]) -> str:
    return sha256(b"".join(sorted(upload.id for upload in uploads))).hexdigest()
