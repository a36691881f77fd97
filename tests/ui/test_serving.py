"""The web page's files, served by the local server and by the function on AWS."""

import base64
import gzip
import json
import posixpath
import re
from typing import Any

import httpx
import pytest

from all_in_one import create_app, credentials_of
from flamehouse.services import Services
from flamehouse.settings import Settings
from tests.support.servers.apps import request
from tests.support.servers.doubles import CannedStore
from ui.handler import handler
from ui.page import STATIC, Page, PageOptions


def get(path: str, settings: Settings | None = None, **headers: str) -> httpx.Response:
    settings = settings or Settings()
    services = Services(settings=settings, store=CannedStore())
    app = create_app(lambda: services, settings.path_prefix, credentials_of(settings))
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return request(app, path, method="GET", headers=sent)


def event(url: str, method: str = "GET", **headers: str) -> dict[str, Any]:
    """Returns the event of an HTTP API, with the parts that the function reads."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    path, _, query = url.partition("?")
    return {
        "rawPath": path,
        "rawQueryString": query,
        "headers": sent,
        "requestContext": {"http": {"method": method}},
    }


def assets(index: str) -> list[str]:
    return re.findall(r'(?:href|src)="(ui/[^"]+)"', index)


def preloaded(url: str) -> set[str]:
    return {*re.findall(r'modulepreload" href="ui/\w+/([^"]+)"', get(url).text)}


def test_the_page_needs_no_credential_but_queries_do() -> None:
    settings = Settings(api_credential="horse")
    assert get("/", settings).status_code == 200
    assert get(f"/{assets(get('/').text)[0]}", settings).status_code == 200
    assert get("/pyroscope/render?query=a", settings).status_code == 401


@pytest.mark.parametrize(("url", "most_kib"), [("/", 30), ("/?page=single", 52), ("/?page=diff", 54)])
def test_the_first_flame_graph_needs_few_files_and_no_timeline(url: str, most_kib: int) -> None:
    names = assets(get(url).text)
    assert [name for name in names if "uplot" in name or name.endswith("plot.js")] == []
    files = [gzip.compress((STATIC / name.split("/", 2)[2]).read_bytes(), mtime=0) for name in {*names}]
    assert sum(map(len, files)) < most_kib << 10


def test_every_file_of_the_page_is_served_and_cached_forever() -> None:
    names = assets(get("/?page=single").text)
    assert len(names) > 20
    for name in names:
        response = get(f"/{name}")
        assert response.status_code == 200
        assert response.headers["Cache-Control"] == "max-age=31536000, immutable"
        assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_documents_have_a_security_policy_and_other_files_no_needless_headers() -> None:
    index = get("/")
    icon, script = (next(n for n in assets(index.text) if n.endswith(end)) for end in ("icon.svg", "app.js"))
    for document in (index, get(f"/{icon}"), get("/ui/x/nothing.js")):
        assert "default-src 'none'" in document.headers["Content-Security-Policy"]
        assert document.headers["Referrer-Policy"] == "no-referrer"
    assert {*get(f"/{script}", Accept_Encoding="gzip").headers} == {
        "cache-control",
        "content-encoding",
        "content-length",
        "content-type",
        "vary",
        "x-content-type-options",
    }


@pytest.mark.parametrize(
    ("url", "module"),
    [
        ("/", "js/pages/overview.js"),
        ("/?page=nothing", "js/pages/overview.js"),
        ("/?page=single&query=cpu", "js/pages/single.js"),
        ("/?page=tags&query=cpu", "js/pages/tags.js"),
        ("/?page=compare&leftQuery=cpu", "js/pages/compare.js"),
        ("/?query=cpu&from=now-1h", "js/pages/single.js"),
        ("/?query=cpu&leftQuery=cpu", "js/pages/diff.js"),
    ],
)
def test_modules_of_the_opening_page_are_preloaded_with_all_their_imports(url: str, module: str) -> None:
    names = preloaded(url)
    assert "js/app.js" in names
    assert [name for name in names if name.startswith("js/pages/")] == [module]
    for name in names:
        imported = re.findall(r'^import .* from "([^"]+)"', (STATIC / name).read_text(), re.MULTILINE)
        assert {posixpath.normpath(f"{name}/../{each}") for each in imported} <= names


def test_the_index_is_revalidated_on_every_visit() -> None:
    first = get("/")
    assert first.headers["Cache-Control"] == "no-cache"
    again = get("/", If_None_Match=first.headers["ETag"])
    assert (again.status_code, again.content) == (304, b"")


def test_the_policy_lets_the_page_reach_its_own_server_and_the_configured_one() -> None:
    own = get("/").headers["Content-Security-Policy"]
    assert "connect-src 'self';" in own
    assert "script-src 'self';" in own
    other = get("/", Settings(ui_api_url="http://pyroscope:4040/base")).headers["Content-Security-Policy"]
    assert "connect-src 'self' http://pyroscope:4040;" in other


def test_options_of_a_deployment_are_escaped() -> None:
    page = Page.load(PageOptions(api_url='"><script>', source_hosts="git.example.com=gitlab"))
    index = page.respond("/", "", {}).body.decode()
    assert 'content="&quot;&gt;&lt;script&gt;"' in index
    assert 'content="git.example.com=gitlab"' in index


def test_a_file_of_another_version_is_not_cached() -> None:
    response = get("/ui/000000000000/app.css")
    assert (response.status_code, response.headers["Cache-Control"]) == (200, "no-cache")


@pytest.mark.parametrize(
    "path", ["/ui/", "/ui/x/nothing.js", "/ui/x/../page.py", "/ui/x/vendor/README.md", "/ui/app.css"]
)
def test_other_paths_are_not_served(path: str) -> None:
    assert get(path).status_code == 404


def test_a_disabled_page_is_not_found() -> None:
    response = get("/", Settings(ui="false"))
    assert (response.status_code, response.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("path", "location"), [("/profiles", "profiles/"), ("/a//profiles", None), ("/profiles/", None)]
)
def test_a_page_behind_a_prefix_redirects_to_the_path_with_a_slash(path: str, location: str | None) -> None:
    response = get(path, Settings(path_prefix="profiles"))
    assert response.headers.get("Location") == location


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/profiles/", 200),
        ("/", 200),
        ("/profiles/ui/x/app.css", 200),
        ("/profilesx/", 404),
        ("/profiles", 307),
    ],
)
def test_the_function_serves_the_page_under_a_mapped_path_of_a_domain(
    path: str, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH_PREFIX", "/profiles/")
    response = handler(event(path), None)
    assert response["statusCode"] == status
    assert response["headers"].get("Location") == ("profiles/" if status == 307 else None)


@pytest.mark.parametrize("path", ["/", "/?page=diff", "/ui/x/app.css", "/ui/x/icon.svg", "/ui/x/nothing.js"])
@pytest.mark.parametrize("encoding", ["", "gzip"])
def test_the_function_responds_as_the_local_server_does(path: str, encoding: str) -> None:
    response = handler(event(path, accept_encoding=encoding), None)
    local = get(path, Accept_Encoding=encoding)
    body = base64.b64decode(response["body"])
    if response["headers"].get("Content-Encoding") == "gzip":
        body = gzip.decompress(body)
    assert (response["statusCode"], body) == (local.status_code, local.content)
    sent = {name.lower(): value for name, value in response["headers"].items()}
    assert sent.items() <= dict(local.headers).items()


def test_the_function_accepts_only_get() -> None:
    response = handler(event("/", "POST"), None)
    assert (response["statusCode"], response["headers"]["Allow"]) == (405, "GET")
    assert json.loads(base64.b64decode(response["body"]))["code"] == "unimplemented"
