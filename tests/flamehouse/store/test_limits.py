"""Limits of tenants, by real requests: how they are stored, when processes apply them, and what they reject."""

import logging
from collections.abc import Callable
from dataclasses import replace

import httpx
import pytest

from flamehouse.model.limits import DEFAULTS, Limits
from flamehouse.settings import Settings
from flamehouse.store.cached_limits import CachedLimits
from flamehouse.store.clickhouse_store import ClickHouseStore
from flamehouse.store.connection.client import ClickHouse
from flamehouse.store.limiter import Limiter
from flamehouse.store.limits import every_limits, store_limits, stored_limits
from flamehouse.store.read.reader import Reader
from flamehouse.store.write.writer import LoneWriter
from flamehouse.web.observation import UPLOADS
from tests.support.queries.queries import Server
from tests.support.uploads.profiles import labels_of, pprof_of, sample
from tests.support.uploads.uploads import series

pytestmark = pytest.mark.parametrize("place", ["embedded"], indirect=True, scope="session")

START = 1_790_000_000_000
DAY_S = 86_400
BUILTIN = Limits(series_per_day=7)


@pytest.fixture
def reader(clickhouse: ClickHouse) -> Reader:
    return Reader(clickhouse=clickhouse, settings={})


@pytest.fixture
def serving(clickhouse: ClickHouse, settings: Settings, tenant: str, reader: Reader) -> Callable[..., Server]:
    """Returns a server of a new process, whose tenant has these limits."""

    def served(**limits: int | str) -> Server:
        store_limits(reader, tenant, Limits(**limits))  # type: ignore[arg-type]  # as the tests give them
        return Server.on(ClickHouseStore(clickhouse, LoneWriter(clickhouse), settings), settings, tenant)

    return served


def upload(server: Server, number: int = 0, **labels: str) -> httpx.Response:
    """Sends a new upload."""
    stack = sample(f"f{number}", 7)
    return server.send_push(series(labels_of(**labels), pprof_of([stack], time_ms=START + number)))


def test_limits_are_stored_by_tenant_and_override_the_defaults(reader: Reader, tenant: str) -> None:
    assert stored_limits(reader, tenant) == Limits()
    store_limits(reader, tenant, Limits(bytes_per_day=9))
    store_limits(
        reader, tenant, stored_limits(reader, tenant).changed(["uploads_per_second=2", "bytes_per_day="])
    )
    assert stored_limits(reader, tenant) == Limits(uploads_per_second=2)

    defaults = Limits(series_per_day=0, query_seconds_per_day=5)
    every = {**every_limits(reader), DEFAULTS: defaults}
    cached = CachedLimits(BUILTIN)
    assert cached.of(tenant, lambda: every) == Limits(
        uploads_per_second=2, series_per_day=0, query_seconds_per_day=5
    )
    assert cached.of("another", lambda: every) == defaults


def test_invalid_limits_are_logged_and_ignored(
    clickhouse: ClickHouse, reader: Reader, tenant: str, caplog: pytest.LogCaptureFixture
) -> None:
    store_limits(reader, tenant, Limits())
    clickhouse.command(
        "INSERT INTO tenant_settings (tenant, name, value, life, modified_at, written, deleted) "
        f"SELECT 'limits/{tenant}', 'limits', '[]', 9, 9, 9, false"
    )
    with caplog.at_level(logging.ERROR):
        assert tenant not in every_limits(reader)
    assert f"the stored limits of tenant {tenant} are ignored" in caplog.text
    store_limits(reader, tenant, Limits())


def test_a_flood_of_uploads_gets_429_and_when_to_retry(
    clickhouse: ClickHouse, settings: Settings, reader: Reader, tenant: str
) -> None:
    store_limits(reader, tenant, Limits(uploads_per_second=3))
    store = ClickHouseStore(clickhouse, LoneWriter(clickhouse), settings)
    store._limiter = Limiter(lambda: START / 1000)  # noqa: SLF001  # the same second, however slow the machine
    server = Server.on(store, settings, tenant)
    responses = [upload(server, number) for number in range(10)]
    assert [response.status_code for response in responses] == [200] * 3 + [429] * 7
    assert responses[3].headers["Retry-After"] == "1"
    assert responses[3].json() == {
        "code": "resource_exhausted",
        "message": "this tenant exceeds its limit of 3 uploads a second (uploads_per_second)",
    }


MESSAGE = "this tenant exceeds its limit of 1 uploads a second (uploads_per_second)"
CONNECT = {"code": "resource_exhausted", "message": MESSAGE}
STATUS = {"code": 8, "message": MESSAGE}
PARAMETERS = f"?name=a&format=pprof&from={START // 1000}"


