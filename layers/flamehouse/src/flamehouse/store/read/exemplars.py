"""Turns the exemplars that ClickHouse finds (points.py) into exemplars with the labels of their series."""

from collections.abc import Iterable, Mapping, Sequence
from string import Template

from flamehouse.model.exemplar import Exemplar
from flamehouse.model.labels import LabelSet
from flamehouse.store.read.lookup import look_up
from flamehouse.store.read.reader import Reader
from flamehouse.store.read.selection import Selection

type FoundExemplar = tuple[int, bool, int, int, bytes, str, Sequence[int]]
"""The negated value, whether it is before the range, time in ms, span, trace, profile, fingerprints of its series.

If a point has no exemplar, the fingerprints are empty.
"""

_LABELS = Template("""
SELECT fingerprint, any(labels)
FROM series
WHERE $tenants AND profile_type = {profile_type:String}
    AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32})
    AND fingerprint IN {ids:Array(UInt64)}
GROUP BY fingerprint
""")


class ExemplarLabels:
    """The labels of the exemplars' series, without the group-by labels."""

    def __init__(self, labels_of_series: Mapping[int, Mapping[str, str]], group_by: Sequence[str]) -> None:
        self._sets = {
            fingerprint: {pair for pair in labels.items() if pair[0] not in group_by}
            for fingerprint, labels in labels_of_series.items()
        }
        self._common: dict[tuple[int, ...], LabelSet] = {}

    def of(self, fingerprints: Sequence[int]) -> LabelSet:
        """The labels that all of these series share, sorted."""
        key = tuple(fingerprints)
        if key not in self._common:
            sets = [self._sets.get(fingerprint, set()) for fingerprint in key]
            self._common[key] = tuple(sorted(set.intersection(*sets)))
        return self._common[key]


def read_labels(
    reader: Reader, selection: Selection, found: Iterable[FoundExemplar], group_by: Sequence[str]
) -> ExemplarLabels:
    """Look up the labels of all series that these exemplars belong to."""
    wanted = {fingerprint for *_, fingerprints in found for fingerprint in fingerprints}
    return ExemplarLabels(
        look_up(reader, _LABELS.substitute(tenants=selection.tenants), wanted, selection), group_by
    )


def exemplar_of(found: FoundExemplar, labels: ExemplarLabels) -> Exemplar:
    """The exemplar with its labels."""
    negated, _, time_ms, span_id, trace_id, profile_id, fingerprints = found
    return Exemplar(
        time_ms=time_ms,
        profile_id=profile_id,
        span_id=f"{span_id:016x}" if span_id else "",
        trace_id=trace_id.hex() if any(trace_id) else "",
        value=-negated,
        labels=labels.of(fingerprints),
    )
