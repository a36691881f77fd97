"""The local server: its routes in process, and its life as a separate process."""

import json
import re
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.types import ASGIApp

from all_in_one import create_app
from flamehouse.services import Services
from flamehouse.settings import Settings
from tests.support.servers.apps import request
from tests.support.servers.doubles import CannedStore
from tests.support.servers.local_server import STOP_S, running, start

PROFILE_TYPES = "/querier.v1.QuerierService/ProfileTypes"


@pytest.fixture(scope="module")
def app() -> ASGIApp:
    services = Services(settings=Settings(), store=CannedStore(type_ids=("a:b:c:d:e",)))
    return create_app(lambda: services, path_prefix="prod")


@pytest.mark.parametrize("path", ["/ready", "//ready", "/prod/ready", "/prod//ready"])
def test_a_ready_server_reports_ready(app: ASGIApp, path: str) -> None:
    response = request(app, path, method="GET")
    assert (response.status_code, response.text) == (200, "ready")


@pytest.mark.parametrize("path", [PROFILE_TYPES, f"/{PROFILE_TYPES}", f"/prod{PROFILE_TYPES}"])
def test_an_rpc_is_found_with_extra_slashes_or_an_added_prefix(app: ASGIApp, path: str) -> None:
    assert request(app, path, "{}").json()["profileTypes"][0]["ID"] == "a:b:c:d:e"


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        (PROFILE_TYPES, "GET", 405),
        ("/querier.v1.QuerierService/Unheard", "POST", 501),
        (f"{PROFILE_TYPES}/", "POST", 404),
        ("/docs/", "GET", 404),
        ("/redoc", "GET", 404),
        ("/openapi.json", "POST", 405),
        ("/ingest", "GET", 405),
        ("/pyroscope/ingest", "GET", 405),
        ("/push.v1.PusherService/Push", "GET", 405),
    ],
)
def test_an_unsupported_request_is_rejected(app: ASGIApp, path: str, method: str, status: int) -> None:
    assert request(app, path, "{}", method=method).status_code == status


def rejection(data_dir: Path, **environ: str) -> tuple[int, str]:
    """Returns the exit status and the output of a server that cannot start."""
    with start(data_dir, **environ) as process:
        _, words = process.communicate(timeout=STOP_S)
    return process.returncode, words


@pytest.mark.parametrize("with_signal", [signal.SIGTERM, signal.SIGINT])
def test_the_announced_first_profile_survives_a_restart(tmp_path: Path, with_signal: signal.Signals) -> None:
    with running(tmp_path) as server:
        found = re.search(r"curl --data-binary '(.+)' '(\S+)'", server.greeting)
        assert found
        assert httpx.post(found[2], content=found[1]).status_code == 200
        assert server.stop(with_signal) == 0
    with running(tmp_path) as server:
        now = time.time_ns() // 1_000_000
        body = {
            "profile_typeID": "process_cpu:cpu:nanoseconds:cpu:nanoseconds",
            "label_selector": '{service_name="first-profile"}',
            "start": now - 3_600_000,
            "end": now + 1000,
        }
        path = "/querier.v1.QuerierService/SelectMergeStacktraces"
        flamegraph = httpx.post(server.url + path, json=body).json()["flamegraph"]
        assert (flamegraph["names"], flamegraph["total"]) == (["total", "main", "work"], "10000000")
        assert server.stop(with_signal) == 0


def test_migrate_reports_a_new_database_since_a_mistyped_name_creates_one(tmp_path: Path) -> None:
    expected = (
        ("flamehouse", f"new database flamehouse in {tmp_path}; profiles are retained for 30 days\n"),
        ("flamehouse", f"  database flamehouse in {tmp_path}; profiles are retained for 30 days\n"),
        (
            "flamehuose",
            (
                f"new database flamehuose in {tmp_path}; profiles are retained for 30 days; "
                "other databases on this server: flamehouse\n"
            ),
        ),
    )
    for name, words in expected:
        with running(tmp_path, CLICKHOUSE_DATABASE=name) as server:
            assert words in server.greeting
            assert server.stop() == 0


def test_a_server_with_a_credential_requires_and_announces_it(tmp_path: Path) -> None:
    with running(tmp_path, API_CREDENTIAL="horse") as server:
        assert 'curl --user ":$API_CREDENTIAL" --data-binary' in server.greeting
        assert httpx.post(server.url + PROFILE_TYPES, json={}).status_code == 401
        assert httpx.post(server.url + PROFILE_TYPES, json={}, auth=("", "horse")).status_code == 200


def test_a_server_on_every_interface_prints_a_local_url(tmp_path: Path) -> None:
    with running(tmp_path, HOST="0.0.0.0", API_CREDENTIAL="horse") as server:  # noqa: S104  # what is tested
        assert server.url.startswith("http://127.0.0.1:")
        assert httpx.get(f"{server.url}/ready").status_code == 200


