"""Merges the samples of one pprof: those with equal stacks and labels become one. The result is grouped by series."""

from array import array
from collections.abc import Container, Iterable, Mapping, Sequence
from itertools import accumulate, compress
from typing import NamedTuple

from flamehouse.errors import invalid_argument
from flamehouse.label_rules import LabelRule, LabelRules
from flamehouse.model.labels import LabelSet
from flamehouse.pb.profile_pb2 import Label
from ingest.profile.columns import Samples
from ingest.profile.symbols import SymbolTable
from ingest.profile.validate import ValidProfile

_NO_TRACE = bytes(16)
_PRIVATE = "__"
_MAX_DECIMAL_DIGITS = 20
_SPAN_LABELS = ("span_id", "profile_id")
"""`profile_id` is the label for span ids in older SDKs."""


class SampleLabels(NamedTuple):
    """A sample's labels: those of its series, and the ids of its span and trace (0 and zero bytes mean none)."""

    series: LabelSet
    span_id: int
    trace_id: bytes


class Merged(NamedTuple):
    """Samples with equal labels: their distinct stacks, and the values of the stacks for each sample type."""

    labels: SampleLabels
    stacktraces: Sequence[int]
    values: Sequence[Sequence[int]]


class SeriesColumns(NamedTuple):
    """Samples of one sample type. Span and trace ids are empty if no sample has one."""

    stacktrace_ids: "array[int]"
    values: "array[int]"
    span_ids: "array[int]"
    trace_ids: list[bytes]


def merge_samples(
    profile: ValidProfile, symbols: SymbolTable, rules: LabelRules
) -> Mapping[LabelSet, Sequence[Merged]]:
    """Sum the pprof's samples by labels and stack, grouped by series.

    Negative values count as zero, and samples with only zeros are dropped. Labels of the series override sample labels
    of the same name.
    """
    samples = profile.columns.samples
    types = len(profile.pprof.sample_type)
    values = [_without_negative(samples.values[type_::types]) for type_ in range(types)]
    kept = [row for row, each in enumerate(zip(*values, strict=True)) if any(each)]
    stacktraces = symbols.stacktraces(samples.location_ids, samples.depths, kept)
    read_labels = LabelReader(profile.pprof.string_table, profile.labels, rules)
    series: dict[LabelSet, list[Merged]] = {}
    for labels, rows in _rows_by_labels(samples, kept, read_labels).items():
        of_labels = [[column[row] for row in rows] for column in values]
        merged = _merge([stacktraces[row] for row in rows], of_labels)
        series.setdefault(labels.series, []).append(Merged(labels, *merged))
    return series


def _without_negative(values: Sequence[int]) -> Sequence[int]:
    """Return the values with negative ones replaced by zero; they occur in profiles of differences."""
    return values if min(values, default=0) >= 0 else [max(value, 0) for value in values]


def _rows_by_labels(
    samples: Samples, kept: Sequence[int], read_labels: "LabelReader"
) -> Mapping[SampleLabels, Sequence[int]]:
    if not samples.labels:
        return {_NO_LABELS: kept} if kept else {}
    ends = [*accumulate(samples.label_counts)]
    rows: dict[SampleLabels, list[int]] = {}
    for row in kept:
        end = ends[row]
        labels = read_labels(tuple(samples.labels[end - samples.label_counts[row] : end]))
        rows.setdefault(labels, []).append(row)
    return rows


def _merge(
    stacktraces: Sequence[int], values: Sequence[Sequence[int]]
) -> tuple[Sequence[int], Sequence[Sequence[int]]]:
    """Return the distinct stacks and the sums of their values."""
    sums = dict.fromkeys(stacktraces, 0)
    if len(sums) == len(stacktraces):
        return stacktraces, values
    summed = []
    for column in values:
        sums = dict.fromkeys(sums, 0)
        for stacktrace, value in zip(stacktraces, column, strict=True):
            sums[stacktrace] += value
        summed.append([*sums.values()])
    return [*sums], summed


