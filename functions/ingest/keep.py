"""Blobs that are retained: with KEEP_BLOBS, the envelope of every upload that is stored, for a replay."""

from collections.abc import Callable

from flamehouse.blobs.keys import UploadKey
from flamehouse.model.profile import Upload
from flamehouse.services import Services


def key_of(upload: Upload) -> UploadKey:
    """The key of the upload's envelope, which follows from the upload."""
    return UploadKey.of(upload.tenant, upload.id, min(profile.time_ns for profile in upload.profiles))


def keep(services: Services, upload: Upload, envelope: Callable[[], bytes]) -> None:
    """Put the envelope, before the upload is stored: what is acknowledged is retained. The same upload is one object.

    Raises:
        RpcError: if the storage fails.
    """
    if services.settings.keeps_blobs:
        services.blobs.put(key_of(upload).kept, envelope())
