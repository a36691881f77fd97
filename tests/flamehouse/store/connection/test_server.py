"""The store on a ClickHouse server: how many requests it sends, and server failures, which end in time."""

import json
import logging
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import get_ident

import pytest

from flamehouse.errors import Code, RpcError
from flamehouse.model.profile import Upload
from flamehouse.model.time_range import TimeRange
from flamehouse.settings import Settings
from flamehouse.store import Store
from flamehouse.store.clickhouse_store import open_store
from flamehouse.store.connection.client import ClickHouse
from flamehouse.store.schema.migrate import migrate
from tests.support.servers.scripted import Reply, asleep, closed_port, scripted
from tests.support.uploads.uploads import Ingest, pprof
from tools.aws import LocalAws, LocalSecret
from tools.clickhouse_http.process import ClickHouseServer, clickhouse_server

EVER = TimeRange(start_ms=0, end_ms=2_000_000_000_000)
NO_ROWS = Reply(status=200)
BUSY = Reply(
    status=500,
    body=b"Code: 202. DB::Exception: Too many simultaneous queries. (TOO_MANY_SIMULTANEOUS_QUERIES)",
    headers={"X-ClickHouse-Exception-Code": "202"},
)
BROKEN = Reply(
    status=404,
    body=b"Code: 60. DB::Exception: Unknown table in SELECT secret_column. (UNKNOWN_TABLE)",
    headers={"X-ClickHouse-Exception-Code": "60"},
)
REFUSED = Reply(status=403, body=b"no", headers={"X-ClickHouse-Exception-Code": "516"})


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseServer]:
    with clickhouse_server(tmp_path_factory.mktemp("clickhouse")) as server:
        migrate(Settings(clickhouse_dsn=server.dsn, retention_days=0))
        yield server


@pytest.fixture
def secret(aws: LocalAws, server: ClickHouseServer) -> LocalSecret:
    return aws.new_secret(json.dumps(secret_of(server)))


def secret_of(server: ClickHouseServer, **changes: object) -> dict[str, object]:
    return {
        "host": "127.0.0.1",
        "port": server.port,
        "user": server.user,
        "password": server.password,
        "secure": False,
        **changes,
    }


def settings_of(secret: LocalSecret) -> Settings:
    url = secret.client.meta.endpoint_url
    return Settings(clickhouse_secret_arn=secret.arn, aws_endpoint_url_secrets_manager=url, retention_days=0)


def store_at(dsn: str, timeout_s: int = 5) -> Store:
    return open_store(Settings(clickhouse_dsn=dsn, query_timeout_s=timeout_s))


def upload_of(tenant: str) -> Upload:
    """Returns a small upload of one profile type."""
    uploads = Ingest()
    uploads.post(pprof([("cpu", "nanoseconds")]).SerializeToString(), headers={"X-Scope-OrgID": tenant})
    return uploads.uploads[0]


def failure_of(store: Store) -> RpcError:
    """Returns the error of a query."""
    with pytest.raises(RpcError) as raised:
        store.profile_types(("tenant",), EVER)
    return raised.value


def test_a_query_is_one_http_request_from_the_first_on(server: ClickHouseServer) -> None:
    before = len(server.received())
    store = store_at(server.dsn)
    assert len(server.received()) == before
    for requests in (1, 2):
        assert store.profile_types(("absent",), EVER) == []
        assert len(server.received()) == before + requests


def test_an_upload_is_two_inserts_and_one_read_each_of_limits_series_and_deletions(
    server: ClickHouseServer, tenant: str
) -> None:
    before = len(server.received())
    store = store_at(server.dsn)
    store.insert(upload_of(tenant))
    assert [line.split()[0] for line in server.received()[before:]] == [
        "SELECT",
        "SELECT",
        "INSERT",
        "SELECT",
        "INSERT",
    ]
    store.insert(upload_of(tenant))
    assert len(store.profile_types((tenant,), EVER)) == 1
    assert [line.split()[0] for line in server.received()[before + 5 :]] == ["INSERT", "INSERT", "SELECT"]


