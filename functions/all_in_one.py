"""All of flamehouse in one process: every write and read route, with an embedded ClickHouse by default.

Environment variables set the address (HOST, PORT), the data folder (DATA_DIR), and the settings of
`flamehouse.settings`.
"""

import asyncio
import errno
import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Final

import uvicorn
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from adhoc import service as adhoc_profiles
from connection_limits import connections_allowed, log_failed_accepts
from flamehouse.identity.authentication import Credentials
from flamehouse.identity.credentials import DocumentCredentials, NoCredential, SharedCredential
from flamehouse.identity.credentials_file import CredentialsFile
from flamehouse.identity.document import DocumentError
from flamehouse.memory import MemoryBudget
from flamehouse.query_queue import QueryQueue
from flamehouse.services import Services
from flamehouse.settings import Settings, is_loopback
from flamehouse.store import Store
from flamehouse.store.clickhouse_store import ClickHouseStore, open_store
from flamehouse.store.connection.data_folder import data_folder, local_environ, locked
from flamehouse.store.connection.embedded import HANDLES, embedded_path, is_embedded
from flamehouse.store.connection.errors import exit_on_failure
from flamehouse.store.maintenance import open_maintenance
from flamehouse.store.schema.migrate import Migrated, migrate
from flamehouse.store.schema.state import in_words
from flamehouse.telemetry.local import CONTENT_TYPE, Prometheus, log_to_stderr
from flamehouse.telemetry.log import access_log
from flamehouse.telemetry.metrics import install
from flamehouse.web.http_app import http_app_of, http_router
from flamehouse.web.in_flight import InFlight
from flamehouse.web.routing import CleanPaths
from http2_preface import http_protocol
from ingest.pipeline import replay
from ingest.self_profile import open_self_profile
from ingest.watch import open_watch
from qryn.input_thread import open_input
from reference.routes import reference_routes
from routes import routes

_REFUSAL_DELAY_S: Final = 1.0
_BACKLOG: Final = 128
"""asyncio tries to accept this many connections at a time; without free descriptors, each attempt fails and logs."""
_STOP_GRACE_S: Final = 5
"""How long shutdown waits for current requests, in addition to the time limit of a query."""
_GRPC_STOP_S: Final = 5
"""How long shutdown waits for current gRPC exports; clients retry them."""
_LOOPBACK: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # compared with, not bound
"""The loopback address of a server that listens on all interfaces; `localhost` may resolve to either."""

_ADVICE: Final = dict.fromkeys(
    (errno.EADDRINUSE, errno.EACCES), "; set PORT to another port, or to 0 for a free one"
)
"""Advice if the server cannot listen on a port. EACCES occurs for ports below 1,024, which are privileged."""

_READY: Final = """\
flamehouse is ready on {url}

  Web page:        {url}
  First profile:   curl{user} --data-binary 'main;work 1' '{url}/ingest?name=first-profile'
  SDKs and Alloy:  server address {url}
  Grafana:         data source "Grafana Pyroscope" with the URL {url}
  Access:          {access}
  Data:            {data}{grpc}

Ctrl-C stops it."""
_CREDENTIAL_USER: Final = ' --user ":$API_CREDENTIAL"'
"""The additional curl option if the server requires a credential."""


def create_app(
    services: Callable[[], Services],
    path_prefix: str = "",
    credentials: Credentials | None = None,
    *,
    prometheus: Prometheus | None = None,
    memory: MemoryBudget | None = None,
) -> ASGIApp:
    """Return the app with all routes; `services` is called for each request.

    Without `credentials`, all requests are accepted; without `memory`, the memory of requests is not limited.
    """
    documented = api_routes(prometheus or Prometheus())
    every = [*documented, *reference_routes(documented)]
    app = CleanPaths(http_app_of(every, services, credentials or NoCredential()), path_prefix)
    return InFlight(app, memory) if memory else app


def api_routes(prometheus: Prometheus) -> list[BaseRoute]:
    """Return all routes that the API reference describes."""
    return [*routes, *adhoc_profiles.routes, *metrics_routes(prometheus)]


def metrics_routes(prometheus: Prometheus) -> list[BaseRoute]:
    """Return the route that a Prometheus server scrapes."""
    router = http_router()

    @router.get("/metrics", tags=["status"], summary="Metrics", response_class=PlainTextResponse)
    async def metrics() -> Response:
        """Return the metrics of this process in Prometheus' text format."""
        return Response(prometheus.text(), media_type=CONTENT_TYPE)

    return router.routes


