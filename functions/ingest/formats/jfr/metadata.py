"""Reads the metadata of a chunk: classes and their fields.

The metadata is a tree of elements, like XML: `root` > `metadata` > `class` > `field`. Annotations and settings are
elements too, but are skipped.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from struct import unpack_from
from typing import Final

from ingest.formats.jfr.chunks import Chunk
from ingest.formats.jfr.cursor import INT_BYTES, Cursor, decode_text
from ingest.formats.jfr.limits import MAX_METADATA_BYTES, Budgets, damaged
from ingest.formats.jfr.numbers import read_numbers
from ingest.formats.jfr.remembered import Remembered

METADATA_TYPE: Final = 0
_MAX_CACHE_BYTES: Final = 1 << 20
"""The limit for all encoded metadata in the cache: a JDK's has 100 kB, and takes up to 20 times that in memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A field whose values are of the class with the id `type`.

    The value of a `constant` field is the number of a constant in a pool. A field may be an array.
    """

    name: str
    type: int
    constant: bool
    array: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Class:
    """A class of events, of constants, or of parts of these."""

    id: int
    name: str
    fields: Sequence[Field]


type Classes = Mapping[int, Class]


class Metadata:
    """Reads the metadata of a recording's chunks, which rarely changes between chunks."""

    def __init__(self, budgets: Budgets) -> None:
        self._budget = budgets.metadata
        self._last: tuple[bytes, bool] | None = None
        self._classes: Classes = {}

    def classes(self, chunk: Chunk) -> Classes:
        """Returns the classes of a chunk by id. Raises RpcError(INVALID_ARGUMENT) for damaged metadata.

        Every recording of a program has the same classes, so they are cached. Never modify them.
        """
        tree = _tree_of(chunk)
        if (tree, chunk.compressed) != self._last:
            self._budget.take(len(tree))
            self._classes = _cached_classes(tree, compressed=chunk.compressed)
            self._last = (tree, chunk.compressed)
        return self._classes


def _tree_of(chunk: Chunk) -> bytes:
    """Returns the metadata without its header, whose timestamp differs in every recording."""
    cursor = Cursor(chunk.data, chunk.metadata, chunk.end, compressed=chunk.compressed)
    size = cursor.integer()
    type_ = cursor.long()
    if type_ != METADATA_TYPE or not 0 < size <= chunk.end - chunk.metadata:
        raise damaged("its metadata is not where the header says")
    if size > MAX_METADATA_BYTES:
        raise damaged(f"its metadata is longer than {MAX_METADATA_BYTES} bytes")
    for _ in ("start", "duration", "id"):
        cursor.long()
    return chunk.data[cursor.position : chunk.metadata + size]


def _parse(tree: bytes, *, compressed: bool) -> Classes:
    cursor = Cursor(tree, 0, len(tree), compressed=compressed)
    texts = [
        decode_text(cursor.text(), compressed=compressed) for _ in range(_count(cursor.integer(), len(tree)))
    ]
    try:
        elements = _Elements(_integers(tree, cursor.position, compressed=compressed), texts)
        return {class_.id: class_ for class_ in _classes(elements)}
    except (IndexError, KeyError, ValueError) as error:
        raise damaged(f"its metadata is not a tree of classes: {error!r}") from error


_cache: Final = Remembered[tuple[bytes, bool], Classes](_MAX_CACHE_BYTES)


def _cached_classes(tree: bytes, *, compressed: bool) -> Classes:
    classes = _cache.get((tree, compressed))
    if classes is None:
        classes = _parse(tree, compressed=compressed)
        _cache.put((tree, compressed), classes, len(tree))
    return classes


def _count(count: int, budget: int) -> int:
    if count > budget:
        raise damaged("its metadata has more strings than bytes")
    return count


def _integers(tree: bytes, position: int, *, compressed: bool) -> Sequence[int]:
    if compressed:
        return read_numbers(tree[position:])
    return unpack_from(f">{(len(tree) - position) // INT_BYTES}I", tree, position)


class _Elements:
    """Yields the elements of a tree in pre-order. Raises IndexError if the data is truncated."""

    def __init__(self, integers: Sequence[int], texts: Sequence[str]) -> None:
        self._integers = integers
        self._texts = texts
        self._next = 0

    def open(self) -> tuple[str, dict[str, str], int]:
        """Reads the next element: its name, its attributes and its number of children."""
        integers, texts, at = self._integers, self._texts, self._next
        start, end = at + 2, at + 2 + 2 * integers[at + 1]
        self._next = end + 1
        named = zip(integers[start:end:2], integers[start + 1 : end : 2], strict=True)
        return texts[integers[at]], {texts[name]: texts[value] for name, value in named}, integers[end]

    def skip(self, count: int) -> None:
        """Skips the next `count` elements and their descendants."""
        integers, at = self._integers, self._next
        while count:
            at += 2 + 2 * integers[at + 1]
            count += integers[at] - 1
            at += 1
        self._next = at


def _classes(elements: _Elements) -> Iterator[Class]:
    _, _, count = elements.open()
    for _ in range(count):
        name, _, classes = elements.open()
        if name != "metadata":
            elements.skip(classes)
            continue
        for _ in range(classes):
            _, attributes, parts = elements.open()
            yield Class(
                id=int(attributes["id"]), name=attributes["name"], fields=tuple(_fields(elements, parts))
            )


def _fields(elements: _Elements, count: int) -> Iterator[Field]:
    for _ in range(count):
        name, attributes, parts = elements.open()
        elements.skip(parts)
        if name == "field":
            yield Field(
                name=attributes["name"],
                type=int(attributes["class"]),
                constant=attributes.get("constantPool") == "true",
                array=int(attributes.get("dimension", "0")) > 0,
            )
