"""SelectMergeProfile: the merged stacks of the selected samples, and the symbols that they are made of.

There may be millions of locations in all stacks together, so ClickHouse writes samples and locations the way protobuf
encodes them (protobuf.dev/programming-guides/encoding). What they refer to is numbered by its place among all of its kind
in the selected services and weeks. Numbers are as long as the longest of their kind, whatever they are: any reader takes
them, and what is made of the answer is written anew.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import batched
from typing import Any, NamedTuple

from flamehouse.merged_profile import (
    CUT_OFF,
    NO_PROFILE,
    UNKNOWN_SOURCE,
    MergedProfile,
    SourceLabels,
)
from flamehouse.profile import Function
from flamehouse.profile import Mapping as MappedFile
from flamehouse.store.client import ClickHouse, ServerSettings
from flamehouse.store.model import ProfileQuery
from flamehouse.store.selection import Selection
from flamehouse.store.stack_values import StackValues, select_stack_values
from flamehouse.store.tree_sql import READING, beyond_64_bits

_NUMBER_BYTES = 4
_VALUE_BYTES = 9
_WORD_BYTES = 10
_MAX_TOTAL = (1 << 63) - 1
_MOST = 2
_FIELD_IDS = 2_800
"""Ids in a field of a question, as text: it may have 60,000 bytes (client.py)."""


def _varint(number: str, length: int) -> str:
    """SQL of the number as LEB128 of so many bytes, the last ones of which may say nothing."""
    groups = [f"bitAnd(bitShiftRight({number}, {7 * group}), 127)" for group in range(length)]
    return f"char({', '.join((*(f'128 + {group}' for group in groups[:-1]), groups[-1]))})"


def _numbers(ids: str, known: str) -> str:
    """SQL of the places of ids among the known ones, from 1 on; 0 for one that is not known."""
    return f"arrayMap(id -> transform(id, {known}, arrayEnumerate({known}), 0), {ids})"


# Of a Sample, its field in the Profile and the lengths of it and of its lists; location ids come leaf first. A location
# that was stored between the reading of `known` and that of the stacks has no number, and is left out.
_SAMPLES = f"""
WITH
    (SELECT groupArray(id) FROM (SELECT DISTINCT id FROM locations WHERE {{symbols}} ORDER BY id)) AS known,
    arrayPushBack(known, {CUT_OFF}) AS ids,
    arrayMap(number -> {_varint("number", _NUMBER_BYTES)}, arrayEnumerate(ids)) AS numbers
SELECT
    arrayStringConcat(arraySort(groupArray(sample))) AS samples,
    groupUniqArrayArray(locations) AS used,
    {_numbers("used", "ids")} AS used_numbers,
    length(ids) AS ids_known,
    min(value) AS least,
    sum(toInt128(value)) AS total
FROM
(
    SELECT
        value,
        locations,
        arrayStringConcat(
            arrayMap(location -> transform(location, ids, numbers, ''), arrayReverse(locations))
        ) AS stack,
        concat(
            '\\x12', {_varint("length(stack) + 16", _NUMBER_BYTES)},
            '\\x0a', {_varint("length(stack)", _NUMBER_BYTES)}, stack,
            '\\x12\\x09', {_varint("value", _VALUE_BYTES)}
        ) AS sample
    FROM
    ({{stacks}}
    )
)
"""

_STACKS = """
    SELECT value, CAST(stacktraces.locations, 'Array(UInt64)') AS locations
    FROM stacktraces
    ANY INNER JOIN
    ({values}
    ) AS values_of_stacks ON id = stack
    WHERE {stacktraces}"""

_LEAVES = """
    SELECT sum(value) AS value, leaves AS locations
    FROM
    (
        SELECT
            value,
            arraySlice(locations, greatest(1, toInt64(length(locations)) - {{leaf_locations:Int64}} + 1)) AS leaves
        FROM ({stacks})
    )
    GROUP BY leaves"""

# A node is a path from the root. A kept node's parent is kept: the nodes of a stack that are kept are its outermost.
_CUT = """
    SELECT sum(value) AS value, kept_locations AS locations
    FROM
    (
        SELECT
            value,
            arrayCount(path -> path IN (
                SELECT path
                FROM (SELECT value, arrayJoin({paths}) AS path FROM ({stacks}))
                GROUP BY path
                ORDER BY sum(value) DESC
                LIMIT {{max_nodes:UInt64}} WITH TIES
            ), {paths}) AS kept,
            if(
                kept < length(locations), arrayPushBack(arraySlice(locations, 1, kept), {cut_off}), locations
            ) AS kept_locations
        FROM ({stacks})
    )
    GROUP BY kept_locations"""

_PATHS = "arrayCumSum(arrayMap((location, depth) -> cityHash64(location, depth), locations, arrayEnumerate(locations)))"

# Of a Location, all but its own number: mapping, address and lines, each as long as any. A line whose function is not known
# is left out.
_LOCATIONS = f"""
WITH
    (SELECT groupArray(id) FROM (SELECT DISTINCT id FROM functions WHERE {{symbols}} ORDER BY id)) AS known_functions,
    (SELECT groupArray(id) FROM (SELECT DISTINCT id FROM mappings WHERE {{symbols}} ORDER BY id)) AS known_mappings
