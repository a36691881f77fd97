"""Uploads sent again after a deletion: every acknowledged one is stored once, whatever tokens ClickHouse remembers."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from flamehouse.disk import Disk
from flamehouse.model.profile import Upload
from flamehouse.model.selector import parse_selector
from flamehouse.model.time_range import TimeRange
from flamehouse.settings import Settings
from flamehouse.store.clickhouse_store import ClickHouseStore
from flamehouse.store.connection.client import ClickHouse
from flamehouse.store.deletion import Deletion, delete, register_deletion, selected, until_ms
from flamehouse.store.schema.migrate import WINDOWS, migrate
from flamehouse.store.write.cardinality import SeriesBudget
from flamehouse.store.write.deletions import WAIT_S, Deletions
from flamehouse.store.write.inserts import BatchInserts
from flamehouse.store.write.ledger import key_of, stored_uploads
from flamehouse.store.write.log.quarantine import Quarantine
from flamehouse.store.write.log.upload_log import UploadLog
from flamehouse.store.write.log.writer import LogWriter, Pending
from flamehouse.store.write.replay import ReplayInserts
from flamehouse.store.write.writer import LoneWriter
from flamehouse.units import MAX_MS
from tests.support.servers.faults import Killed, Mortal
from tests.support.uploads.counted import Counted, once

pytestmark = pytest.mark.parametrize("place", ["embedded", "server"], indirect=True, scope="session")

_WINDOW: Final = "non_replicated_deduplication_window"
EVER: Final = TimeRange(start_ms=1, end_ms=MAX_MS)
CALLS: Final = {"direct": (10, 16), "worker": (12, 15)}
"""The fewest and most calls for one deleted upload with two weeks. `direct` begins with two INSERTs and the deletions,
`worker` with the ledger and the deletions. Then both need: symbols and labels of two weeks, its rows, two INSERTs that
are dropped, its rows, two INSERTs, its rows, the ledger twice. The number varies because a server may at any time
forget the tokens of a part whose last row it has removed."""


class _NoRecord:
    def pieces(self) -> Sequence[bytes]:
        return (b"an upload",)


def send(clickhouse: ClickHouse, *uploads: Upload) -> None:
    """Stores uploads as a newly started function that receives them does."""
    writer = LoneWriter(clickhouse)
    for upload in uploads:
        writer.insert(upload)


def work(clickhouse: ClickHouse, *uploads: Upload) -> None:
    """Stores uploads as a newly started worker does."""
    budget = SeriesBudget(clickhouse, lambda _: 0)
    assert LoneWriter(clickhouse).insert_batch([(each, _NoRecord()) for each in uploads], budget) == {}


WAYS: Final[Mapping[str, Callable[..., None]]] = {"direct": send, "worker": work}


@contextmanager
def database(settings: Settings, name: str) -> Iterator[ClickHouse]:
    own = replace(settings, clickhouse_database=name)
    migrate(own)
    clickhouse = ClickHouse(own)
    yield clickhouse
    clickhouse.close()


@pytest.fixture(scope="module")
def deleting(settings: Settings, clickhouse: ClickHouse) -> Iterator[ClickHouse]:  # noqa: ARG001  # merges stop before
    """A separate database with merges, which deletions of single rows need."""
    with database(settings, "sent_again") as deleting:
        # A server without replicas forgets a part's tokens when it removes the last row, which no writer can observe.
        deleting.command("ALTER TABLE sampled_profiles MODIFY SETTING remove_empty_parts = 0")
        yield deleting


@pytest.fixture(scope="module")
def forgetful(settings: Settings, clickhouse: ClickHouse) -> Iterator[ClickHouse]:  # noqa: ARG001  # merges stop before
    """Another such database, whose table of profiles forgets its tokens, as every table does after more INSERTs."""
    with database(settings, "forgetful") as forgetful:
        yield forgetful


@pytest.fixture
def counted(deleting: ClickHouse, settings: Settings) -> Counted:
    return Counted.on(ClickHouseStore(deleting, LoneWriter(deleting), settings), settings)


def tenant_of(counted: Counted) -> str:
    return counted.server.client.tenant


def delete_profiles(
    clickhouse: ClickHouse,
    counted: Counted,
    selector: str = "{}",
    within: TimeRange = EVER,
    *,
    names: bool = False,
) -> None:
    """Deletes as `flamehouse delete` does, but without waiting: every process of these tests is new."""
    what = Deletion(tenant=tenant_of(counted), matchers=parse_selector(selector), within=within)
    until = until_ms(what, selected(clickhouse, what))
    register_deletion(clickhouse, [what.tenant], until, wait=lambda _: None)
    delete(clickhouse, what, names=names)


@pytest.mark.parametrize("way", WAYS)
def test_deleted_uploads_that_are_sent_again_are_stored_at_once(
    counted: Counted, deleting: ClickHouse, way: str
) -> None:
    uploads = [counted.upload(number) for number in range(2)]
    send(deleting, *uploads)
    for names in (True, False):
        delete_profiles(deleting, counted, names=names)
        assert counted.counts() == once([])
        for _ in range(2):
            WAYS[way](deleting, *uploads)
            assert counted.counts() == once(range(2))
        assert counted.services() == ["shop"]
        assert stored_uploads(deleting, map(key_of, uploads)) == {key_of(each) for each in uploads}


@pytest.mark.parametrize("way", WAYS)
def test_the_deleted_part_of_an_upload_that_is_sent_again_is_stored(
    counted: Counted, deleting: ClickHouse, way: str
) -> None:
    upload = counted.upload(0)
    send(deleting, upload)
    first, _ = counted.mondays
    delete_profiles(deleting, counted, within=TimeRange(start_ms=first, end_ms=first + 7 * 86_400_000))
    # The other week is stored, so the upload is in the ledger.
    assert stored_uploads(deleting, [key_of(upload)]) == {key_of(upload)}
    assert counted.counts() != once([0])
    WAYS[way](deleting, upload)
    assert counted.counts() == once([0])


@pytest.mark.parametrize("way", WAYS)
def test_a_writer_killed_at_any_step_leaves_deleted_uploads_that_the_next_stores_once(
    counted: Counted, deleting: ClickHouse, way: str
) -> None:
    fewest, most = CALLS[way]
    numbers = range(most + 1)
    uploads = [counted.upload(number) for number in numbers]
    send(deleting, *uploads)
    delete_profiles(deleting, counted, names=True)
    kills = 0
    for calls, upload in enumerate(uploads):
        try:
            WAYS[way](Mortal(deleting, 2 * calls), upload)
        except Killed:
            kills += 1
    assert fewest <= kills <= most
    WAYS[way](deleting, *uploads)
    assert (counted.counts(), counted.services()) == (once(numbers), ["shop"])


def send_to_log(clickhouse: ClickHouse, folder: Path, *uploads: Upload) -> None:
    """Stores uploads as a local server does between its start and its stop."""
    disk = Disk()
    log: UploadLog[Pending] = UploadLog(folder / "log", disk)
    writer = LogWriter(BatchInserts(clickhouse), log, disk, Quarantine(folder / "quarantine", disk))
    writer.start(lambda _: None)
    for upload in uploads:
        writer.insert(upload, _NoRecord())
    writer.stop()


@pytest.mark.parametrize("deleted", ["a week", "all"])
def test_a_deleted_upload_that_is_sent_to_a_local_server_again_is_stored_once(
    counted: Counted, deleting: ClickHouse, tmp_path: Path, deleted: str
) -> None:
    if not deleting.embedded:
        pytest.skip("a server's uploads are not stored through the log")
    uploads = [counted.upload(number) for number in range(2)]
    send_to_log(deleting, tmp_path, *uploads)
    first, _ = counted.mondays
    week = TimeRange(start_ms=first, end_ms=first + 7 * 86_400_000)
    delete_profiles(deleting, counted, within=week if deleted == "a week" else EVER, names=True)
    assert counted.counts() != once(range(2))
    for _ in range(2):
        send_to_log(deleting, tmp_path, *uploads, uploads[0])
        assert (counted.counts(), counted.services()) == (once(range(2)), ["shop"])


def test_writers_and_a_replay_at_the_same_time_store_a_deleted_upload_once(
    counted: Counted, deleting: ClickHouse
) -> None:
    uploads = [counted.upload(number) for number in range(3)]
    send(deleting, *uploads)
    delete_profiles(deleting, counted)
    with ThreadPoolExecutor(5) as threads:
        writing = [threads.submit(way, deleting, *uploads) for way in (*WAYS.values(), *WAYS.values())]
        assert threads.submit(ReplayInserts(deleting).store, uploads).result() == {}
        for each in writing:
            each.result()
    assert counted.counts() == once(range(3))


@pytest.mark.parametrize("way", [*WAYS, "replay"])
def test_labels_are_stored_again_if_only_their_table_remembers_the_token(
    forgetful: ClickHouse, settings: Settings, way: str
) -> None:
    counted = Counted.on(ClickHouseStore(forgetful, LoneWriter(forgetful), settings), settings)
    upload = counted.upload(0)
    send(forgetful, upload)
    delete_profiles(forgetful, counted, names=True)
    forgetful.command(f"ALTER TABLE sampled_profiles MODIFY SETTING {_WINDOW} = 0")
    if way == "replay":
        assert ReplayInserts(forgetful).store([upload]) == {}
    else:
        WAYS[way](forgetful, upload)
    assert (counted.counts(), counted.services()) == (once([0]), ["shop"])
    forgetful.command(f"ALTER TABLE sampled_profiles MODIFY SETTING {_WINDOW} = {WINDOWS[_WINDOW]}")


@pytest.mark.parametrize("way", WAYS)
def test_a_process_that_ran_before_a_deletion_sees_it_after_the_wait(
    counted: Counted, deleting: ClickHouse, way: str
) -> None:
    now_s = [time.time()]
    writer, upload = LoneWriter(deleting, lambda: now_s[0]), counted.upload(0)
    writer.insert(upload)
    waits: list[float] = []
    what = Deletion(tenant=tenant_of(counted), within=EVER)
    register_deletion(deleting, [what.tenant], until_ms(what, selected(deleting, what)), waits.append)
    assert waits == ([] if deleting.embedded else [WAIT_S])
    now_s[0] += WAIT_S
    delete(deleting, what, names=False)
    budget = SeriesBudget(deleting, lambda _: 0)
    if way == "direct":
        writer.insert(upload)
    else:
        assert writer.insert_batch([(upload, _NoRecord())], budget) == {}
    assert counted.counts() == once([0])


def test_the_register_is_read_once_every_ten_seconds_and_after_the_clock_goes_back(
    counted: Counted, deleting: ClickHouse
) -> None:
    now_s = [1_000.0]
    upload, tenant = counted.upload(0), tenant_of(counted)
    first_ms = min(each.time_ns for each in upload.profiles) // 1_000_000
    process = Deletions(deleting, lambda: now_s[0])
    assert process.affected([upload]) == set()
    register_deletion(deleting, [tenant], first_ms + 1, wait=lambda _: None)
    now_s[0] += 9
    assert process.affected([upload]) == set()
    now_s[0] += 2
    assert process.affected([upload]) == {key_of(upload)}
    # Another deletion with an earlier time changes nothing.
    register_deletion(deleting, [tenant], first_ms - 1, wait=lambda _: None)
    now_s[0] -= 3_600
    assert process.affected([upload]) == {key_of(upload)}


def test_uploads_after_a_deletion_need_no_more_statements(counted: Counted, deleting: ClickHouse) -> None:
    register_deletion(deleting, [tenant_of(counted)], counted.monday, wait=lambda _: None)
    watched = Mortal(deleting)
    send(watched, counted.upload(0))
    assert watched.inserts == ["ingest", "ingest", "uploads"]


def test_a_deletion_is_registered_until_its_end_or_an_hour_from_now(
    counted: Counted, deleting: ClickHouse
) -> None:
    send(deleting, counted.upload(0))
    _, second = counted.mondays
    past = Deletion(tenant=tenant_of(counted), within=TimeRange(start_ms=1, end_ms=second))
    assert until_ms(past, selected(deleting, past)) == second
    now_ms = int(time.time() * 1_000)
    all_ = Deletion(tenant=tenant_of(counted), within=EVER)
    assert now_ms + 3_600_000 <= until_ms(all_, selected(deleting, all_)) <= now_ms + 3_660_000


def test_a_later_upload_beyond_the_limit_on_series_is_rejected_after_a_deletion_too(
    counted: Counted, deleting: ClickHouse
) -> None:
    uploads = [counted.upload(0), counted.upload(1, pod="b")]
    register_deletion(deleting, [tenant_of(counted)], MAX_MS, wait=lambda _: None)
    budget = SeriesBudget(deleting, lambda _: 1)
    failures = LoneWriter(deleting).insert_batch([(each, _NoRecord()) for each in uploads], budget)
    assert [error.code.wire_name for error in failures.values()] == ["resource_exhausted"]