def test_other_machines_are_not_served_without_a_credential(tmp_path: Path) -> None:
    status, words = rejection(tmp_path, HOST="0.0.0.0")  # noqa: S104  # what is tested
    assert status == 1
    assert words.startswith(
        "flamehouse: HOST=0.0.0.0 opens this server to other machines: set API_CREDENTIAL"
    )
    with running(tmp_path, HOST="0.0.0.0", INSECURE="1") as server:  # noqa: S104  # what is tested
        assert "every machine that can reach 0.0.0.0, without a credential" in server.greeting


def test_a_second_start_on_the_same_folder_fails_with_one_line(tmp_path: Path) -> None:
    with running(tmp_path):
        status, words = rejection(tmp_path)
    assert status == 1
    assert words == (
        f"flamehouse: the data folder {tmp_path} is in use by another flamehouse; "
        "a second one needs its own DATA_DIR and PORT\n"
    )


def test_a_port_in_use_is_reported_before_the_engine_starts(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        status, words = rejection(tmp_path, PORT=port)
    assert status == 1
    assert words == (
        f"flamehouse: cannot listen on 127.0.0.1:{port}: Address already in use; "
        "set PORT to another port, or to 0 for a free one\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["flamehouse.lock"]


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"PORT": "http"}, "flamehouse: PORT must be a port number, not 'http'"),
        ({"PORT": "70000"}, "flamehouse: PORT must be a port number, not '70000'"),
        (
            {"HOST": "192.0.2.1", "INSECURE": "1", "PORT": "1"},
            (
                "flamehouse: cannot listen on 192.0.2.1:1: Cannot assign requested address; "
                "HOST must be an address of this machine"
            ),
        ),
        ({"RETENTION_DAYS": "soon"}, "flamehouse: RETENTION_DAYS must be a whole number, not 'soon'"),
        (
            {"RETENTION_DAYS": "-1"},
            "flamehouse: RETENTION_DAYS must be from 0 to 10000, not -1: 0 retains profiles forever",
        ),
        (
            {"CLICKHOUSE_DSN": "ftp://user:hunter2@host"},
            (
                "flamehouse: CLICKHOUSE_DSN must be https://user:password@host:8443, "
                "or chdb:// and a folder, whose path (DATA_DIR) must not contain a question mark"
            ),
        ),
        (
            {"CLICKHOUSE_DSN": "https://user:hunter/2@127.0.0.1:1"},
            (
                "flamehouse: CLICKHOUSE_DSN must have the form https://user:password@host:8443; in the user and the "
                "password, percent-encode all characters except letters, digits and -._~"
            ),
        ),
        (
            {"CLICKHOUSE_DSN": "https://user:hunter2@127.0.0.1:1"},
            (
                "flamehouse: ClickHouse: 127.0.0.1:1: "
                "Failed to establish a new connection: [Errno 111] Connection refused; "
                "check its address in CLICKHOUSE_DSN"
            ),
        ),
        (
            {"DATA_DIR": "/dev/null/data"},
            "flamehouse: cannot use the data folder /dev/null/data: Not a directory",
        ),
    ],
)
def test_an_invalid_setting_fails_the_start_with_one_line(
    tmp_path: Path, environ: dict[str, str], words: str
) -> None:
    assert rejection(tmp_path, **environ) == (1, f"{words}\n")


@contextmanager
def half_sent(url: str, body: bytes) -> Iterator[HTTPConnection]:
    """Sends a request, and holds back the second half of its body."""
    connection = HTTPConnection(urlsplit(url).netloc, timeout=STOP_S)
    connection.putrequest("POST", PROFILE_TYPES)
    connection.putheader("Content-Type", "application/json")
    connection.putheader("Content-Length", str(len(body)))
    connection.putheader("Expect", "100-continue")
    connection.endheaders(body[: len(body) // 2])
    assert connection.sock.recv(4096).startswith(b"HTTP/1.1 100")
    yield connection
    connection.close()


def test_a_shutdown_lets_running_requests_finish(tmp_path: Path) -> None:
    body = b'{"start": 1, "end": 2}'
    with running(tmp_path) as server, half_sent(server.url, body) as connection:
        server.process.terminate()
        assert "finishing" in server.output()
        connection.send(body[len(body) // 2 :])
        response = connection.getresponse()
        assert (response.status, json.loads(response.read())) == (200, {})
        assert server.process.wait(STOP_S) == 0


def test_a_server_whose_output_is_no_longer_read_stops_cleanly(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        assert server.process.stdout is not None
        server.process.stdout.close()
        assert server.stop() == 0
        assert server.process.stderr is not None
        assert server.process.stderr.read() == ""


def test_a_second_signal_ends_the_server_at_once(tmp_path: Path) -> None:
    with running(tmp_path) as server, half_sent(server.url, b"{    }"):
        server.process.terminate()
        assert "finishing" in server.output()
        assert server.stop() == 128 + signal.SIGTERM
