"""The labels that a profile's series has beside the client's own, and those of a profile sent to /ingest."""

from typing import Final

from ingest.request.query import IngestRequest

SPY_LABEL: Final = "pyroscope_spy"
SERVICE_NAME: Final = "service_name"
UNKNOWN_SERVICE: Final = "unknown_service"
"""Of profiles that no client gave a service."""
_APP_NAME: Final = "app_name"


def series_labels(
    request: IngestRequest, service: str, metric: str, *, keeps_app_name: bool = True
) -> dict[str, str]:
    """The labels; `metric` is the `__name__`. The request's own win, but private ones are not the client's to set.

    A `service_name` among them takes the service's place, which then stays as `app_name` if `keeps_app_name`.
    """
    own = request.public_labels
    if SERVICE_NAME not in own:
        named = {SERVICE_NAME: service}
    else:
        named = {_APP_NAME: service} if keeps_app_name else {}
    return {"__delta__": "false", SPY_LABEL: request.spy_name, **named, **own, "__name__": metric}
