"""Retains blobs: with KEEP_BLOBS, the envelope of every stored upload, so that it can be replayed."""

from collections.abc import Callable

from flamehouse.blobs.keys import UploadKey
from flamehouse.model.profile import Upload
from flamehouse.services import Services


def key_of(upload: Upload) -> UploadKey:
    """Return the key of the upload's envelope, which depends only on the upload."""
    return UploadKey.of(upload.tenant, upload.id, min(profile.time_ns for profile in upload.profiles))


def keep(services: Services, upload: Upload, envelope: Callable[[], bytes]) -> None:
    """Put the envelope before the upload is stored, so that every acknowledged upload is retained.

    All attempts of an upload write the same object.

    Raises:
        RpcError: if the storage fails.
    """
    if services.settings.keeps_blobs:
        services.blobs.put(key_of(upload).kept, envelope())
