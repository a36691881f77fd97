"""The credentials file of a local server: reloaded when it changes, edited as a whole."""

import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from flamehouse.errors import Code, RpcError
from flamehouse.identity.document import CredentialDocument, DocumentError
from flamehouse.telemetry import events
from flamehouse.telemetry.log import log

_EMPTY: Final = CredentialDocument(credentials={})
_OWNER_ONLY: Final = 0o600
_PERMISSIONS: Final = 0o777


@dataclass(frozen=True, slots=True)
class _Version:
    """Identifies a version of the file's content."""

    inode: int
    size: int
    modified_ns: int


class CredentialsFile:
    """The document in a file; thread-safe."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read: tuple[_Version, CredentialDocument] | None = None

    def document(self) -> CredentialDocument:
        """Return the current document.

        Raises:
            RpcError: `unavailable` if the file is missing or invalid; the log says why.
        """
        try:
            return self.load()
        except DocumentError as error:
            log(events.CREDENTIALS_UNREADABLE, reason=str(error))
            raise RpcError(Code.UNAVAILABLE, "the server cannot read its credentials; see its log") from None

    def load(self) -> CredentialDocument:
        """Return the current document.

        Raises:
            DocumentError: if the file is missing or invalid.
        """
        try:
            version = _version(self._path)
            known = self._read
            if known is not None and known[0] == version:
                return known[1]
            document = CredentialDocument.parse(self._path.read_text())
        except DocumentError as error:
            raise DocumentError(f"{self._path}: {error}") from None
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8"
            raise DocumentError(f"{self._path} cannot be read: {reason}") from None
        self._read = (version, document)
        return document

    def edit(self, change: Callable[[CredentialDocument], CredentialDocument]) -> None:
        """Replace the document with the result of `change`; a missing file counts as an empty document.

        Edits are serialized, and readers see the old file or the new one. The file keeps its permissions; a new file
        is accessible only to its owner.

        Raises:
            DocumentError: if the file is invalid or cannot be written.
        """
        try:
            with _locked(self._path.absolute().parent):
                document = self.load() if self._path.exists() else _EMPTY
                _replace(self._path, change(document).text())
        except OSError as error:
            raise DocumentError(f"{self._path} cannot be written: {error.strerror}") from error


def _version(path: Path) -> _Version:
    stat = path.stat()
    return _Version(stat.st_ino, stat.st_size, stat.st_mtime_ns)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _replace(path: Path, text: str) -> None:
    """Write a temporary file in the same folder, and rename it."""
    mode = path.stat().st_mode & _PERMISSIONS if path.exists() else _OWNER_ONLY
    descriptor, name = tempfile.mkstemp(dir=path.absolute().parent, prefix=f".{path.name}-")
    beside = Path(name)
    try:
        with os.fdopen(descriptor, "w") as out:
            os.fchmod(out.fileno(), mode)
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        beside.replace(path.resolve())
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