SELECT
    groupArray(id) AS ids,
    groupArray(body) AS bodies,
    groupUniqArrayArray(function_ids) AS used_functions,
    {_numbers("used_functions", "known_functions")} AS function_numbers,
    length(known_functions) AS functions_known,
    groupUniqArray(mapping_id) AS used_mappings,
    {_numbers("used_mappings", "known_mappings")} AS mapping_numbers,
    length(known_mappings) AS mappings_known
FROM
(
    SELECT
        id,
        any(address) AS address,
        any(mapping_id) AS mapping_id,
        any(lines) AS lines,
        lines.function_id AS function_ids,
        transform(mapping_id, known_mappings, arrayEnumerate(known_mappings), 0) AS mapping,
        concat(
            '\\x10', {_varint("mapping", _NUMBER_BYTES)},
            '\\x18', {_varint("address", _WORD_BYTES)},
            arrayStringConcat(arrayMap(
                (function, line) -> if(function = 0, '', concat(
                    '\\x22\\x1b\\x08', {_varint("function", _NUMBER_BYTES)},
                    '\\x10', {_varint("toUInt64(line.2)", _WORD_BYTES)},
                    '\\x18', {_varint("toUInt64(line.3)", _WORD_BYTES)}
                )),
                {_numbers("function_ids", "known_functions")},
                lines
            ))
        ) AS body
    FROM locations
    WHERE {{symbols}} AND {{named}}
    GROUP BY id
)
"""

_FUNCTIONS = """
SELECT id, any(name_id), any(name), any(system_name), any(filename), any(start_line)
FROM functions
WHERE {symbols} AND {named}
GROUP BY id
ORDER BY id
"""

_MAPPINGS = """
SELECT id, any(memory_start), any(memory_limit), any(file_offset), any(filename), any(build_id), any(flags)
FROM mappings
WHERE {symbols} AND {named}
GROUP BY id
ORDER BY id
"""

_SOURCES = """
SELECT DISTINCT labels['service_repository'], labels['service_git_ref'], labels['service_root_path']
FROM series
WHERE {rows} AND day BETWEEN toDate({{first_day:Int32}}) AND toDate({{last_day:Int32}})
LIMIT 2
"""


def select_merge_profile(
    clickhouse: ClickHouse, tenant: str, query: ProfileQuery, settings: ServerSettings
) -> MergedProfile:
    """Ask for the merged profile; NO_PROFILE where nothing matches.

    RpcError out_of_range where the total is seen to be beyond 64 bits.
    """
    values = select_stack_values(tenant, query.profile_type, query.matchers, query.within, query.samples)
    samples, locations = _samples(clickhouse, values, query, {**settings, **READING})
    if not samples:
        return NO_PROFILE
    selection = values.selection
    bodies, functions, mappings = _locations(clickhouse, locations, selection, settings)
    return MergedProfile(
        samples=samples,
        locations=bodies,
        functions={
            number: Function(*row)
            for number, row in _named(clickhouse, _FUNCTIONS, functions, selection, settings)
        },
        mappings={
            number: MappedFile(*row)
            for number, row in _named(clickhouse, _MAPPINGS, mappings, selection, settings)
        },
        cut_off=locations.numbers.get(CUT_OFF, 0) if query.max_nodes else 0,
        source=_source(clickhouse, selection, settings),
    )


class _Named(NamedTuple):
    """What is named of a kind of symbol: its numbers by id, and how many of its kind there are to choose from."""

    numbers: Mapping[int, int]
    known: int


def _samples(
    clickhouse: ClickHouse, values: StackValues, query: ProfileQuery, settings: ServerSettings
) -> tuple[bytes, _Named]:
    """The samples, encoded, and the locations that they name."""
    sql = _SAMPLES.format(symbols=values.selection.symbols, stacks=_stacks_sql(values, query))
    limits = {"max_nodes": query.max_nodes, "leaf_locations": query.leaf_locations}
    parameters = {**values.parameters, **limits}
    (row,) = zip(*clickhouse.columns(sql, parameters, settings, text=False), strict=True)
    samples, used, numbers, known, least, total = row
    if least < 0 or total > _MAX_TOTAL:
        raise beyond_64_bits()
    return samples, _names(used, numbers, known)


def _locations(
    clickhouse: ClickHouse, locations: _Named, selection: Selection, settings: ServerSettings
) -> tuple[Mapping[int, bytes], _Named, _Named]:
    """The locations by number, encoded but for that, and the functions and mappings that they name."""
    (row,) = _rows(clickhouse, _LOCATIONS, locations, selection, settings, text=False)
    found, bodies, functions, function_numbers, functions_known, mappings, mapping_numbers, mappings_known = (
        row
    )
    numbers = locations.numbers
    return (
        {numbers[id_]: body for id_, body in zip(found, bodies, strict=True) if id_ in numbers},
        _names(functions, function_numbers, functions_known),
        _names(mappings, mapping_numbers, mappings_known),
    )


def _names(ids: Iterable[int], numbers: Iterable[int], known: int) -> _Named:
    return _Named({id_: number for id_, number in zip(ids, numbers, strict=True) if number}, known)


def _stacks_sql(values: StackValues, query: ProfileQuery) -> str:
    """A row (value, locations from the root on) a stack that is answered."""
    sql = _STACKS.format(values=values.sql, stacktraces=values.stacktraces)
    if query.leaf_locations:
        sql = _LEAVES.format(stacks=sql)
    if query.max_nodes:
        sql = _CUT.format(stacks=sql, paths=_PATHS, cut_off=CUT_OFF)
    return sql


def _named(
    clickhouse: ClickHouse, sql: str, named: _Named, selection: Selection, settings: ServerSettings
) -> Iterator[tuple[int, Sequence[Any]]]:
    """Number and row of each that is named; the row begins with the id."""
    numbers = named.numbers
    for row in _rows(clickhouse, sql, named, selection, settings):
        if row[0] in numbers:
            yield numbers[row[0]], row


def _rows(
    clickhouse: ClickHouse,
    sql: str,
    named: _Named,
    selection: Selection,
    settings: ServerSettings,
    *,
    text: bool = True,
) -> Iterator[Sequence[Any]]:
    """The rows of an answer about what is named, and maybe about more of its kind.

    Ids are bound as text, since the client writes numbers one by one. Where most of a kind are named, to bind them takes
    longer than to read the others too.
    """
    condition, fields = "true", {}
    if named.known > _MOST * len(named.numbers):
        fields = {
            f"ids_{number}": " ".join(map(str, field))
            for number, field in enumerate(batched(named.numbers, _FIELD_IDS, strict=False))
        }
        bound = ", ".join(f"splitByChar(' ', {{{name}:String}})" for name in fields)
        ids = (
            f"SELECT arrayJoin(arrayMap(id -> toUInt64(id), arrayConcat({bound})))" if fields else "SELECT 0"
        )
        condition = f"id IN ({ids})"
    question = sql.format(symbols=selection.symbols, named=condition)
    columns = clickhouse.columns(question, {**selection.parameters, **fields}, settings, text=text)
    return zip(*columns, strict=True)


def _source(clickhouse: ClickHouse, selection: Selection, settings: ServerSettings) -> SourceLabels:
    """Where the source code is, if all selected series say the same of it."""
    rows = clickhouse.rows(_SOURCES.format(rows=selection.rows), selection.parameters, settings)
    return SourceLabels(*rows[0]) if len(rows) == 1 else UNKNOWN_SOURCE
