"""A disk that loses power at a chosen operation, and its possible contents afterwards."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from errno import EIO
from pathlib import Path
from threading import Lock

from flamehouse.disk import Disk


class PowerLossError(OSError):
    """A power failure. Every later operation fails in the same way."""


class Remains(StrEnum):
    """What a power failure leaves of bytes that were written but not synced."""

    ALL = "all"
    NONE = "none"
    HALF = "half"
    ZEROS = "zeros"


@dataclass(slots=True)
class _File:
    path: Path
    size: int = 0
    synced: int = 0


@dataclass(slots=True)
class FailingDisk(Disk):
    """The real disk for the first `operations` operations; a failing append may have written half."""

    operations: int
    made: int = 0
    lost: bool = False
    _files: dict[int, _File] = field(default_factory=dict)
    _deleted: dict[Path, bytes] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def create(self, path: Path) -> int:
        self._step()
        descriptor = Disk.create(self, path)
        self._files[descriptor] = _File(path)
        return descriptor

    def append(self, descriptor: int, content: bytes) -> None:
        file = self._files[descriptor]
        try:
            self._step()
        except PowerLossError:
            half = content[: len(content) // 2]
            Disk.append(self, descriptor, half)
            file.size += len(half)
            raise
        Disk.append(self, descriptor, content)
        file.size += len(content)

    def sync(self, descriptor: int) -> None:
        self._step()
        Disk.sync(self, descriptor)
        self._files[descriptor].synced = self._files[descriptor].size

    def sync_file_system(self, path: Path) -> None:
        self._step()
        Disk.sync_file_system(self, path)

    def delete(self, path: Path) -> None:
        self._step()
        self._deleted[path] = path.read_bytes()
        Disk.delete(self, path)

    def write(self, path: Path, content: bytes) -> None:
        self._step()
        Disk.write(self, path, content)

    def names(self, folder: Path) -> Sequence[str]:
        self._step()
        return Disk.names(self, folder)

    def leave(self, remains: Remains) -> None:
        """Brings the files into the state after the power failure; deleted files exist again."""
        for path, content in self._deleted.items():
            path.write_bytes(content)
        for file in self._files.values():
            if file.path.exists():
                file.path.write_bytes(_remaining(file.path.read_bytes(), file.synced, remains))

    def _step(self) -> None:
        with self._lock:
            self.lost = self.lost or self.made >= self.operations
            if self.lost:
                raise PowerLossError(EIO, "power failure")
            self.made += 1


def _remaining(content: bytes, synced: int, remains: Remains) -> bytes:
    unsynced = len(content) - synced
    match remains:
        case Remains.ALL:
            return content
        case Remains.NONE:
            return content[:synced]
        case Remains.HALF:
            return content[: synced + unsynced // 2]
        case Remains.ZEROS:
            return content[:synced] + bytes(unsynced)
