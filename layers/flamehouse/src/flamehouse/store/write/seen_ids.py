"""Remembers the series and symbols that this process has stored, so that they are not sent again.

Every profile of a process contains much the same stacks, so most of an upload is already stored. Only the content of
acknowledged inserts is remembered, and for at most an hour, so symbols are sent again after a database is emptied.
"""

from array import array
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from time import monotonic

from flamehouse.model.profile import Symbols
from flamehouse.model.symbols import Function, Location, Mapping

type SymbolScope = tuple[str, str, int]
"""A tenant, a service and a week's number; symbols are stored once per scope."""

type Stack = "tuple[array[int], array[int]]"
"""The frames of a stack as name ids, and as location ids; both root first."""

_MAX_IDS = 2_000_000
_MAX_AGE_S = 3_600
_MAX_FRAMES = 500_000
"""The size of the symbols in a row: frames of stacks plus locations, functions and mappings. Few uploads have more."""
_CHARS_OF_FRAME = 64
"""The length of text that counts as one frame: to insert a row, ClickHouse needs several times its size in memory."""


class Known:
    """The ids known to be stored, by scope; cleared after an hour or above 2 M ids."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._scopes: dict[Hashable, set[int]] = {}
        self._count = 0
        self._born = clock()

    def of(self, scope: Hashable) -> set[int]:
        """The ids known in this scope; the caller must not modify the set."""
        if self._count > _MAX_IDS or self._clock() - self._born > _MAX_AGE_S:
            self.forget()
        return self._scopes.get(scope, set())

    def add(self, scope: Hashable, ids: Iterable[int]) -> None:
        known = self._scopes.setdefault(scope, set())
        before = len(known)
        known.update(ids)
        self._count += len(known) - before

    def forget(self) -> None:
        self._scopes, self._count, self._born = {}, 0, self._clock()


@dataclass(slots=True)
class FreshSymbols:
    """Symbols to store, by id; a stack has the name ids of its frames, then its location ids."""

    stacktraces: dict[int, Stack] = field(default_factory=dict)
    locations: dict[int, Location] = field(default_factory=dict)
    functions: dict[int, Function] = field(default_factory=dict)
    mappings: dict[int, Mapping] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.stacktraces or self.locations or self.functions or self.mappings)

    @property
    def is_small(self) -> bool:
        """Whether all symbols fit into a single row."""
        frames = sum(len(locations) for _, locations in self.stacktraces.values())
        named = sum(map(_size_of_function, self.functions.values()))
        return (
            frames + len(self.locations) + named + sum(map(_size_of_mapping, self.mappings.values()))
            <= _MAX_FRAMES
        )

    def pieces(self) -> Iterator["FreshSymbols"]:
        """The symbols in pieces, each for a single row."""
        if self.is_small:
            yield self
            return
        for stacktraces in _portions(self.stacktraces, lambda stack: 1 + len(stack[1])):
            yield FreshSymbols(stacktraces=stacktraces)
        for locations in _portions(self.locations, lambda location: 1 + len(location.lines)):
            yield FreshSymbols(locations=locations)
        for functions in _portions(self.functions, _size_of_function):
            yield FreshSymbols(functions=functions)
        for mappings in _portions(self.mappings, _size_of_mapping):
            yield FreshSymbols(mappings=mappings)

    def add_unknown(self, symbols: Symbols, known: Known, scope: SymbolScope) -> None:
        """Add the `symbols` that are not known to be stored in this scope.

        A known stack was stored with all of its symbols, so the symbols are read only if a stack is unknown.
        """
        unknown = symbols.stacktraces.keys() - known.of(("stacktraces", scope)) - self.stacktraces.keys()
        if not unknown:
            return
        for id_ in unknown:
            self.stacktraces[id_] = (symbols.frames_of(id_), symbols.location_ids_of(id_))
        self.locations |= _without(symbols.locations, known.of(("locations", scope)))
        self.functions |= _without(symbols.functions, known.of(("functions", scope)))
        self.mappings |= _without(symbols.mappings, known.of(("mappings", scope)))

    def remember(self, known: Known, scope: SymbolScope) -> None:
        """Record that these symbols are now stored in this scope."""
        known.add(("stacktraces", scope), self.stacktraces)
        known.add(("locations", scope), self.locations)
        known.add(("functions", scope), self.functions)
        known.add(("mappings", scope), self.mappings)


def _size_of_function(function: Function) -> int:
    chars = len(function.name) + len(function.system_name) + len(function.filename)
    return 1 + chars // _CHARS_OF_FRAME


def _size_of_mapping(mapping: Mapping) -> int:
    return 1 + (len(mapping.filename) + len(mapping.build_id)) // _CHARS_OF_FRAME


def _without[T](items: dict[int, T], known: set[int]) -> dict[int, T]:
    return {id_: items[id_] for id_ in items.keys() - known}


def _portions[T](items: dict[int, T], size_of: Callable[[T], int]) -> Iterator[dict[int, T]]:
    """Split the items into dicts with a size of about 500,000 each."""
    portion: dict[int, T] = {}
    size = 0
    for id_, item in items.items():
        if size > _MAX_FRAMES:
            yield portion
            portion, size = {}, 0
        portion[id_] = item
        size += size_of(item)
    if portion:
        yield portion
