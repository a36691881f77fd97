"""Object storage as its callers see it: the objects of one place, whatever holds them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectInfo:
    """An object without its content: its key, its size in bytes, the metadata that it was put with, and when that was.

    A listing knows no metadata. `modified_ns` counts from the epoch; S3 knows whole seconds.
    """

    key: str
    size: int
    metadata: Mapping[str, str] = field(default_factory=dict)
    modified_ns: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """An object's content, the metadata that it was put with, and when that was."""

    content: bytes
    metadata: Mapping[str, str] = field(default_factory=dict)
    modified_ns: int = field(default=0, compare=False)


class ObjectStorage(Protocol):
    """The objects of one bucket or folder. Every method raises RpcError(UNAVAILABLE) if the storage refuses or does not answer."""

    def put(self, key: str, content: bytes, metadata: Mapping[str, str] | None = None) -> None:
        """Store or replace an object; returns once it is durable. Metadata is ASCII, its names in lower case."""

    def get(self, key: str, version: str = "") -> StoredObject | None:
        """The object, or None if it does not exist; of a bucket with versions the one of that id, or the newest."""

    def head(self, key: str, version: str = "") -> ObjectInfo | None:
        """The object without its content, as `get` finds it."""

    def delete(self, key: str) -> None:
        """Delete the object; a missing one is no error."""

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """The objects whose keys begin with `prefix`, by key in UTF-8 order, read page by page."""
