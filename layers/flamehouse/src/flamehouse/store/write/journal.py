"""The note of what is being stored right now, beside the embedded engine's data: it outlives a killed process."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from flamehouse.store.write.rollback import Footprint


class Journal:
    """A file that is there while a group of uploads is being stored, and says where their rows would be found."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "flamehouse-storing.json"

    def begin(self, footprints: Sequence[Footprint]) -> None:
        """Note the group, whole or not at all."""
        notes = [
            {**asdict(footprint), "upload_ids": [id_.hex() for id_ in footprint.upload_ids]}
            for footprint in footprints
        ]
        draft = self._file.with_suffix(".draft")
        draft.write_text(json.dumps(notes))
        draft.replace(self._file)

    def end(self) -> None:
        """The group is stored, or taken back."""
        self._file.unlink()

    def unfinished(self) -> list[Footprint]:
        """The group that was begun and not ended; empty where there is none."""
        if not self._file.exists():
            return []
        return [
            Footprint(**{**note, "upload_ids": [bytes.fromhex(id_) for id_ in note["upload_ids"]]})
            for note in json.loads(self._file.read_text())
        ]
