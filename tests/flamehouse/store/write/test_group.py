"""Batches of a worker: each upload is stored once, with other writers at any time and a worker killed at any step."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import pytest
from clickhouse_connect.driver.exceptions import ClickHouseError

from flamehouse.model.profile import Upload
from flamehouse.settings import Settings
from flamehouse.store import Store
from flamehouse.store.connection.client import ClickHouse, Parameters, ServerSettings
from flamehouse.store.write.cardinality import SeriesBudget
from flamehouse.store.write.deletions import Deletions
from flamehouse.store.write.group import GroupInserts
from flamehouse.store.write.ledger import key_of
from flamehouse.store.write.seen_ids import Known
from flamehouse.store.write.writer import LoneWriter
from flamehouse.units import NS_PER_S
from tests.support.servers.faults import POISONED, Killed, Mortal, poisoned, without
from tests.support.uploads.counted import Counted, once

DAYS_S = 3 * 86_400
_HALF_CALLS = 18
"""The statements of a worker with two new uploads: the ledger, the deletions, symbols of two weeks, two weeks of two
uploads, the ledger.
"""


@pytest.fixture
def counted(store: Store, settings: Settings) -> Counted:
    return Counted.on(store, settings)


def group(clickhouse: ClickHouse, later_s: int = 0) -> GroupInserts:
    """Returns a process's group, whose clock is `later_s` ahead."""
    return GroupInserts(
        clickhouse, Known(), lambda: time.time_ns() + later_s * NS_PER_S, Deletions(clickhouse)
    )


def unlimited(clickhouse: ClickHouse) -> SeriesBudget:
    return SeriesBudget(clickhouse, lambda _: 0)


def stored(clickhouse: ClickHouse, uploads: Sequence[Upload], later_s: int = 0) -> None:
    assert group(clickhouse, later_s).store(uploads, unlimited(clickhouse)) == {}


def test_a_batch_reads_and_writes_the_ledger_once(counted: Counted, clickhouse: ClickHouse) -> None:
    watched = Mortal(clickhouse)
    uploads = [counted.upload(number) for number in range(5)]
    stored(watched, [*uploads, *uploads])
    symbols, profiles = ["ingest"] * 2, ["ingest"] * 10
    assert watched.inserts == [*symbols, *profiles, "uploads"]
    stored(watched, uploads)
    assert len(watched.inserts) == 13
    assert counted.counts() == once(range(5))


@pytest.mark.parametrize("first", ["direct", "group"])
def test_an_upload_sent_directly_and_as_an_object_is_stored_once(
    counted: Counted, clickhouse: ClickHouse, first: str
) -> None:
    uploads = [counted.upload(number) for number in range(3)]
    direct = LoneWriter(clickhouse)
    if first == "group":
        stored(clickhouse, uploads)
    for upload in uploads[:2]:
        direct.insert(upload)
    stored(clickhouse, uploads)
    assert counted.counts() == once(range(3))


def test_workers_with_the_same_uploads_store_each_once(counted: Counted, clickhouse: ClickHouse) -> None:
    uploads = [counted.upload(number) for number in range(4)]
    batches = [uploads, uploads[::-1], uploads[1:], uploads[:2]]
    with ThreadPoolExecutor(len(batches)) as workers:
        for done in [workers.submit(stored, clickhouse, batch) for batch in batches]:
            done.result()
    assert counted.counts() == once(range(4))


@pytest.mark.parametrize(
    "unwritten", [(), ("sampled_profiles_view",), ("stacktraces_view", "series_view")], ids="+".join
)
@pytest.mark.parametrize("later_s", [0, DAYS_S])
def test_a_worker_killed_at_any_step_leaves_uploads_that_the_next_stores_once(
    counted: Counted, clickhouse: ClickHouse, unwritten: tuple[str, ...], later_s: int
) -> None:
    # Without a view, no upload reaches the ledger.
    lives = _HALF_CALLS - 1 if unwritten else _HALF_CALLS
    for life in range(lives):
        uploads = [counted.upload(2 * life + number) for number in range(2)]
        with without(clickhouse, *unwritten), pytest.raises(Killed):
            group(Mortal(clickhouse, life)).store(uploads, unlimited(clickhouse))
        neighbours = [counted.upload(2 * life - 1)] if life else []
        stored(_without_tokens(clickhouse, later_s), [*neighbours, *uploads], later_s)
    stored(Mortal(clickhouse, _HALF_CALLS), [counted.upload(2 * lives + number) for number in range(2)])
    assert counted.counts() == once(range(2 * lives + 2))


class _Forgetful(ClickHouse):
    """A database that has expired every token."""

    def __init__(self, clickhouse: ClickHouse) -> None:
        self.embedded = clickhouse.embedded
        self._clickhouse = clickhouse
        self._calls = count()

    def rows(
        self, sql: str, parameters: Parameters | None = None, settings: ServerSettings | None = None
    ) -> Sequence[Sequence[Any]]:
        return self._clickhouse.rows(sql, parameters, settings)

    def insert(self, table: str, columns: Sequence[str], row_binary: bytes, settings: ServerSettings) -> None:
        token = f"{settings['insert_deduplication_token']} {time.time_ns()} {next(self._calls)}"
        self._clickhouse.insert(table, columns, row_binary, {**settings, "insert_deduplication_token": token})


def _without_tokens(clickhouse: ClickHouse, later_s: int) -> ClickHouse:
    return _Forgetful(clickhouse) if later_s else clickhouse


def test_an_error_of_one_upload_does_not_affect_the_others(counted: Counted, clickhouse: ClickHouse) -> None:
    uploads = [counted.upload(0), counted.upload(1, service_name=POISONED), counted.upload(2)]
    with poisoned(clickhouse, since_ms=counted.monday):
        failures = group(clickhouse).store(uploads, unlimited(clickhouse))
    assert [*failures] == [key_of(uploads[1])]
    assert failures[key_of(uploads[1])].code.wire_name == "unavailable"
    assert group(clickhouse).in_ledger([key_of(each) for each in uploads]) == {
        key_of(uploads[0]),
        key_of(uploads[2]),
    }


def test_an_upload_beyond_the_limit_on_series_fails_alone(counted: Counted, clickhouse: ClickHouse) -> None:
    uploads = [counted.upload(0), counted.upload(1, pod="b")]
    failures = group(clickhouse).store(uploads[:1], SeriesBudget(clickhouse, lambda _: 1))
    assert failures == {}
    failures = group(clickhouse).store(uploads, SeriesBudget(clickhouse, lambda _: 1))
    assert [error.code.wire_name for error in failures.values()] == ["resource_exhausted"]


def test_a_missing_table_fails_the_whole_batch(counted: Counted, clickhouse: ClickHouse) -> None:
    with without(clickhouse, "uploads"), pytest.raises(ClickHouseError):
        group(clickhouse).store([counted.upload(0)], unlimited(clickhouse))


def test_the_store_reports_which_uploads_are_in_the_ledger(counted: Counted, store: Store) -> None:
    uploads = [counted.upload(number) for number in range(2)]
    assert store.insert_batch([(uploads[0], _Record())]) == {}
    assert store.in_ledger([key_of(each) for each in uploads]) == {key_of(uploads[0])}
    assert counted.counts() == once([0])


class _Record:
    def pieces(self) -> Sequence[bytes]:
        return (b"an upload",)
