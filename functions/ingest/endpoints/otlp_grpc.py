"""OTLP profiles over gRPC, the default of collectors and the eBPF profiler. Local server only.

Protocol: opentelemetry.io/docs/specs/otlp, "OTLP/gRPC". An export is the same upload as over HTTP: a retry by the other
transport is stored once. grpcio treats the messages as bytes, as their layout is not known yet.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import grpc
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from starlette.requests import HTTPConnection

from flamehouse.errors import Code, RpcError
from flamehouse.identity.authentication import Credentials
from flamehouse.identity.principal import Scope
from flamehouse.memory import MemoryBudget, take
from flamehouse.pb.status_pb2 import RetryInfo, Status
from flamehouse.services import Services
from flamehouse.telemetry import events
from flamehouse.telemetry.log import log_exception
from flamehouse.web.codec import PROTO
from flamehouse.web.error_response import RETRY_AFTER_S
from ingest import pipeline
from ingest.endpoints.otlp import GRPC_CODES, response_of, shown
from ingest.received import Endpoint, ReceivedUpload
from ingest.request.otlp_body import max_bytes

_SERVICE: Final = "opentelemetry.proto.collector.profiles.v1development.ProfilesService"
_PROTOBUF: Final = "application/x-protobuf"
_THREADS: Final = 16
_TOO_MANY: Final = 429
_RETRY_INFO: Final = "type.googleapis.com/google.rpc.RetryInfo"
_DETAILS: Final = "grpc-status-details-bin"
_STATUS_CODES: Final = {code.value[0]: code for code in grpc.StatusCode}
"""By number."""


def serve(
    address: str, services: Services, credentials: Credentials, memory: MemoryBudget | None = None
) -> tuple[grpc.Server, int]:
    """Start a server; also returns the port, for an address with port 0. Exports count against `memory`.

    Raises:
        RuntimeError: if it cannot listen on the address.
    """
    limit = max_bytes(PROTO, services.settings)
    server = grpc.server(
        ThreadPoolExecutor(_THREADS, thread_name_prefix="otlp-grpc"),
        options=[("grpc.max_receive_message_length", limit), ("grpc.so_reuseport", 0)],
        maximum_concurrent_rpcs=_THREADS,
        compression=grpc.Compression.NoCompression,
    )
    exporter = _Exporter(services, credentials, memory or MemoryBudget(0))
    handler = grpc.unary_unary_rpc_method_handler(exporter.export)
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(_SERVICE, {"Export": handler})])
    port = server.add_insecure_port(address)
    server.start()
    return server, port


class _Exporter:
    def __init__(self, services: Services, credentials: Credentials, memory: MemoryBudget) -> None:
        self._services = services
        self._memory = memory
        self._credentials = credentials

    def export(self, body: bytes, context: grpc.ServicerContext) -> bytes:
        """Store one export; responses and errors correspond to those over HTTP."""
        with self._memory.request():
            return self._export(body, context)

    def _export(self, body: bytes, context: grpc.ServicerContext) -> bytes:
        received_ns = time.time_ns()
        try:
            take(len(body))
            principal = self._credentials.principal_of(_connection(context))
            principal.require(Scope.INGEST)
            pipeline.admit(self._services, principal.tenant, len(body))
            received = ReceivedUpload(
                tenant=principal.tenant,
                endpoint=Endpoint.OTLP,
                received_ns=received_ns,
                content_type=_PROTOBUF,
                body=body,
            )
            return response_of(pipeline.ingest(self._services, received)).SerializeToString()
        except RpcError as error:
            failure = error
        except Exception:  # noqa: BLE001  # grpcio would send the exception's text to the client
            log_exception(events.REQUEST_FAILED, path=Endpoint.OTLP.value)
            failure = RpcError(Code.INTERNAL, "internal error")
        return _abort(context, failure)


def _connection(context: grpc.ServicerContext) -> HTTPConnection:
    """Return the metadata as the headers of a request."""
    headers = [
        (name.encode(), value.encode(errors="surrogateescape"))
        for name, value in context.invocation_metadata()
        if isinstance(value, str)
    ]
    return HTTPConnection({"type": "http", "headers": headers})


def _abort(context: grpc.ServicerContext, error: RpcError) -> bytes:
    """End the call with the error's status, with RetryInfo if a retry may succeed."""
    number = GRPC_CODES[error.code]
    if error.http_status == _TOO_MANY or error.code is Code.UNAVAILABLE:
        delay = RetryInfo(retry_delay=Duration(seconds=RETRY_AFTER_S)).SerializeToString()
        details = [Any(type_url=_RETRY_INFO, value=delay)]
        status = Status(code=number, message=shown(error.message), details=details)
        context.set_trailing_metadata(((_DETAILS, status.SerializeToString()),))
    context.set_code(_STATUS_CODES[number])
    context.set_details(shown(error.message))
    return b""
