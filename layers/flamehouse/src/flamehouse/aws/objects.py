"""The interface of object storage: the objects in one bucket or folder."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectInfo:
    """An object without its content: its key, size in bytes, metadata, and time of modification.

    Listings have no metadata. `modified_ns` counts from the epoch; on S3 it has a resolution of one second.
    """

    key: str
    size: int
    metadata: Mapping[str, str] = field(default_factory=dict)
    modified_ns: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """An object's content, metadata, and time of modification."""

    content: bytes
    metadata: Mapping[str, str] = field(default_factory=dict)
    modified_ns: int = field(default=0, compare=False)


class ObjectStorage(Protocol):
    """The objects in one bucket or folder.

    Every method raises RpcError(UNAVAILABLE) if the storage fails or does not respond.
    """

    def put(self, key: str, content: bytes, metadata: Mapping[str, str] | None = None) -> None:
        """Store or replace an object; returns once it is durable. Metadata is ASCII, its names in lower case."""

    def get(self, key: str, version: str = "") -> StoredObject | None:
        """Return the object, or None if it does not exist.

        In a versioned bucket: the given version, or the newest.
        """

    def head(self, key: str, version: str = "") -> ObjectInfo | None:
        """Return the object without its content; otherwise as `get`."""

    def delete(self, key: str, version: str = "") -> None:
        """Delete the object, or only that version of it, if it exists."""

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Iterate over the objects below `prefix`, sorted by the UTF-8 bytes of their keys; reads page by page."""
