"""Blobs: uploads and files as objects in an S3 bucket or a local folder, and the layout of their keys.

`storage_of(place, settings)` opens a place by name; `keys` is the layout. The interface is `flamehouse.aws.objects`.
Nothing here reads the content of an object.
"""

from functools import cache
from pathlib import Path
from typing import Final

from flamehouse.aws.objects import ObjectStorage
from flamehouse.aws.s3 import S3Bucket
from flamehouse.blobs.folder import Folder
from flamehouse.errors import Code, RpcError
from flamehouse.settings import Settings

_S3: Final = "s3://"


@cache
def storage_of(place: str, settings: Settings) -> ObjectStorage:
    """Return the objects of a place: `s3://BUCKET`, or a folder, which the first write creates.

    One instance per place.
    """
    if place.startswith(_S3):
        return S3Bucket(place.removeprefix(_S3).rstrip("/"), settings)
    return Folder(Path(place))


def blobs_of(settings: Settings) -> ObjectStorage:
    """Return the blobs of this deployment (BLOBS_DIR). Raises RpcError(FAILED_PRECONDITION) if it is not set."""
    if not settings.blobs_dir:
        raise RpcError(
            Code.FAILED_PRECONDITION,
            "this deployment has no storage for blobs: set BLOBS_DIR to a folder or to s3://BUCKET",
        )
    return storage_of(settings.blobs_dir, settings)


def is_bucket(place: str) -> bool:
    """Return whether a place is an S3 bucket rather than a folder."""
    return place.startswith(_S3)
