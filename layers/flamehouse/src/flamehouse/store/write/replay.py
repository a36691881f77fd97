"""Stores uploads again that may have been deleted, while other processes may be storing them too.

ClickHouse remembers the token of an INSERT for two hours and drops another INSERT with that token, even if the rows
have been deleted since. An upload is first inserted under its own token, as every writer does (docs/adr/0018). If its
rows are then missing, it is inserted under the first of its further tokens that ClickHouse does not remember. An INSERT
that returns has been committed or repeats a committed one. Rows that are missing afterwards were therefore deleted, and
no row is stored twice.

Labels and symbols are inserted first, under new tokens: their tables may contain a row twice, and each table forgets
tokens independently.
"""

from collections.abc import Sequence
from typing import Final
from uuid import uuid4

from flamehouse.errors import Code, RpcError
from flamehouse.model.profile import Upload
from flamehouse.model.time_range import TimeRange
from flamehouse.store import Failures
from flamehouse.store.connection.client import ClickHouse
from flamehouse.store.write.batch import Batch
from flamehouse.store.write.cardinality import SeriesBudget
from flamehouse.store.write.completion import has_samples, labels_of, without_stored
from flamehouse.store.write.concurrent_inserts import insert_each
from flamehouse.store.write.ledger import key_of, stored_uploads
from flamehouse.store.write.seen_ids import Known
from flamehouse.store.write.token_inserts import TokenInserts

_TOKENS: Final = 100
"""How often one upload can be deleted and stored again within two hours."""

_WITH_ROWS: Final = """
SELECT DISTINCT hex(upload_id)
FROM sampled_profiles
WHERE tenant = {tenant:String} AND hex(upload_id) IN {upload_ids:Array(String)}
    AND time >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')
"""


class ReplayInserts:
    """Stores batches of uploads, within `budget` if it is given; an interrupted batch can be stored again."""

    def __init__(self, clickhouse: ClickHouse, budget: SeriesBudget | None = None) -> None:
        self._clickhouse = clickhouse
        self._budget = budget
        self._inserts = TokenInserts(clickhouse, combined=True)
        self._known = Known()

    def stored(self, tenant: str, ids: Sequence[bytes], within: TimeRange) -> set[bytes]:
        """The uploads that are in the ledger and have rows in the range, which must contain their first profiles.

        An upload that was deleted and sent again within two hours is in the ledger but has no rows.
        """
        in_ledger = {id_ for _, id_ in stored_uploads(self._clickhouse, [(tenant, id_) for id_ in ids])}
        if not in_ledger:
            return set()
        parameters = {
            "tenant": tenant,
            "upload_ids": [id_.hex().upper() for id_ in in_ledger],
            "from_ms": within.start_ms,
            "until_ms": within.end_ms,
        }
        return {bytes.fromhex(id_) for (id_,) in self._clickhouse.rows(_WITH_ROWS, parameters)}

    def store(self, uploads: Sequence[Upload]) -> Failures:
        """Store the missing parts of the uploads; return the errors of those that ClickHouse rejects.

        Raises ClickHouseError if ClickHouse fails.
        """
        by_key = {key_of(upload): upload for upload in uploads}
        self._insert_symbols([*by_key.values()])
        errors = insert_each([*by_key.values()], self._insert_upload, self._budget)
        done = by_key.keys() - errors.keys() - stored_uploads(self._clickhouse, by_key)
        if done:
            # A new token, since ClickHouse drops an entry with the token of a deleted one.
            self._inserts.enter([by_key[key] for key in done], uuid4().hex)
        return errors

    def _insert_symbols(self, uploads: Sequence[Upload]) -> None:
        """Insert the symbols of all uploads."""
        batch = Batch(uploads, self._known)
        self._inserts.insert_symbols(batch)
        batch.symbols_stored()

    def _insert_upload(self, upload: Upload) -> None:
        """Insert the missing parts of an upload. Raises RpcError(ABORTED) if ClickHouse remembers all its tokens."""
        self._inserts.insert(self._batch(labels_of(upload)), f"labels:{uuid4().hex}")
        for number in range(_TOKENS):
            rest = without_stored(self._clickhouse, upload)
            if not has_samples(rest):
                return
            self._inserts.insert(self._batch(rest), upload.id.hex(), f":{number}" if number else "")
        raise RpcError(Code.ABORTED, "ClickHouse drops the upload under every token: try again in two hours")

    def _batch(self, upload: Upload) -> Batch:
        return Batch([upload], self._known)
