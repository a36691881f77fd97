"""All metrics, and the function that records them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from time import perf_counter
from typing import Final, Protocol


class Unit(StrEnum):
    """A unit, by its name in CloudWatch."""

    COUNT = "Count"
    BYTES = "Bytes"
    MILLISECONDS = "Milliseconds"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A metric.

    `buckets` are a histogram's upper bounds. Without them the metric is a counter, and its name ends in `_total`.
    """

    name: str
    unit: Unit
    text: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


_MILLISECONDS: Final = (5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000)
_BYTES: Final = tuple(1 << power for power in range(8, 27, 2))

UPLOADS_ACCEPTED: Final = Metric(
    name="flamehouse_uploads_accepted_total",
    unit=Unit.COUNT,
    text="Uploads acknowledged with a status below 400",
    labels=("route",),
)
UPLOADS_REJECTED: Final = Metric(
    name="flamehouse_uploads_rejected_total",
    unit=Unit.COUNT,
    text="Uploads rejected with an error, by its code",
    labels=("route", "reason"),
)
UPLOAD_BYTES: Final = Metric(
    name="flamehouse_upload_bytes_total",
    unit=Unit.BYTES,
    text="Size of upload bodies as received, accepted or not",
    labels=("route",),
)
REQUESTS_REJECTED: Final = Metric(
    name="flamehouse_requests_rejected_total",
    unit=Unit.COUNT,
    text="Requests other than uploads that ended with an error, by its code",
    labels=("route", "reason"),
)
RESPONSE_BYTES: Final = Metric(
    name="flamehouse_response_bytes",
    unit=Unit.BYTES,
    text="Size of a response body as sent",
    labels=("route",),
    buckets=_BYTES,
)
SAMPLES_STORED: Final = Metric(
    name="flamehouse_samples_stored_total",
    unit=Unit.COUNT,
    text="Distinct stacks of stored profiles",
)
INSERT_MILLISECONDS: Final = Metric(
    name="flamehouse_insert_milliseconds",
    unit=Unit.MILLISECONDS,
    text="Time to store an upload in ClickHouse, including waiting",
    buckets=_MILLISECONDS,
)
QUERY_MILLISECONDS: Final = Metric(
    name="flamehouse_query_milliseconds",
    unit=Unit.MILLISECONDS,
    text="Time of a query of the store, including failed ones",
    labels=("route",),
    buckets=_MILLISECONDS,
)
CLICKHOUSE_FAILURES: Final = Metric(
    name="flamehouse_clickhouse_failures_total",
    unit=Unit.COUNT,
    text="ClickHouse failures not caused by clients, by kind",
    labels=("kind",),
)
LIMIT_REFUSALS: Final = Metric(
    name="flamehouse_limit_refusals_total",
    unit=Unit.COUNT,
    text="Uploads and queries rejected for exceeding a limit, by limit",
    labels=("limit",),
)
COLD_STARTS: Final = Metric(
    name="flamehouse_cold_starts_total", unit=Unit.COUNT, text="First requests of a process"
)

UPLOADS_STAGED: Final = Metric(
    name="flamehouse_uploads_staged_total", unit=Unit.COUNT, text="Uploads acknowledged as staged objects"
)
OBJECTS_QUARANTINED: Final = Metric(
    name="flamehouse_objects_quarantined_total",
    unit=Unit.COUNT,
    text="Objects that can never be stored, by the prefix of their keys",
    labels=("prefix",),
)
STAGED_UPLOADS_MISSING: Final = Metric(
    name="flamehouse_staged_uploads_missing_total",
    unit=Unit.COUNT,
    text="Staged uploads found neither in the bucket nor in the ledger, once per search",
)

METRICS: Final = (
    UPLOADS_ACCEPTED,
    UPLOADS_REJECTED,
    UPLOAD_BYTES,
    REQUESTS_REJECTED,
    RESPONSE_BYTES,
    SAMPLES_STORED,
    INSERT_MILLISECONDS,
    QUERY_MILLISECONDS,
    CLICKHOUSE_FAILURES,
    LIMIT_REFUSALS,
    COLD_STARTS,
    UPLOADS_STAGED,
    OBJECTS_QUARANTINED,
    STAGED_UPLOADS_MISSING,
)


class Sink(Protocol):
    """Receives measurements from several threads."""

    def add(self, metric: Metric, value: float, labels: Mapping[str, str]) -> None:
        """Add to a counter, or observe a value of a histogram."""


class _NoSink:
    def add(self, metric: Metric, value: float, labels: Mapping[str, str]) -> None:
        """Drop the measurement."""


@dataclass(slots=True)
class _Installed:
    sink: Sink


_installed = _Installed(_NoSink())


def install(sink: Sink) -> Sink:
    """Send every measurement of this process to `sink`; returns the previous sink."""
    before, _installed.sink = _installed.sink, sink
    return before


def add(metric: Metric, value: float = 1, **labels: str) -> None:
    """Record a value. Raises TypeError for labels other than the metric's."""
    if labels.keys() != set(metric.labels):
        raise TypeError(f"{metric.name} has the labels {metric.labels}, not {tuple(labels)}")
    _installed.sink.add(metric, value, labels)


@contextmanager
def timed(metric: Metric, **labels: str) -> Iterator[None]:
    """Record the milliseconds that the block takes, even if it raises."""
    started = perf_counter()
    try:
        yield
    finally:
        add(metric, (perf_counter() - started) * 1_000, **labels)
