"""Merged profiles as the store returns them: samples and symbols, encoded as fields of pprof.

Format: github.com/google/pprof, proto/profile.proto.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from flamehouse.model.symbols import Mapping as MappedFile

CUT_OFF = 0
"""In place of a location's id: the part that was cut off a stack."""


class SourceLabels(NamedTuple):
    """The place of a program's source code, from the labels of its series; empty without such labels."""

    repository: str
    git_ref: str
    root_path: str


UNKNOWN_SOURCE = SourceLabels("", "", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedFunctions:
    """The functions, encoded as pprof's field `function`, and the first part of its `string_table`.

    `last_number` is an upper bound on the functions' numbers. `text_count` is the number of `texts`; the first is
    empty, and some may be unused.
    """

    functions: bytes
    last_number: int
    texts: bytes
    text_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MergedProfile:
    """Merged samples, and the symbols that they refer to by number.

    `samples` and `locations` are encoded as pprof's fields `sample` and `location`. `cut_off` is the number of the
    location that represents what was cut off, 0 if nothing was.
    """

    samples: bytes
    locations: bytes
    functions: EncodedFunctions
    mappings: Mapping[int, MappedFile]
    cut_off: int = 0
    source: SourceLabels = UNKNOWN_SOURCE


NO_PROFILE = MergedProfile(
    samples=b"",
    locations=b"",
    functions=EncodedFunctions(functions=b"", last_number=0, texts=b"", text_count=0),
    mappings={},
)
