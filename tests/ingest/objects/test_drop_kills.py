"""Dropped files with a worker killed between any two of its steps: each is stored or quarantined, once."""

from dataclasses import replace
from typing import Final

import pytest

import flamehouse.blobs
from flamehouse.aws.objects import ObjectStorage
from flamehouse.blobs import storage_of
from flamehouse.serverless.object_events import ObjectCreated
from flamehouse.services import Services
from flamehouse.settings import DIRECT, Settings
from flamehouse.store import Store
from flamehouse.store.clickhouse_store import ClickHouseStore
from flamehouse.store.connection.client import ClickHouse
from flamehouse.store.write.writer import LoneWriter
from ingest import objects
from ingest.objects import drops
from tests.support.servers.faults import Killed, Mortal, MortalStorage
from tests.support.servers.staging import Staging
from tools.aws import LocalAws

pytestmark = pytest.mark.parametrize("place", ["server"], indirect=True, scope="session")

VALID: Final = b"main;work 3\n"
INVALID: Final = b"\x1f\x8bnot gzip"
MOST_CALLS: Final = 30
"""More than a worker makes for one file."""
_STORED: Final = """
SELECT count(), uniqExact(upload_id), (SELECT count() FROM uploads WHERE tenant = {tenant:String})
FROM sampled_profiles
WHERE tenant = {tenant:String}
"""


@pytest.fixture
def staging(aws: LocalAws, store: Store, settings: Settings) -> Staging:
    """A deployment in mode direct, whose bucket's own notifications are not read."""
    return Staging.on(aws, store, settings, DIRECT)


def handle_killed(
    staging: Staging, source: ObjectCreated, mortal: Mortal, monkeypatch: pytest.MonkeyPatch
) -> bool:
    """Handles a file in a process that is killed with `mortal`; returns whether it was."""

    def mortal_storage(place: str, settings: Settings) -> ObjectStorage:
        return MortalStorage(storage_of(place, settings), mortal)

    store = ClickHouseStore(mortal, LoneWriter(mortal), Settings(max_series_per_day=0))
    with monkeypatch.context() as patched:
        patched.setattr(drops, "storage_of", mortal_storage)
        patched.setattr(flamehouse.blobs, "storage_of", mortal_storage)
        try:
            assert objects.handle(Services(settings=staging.services.settings, store=store), [source]) == {}
        except Killed:
            return True
    return False


@pytest.mark.parametrize("keeps", [False, True])
@pytest.mark.parametrize("content", [VALID, INVALID])
def test_a_file_is_stored_or_quarantined_once_even_if_killed_between_any_two_steps(
    staging: Staging,
    clickhouse: ClickHouse,
    tenant: str,
    content: bytes,
    monkeypatch: pytest.MonkeyPatch,
    *,
    keeps: bool,
) -> None:
    settings = replace(staging.services.settings, keep_blobs=str(keeps).lower())
    staging = replace(staging, services=replace(staging.services, settings=settings))
    kills, calls, is_killed = 0, 0, True
    while is_killed and calls < MOST_CALLS:
        key = f"drops/{tenant}/service-{calls}/a.folded"
        staging.services.blobs.put(key, content, {})
        source = ObjectCreated(place=staging.services.settings.blobs_dir, key=key)
        is_killed = handle_killed(staging, source, Mortal(clickhouse, 2 * calls), monkeypatch)
        assert objects.handle(staging.services, [source]) == {}
        kills += is_killed
        calls += 1
    assert 5 <= kills == calls - 1
    is_valid = content == VALID
    assert clickhouse.rows(_STORED, {"tenant": tenant}) == [(calls * is_valid,) * 3]
    assert len(staging.keys("drops/")) == calls * is_valid
    assert len(staging.keys("kept/")) == calls * (keeps and is_valid)
    assert len(staging.keys("quarantine/")) == 2 * calls * (not is_valid)
