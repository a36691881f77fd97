"""An upload as the store accepts it: profiles split by series, and the symbols of their stacks.

The id of a stack is a hash of its content, and so are the ids of its symbols (`flamehouse.model.symbols`).
"""

from array import array
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from hashlib import blake2b
from itertools import chain, groupby
from uuid import UUID

from flamehouse.model.labels import LabelSet
from flamehouse.model.symbols import ID_BYTES, Function, Line, Location, Mapping, hash64, hash64_of

MAX_CACHED_CHARS = 1_024
"""The maximum total length of a cached function's texts; those of 65,536 functions take 64 MiB if they are ASCII."""
_STACK_BYTES = 200
"""The memory of a stack, in addition to its frames."""


@dataclass(kw_only=True)
class Symbols:
    """The symbols of a set of profiles.

    `stacktraces` has, for the id of each stack, the packed ids of its locations, root first. `all_functions` includes
    the names of native frames. Consecutive frames with the same name id are drawn as one if the id is in
    `merged_name_ids`; a stack without locations is drawn as `no_frames`.

    Most stacks of an upload are stored already and need no symbols, so symbols are indexed by id only on demand.
    """

    stacktraces: dict[int, bytes] = field(default_factory=dict)
    all_locations: Iterable[Location] = ()
    cut_locations: list[Location] = field(default_factory=list)
    all_mappings: list[Mapping] = field(default_factory=list)
    all_functions: list[Function] = field(default_factory=list)
    merged_name_ids: Collection[int] = frozenset()
    no_frames: "array[int]" = field(default_factory=lambda: array("Q"))

    @cached_property
    def locations(self) -> dict[int, Location]:
        """The locations by id."""
        return {each.id: each for each in chain(self.all_locations, self.cut_locations)}

    @cached_property
    def mappings(self) -> dict[int, Mapping]:
        """The mappings by id."""
        return {each.id: each for each in self.all_mappings}

    @cached_property
    def functions(self) -> dict[int, Function]:
        """The functions by id."""
        return {each.id: each for each in self.all_functions}

    def location_ids_of(self, stacktrace_id: int) -> "array[int]":
        """Return the ids of the locations of a stack, root first."""
        return array("Q", self.stacktraces[stacktrace_id])

    def frames_of(self, stacktrace_id: int) -> "array[int]":
        """Return the name ids of the frames that a stack is drawn as, root first."""
        locations = self.locations
        stack = self.location_ids_of(stacktrace_id)
        name_ids = array("Q", chain.from_iterable(locations[each].name_ids for each in stack))
        if self.merged_name_ids:
            runs = groupby(name_ids)
            name_ids = array("Q", chain.from_iterable(self._merged(*run) for run in runs))
        return name_ids or self.no_frames

    def _merged(self, name_id: int, run: Iterable[int]) -> Iterable[int]:
        return (name_id,) if name_id in self.merged_name_ids else run


def function_of(name: str, system_name: str, filename: str, start_line: int) -> Function:
    """Return the function with its ids."""
    if len(name) + len(system_name) + len(filename) > MAX_CACHED_CHARS:
        return _new_function(name, system_name, filename, start_line)
    return cached_function_of(name, system_name, filename, start_line)


def _new_function(name: str, system_name: str, filename: str, start_line: int) -> Function:
    id_ = hash64_of(name, system_name, filename, start_line)
    return Function(id_, hash64(name.encode()), name, system_name, filename, start_line)


# Functions and locations repeat in every profile of a process, and a look-up is several times
# cheaper than a hash: these caches hold the symbols of a few dozen services.
cached_function_of = lru_cache(maxsize=1 << 16)(_new_function)
"""Like `function_of`, for functions whose texts have at most MAX_CACHED_CHARS in total: the cache retains them."""


@lru_cache(maxsize=1 << 15)
def location_of(
    address: int,
    mapping_id: int,
    lines: tuple[tuple[tuple[int, int], int, int], ...],
    native_name_id: int | None = None,
) -> Location:
    """Return the location with its id; a line is ((function id, its name id), line number, column), innermost first.

    `native_name_id` is the name id of the frame that is drawn for a location without lines. It is part of the
    location's id, so that a stack's id determines its frames.
    """
    known = tuple(Line(function_id, line, column) for (function_id, _), line, column in lines)
    if native_name_id is not None:
        return Location(
            hash64_of(address, mapping_id, native_name_id), (native_name_id,), address, mapping_id, known
        )
    id_ = hash64_of(address, mapping_id, *chain.from_iterable(known))
    return Location(id_, tuple(name_id for (_, name_id), _, _ in reversed(lines)), address, mapping_id, known)


@lru_cache(maxsize=1 << 17)
def location_of_line(
    address: int, mapping_id: int, function_id: int, name_id: int, line: int, column: int
) -> Location:
    """Return the location with its id and a single line, that is, without inlined functions."""
    return location_of(address, mapping_id, (((function_id, name_id), line, column),))


def mapping_of(start: int, limit: int, offset: int, filename: str, build_id: str, flags: int) -> Mapping:
    """Return the mapping with its id, which is never NO_MAPPING."""
    id_ = hash64_of(start, limit, offset, filename, build_id, flags) or 1
    return Mapping(id_, start, limit, offset, filename, build_id, flags)


def stacktrace_ids(stacks: Iterable[bytes]) -> Sequence[int]:
    """Return the ids of stacks; each is the hash of the packed ids of the stack's locations, root first."""
    return array("Q", b"".join([blake2b(stack, digest_size=ID_BYTES).digest() for stack in stacks]))


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesProfile:
    """One profile's samples of one sample type and label set: one row per stack and span.

    `labels` are sorted by name and include the private ones. `symbols` has at least the symbols of the stacks.
    `span_ids` and `trace_ids` are empty if no sample has one, otherwise as long as `values`, with 0 and 16 zero bytes
    for samples without one.
    """

    time_ns: int
    duration_ns: int
    profile_id: UUID
    profile_type: str
    service: str
    fingerprint: int
    labels: LabelSet
    symbols: Symbols
    stacktrace_ids: "array[int]"
    values: "array[int]"
    span_ids: "array[int]" = field(default_factory=lambda: array("Q"))
    trace_ids: Sequence[bytes] = ()
    omitted_samples: int = 0
    """The number of samples if they are omitted because they are already stored."""

    @property
    def sample_count(self) -> int:
        """The number of samples, including omitted ones."""
        return self.omitted_samples or len(self.values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """The profiles of one request: `id` (32 bytes) is the same for every attempt of the same request.

    `size` is the number of bytes of the request's body as received; 0 for profiles that did not arrive in a request.
    """

    tenant: str
    id: bytes
    received_ns: int
    profiles: Sequence[SeriesProfile]
    size: int = 0

    @property
    def memory_bytes(self) -> int:
        """The approximate memory of the samples and stacks."""
        samples = sum(len(each.values) * 2 + len(each.span_ids) * 8 for each in self.profiles)
        stacks = {id(each.symbols): each.symbols.stacktraces for each in self.profiles}.values()
        return 8 * samples + sum(_STACK_BYTES * len(each) + sum(map(len, each.values())) for each in stacks)


def fingerprint_of(labels: Iterable[tuple[str, str]]) -> int:
    """Return the id of a series: the hash of its sorted labels."""
    return hash64_of(*(text for pair in labels for text in pair))