def credentials_of(settings: Settings) -> Credentials:
    """Return the credentials in the settings; without any, all requests are accepted.

    Raises:
        SystemExit: if two kinds are set, or the file cannot be read.
    """
    if not settings.credentials_file:
        credential = settings.api_credential
        return SharedCredential(credential=credential) if credential else NoCredential()
    # Clients also read API_CREDENTIAL: if it contained one of the file's tokens, the server would grant that token all
    # rights.
    if settings.api_credential:
        raise SystemExit("flamehouse: API_CREDENTIAL and CREDENTIALS_FILE are both set: unset one of them")
    file = CredentialsFile(Path(settings.credentials_file))
    try:
        file.load()
    except DocumentError as error:
        raise SystemExit(
            f"flamehouse: CREDENTIALS_FILE: {error}; `flamehouse credentials add` creates one"
        ) from error
    return DocumentCredentials(document=file.document)


def main(environ: Mapping[str, str] = os.environ) -> None:
    """Serve until SIGINT or SIGTERM. Raises SystemExit with one line if it cannot start."""
    closed: list[bool] = []
    with ExitStack() as opened:
        with exit_on_failure():
            settings = _settings(environ)
            log_to_stderr(as_json=settings.log_format == "json")
            access_log(enabled=bool(settings.access_log))
            opened.enter_context(locked(settings))
            credentials = credentials_of(settings)
            host = environ.get("HOST") or "127.0.0.1"
            _check_exposure(host, settings, insecure=environ.get("INSECURE") == "1")
            listener = _listen(host, environ.get("PORT") or "4040")
            migrated = migrate(settings)
            carry_over, maintenance = open_maintenance(settings)
            store = open_store(settings, carry_over)
            opened.callback(lambda: closed.append(store.close()))
            services = _services_of(settings, store)
            _open_log(store, services)
            threads = (maintenance, open_input(services), open_self_profile(services), open_watch(services))
        for thread in threads:
            if thread is not None:
                opened.callback(thread.stop)
                thread.start()
        prometheus = Prometheus()
        install(prometheus)
        memory = MemoryBudget(settings.memory_in_flight_bytes)
        grpc_address = _serve_grpc(environ, services, credentials, memory, opened)
        app = create_app(
            lambda: services, settings.path_prefix, credentials, prometheus=prometheus, memory=memory
        )
        config = _uvicorn_config(app, settings, grpc_address)
        _Server(config, _greeting(settings, host, migrated, grpc_address)).run([listener])
    if not all(closed):
        _say("a query did not end in time: exiting without waiting for it")
        os._exit(0)


def _uvicorn_config(app: ASGIApp, settings: Settings, grpc_address: str) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=http_protocol(grpc_address, connections_allowed(settings.max_connections)),
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="off",
        backlog=_BACKLOG,
        timeout_graceful_shutdown=settings.query_timeout_s + _STOP_GRACE_S,
    )


def _greeting(settings: Settings, host: str, migrated: Migrated, grpc_address: str) -> Callable[..., str]:
    """Return a function that formats the greeting for a `url`."""
    return partial(
        _READY.format,
        user=_CREDENTIAL_USER if _has_credentials(settings) else "",
        data=_data_in_words(settings, migrated),
        grpc=f"\n  OTLP over gRPC:  {grpc_address}" if grpc_address else "",
        access=_access_in_words(host, settings),
    )


def _open_log(store: ClickHouseStore, services: Services) -> None:
    """Open the write-ahead log of uploads if the engine is embedded."""
    settings = services.settings
    if is_embedded(settings.clickhouse_dsn):
        folder = Path(embedded_path(settings.clickhouse_dsn))
        store.open_log(folder, partial(replay, services), fsync=bool(settings.fsync))


def _services_of(settings: Settings, store: Store) -> Services:
    queries = QueryQueue(HANDLES) if is_embedded(settings.clickhouse_dsn) else QueryQueue()
    return Services(
        settings=settings,
        store=store,
        check=store.check,
        queries=queries,
        refusal_delay_s=_REFUSAL_DELAY_S,
    )


