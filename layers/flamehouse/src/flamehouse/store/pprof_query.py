"""SelectMergeProfile: the merged stacks of the selected samples, and the symbols that they are made of.

There may be millions of locations in all stacks together, so ClickHouse writes the samples the way protobuf encodes them
(protobuf.dev/programming-guides/encoding) and Python joins them. A location is numbered by its place among those of the
selected services and weeks, and numbers take four bytes and values nine whatever they are, which any reader takes.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import batched, chain
from operator import itemgetter
from typing import Any

from flamehouse.merged_profile import (
    CUT_OFF,
    NO_PROFILE,
    UNKNOWN_SOURCE,
    MergedLocation,
    MergedProfile,
    SourceLabels,
)
from flamehouse.profile import Function
from flamehouse.profile import Mapping as MappedFile
from flamehouse.store.client import ClickHouse, ServerSettings
from flamehouse.store.model import ProfileQuery
from flamehouse.store.selection import Selection
from flamehouse.store.stack_values import StackValues, select_stack_values
from flamehouse.store.tree_sql import READING

_NUMBER_BYTES = 4
_VALUE_BYTES = 9
_MAX_ASKED = 4_096
"""Ids in a question: a server takes no field over 128 KiB in a form (http_max_field_value_size)."""


def _varint(number: str, length: int) -> str:
    """SQL of the number as LEB128 of so many bytes, the last ones of which may say nothing."""
    groups = [f"bitAnd(bitShiftRight({number}, {7 * group}), 127)" for group in range(length)]
    return f"char({', '.join((*(f'128 + {group}' for group in groups[:-1]), groups[-1]))})"


# Of a Sample, its field in the Profile and the lengths of it and of its lists; location ids come leaf first.
_SAMPLES = f"""
WITH
    (SELECT groupArray(id) FROM (SELECT DISTINCT id FROM locations WHERE {{symbols}} ORDER BY id)) AS known,
    arrayPushBack(known, {CUT_OFF}) AS ids,
    arrayMap(number -> {_varint("number", _NUMBER_BYTES)}, arrayEnumerate(ids)) AS numbers
SELECT
    concat(
        '\\x12', {_varint("length(locations) * 4 + 16", _NUMBER_BYTES)},
        '\\x0a', {_varint("length(locations) * 4", _NUMBER_BYTES)},
        arrayStringConcat(arrayMap(location -> transform(location, ids, numbers, ''), arrayReverse(locations))),
        '\\x12\\x09', {_varint("value", _VALUE_BYTES)}
    ) AS sample,
    emptyArrayUInt64() AS numbered
FROM
({{stacks}}
)
ORDER BY value DESC, sample
UNION ALL
SELECT '', ids
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

_LOCATIONS = """
SELECT id, any(address), any(mapping_id), any(lines.function_id), any(lines.line), any(lines.column)
FROM locations
WHERE {symbols} AND id IN (
    SELECT arrayJoin(stacktraces.locations)
    FROM stacktraces
    WHERE {stacktraces} AND id IN (SELECT stack FROM ({values}
    ))
)
GROUP BY id
ORDER BY id
"""

_FUNCTIONS = """
SELECT id, any(name_id), any(name), any(system_name), any(filename), any(start_line)
FROM functions
WHERE {symbols} AND id IN {{ids:Array(UInt64)}}
GROUP BY id
"""

_MAPPINGS = """
SELECT id, any(memory_start), any(memory_limit), any(file_offset), any(filename), any(build_id), any(flags)
FROM mappings
WHERE {symbols} AND id IN {{ids:Array(UInt64)}}
GROUP BY id
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
    """Ask for the merged profile; NO_PROFILE where nothing matches."""
    values = select_stack_values(tenant, query.profile_type, query.matchers, query.within, query.samples)
    reading = {**settings, **READING}
    samples, ids = _samples(clickhouse, values, query, reading)
    if not samples:
        return NO_PROFILE
    numbers = dict(zip(ids, range(1, len(ids) + 1), strict=True))
    sql = _LOCATIONS.format(
        symbols=values.selection.symbols, stacktraces=values.stacktraces, values=values.sql
    )
    found = clickhouse.columns(sql, values.parameters, reading)
    locations = [
        MergedLocation(numbers[id_], *rest) for id_, *rest in zip(*found, strict=True) if id_ in numbers
    ]
    selection = values.selection
    function_ids = set(chain.from_iterable(location.function_ids for location in locations))
    mapping_ids = {location.mapping_id for location in locations}
    return MergedProfile(
        samples=samples,
        locations=locations,
        functions=[
            Function(*row) for row in _by_ids(clickhouse, _FUNCTIONS, function_ids, selection, settings)
        ],
        mappings=[
            MappedFile(*row) for row in _by_ids(clickhouse, _MAPPINGS, mapping_ids, selection, settings)
        ],
        cut_off=numbers[CUT_OFF] if query.max_nodes else 0,
        source=_source(clickhouse, selection, settings),
    )


def _samples(
    clickhouse: ClickHouse, values: StackValues, query: ProfileQuery, settings: ServerSettings
) -> tuple[bytes, Sequence[int]]:
    """The samples, encoded, and the ids of locations in the order of their numbers."""
    sql = _SAMPLES.format(symbols=values.selection.symbols, stacks=_stacks_sql(values, query))
    limits = {"max_nodes": query.max_nodes, "leaf_locations": query.leaf_locations}
    parameters = {**values.parameters, **limits}
    samples, numbered = clickhouse.columns(sql, parameters, settings, text=False)
    return b"".join(samples), next(ids for ids in numbered if ids)


def _stacks_sql(values: StackValues, query: ProfileQuery) -> str:
    """A row (value, locations from the root on) a stack that is answered."""
    sql = _STACKS.format(values=values.sql, stacktraces=values.stacktraces)
    if query.leaf_locations:
        sql = _LEAVES.format(stacks=sql)
    if query.max_nodes:
        sql = _CUT.format(stacks=sql, paths=_PATHS, cut_off=CUT_OFF)
    return sql


def _by_ids(
    clickhouse: ClickHouse, sql: str, ids: Iterable[int], selection: Selection, settings: ServerSettings
) -> Iterator[Sequence[Any]]:
    """The rows with these ids, in the order of the ids."""
    text = sql.format(symbols=selection.symbols)
    for asked in batched(sorted(ids), _MAX_ASKED, strict=False):
        rows = clickhouse.rows(text, {**selection.parameters, "ids": [*asked]}, settings)
        yield from sorted(rows, key=itemgetter(0))


def _source(clickhouse: ClickHouse, selection: Selection, settings: ServerSettings) -> SourceLabels:
    """Where the source code is, if all selected series say the same of it."""
    rows = clickhouse.rows(_SOURCES.format(rows=selection.rows), selection.parameters, settings)
    return SourceLabels(*rows[0]) if len(rows) == 1 else UNKNOWN_SOURCE
