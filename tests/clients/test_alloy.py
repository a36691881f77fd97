"""Grafana Alloy and its predecessor, the Agent: many series per push, relayed SDKs, and statuses that decide on retries.

The statuses it retries: github.com/grafana/alloy, internal/component/pyroscope/write.
"""

import gzip
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import urlencode

import httpx
import pytest

from all_in_one import create_app
from flamehouse.errors import Code, RpcError
from flamehouse.identity.credentials import SharedCredential
from flamehouse.model.profile import Upload
from flamehouse.pb.profile_pb2 import Profile
from flamehouse.services import Services
from flamehouse.settings import Settings
from flamehouse.store import Record, Store
from tests.support.queries.queries import Server, some_monday_ms
from tests.support.servers.client import Client
from tests.support.servers.doubles import CannedStore
from tests.support.uploads.profiles import CPU, labels_of, pprof_of, sample
from tests.support.uploads.uploads import (
    ANY_TIME,
    FORM,
    PUSH,
    YEAR_2026_NS,
    Ingest,
    form,
    pprof,
    pushed,
    series,
)

MINUTE = 60_000
ALLOY = {
    "User-Agent": "Alloy/v1.18.0 (linux)",
    "X-Alloy-Id": "00000000-0000-4000-8000-000000000000",
    "Accept-Encoding": "gzip",
}
CONNECT = {**ALLOY, "Connect-Protocol-Version": "1", "Connect-Timeout-Ms": "10000"}
RETRIED_CODES = {
    "deadline_exceeded",
    "unknown",
    "resource_exhausted",
    "internal",
    "unavailable",
    "data_loss",
    "aborted",
}
SCRAPED = {
    "process_cpu": [("samples", "count"), ("cpu", "nanoseconds")],
    "memory": [("alloc_objects", "count"), ("alloc_space", "bytes")],
    "mutex": [("contentions", "count"), ("delay", "nanoseconds")],
    "goroutine": [("goroutine", "count")],
}


@pytest.fixture
def server(store: Store, settings: Settings) -> Server:
    return Server.on(store, settings)


def test_one_push_may_have_dozens_of_series_with_several_names(server: Server) -> None:
    start = some_monday_ms()
    instances = [f"10.0.0.{number}:6060" for number in range(12)]
    times = [start + 15_000 * number for number in range(3)]
    sent = [
        series(
            labels_of(__name__=name, instance=instance, __delta__="false"),
            *(
                gzip.compress(
                    pprof_of(
                        [sample(["main", instance], *[number + 1] * len(types))], time_ms=time_ms, types=types
                    ).SerializeToString(),
                    mtime=0,
                )
                for time_ms in times
            ),
        )
        for name, types in SCRAPED.items()
        for number, instance in enumerate(instances)
    ]
    response = server.client.send(
        "POST", PUSH, pushed(*sent), {**CONNECT, "Content-Type": "application/proto"}
    )
    assert (response.status_code, response.content) == (200, b"")
    end = start + MINUTE
    assert server.profile_types(start, end) == sorted(
        f"{name}:{type_}:{unit}:{types[-1][0]}:{types[-1][1]}"
        for name, types in SCRAPED.items()
        for type_, unit in types
    )
    expected = {instance: len(times) * (number + 1) for number, instance in enumerate(instances)}
    goroutines = "goroutine:goroutine:count:goroutine:count"
    for type_ in (CPU, goroutines):
        assert server.selves(start, end, type_=type_) == expected
    grouped = server.series(start, end, step=60, type_=CPU, groupBy=["instance"])
    assert {labels[0][1]: sum(value for _, value in points) for labels, points in grouped} == expected


def relayed_name(labels: Mapping[str, str]) -> str:
    """Returns the `name` that `receive_http` sends: without private labels, sorted, with `service_name`."""
    own = sorted((name, value) for name, value in labels.items() if not name.startswith("__"))
    return f"{labels['service_name']}{{{','.join(f'{name}={value}' for name, value in own)}}}"


GO_LABELS = {
    "__session_id__": "77e425ea48b3919f",
    "otel.scope.name": "com.grafana.pyroscope/go",
    "process.runtime.version": "go1.26.8",
    "region": "eu north",
}


def ingested(name: str, headers: Mapping[str, str]) -> tuple[httpx.Response, Ingest]:
    """Returns a form to /ingest as the Go SDK sends it, with this `name`."""
    ingest = Ingest()
    query = {
        "aggregationType": "sum",
        "from": YEAR_2026_NS,
        "name": name,
        "spyName": "gospy",
        "units": "samples",
    }
    profile = gzip.compress(pprof().SerializeToString(), mtime=0)
    body = form(("profile", profile), ("sample_type_config", b"null"))
    return ingest.post(body, urlencode(query), content_type=FORM, headers=dict(headers)), ingest


def test_a_relayed_upload_is_stored_as_a_direct_one() -> None:
    own = ",".join(f"{name}={value}" for name, value in GO_LABELS.items())
    direct, sdk = ingested(f"go.shop{{{own}}}", {})
    relayed, alloy = ingested(relayed_name({**GO_LABELS, "service_name": "go.shop"}), ALLOY)
    assert (direct.status_code, direct.content) == (relayed.status_code, relayed.content) == (200, b"")
    stored = [[(part.profile_type, part.labels) for part in app.uploads[0].profiles] for app in (sdk, alloy)]
    assert stored[0] == stored[1]