def _serve_grpc(
    environ: Mapping[str, str],
    services: Services,
    credentials: Credentials,
    memory: MemoryBudget,
    opened: ExitStack,
) -> str:
    """Serve OTLP over gRPC on OTLP_GRPC_PORT until `opened` closes; return the address, empty without a port."""
    text = environ.get("OTLP_GRPC_PORT") or ""
    if not text:
        return ""
    host = environ.get("HOST") or "127.0.0.1"
    host = f"[{host}]" if ":" in host else host
    # Only this option needs grpcio, whose import takes about 60 ms.
    from ingest.endpoints import otlp_grpc  # noqa: PLC0415

    try:
        port = int(text)
        server, port = otlp_grpc.serve(f"{host}:{port}", services, credentials, memory)
    except ValueError as error:
        raise SystemExit(f"flamehouse: OTLP_GRPC_PORT must be a port number, not {text!r}") from error
    except RuntimeError as error:
        advice = "set OTLP_GRPC_PORT to another port, or to 0 for a free one"
        raise SystemExit(
            f"flamehouse: cannot listen on {host}:{text} for OTLP over gRPC; {advice}"
        ) from error
    opened.callback(lambda: server.stop(_GRPC_STOP_S))
    return f"{host}:{port}"


class _Server(uvicorn.Server):
    """Prints a greeting when it listens; exits with status 0 after the first signal, and immediately on the second.

    `greeting` returns the text for the parameter `url`.
    """

    def __init__(self, config: uvicorn.Config, greeting: Callable[..., str]) -> None:
        super().__init__(config)
        self._greeting = greeting

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        log_failed_accepts(asyncio.get_running_loop())
        await super().startup(sockets)
        for listener in sockets or ():
            _say(self._greeting(url=_url(listener)))

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002  # uvicorn's signature
        if self.should_exit:
            os._exit(128 + sig)
        # Set this first: the next signal may interrupt the lines below.
        self.should_exit = True
        _say(f"{signal.Signals(sig).name}: finishing current requests; a second signal stops at once")


def _check_exposure(host: str, settings: Settings, *, insecure: bool) -> None:
    """Raises SystemExit if other machines could use the server without a credential, unless `insecure`."""
    if not (is_loopback(host) or _has_credentials(settings) or insecure):
        raise SystemExit(
            f"flamehouse: HOST={host} opens this server to other machines: set API_CREDENTIAL or CREDENTIALS_FILE, or "
            "INSECURE=1 to serve without a credential"
        )


def _has_credentials(settings: Settings) -> bool:
    return bool(settings.api_credential or settings.credentials_file)


def _access_in_words(host: str, settings: Settings) -> str:
    """Describe which machines can reach the server, and with which credential."""
    machines = "this machine only" if is_loopback(host) else f"every machine that can reach {host}"
    if settings.credentials_file:
        return f"{machines}, with a credential from {settings.credentials_file}"
    return f"{machines}, {'with the credential' if settings.api_credential else 'without a credential'}"


def _say(text: str) -> None:
    """Print a line. If standard output is closed, discard all output, so that a signal still stops the server."""
    try:
        print(text, flush=True)  # noqa: T201  # output for the user
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _data_in_words(settings: Settings, migrated: Migrated) -> str:
    """Describe where profiles are stored and for how long; a new database is called new, to reveal a mistyped name."""
    folder = data_folder(settings)
    name = settings.clickhouse_database
    place = f"database {name}" + (f" in {folder.resolve()}" if folder else "")
    text = f"{place}; profiles are retained {in_words(migrated.retention_days)}"
    if not migrated.created:
        return text
    others = f"; other databases on this server: {', '.join(migrated.others)}" if migrated.others else ""
    return f"new {text}{others}"


def _settings(environ: Mapping[str, str]) -> Settings:
    return Settings.from_env(local_environ(environ))


def _listen(host: str, port: str) -> socket.socket:
    """Return a listening socket, opened before the engine starts, so that a port in use fails fast."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, int(port)), family=family)
    except (ValueError, OverflowError) as error:
        raise SystemExit(f"flamehouse: PORT must be a port number, not {port!r}") from error
    except OSError as error:
        # Python appends the address, which the message below already contains.
        reason = str(error.strerror).partition(" (while ")[0]
        advice = _ADVICE.get(error.errno or 0, "; HOST must be an address of this machine")
        raise SystemExit(f"flamehouse: cannot listen on {host}:{port}: {reason}{advice}") from error
    # asyncio sets this only on sockets with an explicit protocol, which this one lacks. Without it, the body of a
    # response is delayed by 40 ms.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    host = _LOOPBACK.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
