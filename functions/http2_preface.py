"""HTTP/1.1 for the local server that recognizes gRPC clients on the wrong port: uvicorn calls their preface invalid."""

import time
from typing import Any, Final

from uvicorn.protocols.http.auto import AutoHTTPProtocol

from flamehouse.telemetry import events
from flamehouse.telemetry.log import log

_PREFACE: Final = b"PRI * HTTP/2.0"
"""The first bytes of a client that assumes HTTP/2: RFC 9113, section 3.4."""
_REPEAT_S: Final = 60


def http_protocol(grpc_address: str) -> type[Any]:
    """The protocol class for uvicorn; `grpc_address` is where OTLP over gRPC is served, empty if it is not."""
    advice = (
        f"send OTLP over gRPC to port {grpc_address.rpartition(':')[2]} (OTLP_GRPC_PORT)"
        if grpc_address
        else "set OTLP_GRPC_PORT=4317 to serve OTLP over gRPC on a port of its own"
    )
    logged_s = -float(_REPEAT_S)

    class Http1Protocol(AutoHTTPProtocol):  # type: ignore[misc,valid-type]  # a class chosen at run time
        """Closes a connection that begins with HTTP/2's preface, and logs what to do once a minute."""

        def data_received(self, data: bytes) -> None:
            nonlocal logged_s
            if not data.startswith(_PREFACE):
                super().data_received(data)
                return
            now_s = time.monotonic()
            if now_s - logged_s >= _REPEAT_S:
                logged_s = now_s
                client = (self.transport.get_extra_info("peername") or ("a client",))[0]
                log(events.GRPC_ON_HTTP_PORT, client=client, advice=advice)
            self.transport.close()

    return Http1Protocol
