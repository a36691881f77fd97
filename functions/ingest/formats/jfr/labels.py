"""The labels of samples: those that the program set, and the span and trace ids of a tracer."""

from collections.abc import Mapping
from typing import Final

from google.protobuf.message import DecodeError

from flamehouse.errors import invalid_argument
from flamehouse.pb.jfr_pb2 import LabelsSnapshot
from flamehouse.web.field_count import has_more_fields
from ingest.formats.jfr.events import Sample
from ingest.formats.jfr.limits import MAX_CONTEXT_LABELS, MAX_SNAPSHOT_FIELDS, damaged
from ingest.formats.jfr.profiles import Labels

_INT64_BITS: Final = 64


def read_snapshot(data: bytes) -> LabelsSnapshot:
    """Parses the part `labels` of an upload. Raises RpcError(INVALID_ARGUMENT) if it is invalid."""
    if has_more_fields(data, LabelsSnapshot, MAX_SNAPSHOT_FIELDS):
        raise invalid_argument(f"the labels have more than {MAX_SNAPSHOT_FIELDS} fields")
    try:
        return LabelsSnapshot.FromString(data)
    except DecodeError as error:
        raise invalid_argument(f"the labels are not a LabelsSnapshot: {error}") from error


class SampleLabels:
    """Resolves the labels of samples; each context is resolved once."""

    def __init__(self, snapshot: LabelsSnapshot) -> None:
        self._contexts: Mapping[int, Mapping[int, int]] = {
            number: context.labels for number, context in snapshot.contexts.items()
        }
        self._strings: Mapping[int, str] = dict(snapshot.strings)
        self._known: dict[int, Labels] = {}

    def of(self, sample: Sample) -> Labels:
        """Returns the sample's labels, except those that lack a name or a value."""
        labels = self._of_context(sample.context)
        if sample.span:
            labels += (("profile_id", f"{sample.span:016x}"),)
        if sample.span_name:
            span_name = self._strings.get(_signed(sample.span_name), "")
            labels += (("span_name", span_name),) if span_name else ()
        if sample.trace_high or sample.trace_low:
            labels += (("trace_id", f"{sample.trace_high:016x}{sample.trace_low:016x}"),)
        return labels

    def _of_context(self, context: int) -> Labels:
        labels = self._known.get(context)
        if labels is None:
            pairs = self._contexts.get(_signed(context), {})
            if len(pairs) > MAX_CONTEXT_LABELS:
                raise damaged(f"a context has more than {MAX_CONTEXT_LABELS} labels")
            texts = (
                (self._strings.get(name, ""), self._strings.get(value, "")) for name, value in pairs.items()
            )
            labels = self._known[context] = tuple(
                sorted((name, value) for name, value in texts if name and value)
            )
        return labels


def _signed(number: int) -> int:
    """Converts an unsigned 64-bit number to the signed number that the message has."""
    return number - (1 << _INT64_BITS) if number >> (_INT64_BITS - 1) else number