def test_the_secret_is_read_once_when_first_needed(secret: LocalSecret) -> None:
    before = secret.reads
    store = open_store(settings_of(secret))
    assert secret.reads == before
    for _ in range(3):
        store.profile_types(("absent",), EVER)
    assert secret.reads == before + 1


def test_a_rotated_password_is_found_without_a_restart(server: ClickHouseServer, secret: LocalSecret) -> None:
    right = secret.text
    secret.put(json.dumps(secret_of(server, password="the-old-password")))
    store = open_store(settings_of(secret))
    assert failure_of(store).code is Code.UNAVAILABLE
    secret.put(right)
    assert store.profile_types(("absent",), EVER) == []
    reads = secret.reads
    store.profile_types(("absent",), EVER)
    assert secret.reads == reads


def test_a_wrong_password_causes_one_new_read_of_the_secret(
    server: ClickHouseServer, secret: LocalSecret
) -> None:
    secret.put(json.dumps(secret_of(server, password="wrong")))
    before = secret.reads
    assert failure_of(open_store(settings_of(secret))).code is Code.UNAVAILABLE
    assert secret.reads == before + 2


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("no JSON", "the secret is not a JSON object"),
        ("[]", "the secret is not a JSON object"),
        ('{"host": "h", "user": "u"}', "the secret has no 'password'"),
        ('{"host": "h", "user": "u", "password": "p", "port": "many"}', "the secret is not a JSON object"),
    ],
)
def test_a_malformed_secret_is_unavailable_and_named_in_the_log(
    secret: LocalSecret, caplog: pytest.LogCaptureFixture, text: str, reason: str
) -> None:
    secret.put(text)
    assert failure_of(open_store(settings_of(secret))).code is Code.UNAVAILABLE
    assert reason in caplog.text


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            {"clickhouse_secret_arn": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:none-AbCdEf"},
            "404 ResourceNotFoundException",
        ),
        (
            {
                "clickhouse_secret_arn": "arn:mars:secretsmanager:mars-1:123456789012:secret:a-AbCdEf",
                "aws_endpoint_url_secrets_manager": "",
            },
            "CLICKHOUSE_SECRET_ARN names an unknown partition: mars",
        ),
        ({"clickhouse_secret_arn": "clickhouse"}, "CLICKHOUSE_SECRET_ARN is not the ARN of a secret"),
        (
            {"aws_endpoint_url_secrets_manager": "http://127.0.0.1:1"},
            "Secrets Manager is unreachable: NewConnectionError",
        ),
    ],
)
def test_an_unreadable_secret_is_unavailable_and_named_in_the_log(
    secret: LocalSecret, caplog: pytest.LogCaptureFixture, change: dict[str, str], reason: str
) -> None:
    settings = replace(settings_of(secret), **change)  # type: ignore[arg-type]  # all settings are text
    assert failure_of(open_store(settings)).code is Code.UNAVAILABLE
    assert reason in caplog.text


