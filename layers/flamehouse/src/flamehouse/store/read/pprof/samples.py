"""SelectMergeProfile: the merged stacks of the selected samples, with their symbols.

All stacks together may have millions of locations and tens of thousands of functions, so ClickHouse itself encodes
samples, locations, functions and their texts as protobuf.
"""

from string import Template

from flamehouse.identity.tenant import Tenants
from flamehouse.model.merged_profile import CUT_OFF, NO_PROFILE, MergedProfile
from flamehouse.model.queries import ProfileQuery
from flamehouse.store.read.call_tree import READING, beyond_64_bits
from flamehouse.store.read.pprof.protobuf import length_delimited, padded_varint, varint
from flamehouse.store.read.pprof.symbols import (
    NUMBER_BYTES,
    Used,
    numbers_sql,
    read_functions,
    read_locations,
    read_mappings,
    used_of,
)
from flamehouse.store.read.reader import Reader
from flamehouse.store.read.stack_values import StackValues, select_stack_values
from flamehouse.units import MAX_INT64

_STACK_AND_VALUE = (
    f"concat('\\x0a', {length_delimited('stack')}, '\\x12', {length_delimited(varint('narrow'))})"
)

# Field 12 of a Profile: location_id (0a), leaf first, and value (12). A location stored between the reads of `known`
# and of the stacks has no number, and is dropped.
_SAMPLES = Template(f"""
WITH
    (SELECT groupArray(id) FROM (SELECT DISTINCT id FROM locations WHERE $symbols ORDER BY id)) AS known,
    arrayPushBack(known, {CUT_OFF}) AS ids,
    arrayMap(number -> {varint("number")}, arrayEnumerate(ids)) AS numbers,
    arrayMap(number -> {padded_varint("number", NUMBER_BYTES)}, arrayEnumerate(ids)) AS padded_numbers
SELECT
    arrayStringConcat(arraySort(groupArray(sample))) AS samples,
    groupUniqArrayArray(locations) AS used,
    {numbers_sql("used", "ids", "padded_numbers")} AS used_numbers,
    length(known) AS ids_known,
    min(wide) AS least,
    sum(wide) AS total
FROM
(
    SELECT
        value AS wide,
        toInt64(wide) AS narrow,
        locations,
        arrayStringConcat({numbers_sql("arrayReverse(locations)", "ids", "numbers")}) AS stack,
        concat('\\x12', {length_delimited(_STACK_AND_VALUE)}) AS sample
    FROM
    ($stacks
    )
)
""")

_STACKS = Template("""
    SELECT value, CAST(stacktraces.locations, 'Array(UInt64)') AS locations
    FROM stacktraces
    ANY INNER JOIN
    ($values
    ) AS values_of_stacks ON id = stack
    WHERE $stacktraces""")

_LEAVES = Template("""
    SELECT sum(value) AS value, leaves AS locations
    FROM
    (
        SELECT
            value,
            arraySlice(locations, greatest(1, toInt64(length(locations)) - {leaf_locations:Int64} + 1)) AS leaves
        FROM ($stacks)
    )
    GROUP BY leaves""")

# A node is a path from the root. If a node remains, so does its parent: a stack retains its outermost nodes.
_CUT = Template("""
    SELECT sum(value) AS value, kept_locations AS locations
    FROM
    (
        SELECT
            value,
            arrayCount(path -> path IN (
                SELECT path
                FROM (SELECT value, arrayJoin($paths) AS path FROM ($stacks))
                GROUP BY path
                ORDER BY sum(value) DESC
                LIMIT {max_nodes:UInt64} WITH TIES
            ), $paths) AS kept,
            if(
                kept < length(locations), arrayPushBack(arraySlice(locations, 1, kept), $cut_off), locations
            ) AS kept_locations
        FROM ($stacks)
    )
    GROUP BY kept_locations""")

_PATHS = "arrayCumSum(arrayMap((location, depth) -> cityHash64(location, depth), locations, arrayEnumerate(locations)))"


def select_merge_profile(reader: Reader, tenants: Tenants, query: ProfileQuery) -> MergedProfile:
    """The merged profile; NO_PROFILE if nothing matches.

    Raises RpcError(OUT_OF_RANGE) if a total exceeds 64 bits.
    """
    values = select_stack_values(reader, tenants, query)
    samples, used = _samples(reader, values, query)
    if not samples:
        return NO_PROFILE
    selection = values.selection
    locations, functions, used_mappings = read_locations(reader, used, selection)
    mappings, source = read_mappings(reader, used_mappings, selection)
    return MergedProfile(
        samples=samples,
        locations=locations,
        functions=read_functions(reader, functions, selection),
        mappings=mappings,
        cut_off=used.known + 1 if CUT_OFF in used.numbers else 0,
        source=source,
    )


def _samples(reader: Reader, values: StackValues, query: ProfileQuery) -> tuple[bytes, Used[bytes]]:
    """The encoded samples, and the locations that they use."""
    sql = _SAMPLES.substitute(symbols=values.selection.symbols, stacks=_stacks_sql(values, query))
    parameters = {
        **values.parameters,
        "max_nodes": query.max_nodes,
        "leaf_locations": query.leaf_locations,
    }
    (row,) = zip(*reader.with_settings(READING).columns(sql, parameters, text=False), strict=True)
    samples, used, numbers, known, least, total = row
    if least < 0 or total > MAX_INT64:
        raise beyond_64_bits()
    return samples, used_of(used, numbers, known)


def _stacks_sql(values: StackValues, query: ProfileQuery) -> str:
    """SQL of one row (value, locations root first) for each stack in the result."""
    sql = _STACKS.substitute(values=values.sql, stacktraces=values.stacktraces)
    if query.leaf_locations:
        sql = _LEAVES.substitute(stacks=sql)
    if query.max_nodes:
        sql = _CUT.substitute(stacks=sql, paths=_PATHS, cut_off=CUT_OFF)
    return sql
