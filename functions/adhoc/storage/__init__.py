"""Where uploaded files are kept: a bucket of S3, or a folder of this machine. Every one belongs to a tenant."""

from pathlib import Path
from typing import Final

from adhoc.storage.base import Kept
from adhoc.storage.bucket import Bucket
from adhoc.storage.folder import Folder
from flamehouse.errors import Code, RpcError
from flamehouse.settings import Settings
from flamehouse.store.connection.client import uses_embedded
from flamehouse.store.connection.embedded import embedded_path

_S3: Final = "s3://"
_FOLDER: Final = "adhoc"


def kept_files(settings: Settings) -> Kept:
    """Where `settings` say that files are kept; RpcError failed_precondition if they say nothing."""
    place = settings.adhoc_profiles
    if place.startswith(_S3):
        return Bucket(place.removeprefix(_S3).rstrip("/"), settings)
    if place:
        return Folder(Path(place))
    if uses_embedded(settings):
        return Folder(Path(embedded_path(settings.clickhouse_dsn)) / _FOLDER)
    raise RpcError(
        Code.FAILED_PRECONDITION,
        "this server has no place for ad hoc profiles: set ADHOC_PROFILES to a folder, or to s3:// and a bucket",
    )
