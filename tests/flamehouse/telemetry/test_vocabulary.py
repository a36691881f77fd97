"""docs/observability.md and the sources name the same events and metrics."""

import ast
import logging
import re
from collections.abc import Iterator

import pytest

from flamehouse.telemetry import events, metrics
from flamehouse.telemetry.events import EVENTS, Event
from flamehouse.telemetry.log import log
from flamehouse.telemetry.metrics import METRICS, Metric, add
from flamehouse.web.observation import UPLOADS
from ingest.app import routes
from tests.support.servers.place import REPO

SOURCES = [
    *(REPO / "functions").rglob("*.py"),
    *(path for path in (REPO / "layers/flamehouse/src").rglob("*.py") if "pb" not in path.parts),
]
ROW = re.compile(r"^\| `(\w+)` \| (\w+) \| ([^|]*)\|", re.MULTILINE)
CODE = re.compile(r"`(\w+)`")


def documented(heading: str) -> set[tuple[str, str, tuple[str, ...]]]:
    """Returns the name, level or unit, and fields or labels of each row below a heading."""
    text = (
        (REPO / "docs/observability.md").read_text().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    )
    return {(name, second, tuple(CODE.findall(third))) for name, second, third in ROW.findall(text)}


def used(module: str) -> set[str]:
    """Returns the constants of a vocabulary module that other sources use."""
    return {
        node.attr
        for path in SOURCES
        if path.name not in {"events.py", "metrics.py"}
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == module
    }


def constants[T](module: object, kind: type[T]) -> dict[str, T]:
    return {name: value for name, value in vars(module).items() if isinstance(value, kind)}


def test_every_event_is_documented_and_no_other() -> None:
    assert documented("Log events") == {
        (event.name, logging.getLevelName(event.level), event.fields) for event in EVENTS
    }


def test_every_metric_is_documented_and_no_other() -> None:
    assert documented("Metrics") == {(metric.name, metric.unit.value, metric.labels) for metric in METRICS}


def test_every_event_is_emitted_and_listed() -> None:
    names = constants(events, Event)
    assert set(names.values()) == set(EVENTS)
    assert names.keys() == used("events") & names.keys()


def test_every_metric_is_recorded_and_listed() -> None:
    names = constants(metrics, Metric)
    assert set(names.values()) == set(METRICS)
    imported = {
        alias.name
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module == "flamehouse.telemetry.metrics"
        for alias in node.names
    }
    assert names.keys() == (used("metrics") | imported) & names.keys()


def loggers() -> Iterator[tuple[str, str]]:
    """Returns the calls of logger methods in sources outside telemetry."""
    for path in SOURCES:
        if "telemetry" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and node.attr in {"exception", "error", "warning", "info"}:
                owner = ast.unparse(node.value)
                if "log" in owner.lower():
                    yield str(path.relative_to(REPO)), owner


def test_no_source_bypasses_the_vocabulary_to_log() -> None:
    assert list(loggers()) == []


@pytest.mark.parametrize("fields", [{}, {"reason": "x", "body": "secret"}])
def test_an_event_has_only_its_own_fields(fields: dict[str, str]) -> None:
    with pytest.raises(TypeError, match="folder_failed"):
        log(events.FOLDER_FAILED, **fields)


def test_a_metric_has_only_its_own_labels() -> None:
    with pytest.raises(TypeError, match="flamehouse_cold_starts_total"):
        add(metrics.COLD_STARTS, tenant="a")


def test_the_upload_routes_are_those_of_the_write_path() -> None:
    paths = {getattr(route, "path", "") for route in routes}
    assert paths - {"/ready"} == UPLOADS
