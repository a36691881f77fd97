"""The worker on a real store and bucket: staged uploads, and messages about other objects."""

import json
import logging
from dataclasses import replace
from typing import Any

import pytest

from flamehouse.aws.objects import StoredObject
from flamehouse.aws.queue import QueueMessage
from flamehouse.errors import Code, RpcError
from flamehouse.model.limits import Limits
from flamehouse.settings import FALLBACK, STAGED, Settings
from flamehouse.store import Store
from flamehouse.store.clickhouse_store import ClickHouseStore, open_store
from flamehouse.store.connection.client import ClickHouse
from flamehouse.store.limits import store_limits
from flamehouse.store.read.reader import Reader
from flamehouse.store.write.writer import LoneWriter
from ingest import worker
from tests.support.queries.queries import some_monday_ms
from tests.support.servers.scripted import closed_port
from tests.support.servers.staging import Staging
from tests.support.uploads.counted import Counted, once
from tests.support.uploads.profiles import labels_of, pprof_of, sample
from tests.support.uploads.uploads import series
from tools.aws import LocalAws

pytestmark = pytest.mark.parametrize("place", ["server"], indirect=True, scope="session")


@pytest.fixture
def staging(aws: LocalAws, store: Store, settings: Settings) -> Staging:
    return Staging.on(aws, store, settings, STAGED)


@pytest.fixture
def counted(staging: Staging, tenant: str, store: Store, settings: Settings) -> Counted:
    """Staged uploads, counted in the store."""
    return Counted.on(store, settings, tenant).through(staging.server(tenant))


def put_back(staging: Staging, key: str, content: bytes) -> None:
    staging.services.blobs.put(key, content)


def test_a_staged_upload_is_one_object_until_it_is_stored(staging: Staging, counted: Counted) -> None:
    assert [counted.send(number) for number in (0, 1, 0)] == [200] * 3
    assert counted.counts() == once([])
    keys = staging.keys()
    assert len(keys) == 2
    assert all(key.startswith(f"staged/{counted.server.client.tenant}/") for key in keys)
    staging.drain()
    assert counted.counts() == once([0, 1])
    assert staging.keys() == []


def test_an_invalid_upload_is_rejected_and_not_staged(staging: Staging, tenant: str) -> None:
    response = staging.server(tenant).client.send("POST", "/ingest?name=a&format=pprof", b"not a pprof")
    assert response.status_code == 422
    assert staging.keys() == []


def test_an_upload_that_cannot_be_parsed_is_quarantined_with_its_reason(
    staging: Staging, counted: Counted, caplog: pytest.LogCaptureFixture
) -> None:
    assert counted.send(0) == 200
    key = f"staged/{counted.server.client.tenant}/1999-01-01/00/{'ab' * 32}"
    put_back(staging, key, b"not an envelope")
    staging.drain()
    assert counted.counts() == once([0])
    assert staging.keys() == [f"quarantine/{key}", f"quarantine/{key}.reason.json"]
    assert staging.bucket.objects()[f"quarantine/{key}"] == b"not an envelope"
    note = json.loads(staging.bucket.objects()[f"quarantine/{key}.reason.json"])
    assert note["reason"] == "not an upload: the envelope's magic bytes are missing"
    assert f"{key} cannot be stored" in caplog.text


def test_a_missing_object_is_acknowledged_if_its_upload_is_stored(staging: Staging, counted: Counted) -> None:
    assert counted.send(0) == 200
    (record,) = [each for each in staging.queue.receive() if "TestEvent" not in each["body"]]
    message = QueueMessage(id="a", body=record["body"])
    assert worker.work(staging.services, [message]) == {}
    assert worker.work(staging.services, [message, QueueMessage(id="b", body=record["body"])]) == {}
    assert counted.counts() == once([0])


def test_a_missing_object_without_a_stored_upload_is_not_acknowledged(
    staging: Staging, counted: Counted, caplog: pytest.LogCaptureFixture
) -> None:
    assert [counted.send(number) for number in (0, 1)] == [200, 200]
    lost, *_ = staging.keys()
    staging.services.blobs.delete(lost)
    for _ in range(3):
        failures = staging.work_once()
        assert [str(error) for error in failures.values()] == [
            f"{lost} is missing, and its upload is not stored"
        ]
    assert staging.queue.messages == 1
    assert f"the acknowledged upload {lost} is neither staged nor stored" in caplog.text
    assert len(counted.counts()["profiles, week 1"]) == 1