@pytest.mark.parametrize("path", sorted(UPLOADS))
def test_an_upload_above_the_rate_is_rejected_before_its_body_is_read(
    clickhouse: ClickHouse, settings: Settings, reader: Reader, tenant: str, path: str
) -> None:
    store_limits(reader, tenant, Limits(uploads_per_second=1))
    store = ClickHouseStore(clickhouse, LoneWriter(clickhouse), settings)
    store._limiter = Limiter(lambda: START / 1000)  # noqa: SLF001  # the same second, however slow the machine
    client = Server.on(store, replace(settings, max_body_bytes=100), tenant).client
    headers, url = {"Content-Type": "application/json"}, path + PARAMETERS
    # The body is invalid, but the upload counts nevertheless.
    assert client.send("POST", url, b"{", headers).status_code in {400, 422}
    rejected = client.send("POST", url, bytes(101), headers)
    assert (rejected.status_code, rejected.headers["Retry-After"]) == (429, "1")
    assert rejected.json() == (STATUS if "/v1development" in path or "Export" in path else CONNECT)
    another = Server.on(store, replace(settings, max_body_bytes=100), f"{tenant}-calm").client
    assert another.send("POST", url, bytes(101), headers).status_code in {400, 413}


def test_bytes_per_day_are_limited_with_an_error_in_each_clients_format(
    serving: Callable[..., Server],
) -> None:
    server = serving(bytes_per_day=10)
    otlp = server.client.send(
        "POST", "/v1development/profiles", b'{"resourceProfiles":[]}', {"Content-Type": "application/json"}
    )
    plain = server.client.send("POST", f"/ingest?name=a&from={START // 1000}", b"main;work 1")
    for response in (otlp, plain, upload(server)):
        assert response.status_code == 429
        assert 0 < int(response.headers["Retry-After"]) <= DAY_S
        assert "10 bytes of uploads a day (bytes_per_day)" in response.text


def test_bytes_that_other_processes_stored_today_count(
    serving: Callable[..., Server], clickhouse: ClickHouse, tenant: str
) -> None:
    stored = serving()
    assert upload(stored, 1).status_code == 200
    [[sent]] = clickhouse.rows(
        "SELECT sum(bytes) FROM uploads WHERE tenant = {tenant:String}", {"tenant": tenant}
    )
    assert sent > 0
    another = serving(bytes_per_day=sent + 1)
    assert upload(another, 2).status_code == 429
    third = serving(bytes_per_day=3 * sent)
    assert [upload(third, number).status_code for number in (3, 4, 5)] == [200, 200, 429]


def test_series_per_day_are_limited_by_tenant(serving: Callable[..., Server]) -> None:
    server = serving(series_per_day=1)
    responses = [upload(server, number, pod=f"p{number}") for number in range(2)]
    assert [response.status_code for response in responses] == [200, 429]
    assert responses[1].headers["Retry-After"] == "3600"
    assert "the limit is 1 a day" in responses[1].json()["message"]


def test_query_seconds_per_day_are_limited(
    clickhouse: ClickHouse, settings: Settings, reader: Reader, tenant: str
) -> None:
    store_limits(reader, tenant, Limits(query_seconds_per_day=1))
    store = ClickHouseStore(clickhouse, LoneWriter(clickhouse), settings)
    server = Server.on(store, settings, tenant)
    # An upload reads the limits; without uploads, queries read them after a minute.
    assert upload(server).status_code == 200
    assert server.call("ProfileTypes", start=START, end=START + 1).status_code == 200
    store._limiter._of(tenant)[0].query_seconds = 1  # noqa: SLF001  # a query of a second would be slow
    rejected = server.call("ProfileTypes", start=START, end=START + 1)
    assert (rejected.status_code, rejected.json()["code"]) == (429, "resource_exhausted")
    assert 0 < int(rejected.headers["Retry-After"]) <= DAY_S
    for others in (f"another|{tenant}", f"{tenant}|zz", "another|zz"):
        several = Server.on(store, settings, others).call("ProfileTypes", start=START, end=START + 1)
        assert several.status_code == (429 if tenant in others else 200)


@pytest.mark.parametrize(
    ("rules", "labels"),
    [
        ("pod=drop", {"region": "eu", "span_name": "GET"}),
        ("pod=rename:instance", {"region": "eu", "span_name": "GET", "instance": "p1"}),
        ("pod=rename:region", {"region": "eu", "span_name": "GET"}),
        ("span_name=rename:op", {"region": "eu", "pod": "p1", "op": "GET"}),
        ("*=drop,region=keep", {"region": "eu"}),
        ("pod=hash,*=drop", {"pod": "e81665c97894ce91"}),
    ],
)
def test_label_rules_of_a_tenant_decide_which_labels_form_series(
    serving: Callable[..., Server], rules: str, labels: dict[str, str]
) -> None:
    server = serving(label_rules=rules)
    own = labels_of(pod="p1", region="eu")
    server.push(series(own, pprof_of([sample("a", 1, span_name="GET")], time_ms=START)))
    response = server.client.rpc(
        "Series", {"matchers": ["{}"], "labelNames": [], "start": START, "end": START + 1}
    )
    [found] = response["labelsSet"]
    stored = {pair["name"]: pair["value"] for pair in found["labels"] if not pair["name"].startswith("__")}
    assert "service_name" in stored
    assert {
        name: value
        for name, value in stored.items()
        if name in {"pod", "region", "span_name", "instance", "op"}
    } == labels
