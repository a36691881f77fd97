"""Ad hoc profiles in a local folder, with a subfolder for each tenant."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

from adhoc.storage.base import unavailable
from flamehouse.telemetry import events
from flamehouse.telemetry.log import log


class Folder:
    """The files of every tenant below one folder, which the first upload creates."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def put(self, tenant: str, name: str, content: bytes) -> None:
        with _told_to_clients():
            folder = self._folder_of(tenant)
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            # A rename is atomic: a killed process leaves no partial file.
            unfinished = folder / f".{uuid4().hex}"
            unfinished.write_bytes(content)
            unfinished.replace(folder / name)

    def get(self, tenant: str, name: str) -> bytes | None:
        with _told_to_clients():
            try:
                return (self._folder_of(tenant) / name).read_bytes()
            except FileNotFoundError:
                return None

    def names(self, tenant: str) -> Iterable[str]:
        with _told_to_clients():
            try:
                return [file.name for file in self._folder_of(tenant).iterdir()]
            except FileNotFoundError:
                return []

    def expire(self, tenant: str, is_over: Callable[[str], bool]) -> None:
        for name in self.names(tenant):
            if is_over(name):
                with _told_to_clients():
                    (self._folder_of(tenant) / name).unlink(missing_ok=True)

    def _folder_of(self, tenant: str) -> Path:
        """The tenant's folder, named by a hash: tenants that differ only in case need folders of their own on any file system."""
        return self._path / sha256(tenant.encode()).hexdigest()


@contextmanager
def _told_to_clients() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        log(events.FOLDER_FAILED, reason=error.strerror or type(error).__name__)
        raise unavailable() from None
