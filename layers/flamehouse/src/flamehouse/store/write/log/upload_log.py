"""Appends records to the current segment of the log, and closes the segment so that the writer can insert it."""

import errno
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Final

from flamehouse.disk import Disk
from flamehouse.errors import Code, RpcError
from flamehouse.store.write.log.segment import HEADER, encode_record, read_segment
from flamehouse.telemetry import events
from flamehouse.telemetry.log import log

_SUFFIX: Final = ".log"
_NUMBER_DIGITS: Final = 16
_RESERVE_BYTES: Final = 32 << 20
"""Disk space reserved for ClickHouse, which must insert what the log has accepted."""
_FULL: Final = frozenset((errno.ENOSPC, errno.EDQUOT))


@dataclass(slots=True, kw_only=True, eq=False)
class Segment[Item]:
    """An open or closed segment, with the items of its records in memory.

    After a failed write or sync, the end of the file is unknown, so a `damaged` segment accepts no further records.
    """

    path: Path
    descriptor: int
    size: int = 0
    synced: int = 0
    damaged: bool = False
    items: list[Item] = field(default_factory=list)
    syncing: Lock = field(default_factory=Lock)

    @property
    def name(self) -> str:
        return self.path.stem


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftSegment:
    """A segment left by an earlier process; its records may not have been inserted."""

    path: Path
    records: tuple[bytes, ...]

    @property
    def name(self) -> str:
        return self.path.stem


class UploadLog[Item]:
    """Appends records to segments in a folder. One process at a time may use the folder.

    With `fsync` off, a record is acknowledged once the operating system has it: it survives a killed process but not a
    power failure.
    """

    def __init__(self, folder: Path, disk: Disk, *, fsync: bool = True) -> None:
        self.folder = folder
        self._disk = disk
        self._fsync = fsync
        self._lock = Lock()
        self._current: Segment[Item] | None = None
        self._next_number = 0

    def left_segments(self) -> Iterator[LeftSegment]:
        """The segments of earlier processes, oldest first; call this before the first `append`."""
        with disk_trouble(self.folder, self._disk):
            self._disk.make_folder(self.folder)
            names = [name for name in self._disk.names(self.folder) if name.endswith(_SUFFIX)]
        for name in names:
            path = self.folder / name
            self._next_number = max(self._next_number, int(path.stem) + 1)
            content = read_segment(self._disk.read(path))
            if content.damaged_bytes:
                log(events.UPLOAD_LOG_DAMAGED, path=str(path), damaged_bytes=content.damaged_bytes)
            yield LeftSegment(path=path, records=content.records)

    def append(self, payload: Sequence[bytes], item: Item) -> str:
        """Write a record with this payload, given in pieces; return its segment's name once the record is durable.

        `item` is what the writer inserts for it. Raises RpcError(UNAVAILABLE), which names the folder, if the disk is
        full or cannot be written. The record is then not acknowledged, though a later start may still find it.
        """
        record = encode_record(*payload)
        size = sum(map(len, record))
        with disk_trouble(self.folder, self._disk, size):
            with self._lock:
                self._check_free(size)
                segment = self._current or self._open()
                for piece in record:
                    self._write(segment, piece)
                segment.items.append(item)
                end = segment.size
            self._sync(segment, end)
        return segment.name

    def close_segment(self) -> Segment[Item] | None:
        """Close the current segment to further records and return it; None if no segment is open.

        Its last records may not be synced yet.
        """
        with self._lock:
            segment, self._current = self._current, None
        return segment

    @property
    def current(self) -> Segment[Item] | None:
        """The open segment; None if nothing was appended since the last one was closed."""
        return self._current

    def delete(self, segments: Sequence[Segment[Item]]) -> None:
        """Delete segments whose uploads are durable in ClickHouse."""
        with disk_trouble(self.folder, self._disk):
            for segment in segments:
                with segment.syncing:
                    segment.synced = segment.size
                    self._disk.close(segment.descriptor)
                self._disk.delete(segment.path)

    def check(self, wanted: int = 0) -> None:
        """Raise RpcError(UNAVAILABLE) if no record of `wanted` bytes can be written to the folder."""
        with disk_trouble(self.folder, self._disk, wanted):
            self._disk.check_writable(self.folder)
            self._check_free(wanted)

    def _open(self) -> Segment[Item]:
        path = self.folder / f"{self._next_number:0{_NUMBER_DIGITS}}{_SUFFIX}"
        self._next_number += 1
        segment: Segment[Item] = Segment(path=path, descriptor=self._disk.create(path))
        try:
            self._write(segment, HEADER)
        except OSError:
            self._disk.close(segment.descriptor)
            raise
        self._current = segment
        return segment

    def _write(self, segment: Segment[Item], content: bytes) -> None:
        if segment.damaged:
            raise OSError(errno.EIO, "an earlier write failed")
        try:
            self._disk.append(segment.descriptor, content)
        except OSError:
            segment.damaged = True
            raise
        segment.size += len(content)

    def _sync(self, segment: Segment[Item], end: int) -> None:
        """Make the first `end` bytes durable; one sync covers every append written before it."""
        if not self._fsync:
            return
        with segment.syncing:
            if segment.synced < end:
                size = segment.size
                try:
                    self._disk.sync(segment.descriptor)
                except OSError:
                    segment.damaged = True
                    raise
                segment.synced = size

    def _check_free(self, wanted: int) -> None:
        if self._disk.free_bytes(self.folder) < wanted + _RESERVE_BYTES:
            raise OSError(errno.ENOSPC, "too little space")


@contextmanager
def disk_trouble(folder: Path, disk: Disk, wanted: int = 0) -> Iterator[None]:
    """Convert OSError to RpcError(UNAVAILABLE) with the folder, the reason and, if the disk is full, the bytes."""
    try:
        yield
    except OSError as error:
        message = f"cannot write to {folder}: {error.strerror or type(error).__name__}"
        if error.errno in _FULL:
            message = (
                f"the disk of {folder} is full: {disk.free_bytes(folder)} bytes are free, and an upload of {wanted} "
                f"bytes needs {wanted + _RESERVE_BYTES}"
            )
        log(events.UPLOAD_LOG_FAILED, reason=message)
        raise RpcError(Code.UNAVAILABLE, message) from None
