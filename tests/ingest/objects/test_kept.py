"""Retained blobs: every acknowledged upload has one, in every mode, and any range of them is stored again."""

from dataclasses import replace

import pytest

from flamehouse.model.time_range import TimeRange
from flamehouse.settings import DIRECT, FALLBACK, STAGED, Settings
from flamehouse.store import Store
from flamehouse.store.connection.client import ClickHouse
from flamehouse.store.write.replay import ReplayInserts
from flamehouse.units import MAX_MS
from ingest.objects.kept import Blob, Counts, Selection, batches, blobs_of, replay
from ingest.received import ReceivedUpload
from tests.support.queries.queries import new_tenant
from tests.support.servers.scripted import closed_port
from tests.support.servers.staging import Staging
from tests.support.uploads.counted import Counted, once
from tools.aws import LocalAws

pytestmark = pytest.mark.parametrize("place", ["server"], indirect=True, scope="session")

EVER = TimeRange(start_ms=1, end_ms=MAX_MS)
BLOB = """
SELECT concat('kept/', tenant, '/', formatDateTime(min(time), '%F/%H', 'UTC'), '/', lower(hex(upload_id)))
FROM sampled_profiles
WHERE tenant = {tenant:String}
GROUP BY tenant, upload_id
ORDER BY 1
"""
"""As in docs/s3.md."""


@pytest.fixture
def direct(aws: LocalAws, store: Store, settings: Settings) -> Staging:
    staging = Staging.on(aws, store, settings, DIRECT)
    keeping = replace(staging.services.settings, keep_blobs="true")
    return replace(staging, services=replace(staging.services, settings=keeping))


def counted_by(staging: Staging, store: Store, settings: Settings) -> Counted:
    counted = Counted.on(store, settings, new_tenant())
    return counted.through(staging.server(counted.server.client.tenant))


def in_mode(staging: Staging, mode: str) -> Staging:
    settings = replace(staging.services.settings, ingest_mode=mode)
    return replace(staging, services=replace(staging.services, settings=settings))


@pytest.mark.parametrize("mode", [DIRECT, FALLBACK, STAGED])
def test_every_upload_is_retained_under_the_key_in_its_profiles(
    direct: Staging, store: Store, settings: Settings, clickhouse: ClickHouse, mode: str
) -> None:
    staging = in_mode(direct, mode)
    counted = counted_by(staging, store, settings)
    assert [counted.send(number) for number in (0, 1, 0)] == [200] * 3
    staging.drain()
    assert counted.counts() == once([0, 1])
    tenant = counted.server.client.tenant
    keys = [key for (key,) in clickhouse.rows(BLOB, {"tenant": tenant})]
    assert staging.keys() == keys
    assert len(keys) == 2
    assert {ReceivedUpload.parse(each).tenant for each in staging.bucket.objects().values()} == {tenant}


def test_a_dropped_file_is_retained_as_an_upload(direct: Staging, tenant: str) -> None:
    direct.services.blobs.put(f"drops/{tenant}/shop/cpu.txt", b"main;work 3")
    direct.drain()
    [key] = direct.keys("kept/")
    assert ReceivedUpload.parse(direct.bucket.objects()[key]).body == b"main;work 3"


def test_nothing_is_retained_without_the_setting(aws: LocalAws, store: Store, settings: Settings) -> None:
    staging = Staging.on(aws, store, settings, DIRECT)
    assert counted_by(staging, store, settings).send(0) == 200
    assert staging.keys() == []


def test_an_upload_that_cannot_be_retained_is_not_acknowledged(
    direct: Staging, store: Store, settings: Settings
) -> None:
    with closed_port() as port:
        unreachable = replace(direct.services.settings, aws_endpoint_url_s3=f"http://127.0.0.1:{port}")
        staging = replace(direct, services=replace(direct.services, settings=unreachable))
        counted = counted_by(staging, store, settings)
        assert counted.send(0) == 503
    assert counted.counts() == once([])
    again = counted.through(direct.server(counted.server.client.tenant))
    assert again.send(0) == 200
    assert again.counts() == once([0])


def replayed(staging: Staging, clickhouse: ClickHouse, selection: Selection) -> tuple[int, int, int, int]:
    """Replays the selection; returns the numbers of replayed, skipped, other and failed blobs."""
    reports: list[int] = []
    blobs = blobs_of(staging.services, selection)
    counts: Counts = replay(
        staging.services, ReplayInserts(clickhouse), blobs, selection, lambda each: reports.append(each.read)
    )
    assert reports[-1:] == [len(blobs)] * bool(blobs)
    return counts.replayed, counts.skipped, counts.others, len(counts.failed)


def test_retained_uploads_are_replayed_by_tenant_service_and_time(
    direct: Staging, store: Store, settings: Settings, clickhouse: ClickHouse
) -> None:
    staging = in_mode(direct, STAGED)
    counted = counted_by(staging, store, settings)
    assert [counted.send(number) for number in range(3)] == [200] * 3
    # As if ClickHouse had lost them: retained and not stored.
    for key, envelope in staging.bucket.objects().items():
        staging.services.blobs.put(key.replace("staged/", "kept/"), envelope)
    direct.services.blobs.put(f"kept/{new_tenant()}/2026-11-29/07/{'ab' * 32}", b"not an envelope")
    tenant = counted.server.client.tenant
    first = counted.monday + 610 * 60_000
    elsewhere = TimeRange(start_ms=first - 60_000, end_ms=first)
    of_tenant = Selection(within=EVER, tenant=tenant)
    assert replayed(direct, clickhouse, replace(of_tenant, within=elsewhere)) == (0, 0, 3, 0)
    assert replayed(direct, clickhouse, replace(of_tenant, service="cart")) == (0, 0, 3, 0)
    assert replayed(direct, clickhouse, replace(of_tenant, tenant="unknown")) == (0, 0, 0, 0)
    assert counted.counts() == once([])
    one = TimeRange(start_ms=first + 1, end_ms=first + 2)
    assert replayed(direct, clickhouse, replace(of_tenant, within=one, service="shop")) == (1, 0, 2, 0)
    assert counted.counts() == once([1])
    assert replayed(direct, clickhouse, Selection(within=EVER)) == (2, 1, 0, 1)
    assert replayed(direct, clickhouse, of_tenant) == (0, 3, 0, 0)
    assert counted.counts() == once(range(3))


def test_batches_have_one_tenant_and_fit_into_memory(
    direct: Staging, store: Store, settings: Settings
) -> None:
    counted = counted_by(direct, store, settings)
    assert [counted.send(number) for number in range(2)] == [200] * 2
    small = blobs_of(direct.services, Selection(within=EVER))
    large = [replace(each, size=9 << 20) for each in small]
    other = [Blob(key=replace(small[0].key, tenant="other"), size=1)]
    found = [[blob.key for blob in batch] for batch in batches([*small, *large, *other])]
    first, second = (blob.key for blob in small)
    assert found == [[first, second, first], [second], [replace(first, tenant="other")]]
