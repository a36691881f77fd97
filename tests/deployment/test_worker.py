"""The worker as it was built for AWS: staged objects become profiles, from a queue, under Lambda's own bootstrap."""

import time
from uuid import uuid4

import pytest

from ingest.received import Endpoint, ReceivedUpload
from tests.support.queries.queries import Server
from tests.support.servers.client import Client
from tools.gateway.cloud import Cloud

pytestmark = pytest.mark.xdist_group("gateway")


def keys(deployed: Cloud) -> list[str]:
    """What lies in the bucket of blobs."""
    found = deployed.blobs.client.list_objects_v2(Bucket=deployed.blobs.name)
    return [each["Key"] for each in found.get("Contents", ())]


def test_a_staged_object_is_stored_and_deleted(deployed: Cloud) -> None:
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
    for _ in range(200):
        if not keys(deployed):
            break
        time.sleep(0.1)
    assert keys(deployed) == [], deployed.functions.printed()[-3_000:]
    assert server.label_values(now_ms - 3_600_000, now_ms + 3_600_000, "service_name") == ["staged"]
