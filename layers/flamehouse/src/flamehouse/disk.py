"""File operations, durable on return unless the docstring says otherwise."""

import ctypes
import errno
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from uuid import uuid4

OWN: Final = ".flamehouse-"
"""The name prefix of files that only this package reads, such as drafts."""


class Disk:
    """The file system. Methods raise OSError."""

    def create(self, path: Path) -> int:
        """Open a new file for appending; its name is durable."""
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        self.sync_folder(path.parent)
        return descriptor

    def append(self, descriptor: int, content: bytes) -> None:
        """Write all of `content`; durable only after `sync`."""
        left = memoryview(content)
        while left:
            left = left[os.write(descriptor, left) :]

    def sync(self, descriptor: int) -> None:
        """Make the file's content durable."""
        os.fdatasync(descriptor)

    def close(self, descriptor: int) -> None:
        """Close the file."""
        os.close(descriptor)

    def make_folder(self, path: Path) -> None:
        """Create the folder and its parents, unless they exist."""
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.sync_folder(path.parent)

    def sync_folder(self, path: Path) -> None:
        """Make the names in the folder durable."""
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def sync_file_system(self, path: Path) -> None:
        """Make all writes to the file system of `path` durable, including those of other libraries."""
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            libc = ctypes.CDLL(None, use_errno=True)
            if not hasattr(libc, "syncfs"):  # Linux only
                os.sync()
            elif libc.syncfs(descriptor) != 0:
                code = ctypes.get_errno()
                raise OSError(code, os.strerror(code), str(path))
        finally:
            os.close(descriptor)

    def names(self, folder: Path) -> Sequence[str]:
        """Return the names in the folder, sorted."""
        return sorted(entry.name for entry in folder.iterdir())

    def read(self, path: Path) -> bytes:
        """Return the file's content."""
        return path.read_bytes()

    def write(self, path: Path, content: bytes) -> None:
        """Write a whole file; readers see all of it or none."""
        draft = path.with_name(f"{OWN}{uuid4().hex}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            Disk.append(self, descriptor, content)
            Disk.sync(self, descriptor)
            draft.replace(path)
        except OSError:
            draft.unlink(missing_ok=True)
            raise
        finally:
            os.close(descriptor)
        self.sync_folder(path.parent)

    def delete(self, path: Path) -> None:
        """Remove the file; not durable, so a power failure may restore it."""
        path.unlink(missing_ok=True)

    def check_writable(self, folder: Path) -> None:
        """Raises OSError if this process may not write to the folder, or if its file system is read-only."""
        if not os.access(folder, os.W_OK):
            folder.stat()
            code = errno.EROFS if os.statvfs(folder).f_flag & os.ST_RDONLY else errno.EACCES
            raise OSError(code, os.strerror(code), str(folder))

    def free_bytes(self, folder: Path) -> int:
        """Return the number of bytes that this process may still use on the folder's file system."""
        status = os.statvfs(folder)
        return status.f_bavail * status.f_frsize
