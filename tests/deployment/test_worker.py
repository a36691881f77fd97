"""The worker as it was built for AWS: staged objects become profiles, from a queue, under Lambda's own bootstrap."""

import time
from uuid import uuid4

import pytest

from ingest.received import Endpoint, ReceivedUpload
from tests.support.queries.queries import Server
from tests.support.servers.client import Client
from tools.gateway.cloud import Cloud

pytestmark = pytest.mark.xdist_group("gateway")


def staged(deployed: Cloud, tenant: str) -> list[str]:
    """The keys of the tenant's staged objects; other tests stage uploads too."""
    found = deployed.blobs.client.list_objects_v2(Bucket=deployed.blobs.name, Prefix=f"staged/{tenant}/")
    return [each["Key"] for each in found.get("Contents", ())]


def test_a_staged_object_is_stored_and_deleted(deployed: Cloud) -> None:
    deployed.functions.restart()
    tenant, now_ms = f"tenant-{uuid4().hex}", time.time_ns() // 1_000_000
    received = ReceivedUpload(
        tenant=tenant,
        endpoint=Endpoint.INGEST,
        received_ns=time.time_ns(),
        parameters="name=staged",
        body=b"main;work 7",
    )
    key = f"staged/{tenant}/2026-11-29/07/{'ab' * 32}"
    deployed.blobs.client.put_object(Bucket=deployed.blobs.name, Key=key, Body=received.serialize())
    client = Client(server=deployed.url, tenant=tenant, credential=deployed.credential)
    server = Server(client=client)
    # The worker may still be busy with uploads that other tests had staged while ClickHouse failed.
    for _ in range(1_500):
        if not staged(deployed, tenant):
            break
        time.sleep(0.1)
    assert staged(deployed, tenant) == [], deployed.functions.printed()[-3_000:]
    assert server.label_values(now_ms - 3_600_000, now_ms + 3_600_000, "service_name") == ["staged"]
