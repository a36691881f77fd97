"""Functions, lines, locations and mappings of stacks, identified by 64-bit hashes of their content.

The same content has the same id in every upload, so no id has to be looked up before a write.
"""

from hashlib import blake2b
from typing import NamedTuple

NO_MAPPING = 0
ID_BYTES = 8


def hash64(data: bytes) -> int:
    """Return the first 64 bits of BLAKE2b: the id of the content that `data` describes completely."""
    return int.from_bytes(blake2b(data, digest_size=ID_BYTES).digest(), "little")


def hash64_of(*parts: str | int) -> int:
    """Return the id of a tuple of strings and numbers: the hash of its length-prefixed parts as text."""
    return hash64("".join(f"{len(text := str(part))}:{text}" for part in parts).encode())


class Function(NamedTuple):
    """A function as pprof defines it. Flame graphs merge by `name`; `name_id` is its hash."""

    id: int
    name_id: int
    name: str
    system_name: str
    filename: str
    start_line: int


class Line(NamedTuple):
    """A line of a location: `function_id` is a Function's id."""

    function_id: int
    line: int
    column: int


class Location(NamedTuple):
    """A place in the code; `lines` runs from the innermost inlined function to the function that was called.

    `name_ids` are the name ids of its functions in stack order, the called function first. A location without lines
    has the name id of the frame that is drawn in its place.
    """

    id: int
    name_ids: tuple[int, ...]
    address: int
    mapping_id: int
    lines: tuple[Line, ...]


class Mapping(NamedTuple):
    """A mapped file. `flags`, lowest bit first: has functions, has filenames, has line numbers, has inline frames."""

    id: int
    memory_start: int
    memory_limit: int
    file_offset: int
    filename: str
    build_id: str
    flags: int

    @property
    def has_functions(self) -> bool:
        return bool(self.flags & 1)
