"""The server's build, version and features in both encodings, and its responses for unsupported services."""

from collections.abc import Iterator
from importlib.metadata import version

import pytest
from google.protobuf import json_format
from google.protobuf.message import Message
from starlette.types import ASGIApp

from all_in_one import create_app
from flamehouse import VERSION
from flamehouse.pb.capabilities_pb2 import GetFeatureFlagsResponse
from flamehouse.pb.version_pb2 import VersionResponse
from flamehouse.services import Services
from flamehouse.settings import Settings
from flamehouse.store import Store
from flamehouse.store.clickhouse_store import open_store
from flamehouse.web.routing import ADVICE
from tests.support.servers.apps import request
from tests.support.servers.doubles import CannedStore
from tests.support.servers.place import REPO
from tests.support.servers.scripted import closed_port

FEATURE_FLAGS = "/capabilities.v1.FeatureFlagsService/GetFeatureFlags"
VERSION_RPC = "/version.v1.Version/Version"
BUILD_INFO = "/api/v1/status/buildinfo"


@pytest.fixture
def store() -> CannedStore:
    return CannedStore()


@pytest.fixture
def app(store: CannedStore) -> Iterator[ASGIApp]:
    """A server whose store must not be queried."""
    services = Services(settings=Settings(), store=store)
    yield create_app(lambda: services)
    assert store.calls == []


def call[M: Message](app: ASGIApp, path: str, response_type: type[M], *, proto: bool) -> M:
    content_type = "application/proto" if proto else "application/json"
    response = request(app, path, b"" if proto else b"{}", content_type=content_type)
    assert (response.status_code, response.headers["Content-Type"]) == (200, content_type)
    if proto:
        return response_type.FromString(response.content)
    return json_format.Parse(response.content, response_type())


@pytest.mark.parametrize("proto", [True, False])
def test_the_feature_flags_are_those_of_this_server(app: ASGIApp, proto: bool) -> None:
    response = call(app, FEATURE_FLAGS, GetFeatureFlagsResponse, proto=proto)
    assert [(flag.name, flag.enabled) for flag in response.feature_flags] == [
        ("pyroscopeRuler", False),
        ("pyroscopeRulerFunctions", False),
        ("utf8LabelNames", True),
        ("v2StorageLayer", True),
    ]
    assert all(flag.description for flag in response.feature_flags)


@pytest.mark.parametrize("proto", [True, False])
def test_the_api_version_is_that_of_pyroscope(app: ASGIApp, proto: bool) -> None:
    assert call(app, VERSION_RPC, VersionResponse, proto=proto) == VersionResponse(QuerierAPI=1)


def test_the_build_has_pyroscopes_fields_and_this_packages_version(app: ASGIApp) -> None:
    response = request(app, BUILD_INFO, method="GET")
    assert (response.status_code, response.headers["Content-Type"]) == (200, "application/json")
    assert response.json() == {
        "status": "success",
        "data": {
            "version": version("flamehouse"),
            "revision": "",
            "branch": "",
            "buildUser": "",
            "buildDate": "",
            "goVersion": "",
        },
    }
    assert version("flamehouse") == VERSION


@pytest.mark.parametrize(
    ("path", "method", "status", "allowed"),
    [
        (FEATURE_FLAGS, "GET", 405, "POST"),
        (VERSION_RPC, "GET", 405, "POST"),
        (BUILD_INFO, "POST", 405, "GET"),
    ],
)
def test_another_method_is_rejected(app: ASGIApp, path: str, method: str, status: int, allowed: str) -> None:
    response = request(app, path, "{}", method=method)
    assert (response.status_code, response.headers["Allow"]) == (status, allowed)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/vcs.v1.VCSService/GithubApp", "no integration with GitHub"),
        ("/vcs.v1.VCSService/GetFile", "no integration with GitHub"),
        ("/settings.v1.RecordingRulesService/ListRecordingRules", "no metrics from profiles"),
        ("/debuginfo.v1alpha1.DebuginfoService/ShouldInitiateUpload", "no debug information"),
        ("/debuginfo.v1alpha1.DebuginfoService/Upload/0123abcd", "no debug information"),
    ],
)
def test_an_unsupported_service_names_an_alternative(app: ASGIApp, path: str, words: str) -> None:
    response = request(app, path, "{}")
    assert (response.status_code, response.json()["code"]) == (501, "unimplemented")
    assert f"{path} is not implemented: " in response.json()["message"]
    assert words in response.json()["message"]


@pytest.mark.parametrize("service", ADVICE)
def test_an_unsupported_service_is_named_in_the_docs(service: str) -> None:
    assert f"| `{service}` |" in (REPO / "docs/api.md").read_text()


def ready(store: Store) -> int:
    services = Services(settings=Settings(), store=store, check=store.check)
    return request(create_app(lambda: services), "/ready", method="GET").status_code


def test_a_local_server_is_not_ready_while_clickhouse_does_not_respond() -> None:
    with closed_port() as port:
        store = open_store(Settings(clickhouse_dsn=f"http://127.0.0.1:{port}"))
        assert ready(store) == 503
        store.close()