S3_TEST = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "b"}
IGNORED: dict[str, Any] = {
    "test event": S3_TEST,
    "deletion": {
        "Records": [
            {
                "eventSource": "aws:s3",
                "eventName": "ObjectRemoved:Delete",
                "s3": {"bucket": {"name": "b"}, "object": {"key": "staged/a"}},
            }
        ]
    },
    "deletion by EventBridge": {
        "source": "aws.s3",
        "detail-type": "Object Deleted",
        "detail": {"bucket": {"name": "b"}, "object": {"key": "staged/a"}},
    },
    "another prefix": {
        "source": "aws.s3",
        "detail-type": "Object Created",
        "detail": {"bucket": {"name": "b"}, "object": {"key": "quarantine/staged/a", "size": 1}},
    },
}


@pytest.mark.parametrize("name", IGNORED)
def test_a_message_without_an_upload_is_acknowledged(staging: Staging, name: str) -> None:
    message = QueueMessage(id="a", body=json.dumps(IGNORED[name]))
    assert worker.work(staging.services, [message]) == {}


@pytest.mark.parametrize(
    "body", ["", "[]", "{}", '{"Records": [{}]}', '{"Records": [{"eventSource": "aws:sns"}]}']
)
def test_a_message_from_another_service_fails_alone(
    staging: Staging, counted: Counted, body: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    assert counted.send(0) == 200
    records = staging.queue.receive()
    messages = [QueueMessage(id=each["messageId"], body=each["body"]) for each in records]
    failures = worker.work(staging.services, [QueueMessage(id="odd", body=body), *messages])
    assert [*failures] == ["odd"]
    assert "is not from S3" in caplog.text
    assert counted.counts() == once([0])


@pytest.mark.parametrize("receives", [1, 3])
def test_a_message_fails_alone_and_is_redelivered(
    staging: Staging, counted: Counted, receives: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [counted.send(number) for number in range(3)] == [200] * 3
    bad = staging.keys()[1]
    bucket = staging.services.blobs
    get = type(bucket).get

    def fails_once(self: Any, key: str, version: str = "") -> StoredObject | None:
        if key == bad:
            monkeypatch.undo()
            raise unavailable()
        found: StoredObject | None = get(self, key, version)
        return found

    monkeypatch.setattr(type(bucket), "get", fails_once)
    records = staging.queue.receive()
    messages = [QueueMessage(id=each["messageId"], body=each["body"], receives=receives) for each in records]
    failures = worker.work(staging.services, messages)
    assert len(failures) == 1
    assert staging.keys() == [bad]
    assert worker.work(staging.services, [each for each in messages if each.id in failures]) == {}
    assert counted.counts() == once(range(3))


def unavailable() -> RpcError:
    return RpcError(Code.UNAVAILABLE, "object storage is unavailable")


def test_label_rules_of_a_tenant_apply_to_staged_uploads(
    aws: LocalAws, clickhouse: ClickHouse, settings: Settings, tenant: str
) -> None:
    reader = Reader(clickhouse=clickhouse, settings={})
    store_limits(reader, tenant, Limits(label_rules="pod=drop"))
    staging = Staging.on(aws, ClickHouseStore(clickhouse, LoneWriter(clickhouse), settings), settings, STAGED)
    monday = some_monday_ms()
    server = staging.server(tenant)
    server.push(series(labels_of(pod="p1", env="e"), pprof_of([sample("ab", 1)], time_ms=monday)))
    staging.drain()
    names = server.label_names(monday, monday + 1)
    assert ("env" in names, "pod" in names) == (True, False)


@pytest.mark.parametrize("mode", [STAGED, FALLBACK])
def test_limits_apply_to_staged_uploads_without_a_query(  # two processes
    aws: LocalAws, store: Store, clickhouse: ClickHouse, settings: Settings, tenant: str, mode: str
) -> None:
    first = Staging.on(aws, store, settings, STAGED)
    line = b"main;work 1"
    path = f"/ingest?name=a&from={some_monday_ms() // 1000}"
    assert first.server(tenant).client.send("POST", path, line).status_code == 200
    store_limits(Reader(clickhouse=clickhouse, settings={}), tenant, Limits(bytes_per_day=2 * len(line) + 1))
    first.drain()
    with closed_port() as port:
        dsn = f"http://default:x@127.0.0.1:{port}"
        asleep = replace(first.services.settings, clickhouse_dsn=dsn, ingest_mode=mode)
        cold = Staging.on(aws, open_store(asleep), asleep, mode, blobs=(first.bucket, first.queue))
        sent = [
            cold.server(tenant).client.send("POST", path, line + str(number).encode()) for number in range(2)
        ]
    assert [each.status_code for each in sent] == [200, 429]
    assert "(bytes_per_day)" in sent[1].text
    assert len(cold.keys("staged/")) == 1
    store_limits(Reader(clickhouse=clickhouse, settings={}), tenant, Limits())
