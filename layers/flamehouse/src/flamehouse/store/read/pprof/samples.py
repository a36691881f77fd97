"""SelectMergeProfile: the merged stacks of the selected samples, with their symbols.

All stacks together may have millions of locations and tens of thousands of functions, so ClickHouse itself encodes
samples, locations, functions and their texts as protobuf.
"""

from typing import Final

from flamehouse.identity.tenant import Tenants
from flamehouse.model.merged_profile import CUT_OFF, NO_PROFILE, MergedProfile
from flamehouse.model.profile_query import ProfileQuery
from flamehouse.store.read.call_tree import READING, beyond_64_bits
from flamehouse.store.read.pprof.protobuf import length_delimited, padded_varint, varint
from flamehouse.store.read.pprof.symbols import (
    NUMBER_BYTES,
    Used,
    known_sql,
    numbers_sql,
    read_functions,
    read_locations,
    read_mappings,
    used_of,
)
from flamehouse.store.read.reader import Reader
from flamehouse.store.read.stack_values import StackValues, select_stack_values
from flamehouse.store.sql import SqlFile
from flamehouse.units import MAX_INT64

_SQL: Final = SqlFile(__file__)


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
    sql = _samples_sql(values, query)
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


def _samples_sql(values: StackValues, query: ProfileQuery) -> str:
    """SQL of one row: the encoded samples, their locations by id and number, and the bounds of their values."""
    message = _SQL(
        "stack_and_value", stack=length_delimited("stack"), value=length_delimited(varint("narrow"))
    )
    return _SQL(
        "samples",
        known=known_sql("locations", values.selection),
        cut_off=str(CUT_OFF),
        varint_number=varint("number"),
        padded_number=padded_varint("number", NUMBER_BYTES),
        used_numbers=numbers_sql("used", "ids", "padded_numbers"),
        stack_numbers=numbers_sql("arrayReverse(locations)", "ids", "numbers"),
        message=length_delimited(message),
        stacks=_stacks_sql(values, query),
    )


def _stacks_sql(values: StackValues, query: ProfileQuery) -> str:
    """SQL of one row (value, locations root first) for each stack in the result."""
    sql = _SQL("stacks", values=values.sql, stacktraces=values.stacktraces)
    if query.leaf_locations:
        sql = _SQL("leaves", stacks=sql)
    if query.max_nodes:
        sql = _SQL("cut", stacks=sql, paths=_SQL("paths"), cut_off=str(CUT_OFF))
    return sql
