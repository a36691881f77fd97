"""Reads the locations of a merged profile, with their functions and mappings, by their numbers in the pprof.

A symbol's number is its position among all symbols of its kind in the selected services and weeks.
"""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from itertools import batched, chain
from typing import Any, Final, NamedTuple

from flamehouse.model.merged_profile import CUT_OFF, UNKNOWN_SOURCE, EncodedFunctions, SourceLabels
from flamehouse.model.symbols import Mapping as MappedFile
from flamehouse.store.read.matchers import Condition
from flamehouse.store.read.pprof.protobuf import length_delimited, padded_varint, varint
from flamehouse.store.read.reader import Reader
from flamehouse.store.read.selection import Selection
from flamehouse.store.sql import SqlFile

NUMBER_BYTES = 4
"""The encoded size of a location's or function's number in its own message, whatever its value."""
_FEW = 2
"""Filter by id only if fewer than 1/2 of the known ids are used; otherwise a full read is faster."""
_FIELD_IDS = 2_800
"""The number of ids, as text, in one parameter, which may have 60,000 bytes (client.py)."""

_SQL: Final = SqlFile(__file__)


def known_sql(table: str, selection: Selection) -> str:
    """SQL of the sorted ids of all symbols in `table` for the selected services and weeks."""
    return _SQL("known", table=table, symbols=selection.symbols)


def numbers_sql(ids: str, known: str, numbers: str) -> str:
    """SQL that maps ids to numbers by their position among the known ids; '' for an unknown id."""
    return _SQL("numbers", ids=ids, known=known, numbers=numbers)


class Used[Number](NamedTuple):
    """The used symbols of one kind: their numbers by id, and how many symbols of the kind are known in total."""

    numbers: Mapping[int, Number]
    known: int

    @property
    def more(self) -> bool:
        """Whether there are unused symbols of the kind."""
        return self.known > len(self.numbers) - (CUT_OFF in self.numbers)

    def of(self, ids: Container[int]) -> "Used[Number]":
        """The used symbols whose id is in `ids`."""
        return Used({id_: number for id_, number in self.numbers.items() if id_ in ids}, self.known)


def used_of[Number](ids: Iterable[int], numbers: Iterable[Number], known: int) -> Used[Number]:
    """The ids that have a number; that of an unknown id is falsy."""
    return Used({id_: number for id_, number in zip(ids, numbers, strict=True) if number}, known)


def read_locations(
    reader: Reader, locations: Used[bytes], selection: Selection
) -> tuple[bytes, Used[bytes], Used[int]]:
    """The encoded locations, and the functions and mappings that they use.

    If unused locations are also read, the query returns the functions and mappings of each location, to remove those
    that only unused locations have.
    """
    named = locations.numbers
    (row,) = _rows(reader, "locations", locations, selection, _locations_sql(selection), text=False)
    ids, encoded, ids_of_lines, function_ids, *functions, mapping_ids, mappings, numbers, known = row
    used_functions, used_mappings = used_of(*functions), used_of(mappings, numbers, known)
    if locations.more:
        used_functions = used_functions.of(_beside(function_ids, ids_of_lines, named))
        used_mappings = used_mappings.of(_beside(mapping_ids, ids, named))
    return _numbered(ids, encoded, named), used_functions, used_mappings


def read_functions(reader: Reader, functions: Used[bytes], selection: Selection) -> EncodedFunctions:
    """The encoded functions and their texts."""
    (row,) = _rows(reader, "functions", functions, selection, _functions_sql(), text=False)
    ids, encoded, texts, text_count = row
    return EncodedFunctions(
        functions=_numbered(ids, encoded, functions.numbers),
        last_number=functions.known,
        texts=texts,
        text_count=text_count,
    )


def read_mappings(
    reader: Reader, mappings: Used[int], selection: Selection
) -> tuple[Mapping[int, MappedFile], SourceLabels]:
    """The mappings by number, and the source labels if all selected series agree on them."""
    found: dict[int, MappedFile] = {}
    source = UNKNOWN_SOURCE
    for sources, *row in _rows(reader, "mappings", mappings, selection, {}):
        if row[0] in mappings.numbers:
            found[mappings.numbers[row[0]]] = MappedFile(*row)
            source = SourceLabels(*sources[0]) if len(sources) == 1 else UNKNOWN_SOURCE
    return found, source


def _beside(ids: Iterable[int], locations: Iterable[int], named: Container[int]) -> set[int]:
    """The ids at the positions of used locations."""
    return {id_ for id_, location in zip(ids, locations, strict=True) if location in named}


def _numbered(ids: Sequence[int], encoded: Sequence[bytes], numbers: Mapping[int, bytes]) -> bytes:
    """The messages, each with its number appended; messages without a number are dropped."""
    used = ((message, numbers[id_]) for id_, message in zip(ids, encoded, strict=True) if id_ in numbers)
    return b"".join(chain.from_iterable(used))


def _rows(  # the parts of one query
    reader: Reader,
    part: str,
    used: Used[Any],
    selection: Selection,
    names: Mapping[str, str],
    *,
    text: bool = True,
) -> Iterator[Sequence[Any]]:
    """The rows for the used symbols, and possibly for others of their kind."""
    named = _named(used)
    sql = _SQL(part, symbols=selection.symbols, rows=selection.rows, named=named.sql, **names)
    parameters = {**selection.parameters, **named.parameters, "more": used.more}
    return zip(*reader.columns(sql, parameters, text=text), strict=True)


def _locations_sql(selection: Selection) -> Mapping[str, str]:
    """The parts of the SQL that encodes locations."""
    line = _SQL("line", line=varint("toUInt64(line.2)"), column=varint("toUInt64(line.3)"))
    return {
        "known_functions": known_sql("functions", selection),
        "known_mappings": known_sql("mappings", selection),
        "varint_number": varint("number"),
        "padded_number": padded_varint("number", NUMBER_BYTES),
        "encoded": _unnumbered("\\x22", "location"),
        "function_numbers": numbers_sql("used_functions", "known_functions", "padded_numbers"),
        "address": varint("address"),
        "line": length_delimited(line),
        "line_numbers": numbers_sql("lines.function_id", "known_functions", "numbers"),
    }


def _functions_sql() -> Mapping[str, str]:
    """The parts of the SQL that encodes functions."""
    function = _SQL("function", start_line=varint("toUInt64(start_line)"))
    return {
        "encoded": _unnumbered("\\x2a", function),
        "text": length_delimited("text"),
        "index": varint("(number - 1)"),
    }


def _unnumbered(tag: str, message: str) -> str:
    """SQL of a message field without its last NUMBER_BYTES bytes, which contain its number."""
    whole = length_delimited(f"concat({message}, '\\x08', '{'0' * NUMBER_BYTES}')")
    return f"concat('{tag}', substring({whole}, 1, -{NUMBER_BYTES}))"


def _named(used: Used[Any]) -> Condition:
    """The condition that selects used symbols, or `true` if most are used.

    Ids are bound as text, since the client formats numbers one by one. If most symbols of a kind are used, a full read
    is faster than binding their ids.
    """
    if used.known <= _FEW * len(used.numbers):
        return Condition(sql="true", parameters={})
    if not used.numbers:
        return Condition(sql=_SQL("unnamed"), parameters={})
    fields = {
        f"ids_{number}": " ".join(map(str, field))
        for number, field in enumerate(batched(used.numbers, _FIELD_IDS, strict=False))
    }
    bound = ", ".join(f"splitByChar(' ', {{{name}:String}})" for name in fields)
    return Condition(sql=_SQL("named", bound=bound), parameters=fields)
