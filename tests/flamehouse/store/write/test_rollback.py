"""Rolling back interrupted uploads: all of their rows are removed, and none of others."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from flamehouse.model.profile import Upload
from flamehouse.settings import Settings
from flamehouse.store.clickhouse_store import ClickHouseStore
from flamehouse.store.connection.client import ClickHouse, Parameters, ServerSettings
from flamehouse.store.schema.migrate import migrate
from flamehouse.store.write.inserts import BatchInserts
from flamehouse.store.write.rollback import footprints_of, roll_back
from flamehouse.store.write.writer import LoneWriter
from tests.support.queries.queries import new_tenant
from tests.support.servers.faults import Killed, Mortal
from tests.support.uploads.counted import Counted, once

pytestmark = pytest.mark.parametrize("place", ["embedded"], indirect=True, scope="session")

WRITTEN = 4
"""The half calls after which an upload of two weeks is in every table but the ledger."""

TOTALS = """
SELECT
    (SELECT sum(arraySum(values)) FROM sampled_profiles), (SELECT sum(total) FROM sampled_profiles),
    (SELECT uniqExact(tenant, day, fingerprint) FROM series)
"""


@pytest.fixture(scope="module")
def mending(settings: Settings, clickhouse: ClickHouse) -> Iterator[ClickHouse]:  # noqa: ARG001  # merges stop before
    """A separate database with merges, which deletions of single rows need."""
    own = replace(settings, clickhouse_database="mending")
    migrate(own)
    mending = ClickHouse(own)
    yield mending
    mending.close()


@pytest.fixture
def counted(mending: ClickHouse, settings: Settings) -> Counted:
    return Counted.on(ClickHouseStore(mending, LoneWriter(mending), settings), settings)


def write_all_but_the_ledger(clickhouse: ClickHouse, upload: Upload) -> None:
    with pytest.raises(Killed):
        LoneWriter(Mortal(clickhouse, WRITTEN)).insert(upload)


def merge_all(clickhouse: ClickHouse) -> None:
    for table in ("sampled_profiles", "series"):
        clickhouse.command(f"OPTIMIZE TABLE {table} FINAL")


def test_rows_merged_with_others_are_subtracted(counted: Counted, mending: ClickHouse) -> None:
    LoneWriter(mending).insert(counted.upload(0))
    lost = [counted.upload(1), counted.upload(2, service_name="cart")]
    for upload in lost:
        write_all_but_the_ledger(mending, upload)
    merge_all(mending)
    for _ in range(2):
        for footprint in footprints_of(lost):
            roll_back(mending, footprint)
        assert (counted.counts(), counted.services()) == (once({0}), ["shop"])


class Merging(Mortal):
    """A database that merges its parts right after listing them."""

    def rows(
        self, sql: str, parameters: Parameters | None = None, settings: ServerSettings | None = None
    ) -> Sequence[Sequence[Any]]:
        found = super().rows(sql, parameters, settings)
        merge_all(self)
        return found


def test_rows_merged_meanwhile_are_subtracted(counted: Counted, mending: ClickHouse) -> None:
    LoneWriter(mending).insert(counted.upload(0))
    write_all_but_the_ledger(mending, counted.upload(1))
    for footprint in footprints_of([counted.upload(1)]):
        roll_back(Merging(mending), footprint)
    assert counted.counts() == once({0})


def test_rolling_back_an_upload_leaves_others_unchanged(counted: Counted, mending: ClickHouse) -> None:
    lost = counted.upload(0)
    neighbours = [replace(lost, tenant=new_tenant()), counted.upload(1), counted.upload(0, env="prod")]
    for number, neighbour in enumerate(neighbours):
        BatchInserts(mending).insert([neighbour], f"{lost.tenant} {number}")
    before = mending.rows(TOTALS)
    write_all_but_the_ledger(mending, lost)
    assert mending.rows(TOTALS) != before
    for footprint in footprints_of([lost]):
        roll_back(mending, footprint)
    assert mending.rows(TOTALS) == before


def test_a_repair_may_cover_as_many_series_as_a_group_can_hold(counted: Counted, mending: ClickHouse) -> None:
    LoneWriter(mending).insert(counted.upload(0))
    write_all_but_the_ledger(mending, counted.upload(1))
    (footprint,) = footprints_of([counted.upload(1)])
    others = [2**63 + number for number in range(20_000)]
    roll_back(mending, replace(footprint, fingerprints=[*footprint.fingerprints, *others]))
    assert counted.counts() == once({0})


def test_a_footprint_holds_the_series_and_hours_of_a_tenants_uploads(counted: Counted) -> None:
    uploads = [counted.upload(0), counted.upload(1, env="prod")]
    foreign = replace(counted.upload(2), tenant="zebra")
    own, other = footprints_of([*uploads, foreign])
    assert (own.tenant, other.tenant) == (counted.server.client.tenant, "zebra")
    assert own.upload_ids == [upload.id for upload in uploads]
    assert other.fingerprints == [uploads[0].profiles[0].fingerprint]
    assert len({*own.fingerprints}) == len(own.fingerprints) == 2
    assert [hour * 3_600_000 for hour in own.hours] == [monday + 10 * 3_600_000 for monday in counted.mondays]