def test_a_small_query_arrives_in_one_piece() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as pool:

        def receive() -> bytes:
            connection, _ = listener.accept()
            with connection:
                piece = connection.recv(65_536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            return piece

        received = pool.submit(receive)
        dsn = f"http://flamehouse:the-password@127.0.0.1:{listener.getsockname()[1]}"
        ClickHouse(Settings(clickhouse_dsn=dsn)).rows("SELECT 1")
        assert received.result().endswith(b"\r\n\r\nSELECT 1\n FORMAT Native")


@pytest.mark.parametrize(
    ("sql", "parameters", "length"),
    [
        ("SELECT length({text:String})", {"text": "a" * 50_000}, 50_000),
        (f"SELECT length('{'a' * 200_000}')", {}, 200_000),
    ],
    ids=["in a form", "in a large body"],
)
def test_a_long_query_arrives_complete(
    server: ClickHouseServer, sql: str, parameters: dict[str, object], length: int
) -> None:
    clickhouse = ClickHouse(Settings(clickhouse_dsn=server.dsn))
    for _ in range(2):
        assert clickhouse.rows(sql, parameters) == [(length,)]


def test_a_large_insert_may_take_longer_than_the_connect_timeout() -> None:
    body = bytes(16 << 20)
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as pool:

        def receive() -> int:
            connection, _ = listener.accept()
            with connection, connection.makefile("rb") as stream:
                while stream.readline() != b"\r\n":
                    pass
                time.sleep(4)
                received = len(stream.read(len(body)))
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            return received

        received = pool.submit(receive)
        dsn = f"http://flamehouse:the-password@127.0.0.1:{listener.getsockname()[1]}"
        ClickHouse(Settings(clickhouse_dsn=dsn)).insert("ingest", ["tenant"], body, {})
        assert received.result() == len(body)


@pytest.mark.parametrize("passing", [BUSY, Reply(status=503), Reply(status=502), Reply(status=0)])
def test_a_query_survives_a_transient_failure(passing: Reply) -> None:
    with scripted(passing, passing, NO_ROWS) as server:
        assert store_at(server.dsn).profile_types(("tenant",), EVER) == []


def test_an_upload_survives_a_transient_failure(tenant: str) -> None:
    with scripted(NO_ROWS, NO_ROWS, BUSY, NO_ROWS, NO_ROWS, BUSY, NO_ROWS) as server:
        store_at(server.dsn).insert(upload_of(tenant))
        assert server.requests == 7


@pytest.mark.parametrize("failure", [BROKEN, REFUSED])
def test_a_permanent_failure_is_not_retried(failure: Reply) -> None:
    with scripted(failure) as server:
        assert failure_of(store_at(server.dsn)).code is Code.UNAVAILABLE
        assert server.requests == 1


def test_a_statement_that_changes_something_is_sent_once() -> None:
    with scripted(BUSY, NO_ROWS) as server:
        clickhouse = ClickHouse(Settings(clickhouse_dsn=server.dsn))
        with pytest.raises(Exception, match="202"):
            clickhouse.command("ALTER TABLE samples DELETE WHERE 1")
        assert server.requests == 1


def silent() -> Iterator[str]:
    with asleep() as port:
        yield f"http://flamehouse:the-password@127.0.0.1:{port}"


def refused() -> Iterator[str]:
    with closed_port() as port:
        yield f"http://flamehouse:the-password@127.0.0.1:{port}"


def failing(*replies: Reply) -> Callable[[], Iterator[str]]:
    def run() -> Iterator[str]:
        with scripted(*replies) as server:
            yield server.dsn

    return run


@pytest.mark.parametrize(
    "fault",
    [
        silent,
        refused,
        failing(Reply(status=200, pause_s=9)),
        failing(Reply(status=503, pause_s=1.5)),
        failing(Reply(status=0)),
        failing(BROKEN),
        failing(REFUSED),
    ],
    ids=["asleep", "down", "slow", "busy", "closing", "broken", "refusing"],
)
def test_a_failing_server_is_unavailable_in_time_without_details(
    fault: Callable[[], Iterator[str]], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    limit_s = 2
    for dsn in fault():
        store = store_at(dsn, limit_s)
        started = time.monotonic()
        error = failure_of(store)
        assert time.monotonic() - started < limit_s + 4
        assert error.code is Code.UNAVAILABLE
        logged = "\n".join(map(logging.Formatter().format, of_this_thread(caplog.records)))
        reported = error.message + logged
        for kept in ("the-password", "127.0.0.1", "SELECT", "secret_column"):
            assert kept not in reported
        assert "ClickHouse" in logged


def of_this_thread(records: Iterable[logging.LogRecord]) -> Iterator[logging.LogRecord]:
    """Returns the records without those of stand-ins that other tests left running."""
    return (record for record in records if record.thread == get_ident())


def test_a_slow_query_is_distinguished_from_an_unresponsive_server() -> None:
    slow = Reply(
        status=408,
        body=b"Code: 159. DB::Exception: Timeout exceeded. (TIMEOUT_EXCEEDED)",
        headers={"X-ClickHouse-Exception-Code": "159"},
    )
    with scripted(slow) as server:
        assert failure_of(store_at(server.dsn)).code is Code.DEADLINE_EXCEEDED


def test_no_password_is_in_the_repr_of_settings() -> None:
    settings = Settings(clickhouse_dsn="https://u:the-password@h", api_credential="the-key")
    assert "the-" not in repr(settings)
