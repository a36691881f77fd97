"""A profile as qryn stores it, and the conversion of its type, labels and time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from ingest.profile.series_labels import SERVICE_NAME, UNKNOWN_SERVICE
from ingest.request.upload_id import upload_id

ID_PREFIX: Final = b"qryn"
"""The first bytes of every id of an upload from qryn; the comparison of totals selects by them."""
PPROF: Final = "0"
OTLP: Final = "otel_v1development"
"""The values of `payload_type`."""

_ID_BYTES: Final = 32
_UNNAMED: Final = "unknown"
_MEMORY: Final = ("alloc_", "inuse_")
_DROPPED_TAGS: Final = frozenset({"__name__", "__session_id__", SERVICE_NAME})
_UNITS_NS: Final = ((10**11, 10**9), (10**14, 10**6), (10**17, 10**3))
"""(bound, unit in ns): a time below the bound is in that unit, which is a second, millisecond or microsecond."""
_WRAPPED: Final = 1 << 63


class Node(NamedTuple):
    """A node of `tree`; `values` are (`type:unit`, self, total). A root has the parent id 0."""

    parent: int
    function: int
    id: int
    values: Sequence[tuple[str, int, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row of `profiles`, with the tags of its series.

    `values` are the sums by sample type. `tree` is None if it was not read; its nodes refer to `functions`. Text that is
    not UTF-8 is escaped (`surrogateescape`).
    """

    timestamp_ns: int
    duration_ns: int
    type: str
    period_type: str
    period_unit: str
    service: str
    sample_types: Sequence[tuple[str, str]]
    tags: Sequence[tuple[str, str]]
    payload_type: str
    payload: bytes
    values: Mapping[str, int]
    tree: Sequence[Node] | None = None
    functions: Mapping[int, str] | None = None

    @property
    def time_ns(self) -> int:
        """Return the time in nanoseconds, converted if the collector stored another unit; 0 if it is missing."""
        return self.timestamp_ns * unit_ns(self.timestamp_ns)

    @property
    def true_duration_ns(self) -> int:
        """Return the duration in nanoseconds; 0 if unknown. qryn stores a negative one as 2**63 or more."""
        return 0 if self.duration_ns >= _WRAPPED else self.duration_ns * unit_ns(self.timestamp_ns)

    @property
    def labels(self) -> dict[str, str]:
        """Return the labels of the series; the last value of a repeated tag wins."""
        own = {name: value for name, value in self.tags if name not in _DROPPED_TAGS}
        return {
            **own,
            SERVICE_NAME: service_of(self.service),
            "__name__": type_name(self.type, self.period_type),
        }

    def upload_id(self, tenant: str) -> bytes:
        """Return the id of the row's upload, which is the same for every copy of the row."""
        tags = sorted({*self.tags} - {(SERVICE_NAME, self.service)})
        parameters = [
            ("time", str(self.timestamp_ns)),
            ("duration", str(self.duration_ns)),
            ("type", self.type),
            ("period_type", self.period_type),
            ("period_unit", self.period_unit),
            ("service", self.service),
            ("payload_type", self.payload_type),
            *(
                (part, text)
                for pair in self.sample_types
                for part, text in zip(("sample", "unit"), pair, strict=True)
            ),
            *((part, text) for pair in tags for part, text in zip(("tag", "value"), pair, strict=True)),
        ]
        parts = [("payload", self.payload)]
        if not self.payload:
            parts.append(("tree", repr([tuple(node) for node in self.tree or ()]).encode()))
        id_ = upload_id(
            tenant=tenant, endpoint="profiles_input", parameters=parameters, parts=parts, received_s=None
        )
        return (ID_PREFIX + id_)[:_ID_BYTES]


def unit_ns(timestamp: int) -> int:
    """Return the unit of a time since the epoch in nanoseconds, guessed from the magnitude of the time."""
    return next((unit for limit, unit in _UNITS_NS if timestamp < limit), 1)


def service_of(service: str) -> str:
    """Return the service name; qryn stores an empty name for a series without one."""
    return service or UNKNOWN_SERVICE


def type_name(name: str, period_type: str) -> str:
    """Return the first part of a profile type id. qryn leaves it empty for unknown types, such as threadcreate."""
    if name:
        return name
    return "memory" if period_type.startswith(_MEMORY) else period_type or _UNNAMED
