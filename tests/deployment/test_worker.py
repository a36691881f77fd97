"""The worker and the drain as built for AWS: they store objects as profiles, under Lambda's own bootstrap."""

import json
import time
from pathlib import Path
from uuid import uuid4

from ingest.received import Endpoint, ReceivedUpload
from tests.support.queries.queries import Server
from tests.support.servers.bundle import built
from tests.support.servers.client import Client
from tests.support.servers.place import REPO
from tools.gateway.cloud import Cloud
from tools.gateway.deployment import read_deployment
from tools.gateway.lambda_service import FunctionError, LambdaService


def staged(deployed: Cloud, tenant: str) -> list[str]:
    """Returns the keys of the tenant's staged objects; other tests stage uploads too."""
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
    # The worker may still process uploads that other tests staged while ClickHouse failed.
    for _ in range(1_500):
        if not staged(deployed, tenant):
            break
        time.sleep(0.1)
    assert staged(deployed, tenant) == [], deployed.functions.printed()[-3_000:]
    assert server.label_values(now_ms - 3_600_000, now_ms + 3_600_000, "service_name") == ["staged"]


def test_the_functions_of_the_queue_accept_their_sample_events(deployed: Cloud, tmp_path: Path) -> None:
    """Uses a second stack with a schedule, whose queue nothing else reads."""
    bucket = deployed.aws.new_bucket()
    queue = deployed.aws.new_queue()
    bucket.notify(queue, ["drops/"])
    parameters = {
        **deployed.parameters,
        "BlobsBucket": bucket.name,
        "BlobsQueue": queue.url,
        "DrainSchedule": "rate(30 minutes)",
    }
    assert "DrainFunction" not in deployed.deployment.functions
    functions = LambdaService(read_deployment(built(), parameters), deployed.aws.environ(), tmp_path)
    tenant, now_ms = f"tenant-{uuid4().hex}", time.time_ns() // 1_000_000
    server = Server(client=Client(server=deployed.url, tenant=tenant, credential=deployed.credential))
    try:
        bucket.client.put_object(Bucket=bucket.name, Key=f"drops/{tenant}/night/cpu.txt", Body=b"main;work 7")
        for name in ("sqs-s3-test", "sqs-redrive"):
            event = (REPO / f"events/{name}.json").read_bytes()
            answer = json.loads(functions.invoke("WorkerFunction", event))
            # The object of the redriven message never existed: the worker does not acknowledge it.
            assert len(answer["batchItemFailures"]) == (name == "sqs-redrive")
        functions.invoke("DrainFunction", (REPO / "events/schedule.json").read_bytes())
        assert queue.messages == 0
        assert server.label_values(now_ms - 60_000, now_ms + 60_000, "service_name") == ["night"]
    except FunctionError:
        raise AssertionError(functions.printed()[-3_000:]) from None
    finally:
        functions.close()
