"""INSERTs with a deduplication token: ClickHouse drops an INSERT if it remembers the token."""

from collections.abc import Sequence
from typing import Final

from flamehouse.model.profile import Upload
from flamehouse.store.connection.client import ClickHouse, ServerSettings
from flamehouse.store.write.batch import Batch
from flamehouse.store.write.ledger import enter_uploads
from flamehouse.store.write.row_binary import COLUMNS

# Every setting that affects exactly-once inserts is explicit, so the server's defaults do not matter.
_EXACT: Final[ServerSettings] = {
    "insert_deduplicate": 1,
    "deduplicate_blocks_in_dependent_materialized_views": 1,
    "materialized_views_ignore_errors": 0,
    "optimize_on_insert": 0,
    "wait_for_async_insert": 1,
    "async_insert_deduplicate": 1,
}


class TokenInserts:
    """The INSERTs of one database. With `combined`, a server combines concurrent ones into one part (async_insert).

    Methods raise ClickHouseError. Thread-safe.
    """

    def __init__(self, clickhouse: ClickHouse, *, combined: bool) -> None:
        self._clickhouse = clickhouse
        self._settings = {**_EXACT, "async_insert": int(combined and not clickhouse.embedded)}

    def insert(self, batch: Batch, token: str, suffix: str = "") -> None:
        """Insert the rows of the batch; the token of each INSERT consists of `token`, its name and `suffix`."""
        for name, rows in batch.inserts():
            self.insert_rows(rows, f"{token}:{name}{suffix}")

    def insert_symbols(self, batch: Batch) -> None:
        """Insert the symbols of the batch, under unique tokens."""
        for name, rows in batch.symbols():
            self.insert_rows(rows, name)

    def insert_rows(self, rows: bytes, token: str) -> None:
        """Insert rows into the table `ingest`."""
        self._clickhouse.insert("ingest", COLUMNS, rows, self._with(token))

    def enter(self, uploads: Sequence[Upload], token: str) -> None:
        """Write the uploads into the ledger."""
        enter_uploads(self._clickhouse, uploads, self._with(token))

    def _with(self, token: str) -> ServerSettings:
        return {**self._settings, "insert_deduplication_token": token}
