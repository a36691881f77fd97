"""Describes the server: its features, the version of its API, and its build. Runs no query."""

from typing import Final, Literal

from pydantic import BaseModel
from starlette.responses import JSONResponse

from flamehouse import VERSION
from flamehouse.pb.capabilities_pb2 import FeatureFlag, GetFeatureFlagsRequest, GetFeatureFlagsResponse
from flamehouse.pb.version_pb2 import VersionRequest, VersionResponse
from flamehouse.serverless.http_handler import lambda_handler
from flamehouse.web.connect import Call, unary
from flamehouse.web.http_app import http_app_of, http_router

_QUERIER_API: Final = 1
"""The version number that Pyroscope returns."""
_MAX_BODY_BYTES: Final = 1 << 10

_FEATURES: Final = (
    ("pyroscopeRuler", False, "Metrics for Prometheus from profiles."),
    ("pyroscopeRulerFunctions", False, "Metrics for Prometheus from single functions of profiles."),
    ("utf8LabelNames", True, "Label names with any UTF-8 character, for clients that request them."),
    ("v2StorageLayer", True, "Responses follow Pyroscope's storage version 2."),
)
"""The features for which Grafana Pyroscope has flags: name, whether it is supported, and a description.

Sorted by name.
"""


def feature_flags(_call: Call, _request: GetFeatureFlagsRequest) -> GetFeatureFlagsResponse:
    """Return all feature flags, enabled or not."""
    return GetFeatureFlagsResponse(
        feature_flags=[
            FeatureFlag(name=name, enabled=enabled, description=description)
            for name, enabled, description in _FEATURES
        ]
    )


def version(_call: Call, _request: VersionRequest) -> VersionResponse:
    """Return the version of the querier's API."""
    return VersionResponse(QuerierAPI=_QUERIER_API)


class BuildInfo(BaseModel):
    """Return the build, with Pyroscope's fields; fields without a meaning here are empty."""

    version: str = VERSION
    revision: str = ""
    branch: str = ""
    buildUser: str = ""  # noqa: N815  # the name on the wire, as of the next two
    buildDate: str = ""  # noqa: N815
    goVersion: str = ""  # noqa: N815


class BuildInfoResponse(BaseModel):
    """The response of Prometheus' API."""

    status: Literal["success"] = "success"
    data: BuildInfo = BuildInfo()


router = http_router()


@router.get(
    "/api/v1/status/buildinfo",
    tags=["status"],
    summary="Version of the server",
    operation_id="buildInfo",
    response_class=JSONResponse,
)
async def build_info() -> BuildInfoResponse:
    """Return the build of this server, in the format of Prometheus' API."""
    return BuildInfoResponse()


routes = [
    unary(
        "/capabilities.v1.FeatureFlagsService/GetFeatureFlags",
        GetFeatureFlagsRequest,
        feature_flags,
        max_body_bytes=_MAX_BODY_BYTES,
    ),
    unary("/version.v1.Version/Version", VersionRequest, version, max_body_bytes=_MAX_BODY_BYTES),
    *router.routes,
]

handler = lambda_handler(*routes, app_of=http_app_of)
