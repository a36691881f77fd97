"""Routes as Lambda functions, invoked with API Gateway's events."""

import base64
import gzip
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from flamehouse.pb.profile_pb2 import Profile
from flamehouse.pb.querier_pb2 import ProfileTypesRequest, ProfileTypesResponse
from flamehouse.self_profile import drop
from flamehouse.serverless import http_handler as aws
from flamehouse.services import Services
from flamehouse.settings import Settings
from flamehouse.store.clickhouse_store import open_store
from querier import profile_types
from tests.support.servers.doubles import AUTHORIZED, CannedStore, LambdaContext
from tests.support.servers.scripted import asleep

PATH = "/querier.v1.QuerierService/ProfileTypes"
TYPES = tuple(f"type{number:03}:cpu:nanoseconds:cpu:nanoseconds" for number in range(100))


@pytest.fixture(autouse=True)
def _canned_services(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(path_prefix="prod")
    services = Services(settings=settings, store=CannedStore(type_ids=TYPES))
    monkeypatch.setattr(aws, "_services", lambda: services)


def event(path: str, body: bytes, content_type: str, method: str = "POST", **headers: str) -> dict[str, Any]:
    """An HTTP API event, payload format 2.0."""
    http = {
        "method": method,
        "path": path,
        "protocol": "HTTP/1.1",
        "sourceIp": "1.2.3.4",
        "userAgent": "test",
    }
    return {
        "version": "2.0",
        "routeKey": f"{method} {path}",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"content-type": content_type, **headers},
        "requestContext": {
            "http": http,
            "stage": "$default",
            "domainName": "example.org",
            "authorizer": AUTHORIZED,
        },
        "body": base64.b64encode(body).decode(),
        "isBase64Encoded": True,
    }


def body_of(handled: dict[str, Any]) -> bytes:
    body = handled["body"].encode()
    return base64.b64decode(body) if handled["isBase64Encoded"] else body


def test_an_event_gets_a_protobuf_response() -> None:
    body = ProfileTypesRequest(start=1, end=2).SerializeToString()
    handler = aws.lambda_handler(profile_types.route)
    for path in (PATH, f"/prod{PATH}", f"/prod/{PATH}"):
        handled = handler(event(path, body, "application/proto"), LambdaContext())
        assert (handled["statusCode"], body_of(handled)) == (200, b"")
    handled = handler(event(PATH, b"", "application/proto"), LambdaContext())
    assert len(ProfileTypesResponse.FromString(body_of(handled)).profile_types) == len(TYPES)


def test_a_gzipped_response_survives_the_gateways_base64() -> None:
    handler = aws.lambda_handler(profile_types.route)
    handled = handler(event(PATH, b"{}", "application/json", **{"accept-encoding": "gzip"}), LambdaContext())
    assert (handled["headers"]["content-encoding"], handled["isBase64Encoded"]) == ("gzip", True)
    assert len(json.loads(gzip.decompress(body_of(handled)))["profileTypes"]) == len(TYPES)


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [(PATH, "GET", 405), ("/x.v1.Y/Z", "POST", 501), ("/", "GET", 404), (f"{PATH}/", "POST", 404)],
)
def test_a_function_rejects_the_routes_of_other_functions(path: str, method: str, status: int) -> None:
    handled = aws.lambda_handler(profile_types.route)(
        event(path, b"{}", "application/json", method), LambdaContext()
    )
    assert handled["statusCode"] == status


def test_an_infinite_number_makes_an_event_malformed() -> None:
    request = {**event(PATH, b"{}", "application/json"), "headers": json.loads('{"x-forwarded-port": 1e400}')}
    handled = aws.lambda_handler(profile_types.route)(request, LambdaContext())
    assert (handled["statusCode"], json.loads(body_of(handled))["code"]) == (400, "invalid_argument")


def test_a_function_responds_before_lambda_times_it_out(monkeypatch: pytest.MonkeyPatch) -> None:
    with asleep() as port:
        settings = Settings(clickhouse_dsn=f"http://127.0.0.1:{port}")
        services = Services(settings=settings, store=open_store(settings))
        monkeypatch.setattr(aws, "_services", lambda: services)
        started = time.monotonic()
        left_s = 3
        handled = aws.lambda_handler(profile_types.route)(
            event(PATH, b"{}", "application/json"), LambdaContext(left_s=left_s)
        )
    assert time.monotonic() - started < left_s
    assert (handled["statusCode"], json.loads(body_of(handled))["code"]) == (503, "unavailable")


def test_importing_the_querier_needs_neither_environment_nor_engine() -> None:
    modules = "profile_types, label_names, label_values, select_series, select_merge_stacktraces"
    code = f"import sys; from querier import {modules}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )  # our own code
    assert not {"fastapi", "chdb", "numpy", "pandas", "boto3"} & set(done.stdout.split())


def test_a_function_drops_its_own_profile_into_the_bucket(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = Settings(self_profile="ops", blobs_dir=str(tmp_path))
    services = Services(settings=settings, store=CannedStore(type_ids=TYPES))
    monkeypatch.setattr(aws, "_services", lambda: services)
    monkeypatch.setattr(drop, "INTERVAL_S", 0)
    handler = aws.lambda_handler(profile_types.route)
    context = LambdaContext(function_name="types")
    dropped: list[Path] = []
    until = time.monotonic() + 60
    while not dropped and time.monotonic() < until:
        handled = handler(event(PATH, b"{}", "application/json"), context)
        assert handled["statusCode"] == 200
        dropped = [*tmp_path.glob("drops/ops/flamehouse/types-*.pb.gz")]
    drop.profile_function(settings, "types").stop()
    profile = Profile.FromString(gzip.decompress(dropped[0].read_bytes()))
    assert "lambda_handler.<locals>.handler" in profile.string_table


def test_a_function_with_an_invalid_tenant_for_its_own_profile_reports_its_configuration(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    services = Services(settings=Settings(self_profile="a b"), store=CannedStore())
    monkeypatch.setattr(aws, "_services", lambda: services)
    handled = aws.lambda_handler(profile_types.route)(event(PATH, b"{}", "application/json"), LambdaContext())
    assert handled["statusCode"] == 500
    assert "not configured correctly" in json.loads(body_of(handled))["message"]
