"""Adds the labels of a profile's series that the client does not set, also for profiles sent to /ingest."""

from typing import Final

from ingest.request.query import IngestRequest

SPY_LABEL: Final = "pyroscope_spy"
SERVICE_NAME: Final = "service_name"
UNKNOWN_SERVICE: Final = "unknown_service"
"""The service of profiles without one."""
_APP_NAME: Final = "app_name"


def series_labels(
    request: IngestRequest, service: str, metric: str, *, keeps_app_name: bool = True
) -> dict[str, str]:
    """Return the labels; `metric` is the `__name__`. The request's take precedence, but it cannot set private ones.

    A `service_name` among them replaces the service, which then becomes `app_name` if `keeps_app_name`.
    """
    own = request.public_labels
    if SERVICE_NAME not in own:
        named = {SERVICE_NAME: service}
    else:
        named = {_APP_NAME: service} if keeps_app_name else {}
    return {"__delta__": "false", SPY_LABEL: request.spy_name, **named, **own, "__name__": metric}
