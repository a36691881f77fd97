"""Failures behind the gateway get a Connect error in time, without internal details."""

import base64
import gzip
import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from flamehouse import VERSION
from flamehouse.identity.document import Credential, CredentialDocument
from flamehouse.identity.principal import Scope
from flamehouse.identity.token import digest, new_token
from flamehouse.pb.profile_pb2 import Function, Line, Location, Profile, Sample, ValueType
from flamehouse.settings import Settings
from tests.support.servers.client import Client
from tests.support.servers.doubles import AUTHORIZED
from tests.support.servers.scripted import Reply, asleep, closed_port, scripted
from tests.support.uploads.adhoc_files import AdHoc
from tests.support.uploads.uploads import YEAR_2026_NS
from tools.gateway.cloud import Cloud, secret_of

PROFILE_TYPES = "/querier.v1.QuerierService/ProfileTypes"
STACKTRACES = "/querier.v1.QuerierService/SelectMergeStacktraces"
EVER = {"start": 1_700_000_000_000, "end": 1_900_000_000_000}
CPU = "process_cpu:cpu:nanoseconds:cpu:nanoseconds"
GATEWAY_S = 30
AUTHORIZER_S = 10
"""The gateway's timeout for an authorizer."""


def send(deployed: Cloud, path: str, body: bytes | str = b"{}", **headers: str) -> httpx.Response:
    sent = {"Content-Type": "application/json", **headers}
    credential = ("flamehouse", deployed.credential)
    return httpx.post(deployed.url + path, content=body, headers=sent, auth=credential, timeout=GATEWAY_S + 5)


def rejection(response: httpx.Response) -> tuple[int, str]:
    """Returns the status and code of a Connect error."""
    body = response.json()
    assert set(body) == {"code", "message"}
    return response.status_code, body["code"]


def event(**changes: Any) -> dict[str, Any]:
    """Returns an event of the gateway with these changes; members set to None are removed."""
    http = {"method": "POST", "path": PROFILE_TYPES, "protocol": "HTTP/1.1", "sourceIp": "1.2.3.4"}
    whole = {
        "version": "2.0",
        "routeKey": f"ANY {PROFILE_TYPES}",
        "rawPath": PROFILE_TYPES,
        "rawQueryString": "",
        "headers": {"content-type": "application/json"},
        "requestContext": {"http": http, "stage": "$default", "authorizer": AUTHORIZED},
        "body": "{}",
        "isBase64Encoded": False,
    }
    return {name: value for name, value in {**whole, **changes}.items() if value is not None}


@pytest.mark.parametrize(
    "malformed",
    [
        {},
        [],
        "text",
        7,
        None,
        {"Records": [{"eventSource": "aws:s3"}]},
        event(requestContext=None),
        event(requestContext={}),
        event(requestContext={"http": "POST"}),
        event(headers=["content-type"]),
        event(body="not Base64!", isBase64Encoded=True),
        event(body="e30", isBase64Encoded=True),
        event(body=7),
        event(body={"start": 1}),
        event(rawQueryString=7),
    ],
)
def test_a_malformed_event_is_an_invalid_argument(deployed: Cloud, malformed: object) -> None:
    response = json.loads(deployed.functions.invoke("ProfileTypesFunction", json.dumps(malformed).encode()))
    assert (response["statusCode"], json.loads(response["body"])["code"]) == (400, "invalid_argument")


@pytest.mark.parametrize(
    "mislabelled",
    [
        {"body": base64.b64encode(b'{"start": 1}').decode(), "isBase64Encoded": False},
        {"body": "eyJzdGFydCI6IHt9fQ==", "isBase64Encoded": True},
    ],
)
def test_a_body_that_contradicts_its_base64_flag_is_an_invalid_argument(
    deployed: Cloud, mislabelled: dict[str, Any]
) -> None:
    bearer = {"content-type": "application/json", "authorization": f"Bearer {deployed.credential}"}
    request = event(headers=bearer, **mislabelled)
    response = json.loads(deployed.functions.invoke("ProfileTypesFunction", json.dumps(request).encode()))
    assert (response["statusCode"], json.loads(response["body"])["code"]) == (400, "invalid_argument")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/querier.v1.QuerierService/Unknown", (501, "unimplemented")),
        ("/vcs.v1.VCSService/GithubApp", (501, "unimplemented")),
        ("/somewhere", (404, "not_found")),
        (PROFILE_TYPES + "/", (404, "not_found")),
        ("/ingest/", (404, "not_found")),
    ],
)
def test_an_unknown_route_is_rejected(deployed: Cloud, path: str, expected: tuple[int, str]) -> None:
    assert rejection(send(deployed, path)) == expected


