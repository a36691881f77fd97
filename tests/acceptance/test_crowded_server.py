"""The local server beyond its limits on bytes, connections and descriptors, and without its data folder."""

import json
import resource
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from flamehouse.pb.status_pb2 import Status
from tests.support.servers.local_server import LocalServer, running

MIB = 1 << 20
CONNECTIONS = 24
PUSH = "/push.v1.PusherService/Push"
RPC = "/querier.v1.QuerierService/LabelNames"
OTLP = "/v1development/profiles"


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("crowded") / "data"


@pytest.fixture(scope="module")
def errors(data_dir: Path) -> Path:
    """The file to which the server logs."""
    return data_dir.parent / "log.txt"


@pytest.fixture(scope="module")
def server(data_dir: Path, errors: Path) -> Iterator[LocalServer]:
    settings = {"MEMORY_IN_FLIGHT_BYTES": str(4 * MIB), "MAX_CONNECTIONS": str(CONNECTIONS)}
    with errors.open("w") as log, running(data_dir, log, **settings) as started:
        yield started


def connect(server: LocalServer, sends: bytes = b"") -> socket.socket:
    address = urlsplit(server.url)
    connection = socket.create_connection((address.hostname, address.port or 0), timeout=20)
    connection.sendall(sends)
    return connection


def head(path: str, size: int, more: str = "") -> bytes:
    """Returns the head of an upload whose body has this size."""
    lines = (f"POST {path} HTTP/1.1", "Host: x", "Content-Type: application/proto", f"Content-Length: {size}")
    return "\r\n".join((*lines, more)).rstrip().encode() + b"\r\n\r\n"


def status_of(connection: socket.socket) -> int:
    """Returns the status of the response on the connection; 0 if the server closed it without one."""
    first = connection.makefile("rb").readline().split()
    return int(first[1]) if first else 0


def until[T](is_right: Callable[[T], bool], attempt: Callable[[], T]) -> T:
    """Repeats the attempt until its result is right; returns that result."""
    for _ in range(200):
        result = attempt()
        if is_right(result):
            return result
        time.sleep(0.05)
    raise AssertionError(result)


def connect_message(content: bytes) -> str:
    error = json.loads(content)
    assert error["code"] == "resource_exhausted"
    return str(error["message"])


def status_message(content: bytes) -> str:
    return Status.FromString(content).message


@pytest.mark.parametrize(
    ("path", "content_type", "message_of"),
    [
        (PUSH, "application/proto", connect_message),
        ("/ingest?name=a", "application/octet-stream", connect_message),
        ("/ingest?name=a&format=jfr", "application/octet-stream", connect_message),
        (RPC, "application/json", connect_message),
        (OTLP, "application/x-protobuf", status_message),
    ],
)
def test_a_body_that_does_not_fit_into_memory_gets_429_in_its_clients_format(
    server: LocalServer, path: str, content_type: str, message_of: Callable[[bytes], str]
) -> None:
    body = bytes(MIB * 3 // 4)

    def send() -> httpx.Response:
        return httpx.post(server.url + path, content=body, headers={"Content-Type": content_type}, timeout=20)

    def send_beside_another() -> httpx.Response:
        # The other request is itself rejected if it arrives while a body is being read.
        held.enter_context(closing(connect(server, head(PUSH, MIB * 7 // 2) + b"half of it")))
        return send()

    with ExitStack() as held:
        response = until(lambda response: response.status_code == 429, send_beside_another)
        assert response.headers["Retry-After"] == "5"
        assert "MEMORY_IN_FLIGHT_BYTES=4194304" in message_of(response.content)
        assert httpx.get(f"{server.url}/ready").status_code == 200
    # The held connection is closed, so this request gets its own error again.
    assert until(lambda response: response.status_code != 429, send).status_code in {400, 422}


@pytest.mark.parametrize(
    ("path", "setting"),
    [
        ("/ingest?name=a&format=pprof", "MAX_PROFILE_BYTES"),
        ("/ingest?name=a&format=groups", "MAX_PROFILE_BYTES"),
        ("/ingest?name=a&format=jfr", "MAX_JFR_BYTES"),
        ("/ingest?name=a&format=speedscope", "MAX_JSON_BYTES"),
        ("/ingest?name=a", "MAX_JFR_BYTES"),
    ],
)
def test_a_body_beyond_the_limit_of_its_format_is_rejected_before_it_is_sent(
    server: LocalServer, path: str, setting: str
) -> None:
    with closing(connect(server, head(path, 100 * MIB, "Expect: 100-continue"))) as connection:
        assert status_of(connection) == 413
    response = httpx.post(server.url + path, content=bytes(100 * MIB), timeout=60)
    assert (response.status_code, setting in response.text) == (413, True)


def test_connections_beyond_the_limit_are_rejected_and_logged_once(server: LocalServer, errors: Path) -> None:
    with ExitStack() as open_ones:
        for _ in range(CONNECTIONS + 10):
            open_ones.enter_context(closing(connect(server)))
        late = open_ones.enter_context(closing(connect(server)))
        assert until(lambda status: status == 503, lambda: status_of(late)) == 503
    assert until(lambda status: status == 200, lambda: ready(server)) == 200
    assert errors.read_text().count("event=connection_refused") == 1


def test_a_process_out_of_file_descriptors_logs_it_once_and_recovers(
    server: LocalServer, errors: Path
) -> None:
    pid = server.process.pid
    limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    open_files = max(int(path.name) for path in Path(f"/proc/{pid}/fd").iterdir())
    with ExitStack() as open_ones:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (open_files + 4, limits[1]))
        for _ in range(CONNECTIONS - 4):
            open_ones.enter_context(closing(connect(server)))
        until(lambda text: "event=connections_wait" in text, errors.read_text)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
    assert until(lambda status: status == 200, lambda: ready(server)) == 200
    log = errors.read_text()
    assert (log.count("event=connections_wait"), log.count("Traceback")) == (1, 0)


def test_without_its_data_folder_the_server_is_not_ready_and_names_the_folder(
    server: LocalServer, data_dir: Path
) -> None:
    gone = data_dir.rename(data_dir.with_name("gone"))
    try:
        readiness = httpx.get(f"{server.url}/ready")
        upload = httpx.post(f"{server.url}/ingest?name=never-seen", content=b"a 1")
    finally:
        gone.rename(data_dir)
    for response in (readiness, upload):
        assert response.status_code == 503
        assert f"cannot write to {data_dir}/log" in response.json()["message"]
    assert until(lambda status: status == 200, lambda: ready(server)) == 200


def ready(server: LocalServer) -> int:
    try:
        return httpx.get(f"{server.url}/ready").status_code
    except httpx.TransportError:
        return 0
