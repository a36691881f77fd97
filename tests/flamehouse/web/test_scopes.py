"""Credentials with tenants and scopes, at every route of the local server."""

import json
from pathlib import Path

import httpx
import pytest
from starlette.routing import Route

from all_in_one import api_routes, create_app, credentials_of
from flamehouse.identity.principal import Scope
from flamehouse.services import Services
from flamehouse.settings import Settings
from flamehouse.telemetry.local import Prometheus
from flamehouse.web.scopes import Access, is_listed, required_by
from reference.routes import reference_routes
from tests.support.servers.apps import request
from tests.support.servers.command import flamehouse
from tests.support.servers.doubles import CannedStore
from tests.support.servers.place import REPO

PROFILE_TYPES = "/querier.v1.QuerierService/ProfileTypes"
ROUTES = [*api_routes(Prometheus()), *reference_routes([])]
OPERATIONS = [
    (method.upper(), path)
    for path, methods in json.loads((REPO / "docs/openapi.json").read_text())["paths"].items()
    for method in methods
]


class Server:
    """The local server with a file of credentials, which the command line edits."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "credentials.json"
        self.tokens = {
            "ingest": self.add("shop", "ingest"),
            "query": self.add("shop", "query"),
            "admin": self.add("shop", "admin"),
            "several": self.add("shop", "query", "--tenant", "team-b"),
            "all": self.add("*", "query"),
        }
        self.store = CannedStore()
        settings = Settings(credentials_file=str(self.path))
        services = Services(settings=settings, store=self.store)
        self.app = create_app(lambda: services, "", credentials_of(settings))

    def run(self, *arguments: str) -> str:
        run = flamehouse("credentials", *arguments, CREDENTIALS_FILE=str(self.path))
        assert run.returncode == 0, run.stderr
        return run.stdout.strip()

    def add(self, tenant: str, scope: str, *more: str) -> str:
        return self.run("add", "--tenant", tenant, "--scope", scope, *more)

    def send(self, method: str, path: str, token: str, body: str = "{}", **headers: str) -> httpx.Response:
        sent = {"Authorization": f"Bearer {token}", **headers}
        return request(self.app, path, body, method=method, headers=sent)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Server:
    return Server(tmp_path_factory.mktemp("credentials"))


def test_every_route_has_its_scope_in_the_table() -> None:
    assert [route.path for route in ROUTES if isinstance(route, Route) and not is_listed(route.path)] == []


def test_a_route_missing_from_the_table_requires_admin() -> None:
    for path in ("/new", "/new/", "/x.v1.Y/Z", "/ingest/", "/metrics\n", "/ready/x"):
        assert required_by(path) is Scope.ADMIN


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_every_documented_route_requires_its_scope(server: Server, method: str, path: str) -> None:
    required = required_by(path)
    if required is Access.OPEN:
        assert server.send(method, path, "").status_code == 200
        return
    assert server.send(method, path, "").status_code == 401
    for scope in Scope:
        response = server.send(method, path, server.tokens[scope])
        denied = isinstance(required, Scope) and required is not scope
        assert (response.status_code == 403) == denied, response.text
        if denied and "opentelemetry" not in path and "v1development" not in path:
            assert response.json()["code"] == "permission_denied"


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_no_documented_route_serves_another_tenant(server: Server, method: str, path: str) -> None:
    if required_by(path) is Access.OPEN:
        return
    before = len(server.store.calls)
    for scope in Scope:
        named = {"X-Scope-OrgID": "victim"}
        assert server.send(method, path, server.tokens[scope], **named).status_code == 403
    assert len(server.store.calls) == before


@pytest.mark.parametrize(
    ("token", "header", "status", "tenant"),
    [
        ("query", None, 200, "shop"),
        ("query", "", 200, "shop"),
        ("query", "shop", 200, "shop"),
        ("query", "Shop", 403, None),
        ("query", "team-b", 403, None),
        ("query", "*", 403, None),
        ("query", "a b", 400, None),
        ("several", "team-b", 200, "team-b"),
        ("several", None, 400, None),
        ("several", "team-c", 403, None),
        ("several", "*", 403, None),
        ("all", "team-c", 200, "team-c"),
        ("all", None, 200, "anonymous"),
    ],
)
def test_the_tenant_is_that_of_the_credential(
    server: Server, token: str, header: str | None, status: int, tenant: str | None
) -> None:
    named = {} if header is None else {"X-Scope-OrgID": header}
    before = len(server.store.calls)
    response = server.send("POST", PROFILE_TYPES, server.tokens[token], **named)
    assert response.status_code == status, response.text
    assert [query[1] for query in server.store.calls[before:]] == ([tenant] if tenant else [])


def test_unknown_paths_are_unknown_to_every_credential(server: Server) -> None:
    for token in server.tokens.values():
        assert server.send("POST", "/vcs.v1.VCSService/GithubApp", token).status_code == 501
    assert server.send("POST", "/ingest%0A?name=a", server.tokens["query"]).status_code == 403


def test_a_running_server_applies_changes_at_once(server: Server) -> None:
    old = server.add("team-c", "query")
    id_ = old.split("_")[1]
    new = server.run("rotate", id_, "--overlap", "1h")
    assert [server.send("POST", PROFILE_TYPES, each).status_code for each in (old, new)] == [200, 200]
    server.run("revoke", id_)
    assert [server.send("POST", PROFILE_TYPES, each).status_code for each in (old, new)] == [401, 200]


def test_an_unreadable_credentials_file_is_unavailable_and_grants_nothing(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    good = server.path.read_text()
    token = server.tokens["query"]
    try:
        for broken in ("{", None):
            server.path.unlink() if broken is None else server.path.write_text(broken)
            response = server.send("POST", PROFILE_TYPES, token)
            assert (response.status_code, response.json()["code"]) == (503, "unavailable")
            assert "Retry-After" in response.headers
    finally:
        server.path.write_text(good)
    assert server.send("POST", PROFILE_TYPES, token).status_code == 200
    logged = [each for each in caplog.records if getattr(each, "event", "") == "credentials_unreadable"]
    assert len(logged) == 2
    assert token not in caplog.text


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (Settings(credentials_file="x", api_credential="y"), "both set"),
        (Settings(credentials_file="/nowhere/x"), "cannot be read: No such file"),
        (Settings(credentials_file=str(REPO / "README.md")), "not JSON"),
    ],
)
def test_a_server_does_not_start_with_credentials_that_it_cannot_read(settings: Settings, words: str) -> None:
    with pytest.raises(SystemExit, match=words):
        credentials_of(settings)
