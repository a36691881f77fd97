"""Logs and metrics of requests: rejected ones with their reason, uploads by their outcome."""

import base64
import logging
from collections.abc import Iterator, Mapping

import pytest
from starlette.types import ASGIApp

from all_in_one import create_app
from flamehouse.identity.credentials import SharedCredential
from flamehouse.services import Services
from flamehouse.settings import Settings
from flamehouse.telemetry.events import ACCESS_LOGGER
from flamehouse.telemetry.local import Prometheus
from flamehouse.telemetry.metrics import install
from tests.support.servers.apps import request
from tests.support.servers.doubles import CannedStore

LABEL_VALUE = "a-label-value-that-is-secret"


@pytest.fixture
def prometheus() -> Iterator[Prometheus]:
    sink = Prometheus()
    before = install(sink)
    yield sink
    install(before)


@pytest.fixture
def app(prometheus: Prometheus) -> ASGIApp:
    services = Services(settings=Settings(retention_days=0, max_label_value_bytes=20), store=CannedStore())
    return create_app(lambda: services, prometheus=prometheus)


def rejected(caplog: pytest.LogCaptureFixture) -> Mapping[str, object]:
    """Returns the fields of the one line about a rejected request."""
    (record,) = [each for each in caplog.records if vars(each).get("event") == "request_rejected"]
    return vars(record)


@pytest.mark.parametrize(
    ("path", "body", "headers", "status", "reason", "service", "detail"),
    [
        ("/ingest?name=shop&format=pprof", b"x", {}, 422, "unknown", "shop", "parsing IngestInput-pprof"),
        (f"/ingest?name=shop{{a={LABEL_VALUE}}}", b"a 1", {}, 400, "invalid_argument", "shop", "label"),
        ("/ingest?name=", b"a 1", {}, 400, "invalid_argument", None, "name"),
        ("/ingest?name=shop", b"a 1", {"X-Scope-OrgID": "a b"}, 400, "invalid_argument", None, "tenant"),
        ("/push.v1.PusherService/Push", b"{}", {}, 400, "invalid_argument", None, "no profiles"),
        ("/push.v1.PusherService/Push", b"{}", {"Content-Type": "text/html"}, 415, "415", None, ""),
        ("/v1development/profiles", b"{", {}, 400, "invalid_argument", None, ""),
        ("/nowhere", b"", {}, 404, "not_found", None, "unknown path"),
    ],
)
def test_a_rejected_request_has_one_line_that_says_why(
    app: ASGIApp,
    caplog: pytest.LogCaptureFixture,
    *,
    path: str,
    body: bytes,
    headers: dict[str, str],
    status: int,
    reason: str,
    service: str | None,
    detail: str,
) -> None:
    sent = {"User-Agent": "test/1", **headers}
    assert request(app, path, body, headers=sent).status_code == status
    fields = rejected(caplog)
    assert (fields["status"], fields.get("reason"), fields.get("service_name")) == (status, reason, service)
    assert fields["request_bytes"] == len(body)
    assert str(fields["client"]).endswith("test/1")
    assert detail in str(fields.get("detail", ""))
    assert LABEL_VALUE not in caplog.text
    assert LABEL_VALUE not in str(fields)


def test_a_request_with_a_wrong_credential_is_logged_without_its_contents(
    caplog: pytest.LogCaptureFixture,
) -> None:
    services = Services(settings=Settings(), store=CannedStore())
    guarded = create_app(lambda: services, credentials=SharedCredential(credential="horse"))
    wrong = base64.b64encode(b"user:a-wrong-password").decode()
    response = request(guarded, "/ingest?name=a", b"a 1", headers={"Authorization": f"Basic {wrong}"})
    assert (response.status_code, rejected(caplog)["reason"]) == (401, "unauthenticated")
    assert "a-wrong-password" not in caplog.text
    assert wrong not in str([vars(each) for each in caplog.records])


def test_the_access_log_has_a_line_for_every_request(app: ASGIApp, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, ACCESS_LOGGER)
    request(app, "/ingest?name=shop&password=secret", b"a 1")
    (record,) = [each for each in caplog.records if vars(each).get("event") == "request"]
    assert record.getMessage() == "POST /ingest 200"
    assert (vars(record)["request_bytes"], vars(record)["tenant"]) == (3, "anonymous")


def test_uploads_are_counted_by_outcome(app: ASGIApp) -> None:
    for body in (b"a 1", b"a 1", b"\xff"):
        request(app, "/ingest?name=shop&format=pprof" if body == b"\xff" else "/ingest?name=shop", body)
    request(app, "/nowhere/at/all")
    scraped = request(app, "/metrics", method="GET").text
    for line in (
        'flamehouse_uploads_accepted_total{route="/ingest"} 2.0',
        'flamehouse_uploads_rejected_total{reason="unknown",route="/ingest"} 1.0',
        'flamehouse_upload_bytes_total{route="/ingest"} 7.0',
        'flamehouse_requests_rejected_total{reason="not_found",route="unknown"} 1.0',
    ):
        assert line in scraped
    assert "/nowhere" not in scraped
