"""Uploads are stored once: by both writers, in groups, and whatever fails or is killed on the way."""

from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from threading import Thread
from time import sleep

import pytest
from clickhouse_connect.driver.exceptions import ClickHouseError

from flamehouse.model.profile import Upload
from flamehouse.settings import Settings
from flamehouse.store import Store
from flamehouse.store.connection.client import ClickHouse
from flamehouse.store.write import writer
from flamehouse.store.write.journal import Journal
from flamehouse.store.write.writer import GroupWriter, LoneWriter, Writer
from tests.support.servers.faults import POISONED, Killed, Mortal, poisoned, poisoned_ledger, without
from tests.support.uploads.counted import Counted, once

type Outcome = BaseException | None

EMBEDDED = pytest.mark.parametrize("place", ["embedded"], indirect=True, scope="session")
"""Where uploads are stored in groups."""
SERVER = pytest.mark.parametrize("place", ["server"], indirect=True, scope="session")
"""Where each is an insert of its own."""

UNWRITTEN = [
    (),
    ("sampled_profiles_view",),
    ("stacktraces_view", "series_view"),
    ("sampled_profiles_view", "stacktraces_view"),
]
"""Views that a kill kept from writing what the others wrote."""


@pytest.fixture
def counted(store: Store, settings: Settings) -> Counted:
    return Counted.on(store, settings)


@pytest.fixture
def open_writer(clickhouse: ClickHouse, tmp_path: Path) -> Callable[[], Writer]:
    """A writer as a new process has it."""
    if clickhouse.embedded:
        return lambda: GroupWriter(clickhouse, Journal(tmp_path))
    return lambda: LoneWriter(clickhouse)


def outcome_of(store: Writer, upload: Upload) -> Outcome:
    try:
        store.insert(upload)
    except (ClickHouseError, Killed) as error:
        return error
    return None