def merge_again(labels: LabelSet, samples: Iterable[Merged]) -> Sequence[Merged]:
    """Merge the samples of one series again: sum equal stacks with the same span and trace."""
    stacktraces: dict[SampleLabels, list[int]] = {}
    values: dict[SampleLabels, list[list[int]]] = {}
    for each in samples:
        key = each.labels._replace(series=labels)
        stacktraces.setdefault(key, []).extend(each.stacktraces)
        columns = values.setdefault(key, [[] for _ in each.values])
        for column, more in zip(columns, each.values, strict=True):
            column.extend(more)
    return [Merged(key, *_merge(stacktraces[key], values[key])) for key in stacktraces]


def columns_of(samples: Sequence[Merged], type_: int) -> SeriesColumns:
    """Return the samples of one series with nonzero values of sample type number `type_`.

    Raises RpcError(INVALID_ARGUMENT) for sums beyond 64 bits.
    """
    columns = SeriesColumns(array("Q"), array("q"), array("Q"), [])
    has_spans = any(labels.span_id or labels.trace_id != _NO_TRACE for labels, _, _ in samples)
    for labels, stacktraces, values in samples:
        before = len(columns.values)
        columns.stacktrace_ids.extend(compress(stacktraces, values[type_]))
        try:
            columns.values.extend(filter(None, values[type_]))
        except OverflowError:
            raise invalid_argument("the values of equal samples add up to more than 64 bits") from None
        if has_spans:
            count = len(columns.values) - before
            columns.span_ids.extend([labels.span_id] * count)
            columns.trace_ids.extend([labels.trace_id] * count)
    return columns


class LabelReader:
    """Reads the encoded labels of samples; each distinct set is parsed once."""

    def __init__(self, strings: Sequence[str], series_labels: Container[str], rules: LabelRules) -> None:
        self._rules = rules
        self._strings = strings
        self._series_labels = series_labels
        self._seen: dict[Sequence[bytes], SampleLabels] = {(): _NO_LABELS}

    def __call__(self, labels: tuple[bytes, ...]) -> SampleLabels:
        found = self._seen.get(labels)
        if found is None:
            found = self._seen[labels] = self._read(map(Label.FromString, labels))
        return found

    def _read(self, labels: Iterable[Label]) -> SampleLabels:
        """Return the public string labels (a numeric one has string 0); of equal names, the first counts."""
        named: dict[str, str] = {}
        for label in labels:
            if label.str and self._strings[label.str]:
                named.setdefault(self._strings[label.key], self._strings[label.str])
        trace_id = _hex_id(named.pop("trace_id", ""), 16)
        span_ids = [_hex_id(named.pop(name, ""), 8) for name in _SPAN_LABELS]
        span_id = next((int.from_bytes(id_) for id_ in span_ids if id_), 0)
        for name, value in named.items():
            if self._rules.rule_of(name) is LabelRule.SPAN:
                span_id = span_id or _any_id(value)
        own = [pair for pair in self._rules.relabelled(named).items() if self._is_own(pair[0])]
        return SampleLabels(tuple(sorted(own)), span_id, trace_id or _NO_TRACE)

    def _is_own(self, name: str) -> bool:
        return name not in self._series_labels and not name.startswith(_PRIVATE)


def _any_id(text: str) -> int:
    """Parse a 64-bit id from 16 hexadecimal digits or, as in Datadog's tracers, from decimal; 0 for other text."""
    if text.isascii() and text.isdigit() and len(text) <= _MAX_DECIMAL_DIGITS and int(text) < 1 << 64:
        return int(text)
    return int.from_bytes(_hex_id(text, 8))


def _hex_id(text: str, length: int) -> bytes:
    """Return the bytes of a hexadecimal id of `length` bytes; empty if it is invalid."""
    try:
        id_ = bytes.fromhex(text)
    except ValueError:
        return b""
    # `fromhex` skips spaces, so the id may be shorter than its text.
    return id_ if len(text) == 2 * len(id_) == 2 * length else b""


_NO_LABELS = SampleLabels((), 0, _NO_TRACE)
