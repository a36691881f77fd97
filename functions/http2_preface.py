"""HTTP/1.1 for the local server, with advice for gRPC clients on the wrong port.

To uvicorn, their connection preface is just an invalid request.
"""

from typing import Any, Final

from connection_limits import BoundedProtocol, Repeated
from flamehouse.telemetry import events
from flamehouse.telemetry.log import log

_PREFACE: Final = b"PRI * HTTP/2.0"
"""The first bytes that an HTTP/2 client sends: RFC 9113, section 3.4."""


def http_protocol(grpc_address: str, most: int) -> type[Any]:
    """Return the protocol class for uvicorn, for at most `most` connections; `grpc_address` is empty without gRPC."""
    advice = (
        f"send OTLP over gRPC to port {grpc_address.rpartition(':')[2]} (OTLP_GRPC_PORT)"
        if grpc_address
        else "set OTLP_GRPC_PORT=4317 to serve OTLP over gRPC on a separate port"
    )
    repeated = Repeated()

    class Http1Protocol(BoundedProtocol):
        """Closes connections that begin with the HTTP/2 preface, and logs advice at most once a minute."""

        most_connections = most
        refusals = Repeated()

        def data_received(self, data: bytes) -> None:
            if not data.startswith(_PREFACE):
                super().data_received(data)
                return
            if repeated.is_due():
                client = (self.transport.get_extra_info("peername") or ("a client",))[0]
                log(events.GRPC_ON_HTTP_PORT, client=client, advice=advice)
            self.transport.close()

    return Http1Protocol
