"""What the server says of itself: its features, the version of its API, and its build. ClickHouse is not asked."""

from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from flamehouse import VERSION
from flamehouse.pb.capabilities_pb2 import FeatureFlag, GetFeatureFlagsRequest, GetFeatureFlagsResponse
from flamehouse.pb.version_pb2 import VersionRequest, VersionResponse
from flamehouse.serverless.http_handler import lambda_handler
from flamehouse.web.connect import Call, unary
from flamehouse.web.http_endpoint import HttpEndpoint

_QUERIER_API: Final = 1
"""Pyroscope's own number, which has not changed yet."""
_MAX_BODY_BYTES: Final = 1 << 10

_FEATURES: Final = (
    ("pyroscopeRuler", False, "Metrics for Prometheus from profiles."),
    ("pyroscopeRulerFunctions", False, "Metrics for Prometheus from single functions of profiles."),
    ("utf8LabelNames", True, "Label names with any character of UTF-8, to clients that ask for them."),
    ("v2StorageLayer", True, "Answers are those of Pyroscope's storage version 2."),
)
"""The features that Grafana Pyroscope has flags for: name, whether it is there, and what it is. Sorted by name."""


def feature_flags(_call: Call, _request: GetFeatureFlagsRequest) -> GetFeatureFlagsResponse:
    """Every feature that a client may ask about, whether it is there or not."""
    return GetFeatureFlagsResponse(
        feature_flags=[
            FeatureFlag(name=name, enabled=enabled, description=description)
            for name, enabled, description in _FEATURES
        ]
    )


def version(_call: Call, _request: VersionRequest) -> VersionResponse:
    """The version of the querier's API."""
    return VersionResponse(QuerierAPI=_QUERIER_API)


async def build_info(_request: Request) -> Response:
    """The build, with the fields that Pyroscope has; those that say nothing of this server are empty."""
    data = {
        "version": VERSION,
        "revision": "",
        "branch": "",
        "buildUser": "",
        "buildDate": "",
        "goVersion": "",
    }
    return JSONResponse({"status": "success", "data": data})


routes = [
    unary(
        "/capabilities.v1.FeatureFlagsService/GetFeatureFlags",
        GetFeatureFlagsRequest,
        feature_flags,
        max_body_bytes=_MAX_BODY_BYTES,
    ),
    unary("/version.v1.Version/Version", VersionRequest, version, max_body_bytes=_MAX_BODY_BYTES),
    Route("/api/v1/status/buildinfo", HttpEndpoint(method="GET", respond=build_info)),
]

handler = lambda_handler(*routes)
