"""Rows sent for uploads: series once a day and symbols once a week, as long as a process knows that they are stored."""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from itertools import count
from random import Random
from typing import Any

import pytest
from clickhouse_connect.driver.exceptions import ClickHouseError
from hypothesis import given
from hypothesis import strategies as st

from flamehouse.model.profile import Upload
from flamehouse.settings import Settings
from flamehouse.store import Store
from flamehouse.store.connection.client import ClickHouse
from flamehouse.store.write import seen_ids as known
from flamehouse.store.write.batch import Batch, week_of
from flamehouse.store.write.seen_ids import Known
from flamehouse.store.write.writer import LoneWriter
from tests.support.queries.queries import Server, drawn, some_monday_ms
from tests.support.servers.doubles import CannedStore
from tests.support.uploads.profiles import CPU_LABELS, labels_of, pprof_of, sample
from tests.support.uploads.uploads import series

EMBEDDED = pytest.mark.parametrize("place", ["embedded"], indirect=True, scope="session")

EPOCH = date(1970, 1, 1)
SECOND = 1_000
DAY = 86_400 * SECOND
WEEK = 7 * DAY

ROWS = """
SELECT
    (SELECT count() FROM series WHERE tenant = {tenant:String}),
    (SELECT count() FROM stacktraces WHERE tenant = {tenant:String}),
    (SELECT count() FROM functions WHERE tenant = {tenant:String})
"""

MISSING = """
WITH
    (SELECT groupUniqArray(id) FROM stacktraces WHERE tenant = {tenant:String}) AS stacks,
    (SELECT groupUniqArray(id) FROM locations WHERE tenant = {tenant:String}) AS places,
    (SELECT groupUniqArray(id) FROM functions WHERE tenant = {tenant:String}) AS names
SELECT
    (SELECT countIf(NOT has(stacks, arrayJoin(stacktrace_ids))) FROM sampled_profiles WHERE tenant = {tenant:String}),
    (SELECT countIf(NOT has(places, arrayJoin(locations))) FROM stacktraces WHERE tenant = {tenant:String}),
    (SELECT countIf(NOT has(names, arrayJoin(lines).function_id)) FROM locations WHERE tenant = {tenant:String})
"""
"""The stacks, locations and functions to which a tenant's rows refer and that are not stored."""


def upload_of(tenant: str, *times: int, stack: str = "ab", labels: Mapping[str, str] = CPU_LABELS) -> Upload:
    """Returns an upload of one series with a profile at each time; `stack` may be several, separated by spaces."""
    store = CannedStore(retention=0)
    profiles = (pprof_of([sample(each, 1) for each in stack.split()], time_ms=time) for time in times)
    Server.on(store, Settings(), tenant).push(series(labels, *profiles))
    ((_, upload),) = store.calls
    assert isinstance(upload, Upload)
    return upload


@pytest.fixture
def server(store: Store, settings: Settings) -> Server:
    return Server.on(store, settings)


def sent(known_: Known, *uploads: Upload) -> dict[int, bytes]:
    """Returns the rows of each week."""
    return {int(name): rows for name, rows in Batch(uploads, known_).inserts()}


def rows_of(clickhouse: ClickHouse, tenant: str) -> tuple[int, ...]:
    (rows,) = clickhouse.rows(ROWS, {"tenant": tenant})
    return tuple(rows)


@EMBEDDED
def test_rows_known_to_be_stored_are_not_sent_again(clickhouse: ClickHouse, server: Server) -> None:
    monday, writer, tenant = some_monday_ms(), LoneWriter(clickhouse), server.client.tenant
    times = [monday, monday + SECOND, monday + DAY, monday + WEEK]
    rows = []
    for time in times:
        writer.insert(upload_of(tenant, time))
        rows.append(rows_of(clickhouse, tenant))
    assert rows == [(1, 1, 2), (1, 1, 2), (2, 1, 2), (3, 2, 4)], "series a day, stacks and functions a week"
    writer.insert(upload_of(tenant, monday + 2 * SECOND, labels=labels_of(service_name="cart")))
    assert rows_of(clickhouse, tenant) == (4, 3, 6), "each service has its own symbols"
    writer.insert(upload_of(tenant, monday + 3 * SECOND, stack="ac"))
    assert rows_of(clickhouse, tenant) == (4, 4, 7), "only new rows are sent"
    LoneWriter(clickhouse).insert(upload_of(tenant, monday + 4 * SECOND))
    assert rows_of(clickhouse, tenant) == (5, 5, 9), "another process knows nothing"
    assert server.flamegraph(monday, monday + 2 * WEEK) == drawn([("ab", 6), ("ac", 1)])


