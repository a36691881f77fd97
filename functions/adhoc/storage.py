"""Storage of ad hoc profiles: an S3 bucket or a local folder. Each file belongs to one tenant."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Final

from flamehouse.aws.objects import ObjectStorage
from flamehouse.blobs import is_bucket, storage_of
from flamehouse.errors import Code, RpcError
from flamehouse.settings import Settings
from flamehouse.store.connection.client import uses_embedded
from flamehouse.store.connection.embedded import embedded_path

_FOLDER: Final = "adhoc"
_MAX_FILES: Final = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """The files of all tenants, under names that are safe in a path. Methods raise RpcError(UNAVAILABLE) on failure.

    `folder_of` maps a tenant to the first part of its keys. `expires_itself` means that the bucket's lifecycle deletes
    expired files.
    """

    objects: ObjectStorage
    folder_of: Callable[[str], str]
    expires_itself: bool

    def put(self, tenant: str, name: str, content: bytes) -> None:
        """Store a file; return once it is durable."""
        self.objects.put(self._key(tenant, name), content)

    def get(self, tenant: str, name: str) -> bytes | None:
        """Return the file, or None if it does not exist."""
        found = self.objects.get(self._key(tenant, name))
        return None if found is None else found.content

    def names(self, tenant: str) -> Iterator[str]:
        """Return the names of the tenant's files. Raises RpcError(RESOURCE_EXHAUSTED) above 20,000."""
        prefix = self._key(tenant, "")
        for number, found in zip(count(1), self.objects.list(prefix), strict=False):
            if number > _MAX_FILES:
                raise RpcError(
                    Code.RESOURCE_EXHAUSTED,
                    f"this tenant has more than {_MAX_FILES} ad hoc profiles; files expire after their retention",
                )
            yield found.key.removeprefix(prefix)

    def expire(self, tenant: str, is_over: Callable[[str], bool]) -> None:
        """Delete the tenant's files whose names satisfy `is_over`, unless the storage expires files itself."""
        if not self.expires_itself:
            for name in self.names(tenant):
                if is_over(name):
                    self.objects.delete(self._key(tenant, name))

    def check_quota(self, tenant: str, size: int, quota: int) -> None:
        """Check that the tenant's files plus a new one of `size` bytes stay within `quota` bytes; 0 means no limit.

        Raises RpcError(RESOURCE_EXHAUSTED) that names the setting. Concurrent uploads may together exceed the quota.
        """
        if not quota:
            return
        used = sum(found.size for found in self.objects.list(self._key(tenant, "")))
        if used + size > quota:
            raise RpcError(
                Code.RESOURCE_EXHAUSTED,
                f"this file of {size} bytes would exceed the tenant's quota for ad hoc profiles: {used} bytes of "
                f"ADHOC_QUOTA_BYTES={quota} are in use; files expire after their retention",
            )

    def _key(self, tenant: str, name: str) -> str:
        return f"{self.folder_of(tenant)}/{name}"


@cache
def files_of(settings: Settings) -> Files:
    """Return the configured storage. Raises RpcError(FAILED_PRECONDITION) if the settings lead to none."""
    place = settings.adhoc_profiles
    if is_bucket(place):
        return Files(objects=storage_of(place, settings), folder_of=str, expires_itself=True)
    if not place and uses_embedded(settings):
        place = str(Path(embedded_path(settings.clickhouse_dsn)) / _FOLDER)
    if not place:
        raise RpcError(
            Code.FAILED_PRECONDITION,
            "this server has no storage for ad hoc profiles: set ADHOC_PROFILES to a folder or to s3://BUCKET",
        )
    return Files(objects=storage_of(place, settings), folder_of=_hashed, expires_itself=False)


def _hashed(tenant: str) -> str:
    """Return the folder of a tenant. The hash separates tenants that differ only in case on any file system."""
    return sha256(tenant.encode()).hexdigest()
