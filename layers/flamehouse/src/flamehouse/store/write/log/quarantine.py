"""Uploads that cannot be stored because of their content: each in a file, with the reason in a second file."""

import json
from datetime import UTC, datetime
from pathlib import Path

from flamehouse.disk import Disk
from flamehouse.telemetry import events
from flamehouse.telemetry.log import log


class Quarantine:
    """A folder of rejected records, each named by its segment plus its position there or its upload's id."""

    def __init__(self, folder: Path, disk: Disk) -> None:
        self._folder = folder
        self._disk = disk

    def put(self, name: str, record: bytes, reason: str) -> None:
        """Write the record and its reason durably. Raises OSError."""
        self._disk.make_folder(self._folder)
        note = {"reason": reason, "quarantined": datetime.now(UTC).isoformat(timespec="seconds")}
        self._disk.write(self._folder / f"{name}.json", json.dumps(note).encode())
        self._disk.write(self._folder / f"{name}.upload", record)
        log(events.UPLOAD_QUARANTINED, upload=name, path=str(self._folder), reason=reason)
