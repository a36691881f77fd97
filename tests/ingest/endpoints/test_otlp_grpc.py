"""OTLP over gRPC: a grpcio client against the server, and the process with both ports."""

import http.client
import math
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event, Semaphore
from typing import Any
from urllib.parse import urlsplit

import grpc
import pytest
from opentelemetry.proto.collector.profiles.v1development.profiles_service_pb2 import (
    ExportProfilesServiceResponse,
)

from flamehouse.errors import Code, RpcError
from flamehouse.identity.credentials import NoCredential, SharedCredential
from flamehouse.model.limits import Limits
from flamehouse.model.profile import Upload
from flamehouse.model.quotas import Quotas
from flamehouse.pb.status_pb2 import RetryInfo, Status
from flamehouse.query_queue import QueryQueue, upload_queue
from flamehouse.services import Services
from flamehouse.store import Record
from flamehouse.store.limiter import Limiter
from ingest.endpoints.otlp_grpc import serve
from tests.support.servers.doubles import CannedStore
from tests.support.servers.local_server import running
from tests.support.uploads.otlp import RPC_PATH, Export, exported, partial_success
from tests.support.uploads.otlp_uploads import sent
from tests.support.uploads.uploads import ANY_TIME

TIMEOUT_S = 20


class ClickHouseStore(CannedStore):
    """A store that records uploads, or fails with an error."""

    def __init__(self, failure: RpcError | None = None) -> None:
        super().__init__()
        self.uploads: list[Upload] = []
        self.failure = failure

    def insert(self, upload: Upload, record: Record | None = None) -> None:  # noqa: ARG002  # no log
        if self.failure is not None:
            raise self.failure
        self.uploads.append(upload)


@contextmanager
def serving(
    store: ClickHouseStore, *, credential: str = "", uploads: QueryQueue | None = None, **settings: Any
) -> Iterator[str]:
    services = Services(
        settings=replace(ANY_TIME, **settings), store=store, uploads=uploads or upload_queue()
    )
    credentials = SharedCredential(credential=credential) if credential else NoCredential()
    server, port = serve("127.0.0.1:0", services, credentials)
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(0)


def call(address: str, body: bytes, **options: Any) -> bytes:
    with grpc.insecure_channel(address) as channel:
        response: bytes = channel.unary_unary(RPC_PATH)(body, timeout=TIMEOUT_S, **options)
    return response


def failure(address: str, body: bytes, **options: Any) -> grpc.RpcError:
    with pytest.raises(grpc.RpcError) as caught:
        call(address, body, **options)
    return caught.value


@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip])
def test_an_export_is_the_same_upload_as_over_http(compression: grpc.Compression) -> None:
    body = exported(**{"service.name": "shop"}).body
    store = ClickHouseStore()
    with serving(store) as address:
        assert call(address, body, compression=compression) == b""
    over_http, _ = sent(body)
    [upload] = store.uploads
    assert (upload.id, upload.tenant) == (over_http.uploads[0].id, "anonymous")


def test_invalid_profiles_are_a_partial_success() -> None:
    export = Export()
    export.add(
        export.profile(export.sample()), export.profile(export.sample(), types=(("a-b", ""), ("", "")))
    )
    store = ClickHouseStore()
    with serving(store) as address:
        response = call(address, export.body)
    assert partial_success(response) == (1, "resource 0, scope 0, profile 1: sample type contains -")
    assert len(store.uploads[0].profiles) == 1


@pytest.mark.parametrize(
    ("metadata", "tenant"),
    [
        ([("authorization", "Bearer secret")], "anonymous"),
        ([("authorization", "Basic OnNlY3JldA=="), ("x-scope-orgid", "shop")], "shop"),
    ],
)
def test_metadata_carries_the_credential_and_the_tenant(metadata: list[tuple[str, str]], tenant: str) -> None:
    store = ClickHouseStore()
    with serving(store, credential="secret") as address:
        call(address, exported().body, metadata=metadata)
    assert store.uploads[0].tenant == tenant


@pytest.mark.parametrize("metadata", [[], [("authorization", "Bearer other")]])
def test_a_call_without_the_credential_is_unauthenticated(metadata: list[tuple[str, str]]) -> None:
    store = ClickHouseStore()
    with serving(store, credential="secret") as address:
        assert failure(address, exported().body, metadata=metadata).code() is grpc.StatusCode.UNAUTHENTICATED
    assert store.uploads == []


class BusyStore(ClickHouseStore):
    """A store whose inserts each take one of the `permits` to end."""

    def __init__(self) -> None:
        super().__init__()
        self.permits = Semaphore(0)

    def insert(self, upload: Upload, record: Record | None = None) -> None:
        super().insert(upload, record)
        assert self.permits.acquire(timeout=TIMEOUT_S)

    def wait_for(self, uploads: int) -> None:
        """Returns once this many inserts have begun."""
        while len(self.uploads) < uploads:
            time.sleep(0.01)


def wait_in(queue: QueryQueue, tenant: str) -> None:
    """Returns once a request of the tenant waits."""
    while tenant not in queue._waiting:  # noqa: SLF001  # nothing else shows it
        time.sleep(0.01)


