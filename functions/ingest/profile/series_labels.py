"""Adds the labels of a profile's series that the client did not set."""

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
    """Return the labels; `metric` is the `__name__`. Labels of the request take precedence, but cannot be private.

    A `service_name` in the request replaces the service, which then becomes `app_name` if `keeps_app_name`.
    """
    own = request.public_labels
    if SERVICE_NAME not in own:
        named = {SERVICE_NAME: service}
    else:
        named = {_APP_NAME: service} if keeps_app_name else {}
    return {"__delta__": "false", SPY_LABEL: request.spy_name, **named, **own, "__name__": metric}