def test_a_relayed_push_has_the_labels_that_the_relay_adds(server: Server) -> None:
    start = some_monday_ms()
    labels = labels_of(app_name="process_cpu", cluster="eu-1")
    server.push(series(labels, pprof_of([sample(["main"], 1)], time_ms=start)))
    assert server.label_names(start, start + MINUTE) == ["app_name", "cluster", "service_name"]


class Failing(CannedStore):
    """A store that fails with the given error."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def insert(self, upload: Upload, record: Record | None = None) -> None:  # noqa: ARG002  # no log
        assert upload.profiles
        raise self.error


OLD = Ingest(settings=Settings(ingest_window_past_s=60))
SMALL_BODY = Ingest(settings=replace(ANY_TIME, max_body_bytes=9))
SMALL_PROFILE = Ingest(settings=replace(ANY_TIME, max_profile_bytes=9))
FULL = Ingest(store=Failing(RpcError(Code.RESOURCE_EXHAUSTED, "too many series")))
AWAY = Ingest(store=Failing(RpcError(Code.UNAVAILABLE, "asleep")))
BROKEN = Ingest(store=Failing(ZeroDivisionError()))
BAD = (400, "invalid_argument")

FAILURES: Mapping[str, tuple[Ingest, str, Profile | bytes, tuple[int, str]]] = {
    "not a profile": (Ingest(), "cpu", b"rubbish", BAD),
    "damaged gzip": (Ingest(), "cpu", b"\x1f\x8b_", BAD),
    "an invalid label": (Ingest(), "", pprof(), BAD),
    "a time in the future": (Ingest(), "cpu", pprof(time_ns=(1 << 63) - 1), BAD),
    "a time too long ago": (OLD, "cpu", pprof(time_ns=10**18), BAD),
    "a large profile": (SMALL_PROFILE, "cpu", pprof(), BAD),
    "a large body": (SMALL_BODY, "cpu", pprof(), BAD),
    "too many series per day": (FULL, "cpu", pprof(), (429, "resource_exhausted")),
    "ClickHouse is unavailable": (AWAY, "cpu", pprof(), (503, "unavailable")),
    "an unexpected error": (BROKEN, "cpu", pprof(), (500, "internal")),
}


@pytest.mark.parametrize(("ingest", "name", "profile", "body"), FAILURES.values(), ids=FAILURES.keys())
def test_only_transient_failures_are_retried(
    ingest: Ingest, name: str, profile: Profile | bytes, body: tuple[int, str]
) -> None:
    response = ingest.push(series(labels_of(__name__=name), profile), headers=CONNECT)
    assert (response.status_code, response.json()["code"]) == body
    assert (body[1] in RETRIED_CODES) == (body != BAD)


@pytest.mark.parametrize(
    ("ingest", "body", "status"),
    [
        (Ingest(), b"rubbish", 422),
        (SMALL_BODY, pprof().SerializeToString(), 413),
        (FULL, pprof().SerializeToString(), 429),
        (BROKEN, pprof().SerializeToString(), 500),
        (AWAY, pprof().SerializeToString(), 503),
    ],
    ids=[
        "not a profile",
        "a large body",
        "too many series per day",
        "an unexpected error",
        "ClickHouse is unavailable",
    ],
)
def test_a_relayed_upload_fails_with_a_status_that_says_whether_to_retry(
    ingest: Ingest, body: bytes, status: int
) -> None:
    response = ingest.post(body, headers=ALLOY)
    assert (response.status_code, set(response.json())) == (status, {"code", "message"})


@pytest.mark.parametrize(
    ("headers", "content_type", "status", "code"),
    [
        ({"Connect-Timeout-Ms": "soon"}, "application/proto", 400, "invalid_argument"),
        ({"Connect-Protocol-Version": "2"}, "application/proto", 400, "invalid_argument"),
        ({"Content-Encoding": "zstd"}, "application/proto", 501, "unimplemented"),
    ],
)
def test_protocol_errors_are_not_retried(
    headers: Mapping[str, str], content_type: str, status: int, code: str
) -> None:
    body = pushed(series(labels_of(), pprof()))
    response = Ingest().push_body(body, content_type=content_type, headers={**CONNECT, **headers})
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert code not in RETRIED_CODES


def test_a_rejected_credential_is_not_retried() -> None:
    services = Services(settings=Settings(), store=CannedStore())
    client = Client(
        server=create_app(lambda: services, credentials=SharedCredential(credential="horse")),
        tenant="shop",
        credential="donkey",
    )
    for target, body in ((PUSH, pushed(series(labels_of(), pprof()))), ("/ingest?name=shop", b"")):
        response = client.send("POST", target, body, {"Content-Type": "application/proto"})
        assert (response.status_code, response.json()["code"]) == (401, "unauthenticated")
    assert "unauthenticated" not in RETRIED_CODES
