"""Replayed uploads are each stored once, even if ClickHouse remembers the tokens of deleted rows."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from flamehouse.model.profile import Upload
from flamehouse.model.time_range import TimeRange
from flamehouse.settings import Settings
from flamehouse.store.clickhouse_store import ClickHouseStore
from flamehouse.store.connection.client import ClickHouse
from flamehouse.store.deletion import Deletion, delete, delete_uploads, upload_ids
from flamehouse.store.maintenance import maintain
from flamehouse.store.schema.migrate import migrate
from flamehouse.store.write.cardinality import SeriesBudget
from flamehouse.store.write.ledger import key_of, stored_uploads
from flamehouse.store.write.replay import ReplayInserts
from flamehouse.store.write.writer import LoneWriter
from flamehouse.units import MAX_MS
from tests.support.servers.faults import Killed, Mortal
from tests.support.uploads.counted import Counted, once

pytestmark = pytest.mark.parametrize("place", ["embedded", "server"], indirect=True, scope="session")

EVER = TimeRange(start_ms=1, end_ms=MAX_MS)
REPLAY_HALF_CALLS = 29
"""Two half calls for each call of one upload with two weeks: symbols and labels of two weeks, its rows, two INSERTs
that are dropped, its rows, two INSERTs, its rows, the ledger twice."""


@pytest.fixture(scope="module")
def replaying(settings: Settings, clickhouse: ClickHouse) -> Iterator[ClickHouse]:  # noqa: ARG001  # merges stop before
    """A separate database with merges, which deletions of single rows need."""
    own = replace(settings, clickhouse_database="replaying")
    migrate(own)
    replaying = ClickHouse(own)
    # A server without replicas forgets a part's tokens when it removes the last row, which no writer can observe.
    replaying.command("ALTER TABLE sampled_profiles MODIFY SETTING remove_empty_parts = 0")
    yield replaying
    replaying.close()


@pytest.fixture
def counted(replaying: ClickHouse, settings: Settings) -> Counted:
    return Counted.on(ClickHouseStore(replaying, LoneWriter(replaying), settings), settings)


def tenant_of(counted: Counted) -> str:
    return counted.server.client.tenant


def store(clickhouse: ClickHouse, *uploads: Upload) -> None:
    """Stores uploads as a new function on AWS does, with empty caches."""
    for upload in uploads:
        LoneWriter(clickhouse).insert(upload)


def delete_all(clickhouse: ClickHouse, counted: Counted, *, names: bool = True) -> None:
    delete(clickhouse, Deletion(tenant=tenant_of(counted), within=EVER), names=names)


def test_deleted_uploads_are_stored_again_within_the_deduplication_window(
    counted: Counted, replaying: ClickHouse
) -> None:
    uploads = [counted.upload(number) for number in range(3)]
    store(replaying, *uploads)
    assert counted.counts() == once(range(3))
    for names in (True, False):
        delete_all(replaying, counted, names=names)
        # Why a replay differs: ClickHouse recognizes the tokens and drops the rows.
        store(replaying, uploads[0])
        assert counted.counts() == once([])
        assert ReplayInserts(replaying).store(uploads) == {}
        assert counted.counts() == once(range(3))
        assert counted.services() == ["shop"]
        assert stored_uploads(replaying, map(key_of, uploads)) == {key_of(each) for each in uploads}


def test_stored_uploads_are_not_stored_again(counted: Counted, replaying: ClickHouse) -> None:
    uploads = [counted.upload(number) for number in range(2)]
    store(replaying, uploads[0])
    for _ in range(2):
        assert ReplayInserts(replaying).store(uploads) == {}
        assert counted.counts() == once(range(2))


def test_the_deleted_part_of_an_upload_is_stored_again(counted: Counted, replaying: ClickHouse) -> None:
    upload = counted.upload(0)
    store(replaying, upload)
    first, _ = counted.mondays
    week = TimeRange(start_ms=first, end_ms=first + 7 * 86_400_000)
    delete(replaying, Deletion(tenant=tenant_of(counted), within=week), names=True)
    assert counted.counts() != once([0])
    assert upload_ids(replaying, Deletion(tenant=tenant_of(counted), within=week)) == set()
    delete_uploads(replaying, tenant_of(counted), [upload.id])
    assert counted.counts() == once([])
    assert ReplayInserts(replaying).store([upload]) == {}
    assert counted.counts() == once([0])


@pytest.mark.parametrize("life", range(1, REPLAY_HALF_CALLS, 4))
def test_a_replay_killed_at_any_step_is_completed_by_the_next(
    counted: Counted, replaying: ClickHouse, life: int
) -> None:
    upload = counted.upload(0)
    store(replaying, upload)
    delete_all(replaying, counted, names=False)
    try:
        ReplayInserts(Mortal(replaying, life)).store([upload])
    except Killed:
        assert life < REPLAY_HALF_CALLS - 2
    assert ReplayInserts(replaying).store([upload]) == {}
    assert counted.counts() == once([0])


def test_a_replay_and_a_worker_at_the_same_time_store_an_upload_once(
    counted: Counted, replaying: ClickHouse
) -> None:
    uploads = [counted.upload(number) for number in range(4)]
    budget = SeriesBudget(replaying, lambda _: 0)

    def work() -> None:
        assert LoneWriter(replaying).insert_batch([(each, _NoRecord()) for each in uploads], budget) == {}

    with ThreadPoolExecutor(3) as threads:
        first, second = threads.submit(work), threads.submit(work)
        assert threads.submit(ReplayInserts(replaying).store, uploads).result() == {}
        first.result()
        second.result()
    assert counted.counts() == once(range(4))


class _NoRecord:
    def pieces(self) -> Sequence[bytes]:
        return (b"",)


def test_reparsed_uploads_replace_the_old_ones_in_roll_ups_too(
    counted: Counted, replaying: ClickHouse
) -> None:
    old = counted.upload(0)
    store(replaying, old)
    assert maintain(replaying, 60)
    # Another release reads other values from the same upload; the ids of its profiles stay the same.
    anew = replace(
        old,
        profiles=[
            replace(each, values=type(each.values)("q", [5] * len(each.values))) for each in old.profiles
        ],
    )
    delete_uploads(replaying, tenant_of(counted), [old.id], "shop")
    assert ReplayInserts(replaying).store([anew]) == {}
    assert {count for counts in counted.counts().values() for count in counts.values()} == {5}


def test_uploads_of_another_service_are_unchanged(counted: Counted, replaying: ClickHouse) -> None:
    upload = counted.upload(0)
    store(replaying, upload)
    delete_uploads(replaying, tenant_of(counted), [upload.id], "cart")
    assert counted.counts() == once([0])


def test_uploads_that_a_deletion_removes_completely_are_named(
    counted: Counted, replaying: ClickHouse
) -> None:
    upload = counted.upload(0)
    store(replaying, upload)
    assert upload_ids(replaying, Deletion(tenant=tenant_of(counted), within=EVER)) == {upload.id}