@pytest.mark.parametrize(
    "path", [PROFILE_TYPES, "/ingest?name=app", "/push.v1.PusherService/Push", "/nowhere"]
)
@pytest.mark.parametrize(
    ("sent", "status", "message"),
    [(None, 401, "Unauthorized"), (("flamehouse", "guess"), 403, "Forbidden")],
)
def test_the_gateway_itself_rejects_a_request_without_a_credential(
    deployed: Cloud, path: str, sent: tuple[str, str] | None, status: int, message: str
) -> None:
    response = httpx.post(deployed.url + path, content=b"{}", auth=sent)
    assert (response.status_code, response.json()) == (status, {"message": message})


@pytest.mark.parametrize(
    "authorizer", [None, {}, {"lambda": {}}, {"lambda": "x"}, {"lambda": {"tenants": ["*"]}}, "x"]
)
def test_a_function_without_the_authorizers_context_serves_no_request(
    deployed: Cloud, authorizer: object
) -> None:
    request = event()
    request["headers"] = {**request["headers"], "authorization": f"Bearer {deployed.credential}"}
    request["requestContext"] = {**request["requestContext"], "authorizer": authorizer}
    response = json.loads(deployed.functions.invoke("ProfileTypesFunction", json.dumps(request).encode()))
    assert (response["statusCode"], json.loads(response["body"])["code"]) == (401, "unauthenticated")


def test_a_credential_of_one_tenant_and_scope_grants_only_those(deployed: Cloud, tenant: str) -> None:
    before, token = deployed.credentials.text, new_token()
    own = Credential(
        id=token.id,
        sha256=digest(token.text),
        tenants=frozenset({tenant}),
        scopes=frozenset({Scope.QUERY}),
        created=datetime.now(UTC),
    )
    document = CredentialDocument.parse(before)
    both = CredentialDocument(credentials={**document.credentials, token.id: own})
    deployed.credentials.put(both.text())
    deployed.functions.restart()
    try:
        bearer = {"Authorization": f"Bearer {token.text}", "Content-Type": "application/json"}
        for path, header, expected in (
            (PROFILE_TYPES, {}, 200),
            (PROFILE_TYPES, {"X-Scope-OrgID": tenant}, 200),
            (PROFILE_TYPES, {"X-Scope-OrgID": "victim"}, 403),
            ("/ingest?name=shop", {}, 403),
        ):
            sent = {**bearer, **header}
            response = httpx.post(deployed.url + path, content=b"{}", headers=sent, timeout=GATEWAY_S + 5)
            assert response.status_code == expected, response.text
            assert expected == 200 or response.json()["code"] == "permission_denied"
    finally:
        deployed.credentials.put(before)
        deployed.functions.restart()
    assert token.text not in deployed.functions.printed()


def test_an_unsupported_service_names_an_alternative(deployed: Cloud) -> None:
    message = send(deployed, "/settings.v1.RecordingRulesService/ListRecordingRules").json()["message"]
    assert "flamehouse exports no metrics from profiles" in message


def test_the_server_reports_its_build(deployed: Cloud) -> None:
    flags = send(deployed, "/capabilities.v1.FeatureFlagsService/GetFeatureFlags").json()["featureFlags"]
    assert {"name": "utf8LabelNames", "enabled": True}.items() <= flags[2].items()
    assert send(deployed, "/version.v1.Version/Version").json() == {"QuerierAPI": "1"}
    response = httpx.get(deployed.url + "/api/v1/status/buildinfo", auth=("flamehouse", deployed.credential))
    assert response.json()["data"]["version"] == VERSION


@pytest.mark.parametrize("proto", [True, False])
def test_files_are_stored_in_the_bucket_and_drawn(deployed: Cloud, tenant: str, proto: bool) -> None:
    client = Client(server=deployed.url, tenant=tenant, credential=deployed.credential)
    adhoc = AdHoc(client=client, proto=proto)
    response = adhoc.upload(pprof_of(["main"]).SerializeToString(), "cpu.pprof")
    assert f"{tenant}/{response.id}" in deployed.bucket.objects()
    assert adhoc.get(response.id) == response
    assert [each.id for each in adhoc.list_()] == [response.id]
    shown = json.loads(adhoc.diff(response.id, response.id).flamebearer_profile)
    assert (shown["leftTicks"], shown["rightTicks"]) == (1, 1)
    assert adhoc.rejection("Get", id="../cpu.pprof")[:2] == (400, "invalid_argument")


