"""Reads the S3 objects that a message reports, in every form of S3's notifications.

Shapes: docs.aws.amazon.com/AmazonS3/latest/userguide, "Event message structure" and "EventBridge event message
structure".
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote_plus

_CREATED: Final = "ObjectCreated:"
_BRIDGE_CREATED: Final = "Object Created"
_TEST: Final = "s3:TestEvent"


class UnknownMessageError(ValueError):
    """The message is not from S3."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectCreated:
    """An object that was put: its place (`s3://BUCKET`, or a folder), key, and version in a versioned bucket."""

    place: str
    key: str
    version: str = ""
    size: int = 0


def objects_of(message: Any) -> list[ObjectCreated]:  # noqa: ANN401  # JSON
    """Return the objects that a message reports as put: none for S3's test event or other events, such as deletions.

    Raises UnknownMessageError.
    """
    try:
        match message:
            case {"Records": list(records)}:
                return [_notified(record["s3"]) for record in records if _is_put(record)]
            case {"source": "aws.s3", "detail-type": kind, "detail": dict(detail)}:
                return [_bridged(detail)] if kind == _BRIDGE_CREATED else []
            case {"Event": event} if event == _TEST:
                return []
            case {"Type": "Notification", "Message": str(inner)}:  # through SNS
                return objects_of(json.loads(inner))
    except (KeyError, TypeError, ValueError) as error:
        raise UnknownMessageError(f"incomplete: {type(error).__name__}") from error
    raise UnknownMessageError("neither an S3 notification nor an EventBridge event")


def _is_put(record: Mapping[str, Any]) -> bool:
    if record["eventSource"] != "aws:s3":
        raise ValueError(record["eventSource"])
    return str(record["eventName"]).startswith(_CREATED)


def _notified(s3: Mapping[str, Any]) -> ObjectCreated:
    """Read the object of one of S3's own notifications, which encode keys as HTML forms do."""
    found = s3["object"]
    return _object(s3, unquote_plus(found["key"], errors="strict"), found.get("versionId"))


def _bridged(detail: Mapping[str, Any]) -> ObjectCreated:
    """Read the object of an EventBridge event, which does not encode keys."""
    found = detail["object"]
    return _object(detail, str(found["key"]), found.get("version-id"))


def _object(holder: Mapping[str, Any], key: str, version: Any) -> ObjectCreated:  # noqa: ANN401  # JSON
    size = int(holder["object"].get("size", 0))
    return ObjectCreated(place=f"s3://{holder['bucket']['name']}", key=key, version=version or "", size=size)
