"""Alarms, their entries in docs/operations.md, the dashboards and the telemetry vocabulary agree."""

import json
import logging
import re
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

import pytest
from starlette.routing import Route

from flamehouse.store.connection.client import ClickHouse
from flamehouse.telemetry.events import EVENTS
from flamehouse.telemetry.metrics import METRICS
from ingest.app import routes as upload_routes
from routes import routes as all_routes
from tests.support.queries.rpcs import parameter, resources_of
from tests.support.servers.place import REPO

ALARMS: Final = resources_of("AWS::CloudWatch::Alarm")
FILTERS: Final = resources_of("AWS::Logs::MetricFilter")
RUNBOOK: Final = (REPO / "docs/operations.md").read_text().partition("\n## Alarms\n")[2].partition("\n## ")[0]
ENTRIES: Final = dict(re.findall(r"^### (.+?)\n\n(.+?)(?=\n### |\Z)", RUNBOOK, re.MULTILINE | re.DOTALL))
BY_NAME: Final = {metric.name: metric for metric in METRICS}
NAMED: Final = re.compile(r"\bflamehouse_[a-z_]+(?:_total|_milliseconds|_bytes)(?=_bucket|\b)")
TERM: Final = re.compile(r'\$\.(\w+) (?:=|!=) "([^"]+)"')
"""A term of a filter pattern: a field of a line, and its value."""
DASHBOARDS: Final = sorted((REPO / "deploy/grafana").glob("*.json"))


def entry_of(alarm: str) -> str:
    found = re.search(r'docs/operations\.md, "(.+)"$', ALARMS[alarm]["AlarmDescription"].strip())
    assert found, alarm
    return found[1]


def test_each_alarm_names_its_entry_and_each_entry_its_alarm() -> None:
    assert {*map(entry_of, ALARMS)} == ENTRIES.keys()
    for alarm in ALARMS:
        assert f"`{alarm}`" in ENTRIES[entry_of(alarm)]


@pytest.mark.parametrize("alarm", ALARMS)
def test_every_alarm_uses_a_metric_that_is_recorded(alarm: str) -> None:
    properties = ALARMS[alarm]
    name, namespace = properties["MetricName"], properties["Namespace"]
    if namespace == "flamehouse":
        labels = {each["Name"] for each in properties["Dimensions"]}
        assert labels == {*BY_NAME[name].labels, "function", "service"}
    elif namespace is None:
        # the stack's own metric, from a metric filter
        made = {each["MetricTransformations"][0]["MetricName"]: each for each in FILTERS.values()}
        assert name in made
    else:
        assert namespace in {"AWS/ApiGateway", "AWS/Lambda", "AWS/SQS"}


def test_filters_read_events_and_fields_that_are_logged() -> None:
    template = (REPO / "template.yaml").read_text()
    for name, filter_ in FILTERS.items():
        terms = TERM.findall(filter_["FilterPattern"])
        assert terms, name
        for field, value in terms:
            if field == "event":
                assert value in {event.name for event in EVENTS}
            else:
                assert f'"{field}": "$context.' in template


def test_an_event_that_raises_an_alarm_is_logged_at_every_level_of_the_template() -> None:
    most = max(logging.getLevelNamesMapping()[level] for level in parameter("LogLevel")["AllowedValues"])
    levels = {event.name: event.level for event in EVENTS}
    counted = [
        value
        for each in FILTERS.values()
        for field, value in TERM.findall(each["FilterPattern"])
        if field == "event"
    ]
    assert {"qryn_rows_rejected", "staged_upload_missing", "upload_quarantined"} <= {*counted}
    assert {name: levels[name] for name in counted if levels[name] < most} == {}


@pytest.mark.parametrize("prefix", ["", "/profiles", "/"])
def test_only_upload_requests_are_counted(prefix: str) -> None:
    pattern = FILTERS["UploadsFilter"]["FilterPattern"]
    terms = TERM.findall(pattern)
    assert re.sub(TERM, "T", pattern) == "{ (T) && ((T) || (T) || (T) || (T)) }"
    assert terms[0] == ("status", "2*")
    assert {field for field, _ in terms[1:]} == {"path"}
    counted = {
        route for route in every_route() if any(fnmatchcase(prefix + route, glob) for _, glob in terms[1:])
    }
    assert counted == {route.path for route in upload_routes if isinstance(route, Route)} - {"/ready"}


def every_route() -> set[str]:
    return {route.path for route in all_routes if isinstance(route, Route)}


def test_dashboards_show_metrics_that_exist() -> None:
    shown = {file.name: set(NAMED.findall(file.read_text())) for file in DASHBOARDS}
    shown["template.yaml"] = set(NAMED.findall((REPO / "template.yaml").read_text()))
    assert {name for names in shown.values() for name in names} <= BY_NAME.keys()
    assert shown["flamehouse.json"]
    assert shown["template.yaml"]


@pytest.mark.parametrize("file", DASHBOARDS, ids=lambda file: file.name)
def test_a_panels_labels_are_those_of_its_metric(file: Path) -> None:
    for target in targets_of(file):
        if "expr" not in target:
            continue
        [name] = NAMED.findall(target["expr"])
        grouped = re.findall(r"by \(([^)]*)\)", target["expr"])
        labels = {label.strip() for group in grouped for label in group.split(",")} - {"le"}
        assert labels <= {*BY_NAME[name].labels}
        assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) <= labels
        assert ("_bucket[" in target["expr"]) == bool(BY_NAME[name].buckets)


def targets_of(file: Path) -> list[dict[str, Any]]:
    dashboard = json.loads(file.read_text())
    return [target for panel in dashboard["panels"] for target in panel["targets"]]


@pytest.mark.parametrize("place", ["embedded"], indirect=True, scope="session")
def test_every_query_of_a_dashboard_runs(clickhouse: ClickHouse) -> None:
    queries = [target["rawSql"] for file in DASHBOARDS for target in targets_of(file) if "rawSql" in target]
    assert queries
    for query in queries:
        sql = query.replace("$__fromTime", "toDateTime('2026-01-01')").replace("$__toTime", "now()")
        clickhouse.rows(sql)
