"""The lock on the data folder of an embedded ClickHouse: only one process at a time may open it."""

import fcntl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TextIO

from flamehouse.errors import OperatorError
from flamehouse.settings import Settings
from flamehouse.store.connection.client import uses_embedded
from flamehouse.store.connection.embedded import embedded_path, is_embedded

_SECOND_SERVER: Final = "a second one needs its own DATA_DIR and PORT"
STOP_SERVER: Final = "stop it first"
"""The advice for commands that open the database themselves."""


def local_environ(environ: Mapping[str, str]) -> dict[str, str]:
    """Return `environ` with local defaults: ClickHouse in DATA_DIR or ./data, and blobs in its folder if embedded."""
    dsn = environ.get("CLICKHOUSE_DSN") or f"chdb://{environ.get('DATA_DIR') or './data'}"
    blobs = environ.get("BLOBS_DIR") or (embedded_path(dsn) if is_embedded(dsn) else "")
    return {**environ, "CLICKHOUSE_DSN": dsn, "BLOBS_DIR": blobs}


def data_folder(settings: Settings) -> Path | None:
    """The data folder of the embedded ClickHouse in `settings`; None for a server."""
    return Path(embedded_path(settings.clickhouse_dsn)) if uses_embedded(settings) else None


@contextmanager
def locked(settings: Settings, advice: str = _SECOND_SERVER) -> Iterator[None]:
    """Lock the data folder in `settings`, if there is one, and create it if it does not exist.

    `advice` is for the operator if another process holds the lock.

    Raises: OperatorError if another process holds the lock, or if the folder cannot be written.
    """
    folder = data_folder(settings)
    lock = None if folder is None else _lock(folder, advice)
    try:
        yield
    finally:
        if lock is not None:
            lock.close()


def _lock(folder: Path, advice: str) -> TextIO:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "flamehouse.lock").open("w")
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise OperatorError(f"the data folder {folder} is in use by another flamehouse; {advice}") from error
    except OSError as error:
        raise OperatorError(f"cannot use the data folder {folder}: {error.strerror}") from error
    return lock
