"""Reads the locations of a merged profile, with their functions and mappings, by their numbers in the pprof.

A symbol's number is its position among all symbols of its kind in the selected services and weeks.
"""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from itertools import batched, chain
from string import Template
from typing import Any, NamedTuple

from flamehouse.model.merged_profile import CUT_OFF, UNKNOWN_SOURCE, EncodedFunctions, SourceLabels
from flamehouse.model.profile import Mapping as MappedFile
from flamehouse.store.read.matchers import Condition
from flamehouse.store.read.pprof.protobuf import length_delimited, padded_varint, varint
from flamehouse.store.read.reader import Reader
from flamehouse.store.read.selection import Selection

NUMBER_BYTES = 4
"""The encoded size of a location's or function's number in its own message, whatever its value."""
_FEW = 2
"""Filter by id only if fewer than 1/2 of the known ids are used; otherwise a full read is faster."""
_FIELD_IDS = 2_800
"""The number of ids in a parameter, as text, which may have 60,000 bytes (client.py)."""


def numbers_sql(ids: str, known: str, numbers: str) -> str:
    """SQL that maps ids to numbers by their position among the known ids; '' for an unknown id."""
    return f"arrayMap(id -> transform(id, {known}, {numbers}, ''), {ids})"


def _unnumbered(tag: str, message: str) -> str:
    """SQL of a message field without the NUMBER_BYTES at its end, which hold its number."""
    whole = length_delimited(f"concat({message}, '\\x08', '{'0' * NUMBER_BYTES}')")
    return f"concat('{tag}', substring({whole}, 1, -{NUMBER_BYTES}))"


_LINE = (
    f"concat('\\x08', function, '\\x10', {varint('toUInt64(line.2)')}, '\\x18', {varint('toUInt64(line.3)')})"
)

# The field 22: mapping_id (10), address (18), lines (22), each of function_id (08), line (10) and column (18); last id (08).
# A line with an unknown function is dropped.
_LOCATIONS = Template(f"""
WITH
    (SELECT groupArray(id) FROM (SELECT DISTINCT id FROM functions WHERE $symbols ORDER BY id)) AS known_functions,
    (SELECT groupArray(id) FROM (SELECT DISTINCT id FROM mappings WHERE $symbols ORDER BY id)) AS known_mappings,
    arrayMap(number -> {varint("number")}, arrayEnumerate(known_functions)) AS numbers,
    arrayMap(number -> {padded_varint("number", NUMBER_BYTES)}, arrayEnumerate(known_functions)) AS padded_numbers,
    arrayMap(number -> {varint("number")}, arrayEnumerate(known_mappings)) AS mapping_numbers
SELECT
    groupArray(id) AS ids,
    groupArray({_unnumbered("\\x22", "location")}) AS encoded,
    groupArrayArrayIf(arrayMap(line -> id, lines), {{more:Bool}}) AS ids_of_lines,
    groupArrayArrayIf(lines.function_id, {{more:Bool}}) AS function_ids,
    groupUniqArrayArray(lines.function_id) AS used_functions,
    {numbers_sql("used_functions", "known_functions", "padded_numbers")} AS function_numbers,
    length(known_functions) AS functions_known,
    groupArrayIf(mapping_id, {{more:Bool}}) AS mapping_ids,
    groupUniqArray(mapping_id) AS used_mappings,
    arrayMap(id -> indexOf(known_mappings, id), used_mappings) AS used_mapping_numbers,
    length(known_mappings) AS mappings_known
FROM
(
    SELECT
        id,
        mapping_id,
        lines,
        concat(
            '\\x10', transform(mapping_id, known_mappings, mapping_numbers, '\\0'),
            '\\x18', {varint("address")},
            arrayStringConcat(arrayMap(
                (function, line) -> if(function = '', '', concat('\\x22', {length_delimited(_LINE)})),
                {numbers_sql("lines.function_id", "known_functions", "numbers")},
                lines
            ))
        ) AS location
    FROM (SELECT id, address, mapping_id, lines FROM locations WHERE $symbols AND $named LIMIT 1 BY id)
)
""")

_FUNCTION = (
    "concat('\\x10', name, '\\x18', system_name, '\\x20', filename, "
    f"'\\x28', {varint('toUInt64(start_line)')})"
)

