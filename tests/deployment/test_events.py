"""The sample events: each succeeds on its function."""

import base64
import hashlib
import json
import time
from typing import Any

import pytest
from starlette.routing import BaseRoute

from flamehouse.serverless import http_handler, queue_handler, schedule_handler
from flamehouse.services import Services
from flamehouse.settings import DIRECT, Settings
from flamehouse.store import Store
from flamehouse.store.connection.client import ClickHouse
from flamehouse.web.http_app import http_app_of
from flamehouse.web.routing import app_of
from ingest import drain, maintenance, worker
from ingest.app import routes as ingest
from ingest.received import Endpoint, ReceivedUpload
from querier import label_names, profile_types, select_merge_stacktraces
from tests.support.servers.doubles import CannedStore, LambdaContext
from tests.support.servers.place import REPO
from tests.support.servers.staging import Staging
from tools.aws import LocalAws, LocalBucket, LocalQueue

EVENTS: dict[str, tuple[list[BaseRoute], str]] = {
    "rpc-empty": ([profile_types.route], "profile_types"),
    "rpc-json": ([label_names.route], "label_names"),
    "rpc-proto": ([select_merge_stacktraces.route], "select_merge_stacktraces"),
    "push-gzip": (ingest, "insert"),
    "ingest-multipart": (ingest, "insert"),
    "otlp-gzip": (ingest, "insert"),
}
"""The routes of each event's function, and the resulting call of the store."""
ODD_KEY = "drops/acme/my app/100% cpu+é=1.txt"
STAGED_KEY = "staged/acme/2026-11-29/07/f130461e0601397ea1c4eb62db7534a33dbf7292a43636ef9b757708b3750515"
QUEUED: dict[str, str] = {
    "sqs-s3": ODD_KEY,
    "sqs-eventbridge": ODD_KEY,
    "sqs-s3-test": "",
    "sqs-redrive": STAGED_KEY,
}
"""Events of the worker's queue, each with the key of its object."""
SCHEDULE = "schedule"
REDRIVEN_S = 1_795_936_854
"""When the upload of `STAGED_KEY` was received; the time is part of the id in the key."""
BUCKET = "flamehouse-blobs"
"""The bucket that the events name."""


