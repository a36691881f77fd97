"""No documented route lets a tenant see or change another tenant's data."""

import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import httpx
import pytest

from flamehouse.identity.token import new_token
from flamehouse.web.scopes import Access, required_by
from tests.support.queries.shop_data import MINUTE
from tests.support.queries.two_tenants import (
    ADHOC,
    MARKERS,
    SETTINGS,
    Sent,
    Tenant,
    changes_of,
    known_of,
    other_names,
    reads_of,
    tricks,
    uploads_of,
)
from tests.support.queries.valid_requests import SERVICE
from tests.support.servers.place import REPO
from tools.gateway.cloud import Cloud, credentials_text
from tools.local_server import local_server

OPERATIONS: Final = [
    (method.upper(), path)
    for path, methods in json.loads((REPO / "docs/openapi.json").read_text())["paths"].items()
    for method in methods
]
WITHOUT_DATA: Final = {
    "GET": ("/ready", "/metrics", "/api/v1/status/buildinfo"),
    "POST": ("/version.v1.Version/Version", "/capabilities.v1.FeatureFlagsService/GetFeatureFlags"),
}
"""Routes whose response is the same for every tenant."""
NUMBERS: Final = {f"{SERVICE}/{name}" for name in ("ProfileTypes", "GetProfileStats", "AnalyzeQuery")}
"""Routes whose responses contain no names of the data, so a separate test compares them."""
_ESTIMATES: Final = re.compile(r'"(\w*[bB]ytes\w*|blockCount)":"?[0-9]+"?')
"""AnalyzeQuery's estimates: rows times the average row size of all tenants, and parts, which inserts share."""
TENANTS: Final = ("owner", "other", "writer")


