"""Storing uploads exactly once (docs/architecture.md, "Exactly once").

    LoneWriter      a server: an upload's id is the token by which ClickHouse drops repeated inserts
    GroupWriter     the embedded engine, where each insert costs some 50 ms whatever it holds

Either enters an upload in the ledger when everything else of it is stored, and returns after that.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from threading import Lock
from typing import Protocol
from uuid import uuid4

from clickhouse_connect.driver.exceptions import ClickHouseError

from flamehouse.deadline import no_time_limit
from flamehouse.model.profile import Upload
from flamehouse.store.connection.client import ClickHouse, ServerSettings
from flamehouse.store.write.batch import Batch
from flamehouse.store.write.journal import Journal
from flamehouse.store.write.ledger import UploadKey, enter_uploads, stored_uploads
from flamehouse.store.write.rollback import footprints_of, roll_back
from flamehouse.store.write.row_binary import COLUMNS
from flamehouse.store.write.seen_ids import Known

_MAX_GROUP = 64
_MAX_GROUP_SAMPLES = 500_000

# Each setting that decides whether an insert is exact is named; nothing is left to a server's defaults.
_EXACT: ServerSettings = {
    "insert_deduplicate": 1,
    "deduplicate_blocks_in_dependent_materialized_views": 1,
    "materialized_views_ignore_errors": 0,
    "optimize_on_insert": 0,
    "wait_for_async_insert": 1,
    "async_insert_deduplicate": 1,
}
_EMBEDDED: ServerSettings = {**_EXACT, "async_insert": 0}
_SERVER: ServerSettings = {**_EXACT, "async_insert": 1}


class Writer(Protocol):
    """Stores uploads."""

    def insert(self, upload: Upload) -> None:
        """Return when the upload is stored for good; storing it again changes nothing. ClickHouseError otherwise."""

    def recover(self) -> None:
        """Take back what an earlier process left half stored."""


class LoneWriter:
    """Each upload an INSERT of its own, which a server gathers with others' (async_insert)."""

    def __init__(self, clickhouse: ClickHouse) -> None:
        self._clickhouse = clickhouse
        self._known = Known()

    def insert(self, upload: Upload) -> None:
        _store(self._clickhouse, [upload], self._known, upload.id.hex(), _SERVER)

    def recover(self) -> None:
        """Nothing to do: a retry carries the same token and completes what is missing."""


@dataclass(slots=True)
class _Waiting:
    upload: Upload
    done: bool = False
    error: BaseException | None = None


class GroupWriter:
    """Uploads that come in while others are being stored are stored together, in one INSERT.

    A group's members may be retried in other company, so a group first drops those that the ledger holds. A group that
    fails is taken back and its members are stored one by one. The journal says what to take back after a kill. Only one
    process may write to an embedded engine, so locks within the process are enough.
    """

    def __init__(self, clickhouse: ClickHouse, journal: Journal) -> None:
        self._clickhouse = clickhouse
        self._journal = journal
        self._known = Known()
        self._queue: deque[_Waiting] = deque()
        self._storing = Lock()
        self._process = uuid4().hex
        self._attempts = count()

    def insert(self, upload: Upload) -> None:
        waiting = _Waiting(upload)
        self._queue.append(waiting)
        # Of a group one client may have less time than the others.
        with self._storing, no_time_limit():
            while not waiting.done:
                self._commit(self._next_group())
        if waiting.error is not None:
            raise waiting.error

    def recover(self) -> None:
        with self._storing:
            self._roll_back_unfinished()

    def _next_group(self) -> list[_Waiting]:
        group = [self._queue.popleft()]
        samples = _samples_of(group[0].upload)
        while self._queue and len(group) < _MAX_GROUP:
            samples += _samples_of(self._queue[0].upload)
            if samples > _MAX_GROUP_SAMPLES:
                break
            group.append(self._queue.popleft())
        return group

    def _commit(self, group: Sequence[_Waiting]) -> None:
        """Store the group; whatever goes wrong, each member learns that it is not stored."""
        try:
            self._roll_back_unfinished()
            errors: Mapping[UploadKey, BaseException] = self._store_new(
                {(waiting.upload.tenant, waiting.upload.id): waiting.upload for waiting in group}
            )
        except BaseException as error:  # noqa: BLE001  # raised in every thread that waits for this group
            errors = dict.fromkeys(((waiting.upload.tenant, waiting.upload.id) for waiting in group), error)
        for waiting in group:
            waiting.error = errors.get((waiting.upload.tenant, waiting.upload.id))
            waiting.done = True

    def _store_new(self, uploads: dict[UploadKey, Upload]) -> dict[UploadKey, Exception]:
        """Store what the ledger does not hold; the errors of those that could not be."""
        for key in stored_uploads(self._clickhouse, uploads):
            del uploads[key]
        if not uploads:
            return {}
        try:
            self._store(list(uploads.values()))
        except ClickHouseError as error:
            self._roll_back_unfinished()
            if len(uploads) == 1:
                return dict.fromkeys(uploads, error)
            return self._store_singly(uploads)
        return {}

    def _store_singly(self, uploads: Mapping[UploadKey, Upload]) -> dict[UploadKey, Exception]:
        # The group's failure may have come after some of its members, or all, were in the ledger.
        stored = stored_uploads(self._clickhouse, uploads)
        errors: dict[UploadKey, Exception] = {}
        for key, upload in uploads.items():
            if key in stored:
                continue
            try:
                self._store([upload])
            except ClickHouseError as error:
                self._roll_back_unfinished()
                errors[key] = error
        return errors

    def _store(self, uploads: Sequence[Upload]) -> None:
        # Every attempt has a token of its own: an upload that was taken back is inserted anew, and must not be dropped.
        token = f"{self._process}:{next(self._attempts)}"
        self._journal.begin(footprints_of(uploads))
        _store(self._clickhouse, uploads, self._known, token, _EMBEDDED)
        self._journal.end()

    def _roll_back_unfinished(self) -> None:
        unfinished = self._journal.unfinished()
        if not unfinished:
            return
        for footprint in unfinished:
            keys = [(footprint.tenant, id_) for id_ in footprint.upload_ids]
            stored = stored_uploads(self._clickhouse, keys)
            lost = [id_ for tenant, id_ in keys if (tenant, id_) not in stored]
            if lost:
                roll_back(self._clickhouse, replace(footprint, upload_ids=lost))
        self._journal.end()


def _store(
    clickhouse: ClickHouse, uploads: Sequence[Upload], known: Known, token: str, settings: ServerSettings
) -> None:
    """One INSERT a week of profile time, then the ledger. `token` makes each of them happen once."""
    batch = Batch(uploads, known)
    for week, rows in batch.inserts():
        clickhouse.insert(
            "ingest", COLUMNS, rows, {**settings, "insert_deduplication_token": f"{token}:{week}"}
        )
    enter_uploads(clickhouse, uploads, {**settings, "insert_deduplication_token": token})
    batch.stored()


def _samples_of(upload: Upload) -> int:
    return sum(len(profile.values) for profile in upload.profiles)
