"""Telemetry of the local server: log lines on standard error, metrics in Prometheus' format."""

import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics, generate_latest

from flamehouse.telemetry.log import LimitRepeats
from flamehouse.telemetry.metrics import METRICS, Metric

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_STANDARD: Final = set(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}
"""The attributes of every record; any other is a field."""


def log_to_stderr(*, as_json: bool) -> None:
    """Write the warnings and errors of this process, and its access log, to standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines() if as_json else ReadableLines())
    handler.addFilter(LimitRepeats())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)


class ReadableLines(logging.Formatter):
    """Formats a record as time, level, text, then the fields as name=value."""

    def format(self, record: logging.LogRecord) -> str:
        text = record.getMessage()
        fields = " ".join(f"{name}={_shown(value)}" for name, value in _fields(record).items())
        line = f"{_time(record)} {record.levelname} {_one_line(text)}"
        return "\n".join(filter(None, (f"{line}  {fields}".rstrip(), self._traceback(record))))

    def _traceback(self, record: logging.LogRecord) -> str:
        return self.formatException(record.exc_info) if record.exc_info else ""


class JsonLines(logging.Formatter):
    """Formats a record as one JSON object per line, with Powertools' keys."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "level": record.levelname,
            "message": record.getMessage(),
            "timestamp": _time(record),
            **_fields(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class Prometheus:
    """A sink of metrics that a Prometheus server scrapes."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a library without annotations here
        self._registry = CollectorRegistry()
        self._collectors: dict[str, Counter | Histogram] = {
            metric.name: _collector(metric, self._registry) for metric in METRICS
        }

    def add(self, metric: Metric, value: float, labels: Mapping[str, str]) -> None:
        collector = self._collectors[metric.name]
        chosen = collector.labels(**labels) if labels else collector
        if isinstance(chosen, Counter):
            chosen.inc(value)
        else:
            chosen.observe(value)

    def text(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        return generate_latest(self._registry)


def _collector(metric: Metric, registry: CollectorRegistry) -> Counter | Histogram:
    if not metric.buckets:
        return Counter(metric.name, metric.text, metric.labels, registry=registry)
    return Histogram(metric.name, metric.text, metric.labels, registry=registry, buckets=metric.buckets)


def _fields(record: logging.LogRecord) -> dict[str, object]:
    return {name: value for name, value in vars(record).items() if name not in _STANDARD}


def _time(record: logging.LogRecord) -> str:
    return (
        datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    )


def _shown(value: object) -> str:
    """Return the value, in quotes if it contains spaces, quotes, `=` or unprintable characters."""
    text = str(value)
    return text if text.isprintable() and not set(text) & {" ", '"', "="} else json.dumps(text)


def _one_line(text: str) -> str:
    """Return the text without characters that could start a new line."""
    return text if text.isprintable() else json.dumps(text)[1:-1]
