"""Looks up function names by their hashes, for the nodes of flame graphs.

A hash identifies the same name for every tenant, so names are cached. A join in the flame graph's own query would be
slower than this lookup.
"""

from collections.abc import Sequence
from string import Template

from flamehouse.store.read.lookup import look_up
from flamehouse.store.read.reader import Reader
from flamehouse.store.read.selection import Selection

_MAX_NAMES = 1 << 17
_MAX_CHARS = 1 << 24

_NAMES = Template("""
SELECT name_id, any(name)
FROM functions
WHERE $symbols AND name_id IN {ids:Array(UInt64)}
GROUP BY name_id
""")


class FunctionNames:
    """Looks up each name in the database once. Thread-safe.

    The cache is cleared when it exceeds 131,072 names or 16 M characters.
    """

    def __init__(self) -> None:
        self._names: dict[int, str] = {}
        self._chars = 0

    def of(self, name_ids: Sequence[int], reader: Reader, selection: Selection) -> list[str]:
        """The name for each id; empty if no function of the selection has it."""
        names = self._names
        unknown = set(name_ids) - names.keys()
        if unknown:
            found = look_up(reader, _NAMES.substitute(symbols=selection.symbols), unknown, selection)
            names = names | found
            self._keep(names, self._chars + sum(map(len, found.values())))
        return [names.get(id_, "") for id_ in name_ids]

    def _keep(self, names: dict[int, str], chars: int) -> None:
        room = len(names) <= _MAX_NAMES and chars <= _MAX_CHARS
        self._names, self._chars = (names, chars) if room else ({}, 0)
