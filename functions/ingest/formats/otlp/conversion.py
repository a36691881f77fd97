"""Converts one OTLP profile to pprof messages with the labels of their series.

Message: opentelemetry-proto, profiles/v1development/profiles.proto. Names of sample types follow Grafana Pyroscope,
except where docs/adr/0008-differences-from-pyroscope.md says otherwise.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final

from opentelemetry.proto.profiles.v1development import profiles_pb2 as otlp

from flamehouse.errors import invalid_argument
from flamehouse.pb.otlp_layouts_pb2 import V18Profile, V18Sample
from flamehouse.pb.profile_pb2 import Label, ValueType
from flamehouse.pb.profile_pb2 import Mapping as Mapped
from flamehouse.pb.profile_pb2 import Profile as Pprof
from flamehouse.units import MAX_INT64
from ingest.formats.otlp.dictionary import Dictionary
from ingest.formats.otlp.symbols import FunctionTexts
from ingest.profile.columns import ColumnarProfile, Locations, PprofColumns, Samples
from ingest.profile.series_labels import SERVICE_NAME

_DEFAULT_DURATION_NS: Final = 10 * 1_000_000_000
_SERVICE: Final = "service.name"
_CPU: Final = ("cpu", "nanoseconds")
_CPU_SAMPLES: Final = ("samples", "count")


type Profile = otlp.Profile | V18Profile
type Sample = otlp.Sample | V18Sample
"""A sample of 1.10, or of 1.8 and 1.9: the fields have the same names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """The meaning of a profile's values: the metric's name, type and unit, and the factor to multiply values by."""

    metric: str
    type: tuple[str, str]
    period_type: tuple[str, str]
    factor: int = 1


def convert(
    profile: Profile, labels: Mapping[str, str], dictionary: Dictionary, measure: Measure | None = None
) -> Iterator[ColumnarProfile]:
    """Converts the profile, split by the service of its samples.

    `measure` overrides the profile's own description of its values. Raises RpcError(INVALID_ARGUMENT) for an index
    beyond its table, and for values of more than 64 bits.
    """
    measure = measure or _measure_of(profile, dictionary)
    values = _values_of(profile, measure.factor)
    head = {**labels, "__name__": measure.metric, "__otel__": "true", "__delta__": "false"}
    for service, rows in _rows_by_service(profile, dictionary).items():
        texts = _Texts(dictionary)
        samples = _samples_of([profile.samples[row] for row in rows], [values[row] for row in rows], texts)
        used = dict.fromkeys(samples.location_ids)
        used.pop(0, None)
        locations = dictionary.symbols.locations([*used])
        functions = dictionary.symbols.functions(locations)
        columns = PprofColumns(
            samples=samples, locations=locations, functions=functions.numbered(texts.of_functions(functions))
        )
        pprof = _head_of(profile, measure, texts)
        pprof.mapping.extend(_mappings_of(locations, texts))
        pprof.string_table.extend(texts.numbers)
        named = {_SERVICE: service, SERVICE_NAME: service} if service else {}
        yield ColumnarProfile(labels={**head, **named}, pprof=pprof, columns=columns)


def _measure_of(profile: Profile, dictionary: Dictionary) -> Measure:
    type_, period_type = (
        (dictionary.text(each.type_strindex), dictionary.text(each.unit_strindex))
        for each in (profile.sample_type, profile.period_type)
    )
    if (type_, period_type) != (_CPU_SAMPLES, _CPU):
        return Measure(metric=period_type[0] or type_[0], type=type_, period_type=period_type)
    if profile.period <= 0:
        return Measure(metric="process_cpu", type=type_, period_type=period_type)
    return Measure(metric="process_cpu", type=_CPU, period_type=period_type, factor=profile.period)


def _values_of(profile: Profile, factor: int) -> Sequence[int]:
    """Returns a value for each sample: the sum of its values or, without any, the number of its timestamps."""
    values = [
        (sum(values) if (values := sample.values) else len(sample.timestamps_unix_nano)) * factor
        for sample in profile.samples
    ]
    if not -MAX_INT64 <= min(values, default=0) <= max(values, default=0) <= MAX_INT64:
        raise invalid_argument("the values of a sample add up to more than 64 bits")
    return values