# The field 2a: name (10), system_name (18), filename (20), start_line (28); last id (08). The field 32 holds each text
# once, numbered in the order of first use, which arrayDistinct preserves.
_FUNCTIONS = Template(f"""
SELECT
    ids,
    arrayMap(
        (name, system_name, filename, start_line) -> {_unnumbered("\\x2a", _FUNCTION)},
        arraySlice(indexes, 2, length(ids)),
        arraySlice(indexes, 2 + length(ids), length(ids)),
        arraySlice(indexes, 2 + 2 * length(ids), length(ids)),
        start_lines
    ) AS encoded,
    arrayStringConcat(arrayMap(text -> concat('\\x32', {length_delimited("text")}), arrayDistinct(texts))) AS encoded_texts,
    arrayMax(numbers) AS text_count
FROM
(
    SELECT
        groupArray(id) AS ids,
        groupArray(start_line) AS start_lines,
        arrayConcat([''], groupArray(name), groupArray(system_name), groupArray(filename)) AS texts,
        arrayEnumerateDense(texts) AS numbers,
        arrayMap(number -> {varint("(number - 1)")}, numbers) AS indexes
    FROM
    (
        SELECT id, name, system_name, filename, start_line
        FROM functions
        WHERE $symbols AND $named
        LIMIT 1 BY id
    )
)
""")

# `sources` holds the source code locations of the selected series.
_MAPPINGS = Template("""
WITH
    (
        SELECT groupUniqArray(2)((labels['service_repository'], labels['service_git_ref'], labels['service_root_path']))
        FROM series
        WHERE $rows AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32})
    ) AS sources
SELECT
    sources,
    id,
    any(memory_start),
    any(memory_limit),
    any(file_offset),
    any(filename),
    any(build_id),
    any(flags)
FROM mappings
WHERE $symbols AND $named
GROUP BY id
ORDER BY id
""")


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
    """The ids with a number, which is falsy for unknown ids."""
    return Used({id_: number for id_, number in zip(ids, numbers, strict=True) if number}, known)


def read_locations(
    reader: Reader, locations: Used[bytes], selection: Selection
) -> tuple[bytes, Used[bytes], Used[int]]:
    """The encoded locations, and the functions and mappings that they use.

    If unused locations are also read, the query returns the functions and mappings of each location.
    """
    named = locations.numbers
    (row,) = _rows(reader, _LOCATIONS, locations, selection, text=False)
    ids, encoded, ids_of_lines, function_ids, *functions, mapping_ids, mappings, numbers, known = row
    used_functions, used_mappings = used_of(*functions), used_of(mappings, numbers, known)
    if locations.more:
        used_functions = used_functions.of(_beside(function_ids, ids_of_lines, named))
        used_mappings = used_mappings.of(_beside(mapping_ids, ids, named))
    return _numbered(ids, encoded, named), used_functions, used_mappings


def read_functions(reader: Reader, functions: Used[bytes], selection: Selection) -> EncodedFunctions:
    """The encoded functions and their texts."""
    (row,) = _rows(reader, _FUNCTIONS, functions, selection, text=False)
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
    for sources, *row in _rows(reader, _MAPPINGS, mappings, selection):
        if row[0] in mappings.numbers:
            found[mappings.numbers[row[0]]] = MappedFile(*row)
            source = SourceLabels(*sources[0]) if len(sources) == 1 else UNKNOWN_SOURCE
    return found, source


def _beside(ids: Iterable[int], locations: Iterable[int], named: Container[int]) -> set[int]:
    """The ids at the positions of used locations."""
    return {id_ for id_, location in zip(ids, locations, strict=True) if location in named}


def _numbered(ids: Sequence[int], encoded: Sequence[bytes], numbers: Mapping[int, bytes]) -> bytes:
    """The messages with their numbers appended; messages without a number are dropped."""
    used = ((message, numbers[id_]) for id_, message in zip(ids, encoded, strict=True) if id_ in numbers)
    return b"".join(chain.from_iterable(used))


def _rows(
    reader: Reader, sql: Template, used: Used[Any], selection: Selection, *, text: bool = True
) -> Iterator[Sequence[Any]]:
    """The rows for the used symbols, and possibly for others of their kind."""
    named = _named(used)
    statement = sql.substitute(symbols=selection.symbols, rows=selection.rows, named=named.sql)
    parameters = {**selection.parameters, **named.parameters, "more": used.more}
    return zip(*reader.columns(statement, parameters, text=text), strict=True)


def _named(used: Used[Any]) -> Condition:
    """The condition that selects used symbols, or `true` if most are used.

    Ids are bound as text, since the client formats numbers one by one. If most symbols of a kind are used, a full read is
    faster than binding their ids.
    """
    if used.known <= _FEW * len(used.numbers):
        return Condition(sql="true", parameters={})
    fields = {
        f"ids_{number}": " ".join(map(str, field))
        for number, field in enumerate(batched(used.numbers, _FIELD_IDS, strict=False))
    }
    bound = ", ".join(f"splitByChar(' ', {{{name}:String}})" for name in fields)
    ids = f"SELECT arrayJoin(arrayMap(id -> toUInt64(id), arrayConcat({bound})))" if fields else "SELECT 0"
    return Condition(sql=f"id IN ({ids})", parameters=fields)