def event(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((REPO / "events" / f"{name}.json").read_text())
    return loaded


@pytest.mark.parametrize("name", EVENTS)
def test_a_sample_event_succeeds(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    routes, query = EVENTS[name]
    store = CannedStore(retention=0)
    settings = Settings()
    monkeypatch.setattr(http_handler, "_services", lambda: Services(settings=settings, store=store))
    handler = http_handler.lambda_handler(*routes, app_of=http_app_of if routes is ingest else app_of)
    handled = handler(event(name), LambdaContext())
    assert handled["statusCode"] == 200, handled["body"]
    assert [request[0] for request in store.calls] == [query]


def test_every_sample_event_is_tested() -> None:
    assert {path.stem for path in (REPO / "events").iterdir()} == {*EVENTS, *QUEUED, SCHEDULE}


@pytest.mark.parametrize("name", EVENTS)
def test_an_event_is_as_the_gateway_sends_it(name: str) -> None:
    sent = event(name)
    body = sent.get("body", "").encode()
    if sent["isBase64Encoded"]:
        body = base64.b64decode(body, validate=True)
    assert sent["version"] == "2.0"
    assert sent["rawPath"] == sent["requestContext"]["http"]["path"]
    assert sent["routeKey"] == sent["requestContext"]["routeKey"] == f"ANY {sent['rawPath']}"
    assert sent["headers"]["content-length"] == str(len(body))
    assert all(header == header.lower() for header in sent["headers"])


@pytest.fixture(scope="module")
def blobs(_aws: LocalAws) -> tuple[LocalBucket, LocalQueue]:
    """The bucket that the events name, and the queue that receives a message for each put."""
    bucket, queue = _aws.new_bucket(BUCKET), _aws.new_queue(attributes={"VisibilityTimeout": "3"})
    bucket.notify(queue, ["drops/"])
    return bucket, queue


@pytest.fixture
def staging(
    aws: LocalAws,
    store: Store,
    settings: Settings,
    blobs: tuple[LocalBucket, LocalQueue],
    monkeypatch: pytest.MonkeyPatch,
) -> Staging:
    """The deployment to which the handlers in this process belong."""
    found = Staging.on(aws, store, settings, DIRECT, blobs)
    for module in (queue_handler, schedule_handler):
        monkeypatch.setattr(module, "services", lambda: found.services)
    return found


def content_of(key: str, text: str) -> bytes:
    """Returns the content of an object with this key: a profile of one stack."""
    if not key.startswith("staged/"):
        return text.encode()
    received = ReceivedUpload(
        tenant="acme",
        endpoint=Endpoint.INGEST,
        received_ns=REDRIVEN_S * 1_000_000_000,
        parameters=f"name=redriven&from={REDRIVEN_S - 10}&until={REDRIVEN_S}",
        body=text.encode(),
    )
    return received.serialize()


def stacks(staging: Staging) -> set[str]:
    """Returns the functions of the profiles that are stored now."""
    now_ms = time.time_ns() // 1_000_000
    first_ms = (REDRIVEN_S - 60) * 1_000
    flamegraph = staging.server("acme").flamegraph(first_ms, now_ms + 60_000, selector="{}")
    return set(flamegraph.names)


@pytest.mark.parametrize("place", ["server"], indirect=True, scope="session")
@pytest.mark.parametrize("name", QUEUED)
def test_an_event_of_the_queue_is_processed(staging: Staging, name: str) -> None:
    function, key = f"of {name}", QUEUED[name]
    if key:
        staging.services.blobs.put(key, content_of(key, f"main;{function} 7"))
    assert worker.handler(event(name), LambdaContext()) == {"batchItemFailures": []}
    assert (function in stacks(staging)) == bool(key)
    # The event is delivered again, as in a redrive: its upload is recognized.
    assert worker.handler(event(name), LambdaContext()) == {"batchItemFailures": []}
    assert staging.keys("quarantine/") == staging.keys("staged/") == []


@pytest.mark.parametrize("place", ["server"], indirect=True, scope="session")
def test_the_event_of_the_schedule_drains_the_queue(staging: Staging) -> None:
    staging.drain()
    staging.services.blobs.put(ODD_KEY, b"main;of the schedule 7")
    assert staging.queue.messages == 1
    drain.handler(event(SCHEDULE), LambdaContext())
    assert staging.queue.messages == 0
    assert "of the schedule" in stacks(staging)


@pytest.mark.parametrize("place", ["server"], indirect=True, scope="session")
def test_the_event_of_the_schedule_builds_rollups(staging: Staging, clickhouse: ClickHouse) -> None:
    start_s = REDRIVEN_S - 7 * 86_400
    upload = f"/ingest?name=rolled&from={start_s}&until={start_s + 10}&format=folded"
    server = staging.server("rolled")
    assert server.client.send("POST", upload, b"main;of the rollup 7").status_code == 200
    maintenance.handler(event(SCHEDULE), LambdaContext(left_s=90))
    counting = "SELECT count() FROM rollups WHERE tenant = 'rolled'"
    assert clickhouse.rows(counting) == [(1,)]


@pytest.mark.parametrize("name", QUEUED)
def test_an_event_of_the_queue_is_as_lambda_sends_it(name: str) -> None:
    [record] = event(name)["Records"]
    assert record["eventSource"] == "aws:sqs"
    assert record["md5OfBody"] == hashlib.md5(record["body"].encode(), usedforsecurity=False).hexdigest()
    assert record["attributes"].keys() >= {"ApproximateReceiveCount", "SentTimestamp"}
    assert ("DeadLetterQueueSourceArn" in record["attributes"]) == (name == "sqs-redrive")
