"""The samples of one pprof, merged: equal stacks under equal labels become one, and each series gets its own."""

from array import array
from collections.abc import Container, Sequence
from typing import NamedTuple

from flamehouse.errors import invalid_argument
from flamehouse.pb import profile_pb2
from flamehouse.profile import LabelSet
from ingest.symbols import SymbolTable

_NO_TRACE = bytes(16)
_PRIVATE = "__"
_SPAN_LABELS = ("span_id", "profile_id")
"""`profile_id` is what older SDKs call the span a sample was taken in."""

type Stacks = dict[int, list[int]]
"""The values of each stack, one a sample type."""


class SampleLabels(NamedTuple):
    """A sample's labels: those that make a series, and the span and trace it was taken in (0 and zeros for none)."""

    series: LabelSet
    span_id: int
    trace_id: bytes


class Columns(NamedTuple):
    """Samples of one sample type. Span and trace ids are empty where no sample has one."""

    stacktrace_ids: "array[int]"
    values: "array[int]"
    span_ids: "array[int]"
    trace_ids: list[bytes]


def merge_samples(
    pprof: profile_pb2.Profile, symbols: SymbolTable, series_labels: Container[str]
) -> dict[LabelSet, dict[SampleLabels, Stacks]]:
    """Sum the pprof's samples by labels and stack, the labels grouped by the series they make.

    Samples with a negative value, or with nothing but zeros, are left out, as Pyroscope does; so are labels named as
    the series' own are, which win over them.
    """
    kept: list[tuple[SampleLabels, list[int]]] = []
    locations: list[int] = []
    depths: list[int] = []
    read_labels = LabelReader(pprof.string_table, series_labels)
    for sample in pprof.sample:
        values = sample.value[:]
        if min(values) < 0 or not any(values):
            continue
        stack = sample.location_id[:]
        locations += stack
        depths.append(len(stack))
        kept.append((read_labels(sample.label), values))
    merged: dict[SampleLabels, Stacks] = {}
    for (labels, values), stacktrace in zip(kept, symbols.stacktraces(locations, depths), strict=True):
        stacks = merged.get(labels)
        if stacks is None:
            stacks = merged[labels] = {}
        present = stacks.get(stacktrace)
        stacks[stacktrace] = (
            values if present is None else [a + b for a, b in zip(present, values, strict=True)]
        )
    series: dict[LabelSet, dict[SampleLabels, Stacks]] = {}
    for labels, stacks in merged.items():
        series.setdefault(labels.series, {})[labels] = stacks
    return series


def columns_of(samples: dict[SampleLabels, Stacks], index: int) -> Columns:
    """The samples of one series whose value of sample type `index` is not zero.

    RpcError invalid_argument for sums beyond 64 bits.
    """
    columns = Columns(array("Q"), array("q"), array("Q"), [])
    has_spans = any(labels.span_id or labels.trace_id != _NO_TRACE for labels in samples)
    for labels, stacks in samples.items():
        before = len(columns.values)
        columns.stacktrace_ids.extend([stack for stack, values in stacks.items() if values[index]])
        try:
            columns.values.extend([values[index] for values in stacks.values() if values[index]])
        except OverflowError:
            raise invalid_argument("the values of equal samples add up to more than 64 bits hold") from None
        if has_spans:
            count = len(columns.values) - before
            columns.span_ids.extend([labels.span_id] * count)
            columns.trace_ids.extend([labels.trace_id] * count)
    return columns


class LabelReader:
    """Reads the labels of samples; the few distinct sets of a profile are made out once."""

    def __init__(self, strings: Sequence[str], series_labels: Container[str]) -> None:
        self._strings = strings
        self._series_labels = series_labels
        self._seen: dict[tuple[tuple[int, int], ...], SampleLabels] = {}

    def __call__(self, labels: Sequence[profile_pb2.Label]) -> SampleLabels:
        if not labels:
            return _NO_LABELS
        key = tuple([(label.key, label.str) for label in labels[:]])
        found = self._seen.get(key)
        if found is None:
            found = self._seen[key] = self._read(key)
        return found

    def _read(self, pairs: tuple[tuple[int, int], ...]) -> SampleLabels:
        """String labels alone count (a numeric one has string 0), of a name given twice the first, and no private one."""
        named: dict[str, str] = {}
        for name, value in pairs:
            if value and self._strings[value]:
                named.setdefault(self._strings[name], self._strings[value])
        trace_id = _hex_id(named.pop("trace_id", ""), 16)
        span_ids = [_hex_id(named.pop(name, ""), 8) for name in _SPAN_LABELS]
        span_id = next((int.from_bytes(id_) for id_ in span_ids if id_), 0)
        own = [(name, value) for name, value in named.items() if self._is_own(name)]
        return SampleLabels(tuple(sorted(own)), span_id, trace_id or _NO_TRACE)

    def _is_own(self, name: str) -> bool:
        return name not in self._series_labels and not name.startswith(_PRIVATE)


def _hex_id(text: str, length: int) -> bytes:
    """The bytes of a hexadecimal id of `length` bytes; empty where the text is not one."""
    try:
        id_ = bytes.fromhex(text)
    except ValueError:
        return b""
    # `fromhex` skips blanks: the id may be shorter than the text lets expect.
    return id_ if len(text) == 2 * len(id_) == 2 * length else b""


_NO_LABELS = SampleLabels((), 0, _NO_TRACE)
