"""Converts profiles of OTLP 1.5 to 1.7, whose stacks are ranges of `location_indices`, to the current layout.

Relevant differences: a sample has a value for each of the profile's sample types; an attribute contains its name; links
and mappings are optional, so that index 0 is the first of its table. Profiles of 1.5 and 1.6 have their own tables.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from google.protobuf.message import DecodeError
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.profiles.v1development import profiles_pb2 as otlp

from flamehouse.errors import invalid_argument
from flamehouse.pb.otlp_layouts_pb2 import (
    Attribute,
    Location,
    RangeSample,
    V15Profile,
    V17Dictionary,
    V17Profile,
    V18Profile,
    V18Sample,
    ValueType,
)
from ingest.formats.otlp.dictionary import Dictionary

_MAX_INT32: Final = (1 << 31) - 1

type RangeProfile = V15Profile | V17Profile


def tables_of(tables: V17Dictionary | V15Profile) -> otlp.ProfilesDictionary:
    """Converts the tables to a current dictionary without stacks; an empty mapping and link are inserted first.

    Raises:
        RpcError: `invalid_argument` for an entry that is not a message of its table.
    """
    names = [*tables.string_table]
    try:
        return otlp.ProfilesDictionary(
            mapping_table=[otlp.Mapping(), *map(otlp.Mapping.FromString, tables.mapping_table)],
            location_table=map(_location, tables.location_table),
            function_table=map(otlp.Function.FromString, tables.function_table),
            link_table=[otlp.Link(), *map(otlp.Link.FromString, tables.link_table)],
            attribute_table=[_attribute(each, names) for each in tables.attribute_table],
            string_table=names,
        )
    except DecodeError as error:
        raise invalid_argument(f"the body is not a valid message: {error}") from error


def upgraded(profile: RangeProfile, dictionary: Dictionary) -> Iterator[V18Profile]:
    """Yields a profile for each sample type of the profile, and adds the profile's stacks to the dictionary.

    Raises:
        RpcError: `invalid_argument` for a range beyond the profile's locations, and for a sample without a value for
        each type.
    """
    types = [*profile.sample_type] or [ValueType()]
    stacks = _stacks_of(profile, dictionary)
    rows = [_values_of(sample, len(types)) for sample in profile.sample]
    for column, type_ in enumerate(types):
        yield V18Profile(
            sample_type=type_,
            period_type=profile.period_type,
            period=profile.period,
            time_unix_nano=max(profile.time_nanos, 0),
            duration_nano=max(profile.duration_nanos, 0),
            samples=[
                _sample(sample, stack, row[column])
                for sample, stack, row in zip(profile.sample, stacks, rows, strict=True)
            ],
        )


def _location(location: Location) -> otlp.Location:
    return otlp.Location(
        mapping_index=_moved(location.mapping_index) if location.HasField("mapping_index") else 0,
        address=location.address,
        lines=map(otlp.Line.FromString, location.line),
    )


def _moved(index: int) -> int:
    """Shifts an index past the empty first entry; returns -1, which is beyond every table, for an invalid index."""
    return index + 1 if 0 <= index < _MAX_INT32 else -1


def _attribute(attribute: Attribute, names: list[str]) -> otlp.KeyValueAndUnit:
    """Converts an attribute with a text as its value, and adds its name to `names`."""
    names.append(attribute.key)
    text = AnyValue.FromString(attribute.value).string_value
    return otlp.KeyValueAndUnit(key_strindex=len(names) - 1, value=AnyValue(string_value=text))


def _stacks_of(profile: RangeProfile, dictionary: Dictionary) -> Sequence[int]:
    """Returns the index of each sample's stack."""
    count = len(profile.location_indices)
    ranges = [(sample.locations_start_index, sample.locations_length) for sample in profile.sample]
    distinct = [*dict.fromkeys(ranges)]
    for start, length in distinct:
        if not 0 <= start <= start + length <= count or length < 0:
            raise invalid_argument(
                f"{length} locations from index {start} are out of range: location_indices has {count} entries"
            )
    indices = dictionary.add_stacks(profile.location_indices, distinct)
    by_range = dict(zip(distinct, indices, strict=True))
    return [by_range[each] for each in ranges]


def _values_of(sample: RangeSample, types: int) -> Sequence[Sequence[int]]:
    """Returns the values of each sample type: one value each, or any number of values if there is a single type."""
    if types == 1:
        return [sample.value]
    if len(sample.value) != types:
        raise invalid_argument(
            f"a sample has {len(sample.value)} values, but its profile has {types} sample types"
        )
    return [[value] for value in sample.value]


def _sample(sample: RangeSample, stack: int, values: Sequence[int]) -> V18Sample:
    return V18Sample(
        stack_index=stack,
        values=values,
        attribute_indices=sample.attribute_indices,
        link_index=_moved(sample.link_index) if sample.HasField("link_index") else 0,
        timestamps_unix_nano=sample.timestamps_unix_nano,
    )
