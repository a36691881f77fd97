"""Authentication by the local server and by the functions."""

import asyncio
import base64
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp

from all_in_one import create_app
from flamehouse.identity.credentials import NoCredential, SharedCredential
from flamehouse.serverless import http_handler as aws
from flamehouse.services import Services
from flamehouse.settings import Settings
from flamehouse.web.http_app import http_app_of
from ingest.app import routes as ingest
from querier.profile_types import route as profile_types
from tests.support.servers.apps import request
from tests.support.servers.doubles import AUTHORIZED, CannedStore, LambdaContext

CREDENTIAL = "correct:horse battery"
PROFILE_TYPES = "/querier.v1.QuerierService/ProfileTypes"
PATHS = (
    PROFILE_TYPES,
    "/ingest?name=app",
    "/pyroscope/ingest",
    "/push.v1.PusherService/Push",
    "/nothing",
    "/x.v1.Y/Z",
)


def basic(text: str) -> str:
    return f"Basic {base64.b64encode(text.encode()).decode()}"


def app(credential: str) -> ASGIApp:
    services = Services(settings=Settings(), store=CannedStore())
    credentials = SharedCredential(credential=credential) if credential else NoCredential()
    return create_app(lambda: services, "prod", credentials)


def send(credential: str, path: str, *, method: str = "POST", **headers: str) -> httpx.Response:
    return request(app(credential), path, "{}", method=method, headers=headers)


@pytest.mark.parametrize(
    "authorization",
    [
        f"Bearer {CREDENTIAL}",
        f"bearer  {CREDENTIAL} ",
        basic(f"anyone:{CREDENTIAL}"),
        basic(f":{CREDENTIAL}"),
        basic(f"anyone:{CREDENTIAL}").replace("Basic", "BASIC"),
    ],
)
def test_the_credential_is_accepted_as_a_password_and_as_a_token(authorization: str) -> None:
    assert send(CREDENTIAL, PROFILE_TYPES, Authorization=authorization).status_code == 200


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        CREDENTIAL,
        f"Digest {CREDENTIAL}",
        f"Bearer {CREDENTIAL}x",
        f"Bearer {CREDENTIAL[:-1]}",
        f"Bearer {CREDENTIAL.upper()}",
        f"Bearer {CREDENTIAL}, Bearer {CREDENTIAL}",
        f"Bearer {CREDENTIAL}\xff",
        basic(CREDENTIAL.replace(":", "")),
        basic(f"{CREDENTIAL}:"),
        basic(f"anyone:{CREDENTIAL} "),
        f"Basic anyone:{CREDENTIAL}",
        "Basic ÿÿÿÿ",
        "Basic /w==",
        "Basic",
    ],
)
def test_any_other_credential_is_rejected_with_a_connect_error(authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    response = send(CREDENTIAL, PROFILE_TYPES, **headers)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"].startswith("Basic ")
    assert response.json()["code"] == "unauthenticated"
    assert CREDENTIAL not in response.text


def test_two_tenant_headers_are_rejected() -> None:
    twice = [("Authorization", f"Bearer {CREDENTIAL}"), ("Authorization", f"Bearer {CREDENTIAL}")]

    async def send() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app(CREDENTIAL))) as client:
            return await client.post(f"http://flamehouse{PROFILE_TYPES}", json={}, headers=twice)

    assert asyncio.run(send()).status_code == 401


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("prefix", ["", "/", "/prod"])
def test_no_path_serves_a_request_without_a_credential(prefix: str, path: str) -> None:
    assert send(CREDENTIAL, f"{prefix}{path}").status_code == 401


@pytest.mark.parametrize("path", ["/ready", "//ready", "/prod/ready"])
def test_ready_needs_no_credential(path: str) -> None:
    assert send(CREDENTIAL, path, method="GET").text == "ready"


@pytest.mark.parametrize("path", ["/ready/", "/READY", "/x/ready", "/ready/../ingest"])
def test_paths_similar_to_ready_need_the_credential(path: str) -> None:
    assert send(CREDENTIAL, path, method="GET").status_code == 401


def test_a_local_server_without_a_credential_requires_none() -> None:
    assert send("", PROFILE_TYPES).status_code == 200


@pytest.mark.parametrize(
    ("path", "content_type", "status", "answered_as"),
    [
        (PROFILE_TYPES, "application/json", 400, "application/json"),
        ("/ingest?name=app", "text/plain", 400, "application/json"),
        ("/v1development/profiles", "application/x-protobuf", 400, "application/x-protobuf"),
        ("/v1development/profiles", "text/plain", 400, "application/json"),
        (PROFILE_TYPES, "text/plain", 415, None),
        ("/x.v1.Y/Z", "application/json", 501, "application/json"),
        ("/nothing", "application/json", 404, "application/json"),
    ],
)
def test_an_invalid_tenant_is_an_error_in_the_format_of_the_endpoint(
    path: str, content_type: str, status: int, answered_as: str | None
) -> None:
    response = send("", path, **{"Content-Type": content_type, "X-Scope-OrgID": "a b"})
    assert (response.status_code, response.headers.get("Content-Type")) == (status, answered_as)


def event(path: str, authorizer: object) -> dict[str, Any]:
    http = {"method": "POST", "path": path, "sourceIp": "1.2.3.4"}
    context = {"http": http, "stage": "$default", "domainName": "example.org", "authorizer": authorizer}
    return {
        "version": "2.0",
        "rawQueryString": "",
        "headers": {"content-type": "application/json", "authorization": f"Bearer {CREDENTIAL}"},
        "requestContext": context,
        "body": "{}",
        "isBase64Encoded": False,
    }


@pytest.fixture
def _deployed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes this process a function; a credential in its environment has no effect."""
    services = Services(settings=Settings(api_credential=CREDENTIAL), store=CannedStore())
    monkeypatch.setattr(aws, "_services", lambda: services)


@pytest.mark.usefixtures("_deployed")
@pytest.mark.parametrize(
    ("authorizer", "status"), [(AUTHORIZED, 200), (None, 401), ({}, 401), ({"lambda": None}, 401), ("x", 401)]
)
def test_a_function_serves_only_what_the_authorizer_accepted(authorizer: object, status: int) -> None:
    handled = aws.lambda_handler(profile_types)(event(PROFILE_TYPES, authorizer), LambdaContext())
    assert handled["statusCode"] == status


@pytest.mark.usefixtures("_deployed")
@pytest.mark.parametrize("path", PATHS[1:])
def test_the_ingest_function_serves_no_request_that_bypassed_the_authorizer(path: str) -> None:
    handled = aws.lambda_handler(*ingest, app_of=http_app_of)(
        event(path.partition("?")[0], None), LambdaContext()
    )
    assert (handled["statusCode"], CREDENTIAL in str(handled)) == (401, False)


def test_the_repr_of_the_settings_has_no_credential() -> None:
    settings = Settings.from_env({"API_CREDENTIAL": CREDENTIAL})
    assert settings.api_credential == CREDENTIAL
    assert CREDENTIAL not in repr(settings)
