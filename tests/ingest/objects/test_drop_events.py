"""Events of dropped files, as S3 and EventBridge send them: odd keys, versions, files that are overwritten or deleted meanwhile."""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import quote_plus

import pytest

from flamehouse.aws.queue import QueueMessage
from flamehouse.settings import DIRECT, Settings
from flamehouse.store import Store
from ingest import worker
from tests.support.queries.queries import Server
from tests.support.servers.staging import Staging
from tools.aws import LocalAws

pytestmark = pytest.mark.parametrize("place", ["server"], indirect=True, scope="session")

FIRST: Final = b"main;work 3\n"
SECOND: Final = b"main;rest 5\n"
ODD: Final = "a service/100%25 cpu+é=1 ~'(x)!.folded"


@pytest.fixture
def staging(aws: LocalAws, store: Store, settings: Settings) -> Staging:
    """A deployment in mode direct, whose bucket's own notifications are not read."""
    return Staging.on(aws, store, settings, DIRECT)


def notification(bucket: str, key: str, **object_: object) -> Mapping[str, Any]:
    """Returns a notification of S3, which encodes keys as forms do."""
    found = {"key": quote_plus(key), "size": 1, **object_}
    record = {"eventSource": "aws:s3", "eventName": "ObjectCreated:Put"}
    return {"Records": [{**record, "s3": {"bucket": {"name": bucket}, "object": found}}]}


def bridged(bucket: str, key: str, **object_: object) -> Mapping[str, Any]:
    """Returns an event of EventBridge, which does not encode keys."""
    found = {"key": key, "size": 1, **object_}
    detail = {"version": "0", "bucket": {"name": bucket}, "object": found, "reason": "PutObject"}
    return {"source": "aws.s3", "detail-type": "Object Created", "detail": detail}


def through_sns(bucket: str, key: str, **object_: object) -> Mapping[str, Any]:
    return {"Type": "Notification", "Message": json.dumps(notification(bucket, key, **object_))}


SHAPES: Final[Mapping[str, Callable[..., Mapping[str, Any]]]] = {
    "notification": notification,
    "EventBridge": bridged,
    "SNS": through_sns,
}
_VERSION: Final = {"notification": "versionId", "EventBridge": "version-id", "SNS": "versionId"}


def work(staging: Staging, *messages: Mapping[str, Any]) -> Mapping[str, Exception]:
    numbered = [QueueMessage(id=str(number), body=json.dumps(each)) for number, each in enumerate(messages)]
    return worker.work(staging.services, numbered)


def total(server: Server) -> int:
    now_ms = time.time_ns() // 1_000_000
    return server.flamegraph(now_ms - 3_600_000, now_ms + 60_000, selector="{}").total


def once(staging: Staging, tenant: str, content: bytes) -> int:
    """Returns the total of another tenant that has stored the content once."""
    key = f"drops/other-{tenant}/shop/a.folded"
    staging.services.blobs.put(key, content, {})
    assert work(staging, notification(staging.bucket.name, key)) == {}
    return total(staging.server(f"other-{tenant}"))


@pytest.mark.parametrize("shape", SHAPES)
def test_a_file_with_an_odd_key_is_stored_once_however_often_it_is_reported(
    staging: Staging, tenant: str, shape: str
) -> None:
    key = f"drops/{tenant}/{ODD}"
    staging.services.blobs.put(key, FIRST, {})
    event = SHAPES[shape](staging.bucket.name, key)
    assert work(staging, event, event) == {}
    assert work(staging, event) == {}
    server, now_ms = staging.server(tenant), time.time_ns() // 1_000_000
    assert server.label_values(now_ms - 3_600_000, now_ms + 60_000, "service_name") == ["a service"]
    assert total(server) == once(staging, tenant, FIRST)
    assert staging.keys("quarantine/") == []


def test_content_that_overwrites_a_stored_file_is_stored_in_addition(staging: Staging, tenant: str) -> None:
    key = f"drops/{tenant}/shop/a.folded"
    for content in (FIRST, SECOND, SECOND):
        staging.services.blobs.put(key, content, {})
        assert work(staging, notification(staging.bucket.name, key)) == {}
    both = once(staging, f"1-{tenant}", FIRST) + once(staging, f"2-{tenant}", SECOND)
    assert total(staging.server(tenant)) == both


@pytest.mark.parametrize("shape", SHAPES)
def test_a_file_deleted_before_it_is_read_is_acknowledged(staging: Staging, tenant: str, shape: str) -> None:
    key = f"drops/{tenant}/shop/a.folded"
    staging.services.blobs.put(key, FIRST, {})
    staging.services.blobs.delete(key)
    assert work(staging, SHAPES[shape](staging.bucket.name, key)) == {}
    assert total(staging.server(tenant)) == 0
    assert staging.keys("quarantine/") == []


@pytest.mark.parametrize("shape", SHAPES)
def test_the_version_in_an_event_is_stored_even_if_it_was_replaced_or_deleted(
    staging: Staging, tenant: str, shape: str
) -> None:
    bucket = staging.bucket
    bucket.client.put_bucket_versioning(Bucket=bucket.name, VersioningConfiguration={"Status": "Enabled"})
    key = f"drops/{tenant}/shop/a.folded"
    puts = [bucket.client.put_object(Bucket=bucket.name, Key=key, Body=each) for each in (FIRST, SECOND)]
    events = [SHAPES[shape](bucket.name, key, **{_VERSION[shape]: each["VersionId"]}) for each in puts]
    bucket.client.delete_object(Bucket=bucket.name, Key=key)  # which leaves both versions
    assert work(staging, *events) == {}
    both = once(staging, f"1-{tenant}", FIRST) + once(staging, f"2-{tenant}", SECOND)
    assert total(staging.server(tenant)) == both
