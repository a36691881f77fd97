"""Moves objects that can never be stored to `quarantine/`, each with a file that states the reason."""

import json
from datetime import UTC, datetime
from typing import Final

from flamehouse.aws.objects import ObjectStorage, StoredObject
from flamehouse.blobs.keys import REASON, quarantine_key
from flamehouse.errors import Code
from flamehouse.telemetry import events, metrics
from flamehouse.telemetry.log import log

POISON: Final = frozenset({Code.INVALID_ARGUMENT, Code.UNKNOWN, Code.RESOURCE_EXHAUSTED})
"""Errors caused by an object itself: it is unreadable or exceeds limits. /ingest reports invalid content as `unknown`."""


def quarantine(storage: ObjectStorage, key: str, found: StoredObject, reason: str, version: str = "") -> None:
    """Move the object, or only this version. Can be repeated after a kill. Raises RpcError if the storage fails."""
    moved = quarantine_key(key)
    _put_reason(storage, key, len(found.content), reason)
    storage.put(moved, found.content, found.metadata)
    storage.delete(key, version)
    _report(key, moved, reason)


def quarantine_unread(storage: ObjectStorage, key: str, size: int, reason: str) -> None:
    """Record the reason for an object that is too large to read; the object stays at its key."""
    _put_reason(storage, key, size, reason)
    _report(key, key, reason)


def _put_reason(storage: ObjectStorage, key: str, size: int, reason: str) -> None:
    note = {
        "reason": reason,
        "key": key,
        "bytes": size,
        "quarantined": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    storage.put(f"{quarantine_key(key)}{REASON}", json.dumps(note).encode())


def _report(key: str, path: str, reason: str) -> None:
    log(events.UPLOAD_QUARANTINED, upload=key, path=path, reason=reason)
    metrics.add(metrics.OBJECTS_QUARANTINED, prefix=key.partition("/")[0])