def _rows_by_service(profile: Profile, dictionary: Dictionary) -> Mapping[str, Sequence[int]]:
    """Returns the indices of samples by service; the service is empty for samples without one."""
    if not dictionary.may_name(_SERVICE):
        return {"": range(len(profile.samples))}
    rows: dict[str, list[int]] = {}
    samples: Sequence[Sample] = profile.samples
    for row, sample in enumerate(samples):
        named = map(dictionary.attribute, sample.attribute_indices)
        rows.setdefault(next((text for name, text in named if name == _SERVICE), ""), []).append(row)
    return rows


class _Texts:
    """The string table of a pprof under construction, with the number of each text."""

    def __init__(self, dictionary: Dictionary) -> None:
        self.dictionary = dictionary
        self.numbers = {"": 0}

    def number(self, text: str) -> int:
        return self.numbers.setdefault(text, len(self.numbers))

    def of_functions(self, functions: FunctionTexts) -> dict[int, int]:
        """Returns the numbers of the functions' texts, by dictionary index."""
        indices = sorted({*functions.names, *functions.system_names, *functions.filenames})
        return dict(zip(indices, map(self.number, self.dictionary.texts(indices)), strict=True))


def _head_of(profile: Profile, measure: Measure, texts: _Texts) -> Pprof:
    """Builds a pprof with only the fields of the profile itself."""
    type_, period_type = (
        ValueType(type=texts.number(name), unit=texts.number(unit))
        for name, unit in (measure.type, measure.period_type)
    )
    return Pprof(
        time_nanos=min(profile.time_unix_nano, MAX_INT64),
        duration_nanos=min(profile.duration_nano or _DEFAULT_DURATION_NS, MAX_INT64),
        period=profile.period,
        sample_type=[type_],
        period_type=period_type,
    )


def _mappings_of(locations: Locations, texts: _Texts) -> Iterator[Mapped]:
    for id_ in dict.fromkeys(locations.mapping_ids):
        if id_:
            mapping = texts.dictionary.mapping(id_)
            yield Mapped(
                id=id_,
                memory_start=mapping.start,
                memory_limit=mapping.limit,
                file_offset=mapping.offset,
                filename=texts.number(mapping.filename),
                build_id=texts.number(mapping.build_id),
            )


def _samples_of(samples: Sequence[Sample], values: Sequence[int], texts: _Texts) -> Samples:
    """Builds the samples as columns; each has one value."""
    stacks = texts.dictionary.stacks([sample.stack_index for sample in samples])
    labels = [*map(_LabelReader(texts), samples)]
    return Samples(
        location_ids=[*chain.from_iterable(stacks)],
        values=values,
        labels=[*chain.from_iterable(labels)],
        depths=[*map(len, stacks)],
        widths=[1] * len(stacks),
        label_counts=[*map(len, labels)],
    )


class _LabelReader:
    """Makes the encoded labels of samples: one for each attribute that is a string, and one for the span."""

    def __init__(self, texts: _Texts) -> None:
        self._texts = texts
        self._seen: dict[tuple[tuple[int, ...], int], Sequence[bytes]] = {}

    def __call__(self, sample: Sample) -> Sequence[bytes]:
        attributes, link = sample.attribute_indices, sample.link_index
        if not attributes and not link:
            return ()
        key = (tuple(attributes), link)
        found = self._seen.get(key)
        if found is None:
            found = self._seen[key] = self._read(*key)
        return found

    def _read(self, attributes: Sequence[int], link: int) -> Sequence[bytes]:
        dictionary, number = self._texts.dictionary, self._texts.number
        trace_id, span_id = dictionary.span(link)
        named = [*map(dictionary.sample_label, attributes), ("trace_id", trace_id), ("span_id", span_id)]
        return [Label(key=number(name), str=number(text)).SerializeToString() for name, text in named if text]
