"""Storage of ad hoc profiles: a bucket of S3 or a local folder. Each file belongs to one tenant."""

from functools import cache
from pathlib import Path
from typing import Final

from adhoc.storage.base import Kept
from adhoc.storage.bucket import Bucket
from adhoc.storage.folder import Folder
from flamehouse.aws.s3 import S3Bucket
from flamehouse.errors import Code, RpcError
from flamehouse.settings import Settings
from flamehouse.store.connection.client import uses_embedded
from flamehouse.store.connection.embedded import embedded_path

_S3: Final = "s3://"
_FOLDER: Final = "adhoc"


@cache
def kept_files(settings: Settings) -> Kept:
    """The storage that `settings` name, made once. Raises RpcError(FAILED_PRECONDITION) if they name none."""
    place = settings.adhoc_profiles
    if place.startswith(_S3):
        return Bucket(S3Bucket(place.removeprefix(_S3).rstrip("/"), settings))
    if place:
        return Folder(Path(place))
    if uses_embedded(settings):
        return Folder(Path(embedded_path(settings.clickhouse_dsn)) / _FOLDER)
    raise RpcError(
        Code.FAILED_PRECONDITION,
        "this server has no storage for ad hoc profiles: set ADHOC_PROFILES to a folder or to s3://BUCKET",
    )
