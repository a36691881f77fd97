"""Every log event, with its level, text and fields."""

import logging
from dataclasses import dataclass
from typing import Final

LOGGER: Final = "flamehouse"
ACCESS_LOGGER: Final = f"{LOGGER}.access"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A log event. `text` is a format string over the names in `fields`; the other fields are appended."""

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
NOT_AUTHORIZED: Final = Event(
    name="not_authorized",
    level=logging.ERROR,
    text="rejected a request that bypassed the authorizer: check the routes of the API",
)
CREDENTIALS_UNREADABLE: Final = Event(
    name="credentials_unreadable",
    level=logging.ERROR,
    text="the credentials cannot be read, so requests are rejected: {reason}",
    fields=("reason",),
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
QUEUE_FAILED: Final = Event(
    name="queue_failed",
    level=logging.ERROR,
    text="SQS: {operation} {kind}: {reason}; {advice}",
    fields=("kind", "operation", "reason", "advice"),
)
FOLDER_FAILED: Final = Event(
    name="folder_failed",
    level=logging.ERROR,
    text="the folder {path} cannot be used: {reason}",
    fields=("path", "reason"),
)

GRPC_ON_HTTP_PORT: Final = Event(
    name="grpc_on_http_port",
    level=logging.WARNING,
    text="gRPC from {client} on the HTTP port: {advice}",
    fields=("client", "advice"),
)
CONNECTION_REFUSED: Final = Event(
    name="connection_refused",
    level=logging.WARNING,
    text="rejected a connection above the limit of {limit} (MAX_CONNECTIONS, or fewer because of `ulimit -n`)",
    fields=("limit",),
)
CONNECTIONS_WAIT: Final = Event(
    name="connections_wait",
    level=logging.ERROR,
    text="connections are waiting because this process has no file descriptors left (`ulimit -n`): {reason}",
    fields=("reason",),
)
SERIES_FOLDED: Final = Event(
    name="series_folded",
    level=logging.WARNING,
    text=(
        "an upload of service {service_name} makes more series than MAX_SERIES_PER_UPLOAD={limit}: labels of the rest are "
        "folded into __overflow__ (LABEL_RULES drops a label whose values never repeat)"
    ),
    fields=("service_name", "limit"),
)
LIMITS_INVALID: Final = Event(
    name="limits_invalid",
    level=logging.ERROR,
    text="the stored limits of tenant {limited} are ignored: {reason}",
    fields=("reason", "limited"),
)
MAINTENANCE_FAILED: Final = Event(
    name="maintenance_failed",
    level=logging.WARNING,
    text="maintenance failed and will be retried: {reason}",
    fields=("reason",),
)
SELF_PROFILE_FAILED: Final = Event(
    name="self_profile_failed",
    level=logging.WARNING,
    text="a profile of this server was not stored: {reason}",
    fields=("reason",),
)
QRYN_INPUT_FAILED: Final = Event(
    name="qryn_input_failed",
    level=logging.ERROR,
    text="rows of qryn's collector were not stored and will be retried: {reason}",
    fields=("reason",),
)
QRYN_ROWS_REJECTED: Final = Event(
    name="qryn_rows_rejected",
    level=logging.ERROR,
    text="moved {rows} invalid rows of qryn's collector to the table qryn_rejected: {reason}",
    fields=("rows", "reason"),
)
UPLOAD_LOG_FAILED: Final = Event(
    name="upload_log_failed", level=logging.ERROR, text="{reason}", fields=("reason",)
)
UPLOAD_LOG_DAMAGED: Final = Event(
    name="upload_log_damaged",
    level=logging.WARNING,
    text="skipped the last {damaged_bytes} bytes of {path}, which were never acknowledged",
    fields=("path", "damaged_bytes"),
)
UPLOADS_RECOVERED: Final = Event(
    name="uploads_recovered",
    level=logging.WARNING,
    text="inserting {uploads} uploads that an earlier process left in {path}",
    fields=("uploads", "path"),
)
INSERT_REPEATED: Final = Event(
    name="insert_repeated",
    level=logging.ERROR,
    text="an insert into ClickHouse failed ({reason}): retrying",
    fields=("reason",),
)
UPLOAD_QUARANTINED: Final = Event(
    name="upload_quarantined",
    level=logging.ERROR,
    text="upload {upload} cannot be stored and was moved to {path}: {reason}",
    fields=("upload", "path", "reason"),
)
OBJECT_IGNORED: Final = Event(
    name="object_ignored",
    level=logging.WARNING,
    text="ignored {key} in {place}: it is not below an ingested prefix",
    fields=("place", "key"),
)
MESSAGE_INVALID: Final = Event(
    name="message_invalid",
    level=logging.ERROR,
    text="a message of the queue is not from S3: {reason}; it will end up in the dead-letter queue",
    fields=("reason",),
)
QUEUE_DRAINED: Final = Event(
    name="queue_drained",
    level=logging.INFO,
    text="drained the queue: {handled} messages handled, {failed} failed",
    fields=("handled", "failed"),
)
MAINTAINED: Final = Event(
    name="maintained",
    level=logging.INFO,
    text="scheduled maintenance ended; all work done: {done}",
    fields=("done",),
)
STAGED_UPLOAD_MISSING: Final = Event(
    name="staged_upload_missing",
    level=logging.ERROR,
    text="the acknowledged upload {key} is neither staged nor stored: it is lost unless an older version of the object exists",
    fields=("key",),
)
EVENTS: Final = (
    REQUEST,
    REQUEST_REJECTED,
    REQUEST_FAILED,
    NOT_AUTHORIZED,
    CREDENTIALS_UNREADABLE,
    SETTINGS_INVALID,
    EVENT_INVALID,
    CLICKHOUSE_FAILED,
    QUERY_NOT_STOPPED,
    DATABASE_DIFFERS,
    S3_FAILED,
    QUEUE_FAILED,
    FOLDER_FAILED,
    CONNECTION_REFUSED,
    CONNECTIONS_WAIT,
    GRPC_ON_HTTP_PORT,
    SERIES_FOLDED,
    LIMITS_INVALID,
    MAINTENANCE_FAILED,
    SELF_PROFILE_FAILED,
    QRYN_INPUT_FAILED,
    QRYN_ROWS_REJECTED,
    UPLOAD_LOG_FAILED,
    UPLOAD_LOG_DAMAGED,
    UPLOADS_RECOVERED,
    INSERT_REPEATED,
    UPLOAD_QUARANTINED,
    OBJECT_IGNORED,
    MESSAGE_INVALID,
    QUEUE_DRAINED,
    MAINTAINED,
    STAGED_UPLOAD_MISSING,
)
