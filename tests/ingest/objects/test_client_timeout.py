"""In mode `fallback`, an upload waits for ClickHouse no longer than its client waits for the response."""

import pytest

from flamehouse.settings import FALLBACK, Settings
from flamehouse.store import Store
from tests.support.servers.staging import Staging
from tests.support.uploads.counted import Counted, once
from tests.support.uploads.uploads import PUSH, pushed
from tools.aws import LocalAws

ATTEMPTS = 20

pytestmark = pytest.mark.parametrize("place", ["server"], indirect=True, scope="session")


def test_an_upload_with_too_little_time_for_clickhouse_is_staged_at_once(
    aws: LocalAws, store: Store, settings: Settings, tenant: str
) -> None:
    staging = Staging.on(aws, store, settings, FALLBACK)
    counted = Counted.on(store, settings, tenant)
    # The first use of S3 creates its client, which may take longer than this upload's timeout.
    assert staging.services.blobs.head("staged/none") is None
    # Two seconds are reserved for staging, so no time is left for ClickHouse.
    headers = {"Content-Type": "application/proto", "Connect-Timeout-Ms": "2100"}
    client, body = staging.server(tenant).client, pushed(counted.series(0))
    # Staging itself may exceed this timeout on a busy machine; then the client repeats the upload, as SDKs do.
    statuses = [client.send("POST", PUSH, body, headers).status_code]
    while statuses[-1] == 504 and len(statuses) < ATTEMPTS:
        statuses.append(client.send("POST", PUSH, body, headers).status_code)
    assert statuses[-1] == 200
    assert len(staging.keys("staged/")) == 1
    # ClickHouse was not at fault: the next upload tries it.
    assert staging.services.circuit.allows()
    staging.drain()
    assert counted.counts() == once([0])
