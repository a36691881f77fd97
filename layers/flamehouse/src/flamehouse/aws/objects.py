"""Object storage as its callers see it: one bucket, whatever holds it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectInfo:
    """An object without its content: its key, its size in bytes and the metadata that it was put with.

    A listing knows no metadata.
    """

    key: str
    size: int
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """An object's content and the metadata that it was put with."""

    content: bytes
    metadata: Mapping[str, str] = field(default_factory=dict)


class ObjectStorage(Protocol):
    """The objects of one bucket. Every method raises RpcError(UNAVAILABLE) if the storage refuses or does not answer."""

    def put(self, key: str, content: bytes, metadata: Mapping[str, str] | None = None) -> None:
        """Store or replace an object; returns once it is durable. Metadata is ASCII, its names in lower case."""

    def get(self, key: str) -> StoredObject | None:
        """The object, or None if it does not exist."""

    def head(self, key: str) -> ObjectInfo | None:
        """The object without its content, or None if it does not exist."""

    def delete(self, key: str) -> None:
        """Delete the object; a missing one is no error."""

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """The objects whose keys begin with `prefix`, by key in UTF-8 order, read page by page."""
