"""The drain on a real store: it stores all waiting uploads, wakes ClickHouse once, and spends no delivery on a wake."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from threading import Timer

import pytest

from flamehouse.aws.queue import Queue
from flamehouse.deadline import time_limit
from flamehouse.errors import Code, RpcError
from flamehouse.settings import STAGED, Settings
from flamehouse.store import Store
from flamehouse.store.clickhouse_store import open_store
from ingest import drain
from tests.support.servers.scripted import closed_port
from tests.support.servers.staging import Staging
from tests.support.uploads.counted import Counted, once
from tools.aws import LocalAws
from tools.clickhouse_http.faults import Fault, FaultyClickHouse, faulty

pytestmark = pytest.mark.parametrize("place", ["server"], indirect=True, scope="session")

DEAD = f"staged/anonymous/2026-11-29/07/{'ab' * 32}"


@pytest.fixture(scope="module")
def proxy(settings: Settings) -> Iterator[FaultyClickHouse]:
    with faulty(int(settings.clickhouse_dsn.rpartition(":")[2])) as running:
        yield running


@pytest.fixture
def staging(aws: LocalAws, proxy: FaultyClickHouse, settings: Settings) -> Iterator[Staging]:
    """A deployment in mode `staged` whose ClickHouse has switchable faults; S3's test event is already consumed."""
    dsn = f"{settings.clickhouse_dsn.rpartition(':')[0]}:{proxy.port}"
    proxy.fault, proxy.inserts_alone = Fault.NONE, False
    store = open_store(replace(settings, clickhouse_dsn=dsn, query_timeout_s=10))
    found = Staging.on(aws, store, settings, STAGED)
    found.work_once()
    yield found
    store.close()


@pytest.fixture
def counted(staging: Staging, store: Store, settings: Settings) -> Counted:
    """Uploads that are staged, and counted without the faults."""
    counted = Counted.on(store, settings)
    tenant = counted.server.client.tenant
    return counted.through(staging.server(tenant))


def send(counted: Counted, uploads: int) -> None:
    assert [counted.send(number) for number in range(uploads)] == [200] * uploads


def test_a_drain_stores_all_waiting_uploads(
    staging: Staging, counted: Counted, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    send(counted, 12)
    drain.drain(staging.services)
    assert counted.counts() == once(range(12))
    assert (staging.queue.messages, staging.keys()) == (0, [])
    assert "drained the queue: 12 messages handled, 0 failed" in caplog.text


def test_an_empty_queue_does_not_wake_clickhouse(staging: Staging, proxy: FaultyClickHouse) -> None:
    proxy.fault = Fault.DOWN
    drain.drain(staging.services)


def test_a_failed_message_stays_in_the_queue_and_the_others_are_stored(
    staging: Staging, counted: Counted
) -> None:
    send(counted, 2)
    staging.services.blobs.put(DEAD, b"gone")
    staging.services.blobs.delete(DEAD)
    drain.drain(staging.services)
    assert counted.counts() == once(range(2))
    assert staging.queue.messages == 1


def test_a_drain_waits_for_clickhouse_to_wake(
    staging: Staging, counted: Counted, proxy: FaultyClickHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drain, "_PAUSE_S", 0.1)
    send(counted, 2)
    proxy.fault = Fault.WAKING

    def wake() -> None:
        proxy.fault = Fault.NONE

    Timer(1, wake).start()
    drain.drain(staging.services)
    assert counted.counts() == once(range(2))


def test_a_clickhouse_that_does_not_wake_uses_up_no_delivery_of_a_message(
    staging: Staging, counted: Counted, proxy: FaultyClickHouse
) -> None:
    send(counted, 2)
    proxy.fault = Fault.WAKING
    with time_limit(16), pytest.raises(RpcError) as raised:
        drain.drain(staging.services)
    assert raised.value.code is Code.UNAVAILABLE
    proxy.fault = Fault.NONE
    queue = Queue(staging.queue.url, staging.services.settings)
    assert [message.receives for message in queue.receive(10)] == [1, 1]


def test_a_clickhouse_failure_ends_the_drain_and_the_next_drain_continues(
    staging: Staging, counted: Counted, proxy: FaultyClickHouse
) -> None:
    send(counted, 3)
    proxy.fault, proxy.inserts_alone = Fault.RESET_AFTER, True
    with pytest.raises(RpcError) as raised:
        drain.drain(staging.services)
    assert raised.value.code is Code.UNAVAILABLE
    assert staging.queue.messages == 3
    proxy.fault = Fault.NONE
    staging.drain()
    assert counted.counts() == once(range(3))


def test_a_drain_that_runs_out_of_time_fails_so_that_lambda_retries_it(
    staging: Staging, counted: Counted
) -> None:
    send(counted, 1)
    with time_limit(10), pytest.raises(RpcError, match="timed out before the queue was empty"):
        drain.drain(staging.services)
    assert staging.queue.messages == 1


@pytest.mark.usefixtures("aws")
def test_an_unreachable_queue_is_logged(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    with closed_port() as port:
        url = f"http://127.0.0.1:{port}"
        queue = Queue(f"{url}/1/queue", replace(settings, aws_endpoint_url_sqs=url))
        with time_limit(1), pytest.raises(RpcError) as raised:
            queue.waiting()
    assert raised.value.code is Code.UNAVAILABLE
    assert "SQS: GetQueueAttributes unreachable: EndpointConnectionError; " in caplog.text


def test_a_queue_that_does_not_exist_is_logged(
    aws: LocalAws, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(RpcError) as raised:
        Queue(f"{aws.url}/123456789012/none", replace(settings, aws_endpoint_url_sqs=aws.url)).receive(1)
    assert raised.value.code is Code.UNAVAILABLE
    assert "SQS: ReceiveMessage rejected: " in caplog.text