def test_a_request_that_is_too_long_is_rejected_by_the_function(deployed: Cloud) -> None:
    response = send(deployed, PROFILE_TYPES, b" " * (2 << 20))
    assert rejection(response) == (400, "invalid_argument")


@pytest.mark.parametrize(
    ("path", "body", "headers", "status"),
    [
        ("/ingest?name=app", b"x" * (5 << 20), {"Content-Type": "application/octet-stream"}, 413),
        ("/ingest?name=app", b"x" * (11 << 20), {}, 413),
        (PROFILE_TYPES, b"{}", {"X-Long": "x" * 10_240}, 431),
        (f"/ingest?name={'x' * 10_240}", b"", {}, 431),
    ],
)
def test_requests_over_the_gateways_limits_get_the_gateways_own_errors(
    deployed: Cloud, path: str, body: bytes, headers: dict[str, str], status: int
) -> None:
    response = send(deployed, path, body, **headers)
    assert (response.status_code, response.json().keys()) == (status, {"message"})


@contextmanager
def secret(deployed: Cloud, **changes: object) -> Iterator[None]:
    """Newly started functions with another secret."""
    kept = deployed.secret.text
    deployed.secret.put(json.dumps({**secret_of(deployed.clickhouse), **changes}))
    deployed.functions.restart()
    try:
        yield
    finally:
        deployed.secret.put(kept)
        deployed.functions.restart()


@contextmanager
def no_secret(deployed: Cloud) -> Iterator[None]:
    deployed.secret.client.delete_secret(SecretId=deployed.secret.arn)
    deployed.functions.restart()
    try:
        yield
    finally:
        deployed.secret.client.restore_secret(SecretId=deployed.secret.arn)
        deployed.functions.restart()


@contextmanager
def down(deployed: Cloud) -> Iterator[None]:
    with closed_port() as port, secret(deployed, port=port):
        yield


@contextmanager
def waking(deployed: Cloud) -> Iterator[None]:
    with asleep() as port, secret(deployed, port=port):
        yield


@contextmanager
def slow(deployed: Cloud) -> Iterator[None]:
    with scripted(Reply(status=200, pause_s=GATEWAY_S)) as server, secret(deployed, port=server.port):
        yield


def wrong_password(deployed: Cloud) -> AbstractContextManager[None]:
    return secret(deployed, password="the-wrong-password")


@pytest.mark.parametrize("fault", [no_secret, wrong_password, down, waking, slow])
def test_while_the_store_fails_queries_are_unavailable_in_time_and_uploads_are_staged(
    deployed: Cloud, fault: Callable[[Cloud], AbstractContextManager[None]]
) -> None:
    profile = pprof_of(["main"]).SerializeToString()
    with fault(deployed):
        started = time.monotonic()
        response = send(deployed, PROFILE_TYPES, json.dumps(EVER))
        assert time.monotonic() - started < GATEWAY_S
        assert rejection(response) == (503, "unavailable")
        words = "the operator finds the reason" if fault is wrong_password else "30 seconds"
        assert (response.headers["Retry-After"], words in response.text) == ("30", True)
        assert send(deployed, "/ingest?name=app&format=pprof", profile).status_code == 200
    assert send(deployed, PROFILE_TYPES, json.dumps(EVER)).status_code == 200


def test_a_client_with_a_shorter_timeout_gets_its_response_in_time(deployed: Cloud) -> None:
    with slow(deployed):
        send(deployed, PROFILE_TYPES, json.dumps(EVER), **{"Connect-Timeout-Ms": "1"})  # start the function
        started = time.monotonic()
        response = send(deployed, PROFILE_TYPES, json.dumps(EVER), **{"Connect-Timeout-Ms": "1500"})
        assert 1 < time.monotonic() - started < GATEWAY_S / 2
        assert rejection(response) == (504, "deadline_exceeded")


@pytest.mark.parametrize("glued", ["/{}", "/profiles{}", "/profiles/{}"])
@pytest.mark.parametrize(
    "path",
    [
        PROFILE_TYPES,
        STACKTRACES,
        "/settings.v1.SettingsService/Get",
        "/version.v1.Version/Version",
        "/ingest?name=app&format=pprof",
    ],
)
def test_a_path_with_repeated_slashes_or_the_prefix_reaches_its_function(
    deployed: Cloud, path: str, glued: str
) -> None:
    request = {"profile_typeID": CPU, "label_selector": "{}", **EVER} if path == STACKTRACES else EVER
    body = pprof_of(["main"]).SerializeToString() if path.startswith("/ingest") else json.dumps(request)
    assert send(deployed, glued.format(path), body).status_code == 200


