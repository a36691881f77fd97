"""Ad hoc profiles in a bucket, a tenant's files below its name. The bucket's lifecycle deletes them in time."""

from collections.abc import Callable, Iterator
from itertools import count
from typing import Final

from flamehouse.aws.objects import ObjectStorage
from flamehouse.errors import Code, RpcError

_MAX_FILES: Final = 20_000


class Bucket:
    """The files of every tenant in object storage."""

    def __init__(self, objects: ObjectStorage) -> None:
        self._objects = objects

    def put(self, tenant: str, name: str, content: bytes) -> None:
        self._objects.put(f"{tenant}/{name}", content)

    def get(self, tenant: str, name: str) -> bytes | None:
        found = self._objects.get(f"{tenant}/{name}")
        return None if found is None else found.content

    def names(self, tenant: str) -> Iterator[str]:
        """The names. Raises RpcError(RESOURCE_EXHAUSTED) for a tenant with more than 20,000 files."""
        prefix = f"{tenant}/"
        for number, found in zip(count(1), self._objects.list(prefix), strict=False):
            if number > _MAX_FILES:
                raise RpcError(
                    Code.RESOURCE_EXHAUSTED,
                    f"this tenant has more than {_MAX_FILES} ad hoc profiles; they expire with the retention",
                )
            yield found.key.removeprefix(prefix)

    def expire(self, tenant: str, is_over: Callable[[str], bool]) -> None:
        """Nothing to do: the lifecycle of the bucket does it."""
