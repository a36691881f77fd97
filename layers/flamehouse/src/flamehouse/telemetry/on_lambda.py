"""Telemetry of a Lambda function, by Powertools: JSON lines, and metrics in CloudWatch's embedded metric format."""

import logging
from collections import defaultdict
from collections.abc import Mapping
from threading import Lock
from typing import Any, Final

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics

from flamehouse.telemetry.events import LOGGER
from flamehouse.telemetry.log import LimitRepeats, silence_libraries
from flamehouse.telemetry.metrics import COLD_STARTS, Metric, add, install

_NAMESPACE: Final = "flamehouse"

type _Labels = tuple[tuple[str, str], ...]


class Telemetry:
    """The logger and the metrics of one function, created at its first event."""

    def __init__(self) -> None:
        silence_libraries()
        self._logger = Logger(service=LOGGER)
        logging.getLogger(LOGGER).addFilter(LimitRepeats())
        self._metrics = EmbeddedMetrics()
        install(self._metrics)
        self._warm = False

    def begin(self, context: Any) -> None:  # noqa: ANN401  # Lambda's own
        """Add the ids of the invocation to all further lines, and count a cold start."""
        self._logger.append_keys(
            function_name=getattr(context, "function_name", ""),
            function_request_id=getattr(context, "aws_request_id", ""),
            cold_start=not self._warm,
        )
        if not self._warm:
            add(COLD_STARTS)
        self._warm = True

    def end(self, context: Any) -> None:  # noqa: ANN401  # Lambda's own
        """Write the invocation's metrics."""
        self._metrics.flush(getattr(context, "function_name", ""))


class EmbeddedMetrics:
    """A sink that prints the metrics of an invocation as lines that CloudWatch reads."""

    def __init__(self) -> None:
        self._added: defaultdict[_Labels, list[tuple[Metric, float]]] = defaultdict(list)
        self._lock = Lock()

    def add(self, metric: Metric, value: float, labels: Mapping[str, str]) -> None:
        with self._lock:
            self._added[tuple(sorted(labels.items()))].append((metric, value))

    def flush(self, function: str) -> None:
        """Print a line for each set of labels, and clear the metrics."""
        with self._lock:
            added, self._added = self._added, defaultdict(list)
        for labels, values in added.items():
            line = EphemeralMetrics(namespace=_NAMESPACE, service=LOGGER)
            for name, text in (*labels, ("function", function)):
                if text:
                    line.add_dimension(name, text)
            for metric, value in values:
                line.add_metric(name=metric.name, unit=metric.unit.value, value=value)
            # `add_metric` itself prints a line once it has a hundred values; to print one without values would warn.
            if line.metric_set:
                line.flush_metrics()
