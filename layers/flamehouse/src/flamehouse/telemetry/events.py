"""Every log event, with its level, text and fields."""

import logging
from dataclasses import dataclass
from typing import Final

LOGGER: Final = "flamehouse"
ACCESS_LOGGER: Final = f"{LOGGER}.access"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A log event. `text` is a format string over the names in `fields`; fields it does not name follow it."""

    name: str
    level: int
    text: str
    fields: tuple[str, ...] = ()
    logger: str = LOGGER


REQUEST: Final = Event(
    name="request",
    level=logging.INFO,
    text="{method} {path} {status}",
    fields=("method", "path", "status", "milliseconds", "request_bytes", "response_bytes", "client"),
    logger=ACCESS_LOGGER,
)
REQUEST_REJECTED: Final = Event(
    name="request_rejected",
    level=logging.WARNING,
    text="rejected {method} {path} with {status} {reason}: {detail}",
    fields=("method", "path", "status", "reason", "detail", "service_name", "request_bytes", "client"),
)
REQUEST_FAILED: Final = Event(
    name="request_failed", level=logging.ERROR, text="{path} failed unexpectedly", fields=("path",)
)
CREDENTIAL_NOT_SET: Final = Event(
    name="credential_not_set",
    level=logging.ERROR,
    text="API_CREDENTIAL is not set: every request is rejected",
)
SETTINGS_INVALID: Final = Event(
    name="settings_invalid", level=logging.ERROR, text="invalid environment: {reason}", fields=("reason",)
)
EVENT_INVALID: Final = Event(
    name="event_invalid",
    level=logging.ERROR,
    text="not an event of an HTTP API: {reason}",
    fields=("reason",),
)
CLICKHOUSE_FAILED: Final = Event(
    name="clickhouse_failed",
    level=logging.ERROR,
    text="ClickHouse failed: {reason}: {advice}",
    fields=("kind", "reason", "advice"),
)
QUERY_NOT_STOPPED: Final = Event(
    name="query_not_stopped",
    level=logging.WARNING,
    text="an abandoned query was not stopped: {reason}; it ends at its time limit",
    fields=("reason",),
)
DATABASE_DIFFERS: Final = Event(
    name="database_differs", level=logging.WARNING, text="{detail}", fields=("detail",)
)
S3_FAILED: Final = Event(
    name="s3_failed",
    level=logging.ERROR,
    text="S3: {operation} on bucket {bucket} {kind}: {reason}; {advice}",
    fields=("kind", "operation", "bucket", "reason", "advice"),
)
FOLDER_FAILED: Final = Event(
    name="folder_failed",
    level=logging.ERROR,
    text="the folder of ad hoc profiles cannot be used: {reason}",
    fields=("reason",),
)

EVENTS: Final = (
    REQUEST,
    REQUEST_REJECTED,
    REQUEST_FAILED,
    CREDENTIAL_NOT_SET,
    SETTINGS_INVALID,
    EVENT_INVALID,
    CLICKHOUSE_FAILED,
    QUERY_NOT_STOPPED,
    DATABASE_DIFFERS,
    S3_FAILED,
    FOLDER_FAILED,
)