@EMBEDDED
@pytest.mark.parametrize(("limit", "value"), [("_MAX_IDS", 0), ("_MAX_AGE_S", -1)])
def test_clearing_the_caches_changes_no_result(
    clickhouse: ClickHouse, server: Server, monkeypatch: pytest.MonkeyPatch, limit: str, value: int
) -> None:
    monkeypatch.setattr(known, limit, value)
    monday, writer, tenant = some_monday_ms(), LoneWriter(clickhouse), server.client.tenant
    for number in range(3):
        writer.insert(upload_of(tenant, monday + number))
    assert rows_of(clickhouse, tenant) == (3, 3, 6)
    assert server.flamegraph(monday, monday + DAY) == drawn([("ab", 3)])
    assert server.series(monday, monday + 3, step=0.001, groupBy=["service_name"]) == [
        ([("service_name", "shop")], [(monday + number, 1) for number in range(3)])
    ]


@EMBEDDED
def test_every_stored_stack_has_its_symbols_whichever_inserts_fail(
    clickhouse: ClickHouse, monkeypatch: pytest.MonkeyPatch, tenant: str
) -> None:
    monday, writer, random = some_monday_ms(), LoneWriter(clickhouse), Random(14)
    insert, failures = clickhouse.insert, 0
    for number in range(40):
        left = random.choice((0, 1, 2, 3, 4))

        def failing(*args: Any, left: Iterator[int] = count(left, -1)) -> None:  # noqa: B008  # one for each upload
            at = next(left)
            if at == 1:
                raise ClickHouseError("not sent")
            insert(*args)
            if at == 3:
                raise ClickHouseError("no response")

        monkeypatch.setattr(clickhouse, "insert", failing)
        if random.random() < 0.1:
            monkeypatch.setattr(known, "_MAX_AGE_S", random.choice((-1, 3_600)))
        stack = " ".join("".join(random.choices("abcd", k=2)) for _ in range(2))
        try:
            writer.insert(upload_of(tenant, monday + number, stack=stack))
        except ClickHouseError:
            failures += 1
        [missing] = clickhouse.rows(MISSING, {"tenant": tenant})
        assert tuple(missing) == (0, 0, 0)
    assert 0 < failures < 40


def test_the_cache_is_bounded_in_number_and_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known, "_MAX_IDS", 10)
    now = 0.0
    here = Known(lambda: now)
    here.add("one", range(6))
    here.add("one", range(6))
    here.add("other", range(4))
    assert (here.of("one"), here.of("other"), here.of("third")) == ({*range(6)}, {*range(4)}, set())
    here.add("other", range(5))
    assert (here.of("one"), here.of("other")) == (set(), set())
    here.add("one", range(6))
    now = 3_600.0
    assert here.of("one") == {*range(6)}
    now = 3_601.0
    assert here.of("one") == set()


def test_only_stored_ids_are_remembered(tenant: str) -> None:
    upload, here = upload_of(tenant, some_monday_ms()), Known()
    batch = Batch([upload], here)
    whole = {int(name): rows for name, rows in batch.inserts()}
    assert sent(here, upload) == whole
    batch.stored()
    ((_, rest),) = sent(here, upload).items()
    assert b"__profile_type__" not in rest
    assert [len(rest) < len(rows) for rows in whole.values()] == [True]


def test_uploads_sent_together_share_their_common_rows(tenant: str) -> None:
    monday = some_monday_ms()
    uploads = [upload_of(tenant, monday + number) for number in range(2)]
    ((_, together),) = sent(Known(), *uploads).items()
    assert together.count(b"__profile_type__") == 1
    assert len(together) < sum(len(rows) for upload in uploads for rows in sent(Known(), upload).values())


def test_each_week_is_sent_separately(tenant: str) -> None:
    monday = some_monday_ms()
    times = (monday, monday - 1, monday + WEEK - 1, monday + WEEK)
    weeks = sent(Known(), upload_of(tenant, *times))
    assert sorted(weeks) == [week_of(time * 1_000_000) for time in (monday - 1, monday, monday + WEEK)]


@given(st.integers(0, 47_481), st.integers(-8, 8), st.sampled_from((0, 1, 86_399)))
def test_a_week_is_the_iso_week_in_utc(day: int, between: int, second: int) -> None:
    other = max(0, day + between)
    weeks = [week_of((each * 86_400 + second) * 10**9) for each in (day, other)]
    iso_weeks = [(EPOCH + timedelta(days=each)).isocalendar()[:2] for each in (day, other)]
    assert (weeks[0] == weeks[1]) is (iso_weeks[0] == iso_weeks[1])
