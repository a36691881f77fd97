"""The names of functions by their hashes: what a flame graph's nodes are called.

A name's hash tells the name, whoever asks, so what was read once is kept: to join names in the flame graph's own
query takes longer than to look them up here.
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
    """Looks names up in the database once. Usable from several threads.

    It forgets them all when it holds 131,072, or 16 M characters of them.
    """

    def __init__(self) -> None:
        self._names: dict[int, str] = {}
        self._chars = 0

    def of(self, name_ids: Sequence[int], reader: Reader, selection: Selection) -> list[str]:
        """The name for each id; empty for one that no function of the selection has."""
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
