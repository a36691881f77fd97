"""OTLP profiles over gRPC, the default transport of collectors and the eBPF profiler. Local server only.

Protocol: opentelemetry.io/docs/specs/otlp, "OTLP/gRPC". An export is the same upload as over HTTP, so that a retry over
the other transport is stored once. grpcio passes messages as bytes, because their layout is not known yet.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine
from threading import Thread
from typing import Any, Final

import grpc
from google.protobuf.any_pb2 import Any as Any_
from google.protobuf.duration_pb2 import Duration
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection

from flamehouse.errors import Code, RpcError
from flamehouse.identity.authentication import Credentials
from flamehouse.identity.principal import Scope
from flamehouse.memory import MemoryBudget, take
from flamehouse.pb.status_pb2 import RetryInfo, Status
from flamehouse.services import Services
from flamehouse.telemetry import events
from flamehouse.telemetry.log import log_exception
from flamehouse.web.cancellation import upload_for
from flamehouse.web.codec import PROTO
from flamehouse.web.error_response import RETRY_AFTER_S
from flamehouse.web.slow_refusals import slow_refusals
from ingest import pipeline
from ingest.endpoints.otlp import GRPC_CODES, response_of, shown
from ingest.received import Endpoint, ReceivedUpload
from ingest.request.otlp_body import body_limit

_SERVICE: Final = "opentelemetry.proto.collector.profiles.v1development.ProfilesService"
_PROTOBUF: Final = "application/x-protobuf"
_EXPORTS: Final = 256
"""The maximum number of concurrent exports, most of which wait; grpcio rejects more."""
_OF_CONNECTION: Final = 64
"""The maximum number of concurrent exports per connection; the client holds back more."""
_READ_AT_ONCE: Final = 16
_READ_S: Final = 30
"""How long a message may take to arrive."""
_TOO_MANY: Final = 429
_RETRY_INFO: Final = "type.googleapis.com/google.rpc.RetryInfo"
_DETAILS: Final = "grpc-status-details-bin"
_STATUS_CODES: Final = {code.value[0]: code for code in grpc.StatusCode}
"""gRPC status codes by number."""

type _Context = grpc.aio.ServicerContext[Any, Any]


class GrpcServer:
    """A running server, whose event loop has its own thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="otlp-grpc", daemon=True)
        self._thread.start()
        self._server: grpc.aio.Server | None = None

    def start(self, address: str, handler: grpc.GenericRpcHandler, limit: int) -> int:
        """Listen on the address for messages of up to `limit` bytes; returns the port.

        Raises:
            RuntimeError: if it cannot listen on the address.
        """
        return self._run(self._start(address, handler, limit))

    def stop(self, grace_s: float) -> None:
        """Stop accepting exports, and return once the current ones have ended, after at most `grace_s` seconds."""
        if self._server is not None:
            self._run(self._server.stop(grace_s))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _start(self, address: str, handler: grpc.GenericRpcHandler, limit: int) -> int:
        self._server = grpc.aio.server(
            handlers=[handler],
            options=[
                ("grpc.max_receive_message_length", limit),
                ("grpc.max_concurrent_streams", _OF_CONNECTION),
                ("grpc.so_reuseport", 0),
            ],
            maximum_concurrent_rpcs=_EXPORTS,
            compression=grpc.Compression.NoCompression,
        )
        port: int = self._server.add_insecure_port(address)
        await self._server.start()
        return port

    def _run[T](self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


def serve(
    address: str, services: Services, credentials: Credentials, memory: MemoryBudget | None = None
) -> tuple[GrpcServer, int]:
    """Start a server and return it with its port, as the address may have port 0. Exports count against `memory`.

    Raises:
        RuntimeError: if it cannot listen on the address.
    """
    exporter = _Exporter(services, credentials, memory or MemoryBudget(0))
    # To a client, a stream of one message is the same as a unary call, but the server reads it only in its turn.
    method = grpc.stream_unary_rpc_method_handler(exporter.export)
    handler = grpc.method_handlers_generic_handler(_SERVICE, {"Export": method})
    server = GrpcServer()
    try:
        return server, server.start(address, handler, body_limit(PROTO, services.settings).bytes)
    except RuntimeError:
        server.stop(0)
        raise


class _Exporter:
    def __init__(self, services: Services, credentials: Credentials, memory: MemoryBudget) -> None:
        self._services = services
        self._memory = memory
        self._credentials = credentials
        self._reading = asyncio.Semaphore(_READ_AT_ONCE)

    async def export(self, messages: AsyncIterator[bytes], context: _Context) -> bytes:
        """Store one export; responses and errors match those over HTTP."""
        with self._memory.request():
            try:
                return await self._export(messages, context)
            except RpcError as error:
                failure = error.alone()
            except Exception:  # noqa: BLE001  # grpcio would send the exception's text to the client
                log_exception(events.REQUEST_FAILED, path=Endpoint.OTLP.value)
                failure = RpcError(Code.INTERNAL, "internal error")
        await _abort(context, failure)
        return b""

    async def _export(self, messages: AsyncIterator[bytes], context: _Context) -> bytes:
        received_ns = time.time_ns()
        principal = self._credentials.principal_of(_connection(context))
        principal.require(Scope.INGEST)
        tenant, services = principal.tenant, self._services
        async with slow_refusals(services):
            await run_in_threadpool(pipeline.admit, services, tenant, 0)
        received = ReceivedUpload(
            tenant=tenant,
            endpoint=Endpoint.OTLP,
            received_ns=received_ns,
            content_type=_PROTOBUF,
            body=await self._read(messages),
        )

        def run() -> bytes:
            return response_of(pipeline.ingest(services, received)).SerializeToString()

        return await upload_for(services, tenant, received.size, run)

    async def _read(self, messages: AsyncIterator[bytes]) -> bytes:
        """Return the message. Only a few are read at a time, because their memory is counted only after that."""
        async with self._reading:
            try:
                async with asyncio.timeout(_READ_S):
                    body = await anext(messages, b"")
            except TimeoutError as error:
                raise RpcError(Code.DEADLINE_EXCEEDED, "the message did not arrive in time") from error
            take(len(body))
            return body


def _connection(context: _Context) -> HTTPConnection:
    """Return the metadata as the headers of a request."""
    headers = [
        (name.encode(), value.encode(errors="surrogateescape"))
        for name, value in context.invocation_metadata()
        if isinstance(value, str)
    ]
    return HTTPConnection({"type": "http", "headers": headers})


async def _abort(context: _Context, error: RpcError) -> None:
    """End the call with the error's status, and with RetryInfo if a retry may succeed."""
    number = GRPC_CODES[error.code]
    metadata: tuple[tuple[str, bytes], ...] = ()
    if error.http_status == _TOO_MANY or error.code is Code.UNAVAILABLE:
        delay = RetryInfo(retry_delay=Duration(seconds=RETRY_AFTER_S)).SerializeToString()
        details = [Any_(type_url=_RETRY_INFO, value=delay)]
        status = Status(code=number, message=shown(error.message), details=details)
        metadata = ((_DETAILS, status.SerializeToString()),)
    await context.abort(_STATUS_CODES[number], shown(error.message), metadata)
