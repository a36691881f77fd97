"""Objects that can never be stored: moved to `quarantine/`, each with its reason beside it."""

import json
from datetime import UTC, datetime

from flamehouse.aws.objects import ObjectStorage, StoredObject
from flamehouse.blobs.keys import REASON, quarantine_key
from flamehouse.telemetry import events, metrics
from flamehouse.telemetry.log import log


def quarantine(storage: ObjectStorage, key: str, found: StoredObject, reason: str) -> None:
    """Move the object; after a kill, moving it again changes nothing. Raises RpcError if the storage fails."""
    moved = quarantine_key(key)
    note = {
        "reason": reason,
        "key": key,
        "bytes": len(found.content),
        "quarantined": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    storage.put(f"{moved}{REASON}", json.dumps(note).encode())
    storage.put(moved, found.content, found.metadata)
    storage.delete(key)
    log(events.UPLOAD_QUARANTINED, upload=key, path=moved, reason=reason)
    metrics.add(metrics.OBJECTS_QUARANTINED, prefix=key.partition("/")[0])
