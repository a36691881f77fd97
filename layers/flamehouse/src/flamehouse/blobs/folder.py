"""Objects in a local folder: each object is a plain file at its key."""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from flamehouse.aws.objects import ObjectInfo, StoredObject
from flamehouse.disk import OWN, Disk
from flamehouse.errors import Code, RpcError
from flamehouse.telemetry import events
from flamehouse.telemetry.log import log

_METADATA: Final = f"{OWN}metadata"
_NO_OBJECT: Final = (FileNotFoundError, NotADirectoryError, IsADirectoryError)


class Folder:
    """An `ObjectStorage` in a folder, usable from several threads and processes.

    Metadata is JSON at the same key below `.flamehouse-metadata/`. On a file system that ignores case, keys that
    differ only in case are the same object. Methods raise ValueError for a key that is not a path below the folder.
    """

    def __init__(self, path: Path, disk: Disk | None = None) -> None:
        self._path = path
        self._disk = disk or Disk()

    def put(self, key: str, content: bytes, metadata: Mapping[str, str] | None = None) -> None:
        with self._failures():
            path, notes = self._paths(key)
            # Metadata first: a visible object then has its metadata.
            if metadata:
                self._write(notes, json.dumps(dict(metadata)).encode())
            else:
                notes.unlink(missing_ok=True)
            self._write(path, content)

    def get(self, key: str, version: str = "") -> StoredObject | None:  # noqa: ARG002  # a folder has no versions
        with self._failures():
            path, _ = self._paths(key)
            try:
                with path.open("rb") as file:
                    modified_ns = os.fstat(file.fileno()).st_mtime_ns
                    content = file.read()
            except _NO_OBJECT:
                return None
            return StoredObject(content=content, metadata=self._metadata(key), modified_ns=modified_ns)

    def head(self, key: str, version: str = "") -> ObjectInfo | None:  # noqa: ARG002  # likewise
        with self._failures():
            path, _ = self._paths(key)
            if not path.is_file():
                return None
            status = path.stat()
            return ObjectInfo(
                key=key,
                size=status.st_size,
                metadata=self._metadata(key),
                modified_ns=status.st_mtime_ns,
            )

    def delete(self, key: str, version: str = "") -> None:  # noqa: ARG002  # likewise
        with self._failures():
            for path in self._paths(key):
                try:
                    path.unlink()
                except _NO_OBJECT:
                    continue

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Like `ObjectStorage.list`, but reads all keys before it yields the first."""
        with self._failures():
            folder = self._path / prefix.rpartition("/")[0]
            keys = (path.relative_to(self._path).as_posix() for path in _files_below(folder))
            found = sorted((key for key in keys if key.startswith(prefix)), key=os.fsencode)
        for key in found:
            with self._failures():
                try:
                    status = (self._path / key).stat()
                except _NO_OBJECT:
                    continue
            yield ObjectInfo(key=key, size=status.st_size, modified_ns=status.st_mtime_ns)

    def _paths(self, key: str) -> tuple[Path, Path]:
        """Return the object's file, and the file of its metadata."""
        parts = key.split("/")
        if any(part in {"", ".", ".."} or part.startswith(OWN) or "\0" in part for part in parts):
            raise ValueError(f"invalid key {key!r}: it must be a path below the folder")
        return self._path.joinpath(*parts), self._path.joinpath(_METADATA, *parts)

    def _metadata(self, key: str) -> Mapping[str, str]:
        _, notes = self._paths(key)
        try:
            found = json.loads(notes.read_bytes())
        except (*_NO_OBJECT, ValueError):
            return {}
        return {str(name): str(value) for name, value in found.items()} if isinstance(found, dict) else {}

    def _write(self, path: Path, content: bytes) -> None:
        for folder in reversed(path.relative_to(self._path).parents):
            if not (self._path / folder).is_dir():
                self._disk.make_folder(self._path / folder)
        self._disk.write(path, content)

    @contextmanager
    def _failures(self) -> Iterator[None]:
        """Convert failures of the file system to RpcError(UNAVAILABLE) and one log line."""
        try:
            yield
        except OSError as error:
            log(events.FOLDER_FAILED, path=str(self._path), reason=error.strerror or type(error).__name__)
            raise RpcError(
                Code.UNAVAILABLE, "the storage of files is unavailable; retry in 30 seconds"
            ) from None


def _files_below(folder: Path) -> Iterable[Path]:
    for place, folders, names in folder.walk():
        folders[:] = [name for name in folders if not name.startswith(OWN)]
        yield from (place / name for name in names if not name.startswith(OWN))
