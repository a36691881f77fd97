"""The tables that all profiles of a request refer to by index; shared entries are decoded once.

Index 0 of a table means none: opentelemetry-proto, profiles/v1development/profiles.proto. If a client puts a value
there, the value is used, except in the table of links: index 0 always means that a sample has no link.
"""

from collections.abc import Collection, Container, Iterable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Final, NamedTuple

from opentelemetry.proto.profiles.v1development import profiles_pb2 as otlp

from flamehouse.errors import invalid_argument
from ingest.formats.otlp.attributes import string_of
from ingest.formats.otlp.numbering import Numbering
from ingest.formats.otlp.symbols import SymbolTables
from ingest.profile.pprof import shorten

_BUILD_ID: Final = "process.executable.build_id.gnu"
_TRACE_ID_BYTES: Final = 16
_SPAN_ID_BYTES: Final = 8
_MAX_ADDED_FRAMES: Final = 4_000_000


class MappingParts(NamedTuple):
    """A mapping's addresses and texts."""

    start: int
    limit: int
    offset: int
    filename: str
    build_id: str


class Dictionary:
    """One request's tables. Every method raises RpcError(INVALID_ARGUMENT) for an index beyond its table."""

    def __init__(
        self, message: otlp.ProfilesDictionary, max_stack_depth: int, dropped: Container[str]
    ) -> None:
        self._message = message
        self._max_stack_depth = max_stack_depth
        self._dropped = dropped
        self._stack_numbers = Numbering(table="stack_table", count=len(message.stack_table), has_0=False)
        self._attribute_numbers = Numbering.of("attribute_table", message.attribute_table)
        self._link_numbers = Numbering.of("link_table", message.link_table)
        self._text_numbers = Numbering(table="string_table", count=len(message.string_table), has_0=False)
        self._stacks: dict[int, Sequence[int]] = {}
        self._added_frames = 0
        self._frame_counts: dict[int, int] = {}
        self._mappings: dict[int, MappingParts] = {}
        self._attributes: dict[int, tuple[str, str]] = {}

    @cached_property
    def symbols(self) -> SymbolTables:
        return SymbolTables(self._message)

    def text(self, index: int) -> str:
        """Returns a text, cut to the length limit."""
        self._text_numbers.number(index)
        return self._texts[index]

    def texts(self, indices: Collection[int]) -> Iterable[str]:
        """Like `text`, for many indices."""
        self._text_numbers.check(indices)
        return map(self._texts.__getitem__, indices)

    def stacks(self, indices: Sequence[int]) -> Sequence[Sequence[int]]:
        """Returns the location numbers of each stack, leaf first, cut to the outermost locations."""
        self._stack_numbers.check(indices)
        for index in {*indices} - self._stacks.keys():
            self._stacks[index] = self._read_stack(index)
        return [*map(self._stacks.__getitem__, indices)]

    def add_stacks(self, locations: Sequence[int], ranges: Sequence[tuple[int, int]]) -> Sequence[int]:
        """Adds stacks, each a range of `locations` (start and length), leaf first, and returns their indices.

        Raises:
            RpcError: `invalid_argument` if all stacks added so far have too many frames together; ranges may overlap.
        """
        cut = [
            (max(start, start + length - self._max_stack_depth), start + length) for start, length in ranges
        ]
        self._added_frames += sum(end - start for start, end in cut)
        if self._added_frames > _MAX_ADDED_FRAMES:
            raise invalid_argument(f"the stacks of the request have more than {_MAX_ADDED_FRAMES} frames")
        first = max(self._stack_numbers.count, 1)
        numbers = range(first, first + len(cut))
        unchecked = self.symbols.location_numbers.unchecked
        self._stacks.update(
            (number, unchecked(locations[slice(*part)])) for number, part in zip(numbers, cut, strict=True)
        )
        self._stack_numbers = replace(self._stack_numbers, count=numbers.stop)
        return numbers

    def frame_count(self, stacks: Sequence[int]) -> int:
        """Returns the number of frames in the stacks at these indices; a repeated stack counts each time."""
        if not self.symbols.has_inlined:
            return sum(map(len, self.stacks(stacks)))
        for index in {*stacks} - self._frame_counts.keys():
            [locations] = self.stacks([index])
            self._frame_counts[index] = self.symbols.frame_count(locations)
        return sum(map(self._frame_counts.__getitem__, stacks))

    def mapping(self, number: int) -> MappingParts:
        """Returns the mapping with this number, which is not 0."""
        found = self._mappings.get(number)
        if found is None:
            index = self.symbols.mapping_numbers.index(number)
            found = self._mappings[number] = self._read_mapping(self._message.mapping_table[index])
        return found

    def attribute(self, index: int) -> tuple[str, str]:
        """Returns an attribute's name and text; the text is empty if it is not a string."""
        found = self._attributes.get(index)
        if found is None:
            number = self._attribute_numbers.number(index)
            found = self._attributes[index] = self._read_attribute(index) if number else ("", "")
        return found

    def sample_label(self, index: int) -> tuple[str, str]:
        """Like `attribute`, for a sample: both are empty for an attribute that makes no label."""
        name, text = self.attribute(index)
        return ("", "") if name in self._dropped else (name, text)

    def may_name(self, attribute: str) -> bool:
        """Returns whether any attribute may have this name."""
        return attribute in self._attribute_names

    def span(self, link: int) -> tuple[str, str]:
        """Returns the trace and span ids of a link in hexadecimal; empty without a link."""
        self._link_numbers.number(link)
        # Index 0 means no link, even if that entry has a value.
        if not link:
            return "", ""
        message = self._message.link_table[link]
        return _hex(message.trace_id, _TRACE_ID_BYTES), _hex(message.span_id, _SPAN_ID_BYTES)

    @cached_property
    def _texts(self) -> Sequence[str]:
        return [*map(shorten, self._message.string_table)] or [""]

    @cached_property
    def _attribute_names(self) -> Container[str]:
        indices = {attribute.key_strindex for attribute in self._message.attribute_table}
        return {self._texts[index] for index in indices if 0 <= index < len(self._texts)}

    def _read_stack(self, index: int) -> Sequence[int]:
        table = self._message.stack_table
        # Cut before decoding, because the list may be as long as the body.
        indices = table[index].location_indices[-self._max_stack_depth :] if table else ()
        return self.symbols.location_numbers.unchecked(indices)

    def _read_attribute(self, index: int) -> tuple[str, str]:
        message = self._message.attribute_table[index]
        return self.text(message.key_strindex), string_of(message.value, self.text)

    def _read_mapping(self, message: otlp.Mapping) -> MappingParts:
        attributes = dict(map(self.attribute, reversed(message.attribute_indices)))
        return MappingParts(
            message.memory_start,
            message.memory_limit,
            message.file_offset,
            self.text(message.filename_strindex),
            attributes.get(_BUILD_ID, ""),
        )


def _hex(id_: bytes, length: int) -> str:
    return id_.hex() if len(id_) == length and any(id_) else ""
