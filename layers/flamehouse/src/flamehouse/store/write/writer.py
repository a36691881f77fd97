"""The two ways of storing an upload exactly once (docs/architecture.md, "Exactly once").

LoneWriter      one INSERT per upload; the upload's id is the token by which ClickHouse drops repeated INSERTs
LogWriter       (log/writer.py) acknowledges from a log on disk and inserts in batches, for the embedded engine
"""

import time
from collections.abc import Callable, Sequence
from typing import Protocol

from flamehouse.model.profile import Upload
from flamehouse.store import Failures, Record, UploadKey
from flamehouse.store.connection.client import ClickHouse
from flamehouse.store.write.batch import Batch
from flamehouse.store.write.cardinality import SeriesBudget
from flamehouse.store.write.deletions import Deletions
from flamehouse.store.write.group import GroupInserts
from flamehouse.store.write.replay import ReplayInserts
from flamehouse.store.write.seen_ids import Known
from flamehouse.store.write.token_inserts import TokenInserts


class Writer(Protocol):
    """Stores uploads."""

    def insert(self, upload: Upload, record: Record | None = None) -> None:
        """Return when the upload is durable; storing it again changes nothing.

        `record` is the upload as the log stores it. Raises ClickHouseError or RpcError on failure.
        """

    def insert_batch(self, uploads: Sequence[tuple[Upload, Record]], budget: SeriesBudget) -> Failures:
        """Return when each upload is durable or has failed; storing them again changes nothing.

        Raises ClickHouseError or RpcError if the outcome of all of them is unknown.
        """

    def in_ledger(self, keys: Sequence[UploadKey]) -> set[UploadKey]:
        """The uploads that ClickHouse has stored completely."""

    def settle(self) -> None:
        """Wait until queries see every upload acknowledged so far."""

    def admit(self, size: int) -> None:
        """Raise RpcError(UNAVAILABLE) if there is no space for an upload of `size` bytes, before it is read."""

    def check(self) -> None:
        """Raise RpcError(UNAVAILABLE) if the writer currently accepts no uploads."""

    def stop(self) -> None:
        """End background work."""


class LoneWriter:
    """Inserts each upload separately; a server batches the INSERTs (async_insert)."""

    def __init__(self, clickhouse: ClickHouse, clock: Callable[[], float] = time.time) -> None:
        self._clickhouse = clickhouse
        self._known = Known()
        self._deletions = Deletions(clickhouse, clock)
        self._inserts = TokenInserts(clickhouse, combined=True)
        self._group = GroupInserts(clickhouse, self._known, time.time_ns, self._deletions)

    def insert(self, upload: Upload, record: Record | None = None) -> None:  # noqa: ARG002  # needs no log
        batch, token = Batch([upload], self._known), upload.id.hex()
        self._inserts.insert(batch, token)
        if self._deletions.affected([upload]):
            self._known.forget()
            for error in ReplayInserts(self._clickhouse).store([upload]).values():
                raise error
            return
        self._inserts.enter([upload], token)
        batch.stored()

    def insert_batch(self, uploads: Sequence[tuple[Upload, Record]], budget: SeriesBudget) -> Failures:
        return self._group.store([upload for upload, _ in uploads], budget)

    def in_ledger(self, keys: Sequence[UploadKey]) -> set[UploadKey]:
        return self._group.in_ledger(keys)

    def settle(self) -> None:
        """Nothing is pending: an acknowledged upload is already inserted."""

    def admit(self, size: int) -> None:
        """ClickHouse checks its own disk."""

    def check(self) -> None:
        """Nothing to check besides ClickHouse itself."""

    def stop(self) -> None:
        """Nothing runs in the background."""