class Site:
    """A server with tenants: `owner`, whose data is secret, `other`, and `writer`, which sends what the owner sent."""

    def __init__(self, url: str, tokens: Mapping[str, str]) -> None:
        self.owner, self.other, self.writer = (
            Tenant(url=url, name=name, token=tokens[name]) for name in TENANTS
        )
        self.start = (time.time_ns() // 1_000_000 // MINUTE - 120) * MINUTE
        responses = {path: self.owner.send(sent) for path, sent in uploads_of(self.start).items()}
        assert {each.status_code for each in responses.values()} == {200}, responses
        self.known = known_of(self.owner, self.start, responses[f"{ADHOC}/Upload"].json()["id"])
        self.own_time = self.start - 10 * MINUTE
        own = f"/ingest?name=plain&from={self.own_time // 1_000}&until={self.own_time // 1_000 + 10}&format=folded"
        assert self.other.send(Sent(target=own, body=b"main;work 3\n")).status_code == 200
        self.requests = self._requests()

    def _requests(self) -> dict[str, list[Sent]]:
        """Returns every request about the owner's data, by path."""
        found = {
            path: [Sent(method=method, target=path, body=b"{}", content_type="application/json")]
            for method, paths in WITHOUT_DATA.items()
            for path in paths
        }
        for table in (reads_of(self.known), changes_of(self.known)):
            for path, sent in table.items():
                found.setdefault(path, []).extend(sent)
        return found

    def data_of(self, tenant: Tenant) -> Mapping[str, str]:
        """Returns what the tenant receives for each read of the owner's data."""
        reads = [sent for of_path in reads_of(self.known).values() for sent in of_path]
        return {sent.text: _comparable(tenant.send(sent).text) for sent in reads}

    def close(self) -> None:
        for tenant in (self.owner, self.other, self.writer):
            tenant.close()


def _comparable(text: str) -> str:
    """Returns a response without what may differ for the same data: estimates, and the order of a pprof's tables."""
    if '"stringTable"' not in text:
        return _ESTIMATES.sub("", text)
    pprof = json.loads(text)
    return str((sorted(pprof["stringTable"]), sorted(each["value"] for each in pprof["sample"])))


@pytest.fixture(scope="module", params=["local", "cloud"])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    if request.param == "cloud":
        deployed: Cloud = request.getfixturevalue("deployed")
        site = Site(deployed.url, deployed.tokens)
        yield site
        site.close()
        return
    tokens = {name: new_token() for name in TENANTS}
    file = tmp_path_factory.mktemp("credentials") / "credentials.json"
    file.write_text(credentials_text(tokens))
    with local_server(CREDENTIALS_FILE=str(file)) as running:
        site = Site(running.url, {name: token.text for name, token in tokens.items()})
        yield site
        site.close()


def shown(sent: Sent, response: httpx.Response, *more: str) -> list[str]:
    """Returns the markers of the data that are in a response but not in its request."""
    requested = " ".join((sent.text, *more))
    return [marker for marker in MARKERS if marker in response.text and marker not in requested]


def test_every_documented_route_is_tested(site: Site) -> None:
    assert {path for _, path in OPERATIONS} == site.requests.keys()


def test_the_owner_sees_its_data_on_every_route_that_returns_any(site: Site) -> None:
    for path, [sent, *_] in reads_of(site.known).items():
        response = site.owner.send(sent)
        assert response.status_code == 200, response.text
        assert path in NUMBERS or shown(sent, response), path
    stats = site.owner.json(f"{SERVICE}/GetProfileStats")
    assert int(stats["oldestProfileTime"]) == site.start


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_no_request_shows_another_tenants_data(site: Site, method: str, path: str) -> None:
    for sent in site.requests[path]:
        if sent in (each for of_path in changes_of(site.known).values() for each in of_path):
            continue
        assert sent.method == method
        for target in (sent.target, *_paths(sent.target, site.owner.name)):
            response = site.other.send(sent, target=target)
            assert response.status_code < 500, (target, response.text)
            assert shown(sent, response, target) == [], (target, response.text)


def _paths(target: str, owner: str) -> Sequence[str]:
    """Returns other ways to write a target, which a router or cache may take for another tenant's."""
    mark = "&" if "?" in target else "?"
    return f"/{target}", f"/{owner}{target}", f"{target}{mark}tenant={owner}&X-Scope-OrgID={owner}"


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_no_header_makes_a_client_another_tenant(site: Site, method: str, path: str) -> None:
    sent = site.requests[path][0]
    names = other_names(site.owner.name, site.other.name)
    for header in names:
        response = site.other.send(sent, ("X-Scope-OrgID", header))
        open_ = required_by(path) is Access.OPEN or (method == "GET" and response.status_code == 404)
        assert open_ or response.status_code in {400, 403}, (header, response.text)
        assert shown(sent, response, header) == [], (header, response.text)
    if sent in (each for of_path in changes_of(site.known).values() for each in of_path):
        return
    for headers in tricks(site.owner.name, site.other.name):
        response = site.other.send(sent, *headers)
        assert shown(sent, response) == [], (headers, response.text)


def test_counts_and_times_cover_only_the_tenants_own_data(site: Site) -> None:
    for header in ((), (("X-Scope-OrgID", site.other.name),)):
        stats = site.other.send(site.requests[f"{SERVICE}/GetProfileStats"][0], *header).json()
        assert {stats[f"{end}ProfileTime"] for end in ("oldest", "newest")} == {str(site.own_time)}
    of_owner = site.requests[f"{SERVICE}/AnalyzeQuery"][1]
    for tenant, count in ((site.owner, True), (site.other, False)):
        [scope] = tenant.send(of_owner).json()["queryScopes"]
        counts = [int(scope.get(f"{name}Count", 0)) for name in ("block", "series", "profile", "sample")]
        assert [bool(each) for each in counts] == [count] * 4


def test_writes_of_another_tenant_change_nothing(site: Site) -> None:
    before = site.data_of(site.owner)
    for of_path in changes_of(site.known).values():
        for sent in of_path:
            assert site.writer.send(sent).status_code == 200, sent.target
    assert site.data_of(site.owner) == before
    flamegraph = site.known.selection()
    answers = [
        tenant.json(f"{SERVICE}/SelectMergeStacktraces", **flamegraph) for tenant in (site.owner, site.writer)
    ]
    assert answers[0] == answers[1]
    assert site.writer.json(f"{SETTINGS}/Get") == {}
    [setting] = site.owner.json(f"{SETTINGS}/Get")["settings"]
    assert setting["value"] == "secretcontent"