REQUESTS: dict[str, dict[str, Any]] = {
    "Series": {"labelNames": ["service_name", "__profile_type__"], **EVER},
    "GetProfileStats": {},
    "AnalyzeQuery": {"query": f"{CPU}{{}}", **EVER},
}


def test_the_first_requests_of_drilldown_succeed(deployed: Cloud, tenant: str) -> None:
    own = {"X-Scope-OrgID": tenant}
    body = pprof_of(["main"]).SerializeToString()
    assert send(deployed, "/ingest?name=shop&format=pprof", body, **own).status_code == 200
    series, stats, analysis = (
        send(deployed, f"/querier.v1.QuerierService/{rpc}", json.dumps(request), **own).json()
        for rpc, request in REQUESTS.items()
    )
    labels = [{"name": "__profile_type__", "value": CPU}, {"name": "service_name", "value": "shop"}]
    assert series == {"labelsSet": [{"labels": labels}]}
    time_ms = str(YEAR_2026_NS // 1_000_000)
    assert stats == {"dataIngested": True, "oldestProfileTime": time_ms, "newestProfileTime": time_ms}
    assert analysis["queryScopes"][0]["sampleCount"] == "1"


def test_functions_time_out_before_lambda_and_lambda_before_the_gateway(deployed: Cloud) -> None:
    functions = dict(deployed.deployment.functions)
    assert functions.pop("AuthorizerFunction").timeout_s < AUTHORIZER_S
    del functions["WorkerFunction"]  # no client waits for this one
    for function in functions.values():
        assert Settings().query_timeout_s + 3 <= function.timeout_s < GATEWAY_S


def pprof_of(names: list[str]) -> Profile:
    """Returns a profile with one stack for each name, of that function alone."""
    count = range(1, len(names) + 1)
    return Profile(
        string_table=["", "cpu", "nanoseconds", *names],
        sample_type=[ValueType(type=1, unit=2)],
        period_type=ValueType(type=1, unit=2),
        time_nanos=YEAR_2026_NS,
        function=[Function(id=id_, name=id_ + 2) for id_ in count],
        location=[Location(id=id_, line=[Line(function_id=id_)]) for id_ in count],
        sample=[Sample(location_id=[id_], value=[id_]) for id_ in count],
    )


@pytest.mark.parametrize(("accepted", "status"), [("identity", 429), ("gzip", 200)])
def test_a_response_too_large_for_lambda_is_resource_exhausted_and_fits_with_gzip(
    deployed: Cloud, tenant: str, accepted: str, status: int
) -> None:
    for part in "ab":
        body = pprof_of([f"{part}{number:05}{'x' * 500}" for number in range(7_000)]).SerializeToString()
        sent = send(
            deployed,
            "/ingest?name=app&format=pprof",
            gzip.compress(body, mtime=0),
            **{"X-Scope-OrgID": tenant},
        )
        assert sent.status_code == 200, sent.text
    request = {"profileTypeID": CPU, "labelSelector": "{}", "maxNodes": 20_000, **EVER}
    headers = {"X-Scope-OrgID": tenant, "Accept-Encoding": accepted}
    response = send(deployed, STACKTRACES, json.dumps(request), **headers)
    assert response.status_code == status, response.text[:200]
    if status == 200:
        assert len(response.json()["flamegraph"]["names"]) == 14_001
    else:
        assert rejection(response) == (429, "resource_exhausted")


def test_the_output_of_the_functions_reveals_no_secret(deployed: Cloud) -> None:
    with down(deployed):
        send(deployed, PROFILE_TYPES, json.dumps(EVER))
        send(deployed, "/ingest?name=app&format=pprof", pprof_of(["main"]).SerializeToString())
    with wrong_password(deployed):
        send(deployed, PROFILE_TYPES, json.dumps(EVER))
    deployed.functions.invoke("ProfileTypesFunction", b"{}")
    printed = deployed.functions.printed().replace('"client":"127.0.0.1', "")
    assert "ClickHouse failed: NewConnectionError" in printed
    assert "code 516 AUTHENTICATION_FAILED: ClickHouse rejects the user" in printed
    passwords = (deployed.credential, deployed.clickhouse.password, "the-wrong-password")
    for kept in (*passwords, deployed.aws.secret_access_key, "127.0.0.1", "Traceback", "SELECT "):
        assert kept not in printed
