"""Normalizes the paths of requests for routing: removes repeated slashes and the deployment's prefix.

Clients append an endpoint to their server address, so requests for `//ingest` and `/prefix//ingest` occur.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from flamehouse.errors import Code, RpcError
from flamehouse.identity.authentication import Credentials
from flamehouse.services import Services
from flamehouse.web.authentication import Authentication
from flamehouse.web.error_response import error_response
from flamehouse.web.observation import Observation


@dataclass(frozen=True, slots=True)
class CleanPaths:
    """ASGI middleware that removes repeated slashes and a leading `prefix` from every path."""

    app: ASGIApp
    prefix: str = ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope = {**scope, "path": clean_path(scope["path"], self.prefix)}
        await self.app(scope, receive, send)


def clean_path(path: str, prefix: str) -> str:
    """Return `path` with single slashes and without the leading folders in `prefix` (`prod`, `/prod/`)."""
    path = re.sub("//+", "/", path)
    lead = f"/{prefix.strip('/')}/"
    if lead == "//" or not f"{path}/".startswith(lead):
        return path
    return path[len(lead) - 1 :] or "/"


ADVICE: Final[Mapping[str, str]] = {
    "vcs.v1.VCSService": (
        "flamehouse has no integration with GitHub. Function details show file and line without the source; "
        "open the file in your repository"
    ),
    "settings.v1.RecordingRulesService": (
        "flamehouse exports no metrics from profiles. Query profiles with SelectSeries, in a Grafana panel or "
        "alert rule on this data source, where a recorded metric would be queried"
    ),
    "debuginfo.v1alpha1.DebuginfoService": (
        "flamehouse accepts no debug information. Have the agent symbolize native frames before it sends profiles; "
        "in Alloy, do not enable the upload of debug information"
    ),
}
"""Advice by the service's name, which is the first part of an RPC's path."""
_PROCEDURE: Final = re.compile(r"/[\w.]+\.\w+/\w+", re.ASCII)
_BEHIND_A_PATH: Final = re.compile(r"(/.*?)(/[\w.]+\.\w+/\w+|(?:/pyroscope)?/ingest)", re.ASCII)
"""The paths that clients request if their server URL has a path."""
_SERVED: Final = "docs/api.md lists the endpoints"


type AppOf = Callable[[Sequence[BaseRoute], Callable[[], Services], Credentials], ASGIApp]
"""Builds an app from routes, a callable that returns the services for each request, and credentials."""


def app_of(
    routes: Sequence[BaseRoute], services: Callable[[], Services], credentials: Credentials
) -> Starlette:
    """Return the app of `routes`; `credentials` authenticates requests, and `services` is called for each request."""
    door = Middleware(Authentication, credentials=credentials)
    app = Starlette(routes=routes, middleware=[Middleware(Observation), door])
    app.state.services = services
    app.router.default = unknown_path
    app.router.redirect_slashes = False
    return app


async def unknown_path(scope: Scope, receive: Receive, send: Send) -> None:
    """The app for unknown paths: `unimplemented` if the path has the form of an RPC's, otherwise `not_found`."""
    path = scope["path"]
    advice = ADVICE.get(path[1:].partition("/")[0])
    if advice is not None:
        error = RpcError(Code.UNIMPLEMENTED, f"{path} is not implemented: {advice}")
    elif _PROCEDURE.fullmatch(path):
        error = RpcError(Code.UNIMPLEMENTED, f"{path} is not implemented; {_SERVED}")
    elif (behind := _BEHIND_A_PATH.fullmatch(path)) is not None:
        advice = f"remove {behind[1]} from the server's URL, or set PATH_PREFIX to it"
        error = RpcError(Code.NOT_FOUND, f"unknown path {path}: {advice}")
    else:
        error = RpcError(Code.NOT_FOUND, f"unknown path {path}; {_SERVED}")
    await error_response(error)(scope, receive, send)
