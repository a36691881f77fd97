"""A merged profile as the store returns it: samples and symbols encoded as pprof's fields.

Format: github.com/google/pprof, proto/profile.proto.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from flamehouse.model.profile import Mapping as MappedFile

CUT_OFF = 0
"""Stands among the ids of locations for what was cut off of a stack."""


class SourceLabels(NamedTuple):
    """Where the source code of a program is, as its series' labels say; empty where they do not."""

    repository: str
    git_ref: str
    root_path: str


UNKNOWN_SOURCE = SourceLabels("", "", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedFunctions:
    """The functions, encoded as pprof's field `function`, and the beginning of its `string_table`.

    `last_number` is the greatest number that may be a function's. `text_count` counts `texts`, of which the first is empty;
    there may be some among them that nothing refers to.
    """

    functions: bytes
    last_number: int
    texts: bytes
    text_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MergedProfile:
    """Merged samples, and the symbols that they name by their numbers in it.

    `samples` and `locations` are encoded as pprof's fields of these names. `cut_off` is the number of the location that
    stands for what was cut off, 0 where nothing was.
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