def insert_at_once(writers: Sequence[tuple[Writer, Upload]]) -> list[Outcome]:
    """Insert each upload in a thread of its own."""
    outcomes: dict[int, Outcome] = {}

    def insert(index: int) -> None:
        outcomes[index] = outcome_of(*writers[index])

    threads = [Thread(target=insert, args=(index,)) for index in range(len(writers))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [outcomes[index] for index in range(len(writers))]


def insert_group(group_writer: GroupWriter, uploads: Sequence[Upload]) -> list[Outcome]:
    """Insert the uploads as one group: they come in while another is being stored."""
    outcomes: list[Outcome] = []
    with group_writer._storing:  # noqa: SLF001  # what storing another group holds
        group = Thread(
            target=lambda: outcomes.extend(insert_at_once([(group_writer, each) for each in uploads]))
        )
        group.start()
        while len(group_writer._queue) < len(uploads):  # noqa: SLF001
            sleep(0.001)
    group.join()
    return outcomes


def test_an_upload_is_stored_once_by_any_process(counted: Counted, open_writer: Callable[[], Writer]) -> None:
    one, other = open_writer(), open_writer()
    for each in (one, one, other, one, open_writer()):
        each.insert(counted.upload(0))
    assert counted.counts() == once({0})


def test_an_upload_is_stored_once_by_several_threads(
    counted: Counted, open_writer: Callable[[], Writer]
) -> None:
    one = open_writer()
    uploads = [counted.upload(number) for number in range(3)]
    assert insert_at_once([(one, uploads[number % 3]) for number in range(9)]) == [None] * 9
    assert counted.counts() == once(range(3))


@EMBEDDED
def test_a_group_is_one_insert_a_week(counted: Counted, clickhouse: ClickHouse, tmp_path: Path) -> None:
    watched = Mortal(clickhouse)
    uploads = [counted.upload(number) for number in range(5)]
    assert insert_group(GroupWriter(watched, Journal(tmp_path)), uploads) == [None] * 5
    assert watched.inserts == ["ingest", "ingest", "uploads"]
    assert counted.counts() == once(range(5))


@EMBEDDED
def test_a_group_is_bounded(
    counted: Counted, clickhouse: ClickHouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = Mortal(clickhouse)
    monkeypatch.setattr(writer, "_MAX_GROUP_SAMPLES", 8)
    uploads = [counted.upload(number) for number in range(5)]
    assert {sum(len(profile.values) for profile in upload.profiles) for upload in uploads} == {4}
    insert_group(GroupWriter(watched, Journal(tmp_path)), uploads)
    assert watched.inserts.count("uploads") == 3
    assert counted.counts() == once(range(5))


@EMBEDDED
def test_a_group_may_hold_an_upload_twice(counted: Counted, clickhouse: ClickHouse, tmp_path: Path) -> None:
    uploads = [counted.upload(number) for number in (0, 1, 0, 0, 1)]
    assert insert_group(GroupWriter(clickhouse, Journal(tmp_path)), uploads) == [None] * 5
    assert counted.counts() == once({0, 1})


@EMBEDDED
def test_members_of_a_group_may_come_again_in_any_company(
    counted: Counted, clickhouse: ClickHouse, tmp_path: Path
) -> None:
    uploads = [counted.upload(number) for number in range(6)]
    group_writer = GroupWriter(clickhouse, Journal(tmp_path))
    for numbers in ((0, 1, 2), (1,), (2, 3), (4, 3, 0, 5), (5, 4, 3, 2, 1, 0)):
        assert not any(insert_group(group_writer, [uploads[number] for number in numbers]))
    assert counted.counts() == once(range(6))


@EMBEDDED
def test_a_group_killed_at_any_step_is_stored_once_in_the_end(
    counted: Counted, clickhouse: ClickHouse, tmp_path: Path
) -> None:
    for life in count():
        first, second = counted.upload(2 * life), counted.upload(2 * life + 1)
        mortal = GroupWriter(Mortal(clickhouse, life), Journal(tmp_path))
        outcomes = insert_group(mortal, [first, second])
        restarted = GroupWriter(clickhouse, Journal(tmp_path))
        restarted.recover()
        restarted.insert(second)
        insert_group(restarted, [first, second])
        if outcomes == [None, None]:
            break
        assert [*map(type, outcomes)] == [Killed, Killed]
    assert life == 8, "half calls: the ledger is asked, two weeks are inserted, the ledger is written"
    assert counted.counts() == once(range(2 * life + 2))


@EMBEDDED
@pytest.mark.parametrize("unwritten", UNWRITTEN, ids="+".join)
def test_what_a_kill_left_half_written_is_taken_back_though_that_is_killed_too(
    counted: Counted, clickhouse: ClickHouse, tmp_path: Path, unwritten: tuple[str, ...]
) -> None:
    journal = Journal(tmp_path)
    GroupWriter(clickhouse, journal).insert(counted.upload(0))
    before_the_ledger = Mortal(clickhouse, 6)
    uploads = [counted.upload(number, service_name="cart") for number in (1, 2)]
    with without(clickhouse, *unwritten):
        insert_group(GroupWriter(before_the_ledger, journal), uploads)
    assert before_the_ledger.inserts == ["ingest", "ingest"]
    assert (counted.counts(), counted.services()) != (once({0}), ["shop"])
    for life in count():
        try:
            GroupWriter(Mortal(clickhouse, life), journal).recover()
        except Killed:
            continue
        break
    assert life > 6
    assert (counted.counts(), counted.services()) == (once({0}), ["shop"])
    restarted = GroupWriter(clickhouse, journal)
    for upload in (*uploads, counted.upload(0)):
        restarted.insert(upload)
    assert (counted.counts(), counted.services()) == (once(range(3)), ["cart", "shop"])


@SERVER
@pytest.mark.parametrize("unwritten", UNWRITTEN, ids="+".join)
def test_a_retry_completes_what_a_killed_function_left_half_written(
    counted: Counted, clickhouse: ClickHouse, unwritten: tuple[str, ...]
) -> None:
    with without(clickhouse, *unwritten), pytest.raises(Killed):
        LoneWriter(Mortal(clickhouse, 4)).insert(counted.upload(0))
    assert not unwritten or (counted.counts(), counted.services()) != (once({0}), ["shop"])
    one, other = LoneWriter(clickhouse), LoneWriter(clickhouse)
    for each in (one, other, one):
        each.insert(counted.upload(0))
    assert (counted.counts(), counted.services()) == (once({0}), ["shop"])


@EMBEDDED
@pytest.mark.parametrize("good_weeks", [0, 1])
def test_a_poisoned_upload_fails_alone_and_leaves_nothing_behind(
    counted: Counted, clickhouse: ClickHouse, tmp_path: Path, good_weeks: int
) -> None:
    group_writer = GroupWriter(clickhouse, Journal(tmp_path))
    uploads = [counted.upload(0), counted.upload(1, service_name=POISONED), counted.upload(2)]
    with poisoned(clickhouse, since_ms=counted.mondays[good_weeks]):
        for _ in range(2):
            outcomes = insert_group(group_writer, uploads)
            assert [*map(type, outcomes)] == [type(None), type(outcomes[1]), type(None)]
            assert isinstance(outcomes[1], ClickHouseError)
            assert counted.counts() == once({0, 2})
            assert counted.services() == ["shop"]
    insert_group(group_writer, uploads)
    assert counted.counts() == once(range(3))
    assert counted.services() == [POISONED, "shop"]


@EMBEDDED
def test_what_the_ledger_took_before_it_failed_is_not_stored_again(
    counted: Counted, clickhouse: ClickHouse, tmp_path: Path
) -> None:
    uploads = [counted.upload(number) for number in range(3)]
    with poisoned_ledger(clickhouse):
        insert_group(GroupWriter(clickhouse, Journal(tmp_path)), uploads)
    assert insert_group(GroupWriter(clickhouse, Journal(tmp_path)), uploads) == [None] * 3
    assert counted.counts() == once(range(3))


@EMBEDDED
@pytest.mark.parametrize("table", ["uploads", "sampled_profiles", "stacktraces"])
def test_uploads_wait_for_a_table_that_is_gone(
    counted: Counted, clickhouse: ClickHouse, tmp_path: Path, table: str
) -> None:
    uploads = [counted.upload(number) for number in range(3)]
    group_writer = GroupWriter(clickhouse, Journal(tmp_path))
    group_writer.insert(uploads[0])
    with without(clickhouse, table):
        outcomes = insert_group(group_writer, uploads)
    assert all(isinstance(error, ClickHouseError) for error in outcomes[1:])
    assert insert_group(group_writer, uploads[:2]) == [None, None]
    assert counted.counts() == once({0, 1})
