"""The scope that each route requires: one table for the routes of every app."""

from collections.abc import Mapping
from enum import Enum, auto
from typing import Final

from starlette.types import Scope as AsgiScope

from flamehouse.identity.principal import Scope
from flamehouse.web.authentication import principal_of


class Access(Enum):
    """The requirement of a route that needs no scope."""

    OPEN = auto()
    """No credential is required."""
    ANY_CREDENTIAL = auto()
    """A credential is required, with any scope."""


type Required = Scope | Access

_BY_PATH: Final[Mapping[str, Required]] = {
    "/ready": Access.OPEN,
    "/": Access.OPEN,
    "/ui/": Access.OPEN,
    "/ingest": Scope.INGEST,
    "/pyroscope/ingest": Scope.INGEST,
    "/push.v1.PusherService/": Scope.INGEST,
    "/v1development/profiles": Scope.INGEST,
    "/opentelemetry.proto.collector.profiles.v1development.ProfilesService/": Scope.INGEST,
    "/querier.v1.QuerierService/": Scope.QUERY,
    "/pyroscope/render": Scope.QUERY,
    "/pyroscope/render-diff": Scope.QUERY,
    "/pyroscope/label-values": Scope.QUERY,
    "/adhocprofiles.v1.AdHocProfileService/": Scope.QUERY,
    "/adhocprofiles.v1.AdHocProfileService/Upload": Scope.ADMIN,
    "/settings.v1.SettingsService/Get": Scope.QUERY,
    "/settings.v1.SettingsService/Set": Scope.ADMIN,
    "/settings.v1.SettingsService/Delete": Scope.ADMIN,
    "/metrics": Scope.QUERY,
    "/api/v1/usage": Scope.ADMIN,
    "/api/v1/status/buildinfo": Access.ANY_CREDENTIAL,
    "/version.v1.Version/": Access.ANY_CREDENTIAL,
    "/capabilities.v1.FeatureFlagsService/": Access.ANY_CREDENTIAL,
    "/openapi.json": Access.ANY_CREDENTIAL,
    "/docs": Access.ANY_CREDENTIAL,
    "/docs/": Access.ANY_CREDENTIAL,
}
"""Requirements by a route's path, or by its folder with a trailing slash; the path takes precedence."""


def required_by(path: str) -> Required:
    """Return the requirement of the route with this path; a route that is not in the table requires `admin`."""
    folder = path[: path.rindex("/") + 1]
    return _BY_PATH.get(path) or _BY_PATH.get(folder if folder != "/" else path) or Scope.ADMIN


def is_listed(path: str) -> bool:
    """Return whether the table has the route with this path."""
    return path in _BY_PATH or path[: path.rindex("/") + 1] in _BY_PATH.keys() - {"/"}


def check(required: Required, scope: AsgiScope) -> None:
    """Check that the caller of the request with this ASGI scope may use a route.

    Raises:
        RpcError: `permission_denied` if its credential lacks the scope; otherwise as `principal_of`.
    """
    if required is Access.OPEN:
        return
    principal = principal_of(scope)
    if isinstance(required, Scope):
        principal.require(required)