def test_one_tenants_exports_do_not_delay_others() -> None:
    store, queue = BusyStore(), QueryQueue(1, math.inf, math.inf)
    with serving(store, uploads=queue) as address, grpc.insecure_channel(address) as channel:

        def export(tenant: str) -> grpc.Future:
            return channel.unary_unary(RPC_PATH).future(
                exported().body, timeout=TIMEOUT_S, metadata=[("x-scope-orgid", tenant)]
            )

        flood = [export("flood") for _ in range(40)]
        store.wait_for(1)
        wait_in(queue, "flood")
        calm = export("calm")
        wait_in(queue, "calm")
        for begun in (2, 3):
            store.permits.release()
            store.wait_for(begun)
        assert [upload.tenant for upload in store.uploads] == ["flood", "flood", "calm"]
        store.permits.release(50)
        assert {each.result() for each in (*flood, calm)} == {b""}


class LimitedStore(ClickHouseStore):
    """A store that admits one upload of each tenant, as if all arrived in the same second."""

    def __init__(self) -> None:
        super().__init__()
        self.limiter = Limiter(lambda: 1.0)

    def admit_request(
        self, tenant: str, announced: int, published: Callable[[], Quotas] | None = None
    ) -> None:
        super().admit_request(tenant, announced, published)
        self.limiter.admit_request(tenant, Limits(uploads_per_second=1), announced)


def test_an_export_above_the_rate_is_rejected_before_its_message_is_read() -> None:
    """A client that sends no message gets the error too."""
    over, sent_none = "exceeds its limit of 1 uploads a second (uploads_per_second)", Event()

    def nothing() -> Iterator[bytes]:
        sent_none.wait(TIMEOUT_S)
        yield from ()

    with serving(LimitedStore()) as address:
        assert call(address, exported().body) == b""
        above = failure(address, exported().body)
        with grpc.insecure_channel(address) as channel, pytest.raises(grpc.RpcError) as unsent:
            channel.stream_unary(RPC_PATH)(nothing(), timeout=TIMEOUT_S)
        sent_none.set()
        assert call(address, exported().body, metadata=[("x-scope-orgid", "another")]) == b""
    for error in (above, unsent.value):
        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert over in error.details()
        assert "grpc-status-details-bin" in dict(error.trailing_metadata())


def test_an_invalid_tenant_is_an_invalid_argument() -> None:
    with serving(ClickHouseStore()) as address:
        error = failure(address, exported().body, metadata=[("x-scope-orgid", "a|b")])
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_a_malformed_body_is_an_invalid_argument() -> None:
    with serving(ClickHouseStore()) as address:
        error = failure(address, b"\xff\xff")
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert error.details().startswith("the body is not a valid message")


@pytest.mark.parametrize(
    ("error", "code", "retry_s"),
    [
        (RpcError(Code.RESOURCE_EXHAUSTED, "too many series"), grpc.StatusCode.RESOURCE_EXHAUSTED, 30),
        (RpcError(Code.UNAVAILABLE, "no ClickHouse"), grpc.StatusCode.UNAVAILABLE, 30),
        (RpcError(Code.DEADLINE_EXCEEDED, "slow"), grpc.StatusCode.DEADLINE_EXCEEDED, None),
        (RpcError(Code.INVALID_ARGUMENT, "wrong"), grpc.StatusCode.INVALID_ARGUMENT, None),
    ],
)
def test_an_error_has_its_status_and_says_when_to_retry(
    error: RpcError, code: grpc.StatusCode, retry_s: int | None
) -> None:
    with serving(ClickHouseStore(error)) as address:
        raised = failure(address, exported().body)
    assert (raised.code(), raised.details()) == (code, error.message)
    details = dict(raised.trailing_metadata()).get("grpc-status-details-bin")
    assert (details is None) == (retry_s is None)
    if details is not None:
        [info] = Status.FromString(details).details
        assert info.type_url == "type.googleapis.com/google.rpc.RetryInfo"
        assert RetryInfo.FromString(info.value).retry_delay.seconds == retry_s


@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip])
def test_a_message_over_the_limit_is_not_retried(compression: grpc.Compression) -> None:
    store = ClickHouseStore()
    with serving(store, max_body_bytes=1_000) as address:
        error = failure(address, exported().body + bytes(100_000), compression=compression)
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "grpc-status-details-bin" not in dict(error.trailing_metadata())
    assert store.uploads == []


def test_the_local_server_serves_http_and_grpc_on_separate_ports(
    tmp_path: Path,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    export = Export()
    export.add(export.profile(export.sample(), time_ns=time.time_ns()), resource={"service.name": "shop"})
    with running(tmp_path, OTLP_GRPC_PORT=str(port)) as server:
        assert f"127.0.0.1:{port}" in server.greeting
        response = call(f"127.0.0.1:{port}", export.body)
        assert ExportProfilesServiceResponse.FromString(response) == ExportProfilesServiceResponse()
        http_address = urlsplit(server.url).netloc
        connection = http.client.HTTPConnection(http_address, timeout=TIMEOUT_S)
        connection.request(
            "POST",
            "/querier.v1.QuerierService/LabelValues",
            '{"name": "service_name"}',
            {"Content-Type": "application/json"},
        )
        assert b'"shop"' in connection.getresponse().read()
        connection.close()
        assert failure(http_address, export.body).code() is grpc.StatusCode.UNAVAILABLE
        server.stop()
        assert server.process.stderr is not None
        logged = server.process.stderr.read()
    assert f"send OTLP over gRPC to port {port}" in logged


def test_a_grpc_port_in_use_fails_the_start_with_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        message = f"cannot listen on 127.0.0.1:{port}.*OTLP_GRPC_PORT"
        with pytest.raises(AssertionError, match=message), running(tmp_path, OTLP_GRPC_PORT=str(port)):
            pass
