"""Unknown paths: a Connect error, with a hint if the intended path is recognised."""

import pytest
from starlette.applications import Starlette

from querier import profile_types
from tests.support.servers.apps import error, request, serve


@pytest.fixture(scope="module")
def app() -> Starlette:
    return serve(profile_types.route)


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/querier.v1.QuerierService/Unheard", 501, "unimplemented"),
        ("/vcs.v1.VCSService/GithubApp", 501, "unimplemented"),
        ("/", 404, "not_found"),
        ("/index.html", 404, "not_found"),
        ("/pyroscope/render", 404, "not_found"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_unknown_path_gets_an_error_in_the_format_of_the_protocol(
    app: Starlette, method: str, path: str, status: int, code: str
) -> None:
    assert error(request(app, path, method=method))[:2] == (status, code)


@pytest.mark.parametrize(
    ("path", "in_front"),
    [
        ("/prod/querier.v1.QuerierService/ProfileTypes", "/prod"),
        ("/a/b/push.v1.PusherService/Push", "/a/b"),
        ("/ingest/ingest", "/ingest"),
        ("/prod/pyroscope/ingest", "/prod"),
        ("/explore", None),
        ("/querier.v1.QuerierService/ProfileTypes/", None),
    ],
)
def test_a_request_with_a_path_prefix_gets_a_hint_to_remove_it(
    app: Starlette, path: str, in_front: str | None
) -> None:
    advice = f": remove {in_front} from the server's URL, or set PATH_PREFIX to it"
    expected = advice if in_front else "; docs/api.md lists the endpoints"
    assert error(request(app, path)) == (404, "not_found", f"unknown path {path}{expected}")
