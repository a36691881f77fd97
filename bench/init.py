"""Measures the import and first response of every built function (make bundle), and the size of its layers."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from google.protobuf.message import Message

from bench.budget import budget_of
from bench.isolated import data_folder
from bench.plan import Plan
from bench.report import Line
from bench.rpc import HEADERS
from flamehouse.pb.querier_pb2 import (
    AnalyzeQueryRequest,
    DiffRequest,
    ProfileTypesRequest,
    SelectHeatmapRequest,
    SelectMergeProfileRequest,
    SelectMergeSpanProfileRequest,
    SelectMergeStacktracesRequest,
    SelectSeriesRequest,
    SeriesRequest,
)
from flamehouse.pb.types_pb2 import GetProfileStatsRequest, LabelNamesRequest, LabelValuesRequest
from tools.gateway.cloud import Cloud, cloud
from tools.gateway.deployment import Deployment, Function, read_deployment
from tools.gateway.event import HttpRequest, event_of

BUILD: Final = Path(".aws-sam/build")
_EVENTS: Final = Path("events")
_PREFIX: Final = "/querier.v1.QuerierService/"
_CPU: Final = "process_cpu:cpu:nanoseconds:cpu:nanoseconds"
_RANGE: Final[Mapping[str, Any]] = {"start": 1_000, "end": 3_600_000}
_SELECTED: Final[Mapping[str, Any]] = {"profile_typeID": _CPU, "label_selector": "{}", **_RANGE}
_TREE: Final = SelectMergeStacktracesRequest(**_SELECTED)
_RPCS: Final[Mapping[str, Message]] = {
    "ProfileTypes": ProfileTypesRequest(**_RANGE),
    "LabelNames": LabelNamesRequest(**_RANGE),
    "LabelValues": LabelValuesRequest(name="service_name", **_RANGE),
    "Series": SeriesRequest(**_RANGE),
    "GetProfileStats": GetProfileStatsRequest(),
    "AnalyzeQuery": AnalyzeQueryRequest(query=f"{_CPU}{{}}", **_RANGE),
    "SelectSeries": SelectSeriesRequest(step=15, **_SELECTED),
    "SelectHeatmap": SelectHeatmapRequest(step=15, **_SELECTED),
    "SelectMergeStacktraces": _TREE,
    "SelectMergeSpanProfile": SelectMergeSpanProfileRequest(span_selector=["00000000000000ff"], **_SELECTED),
    "SelectMergeProfile": SelectMergeProfileRequest(**_SELECTED),
    "Diff": DiffRequest(left=_TREE, right=_TREE),
}
"""A small request for each RPC, for a time without profiles."""
_QUERY: Final = f"query={_CPU}%7B%7D&from=1&until=3600"
_SIDES: Final = "&".join(f"{side}Query={_CPU}%7B%7D&{side}From=1&{side}Until=9" for side in ("left", "right"))
_PAGES: Final = {
    "Render": ("/pyroscope/render", f"query={_CPU}%7B%7D&from=1&until=3600"),
    "RenderDiff": ("/pyroscope/render-diff", _SIDES),
    "RenderLabelValues": ("/pyroscope/label-values", "label=service_name"),
    "About": ("/api/v1/status/buildinfo", ""),
    "Usage": ("/api/v1/usage", ""),
    "Ui": ("/", ""),
    "AnyPath": ("//ready", ""),
}
"""A path and its query string for each function with GET endpoints."""
_SERVICES: Final = {
    "Settings": "/settings.v1.SettingsService/Get",
    "AdHocProfiles": "/adhocprofiles.v1.AdHocProfileService/List",
}
"""Paths of requests without a body, for the functions of other services."""
_SAMPLES: Final = {
    "Ingest": "ingest-multipart",
    "Worker": "sqs-s3-test",
    "Drain": "schedule",
    "Maintain": "schedule",
    "QrynInput": "schedule",
}
"""Sample events of the remaining functions."""
_AUTHORIZED: Final = {"tenants": ["*"], "scopes": ["admin", "ingest", "query"], "credential_id": "0123456789"}
_SCHEDULED: Final = ("DrainSchedule", "MaintainSchedule", "QrynInputSchedule")
_BARE: Final = (
    "starlette.applications, starlette.routing, mangum, clickhouse_connect, google.protobuf.message"
)
_IMPORTED: Final = "import time, {modules}; print(time.process_time() - begun)"
_RESPONSE: Final = """
import importlib, json, sys, time
class Context:
    function_name = "bench"
    memory_limit_in_mb = 1769
    invoked_function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:bench"
    aws_request_id = "8b1c5c0e-0000-4000-8000-000000000000"
    get_remaining_time_in_millis = staticmethod(lambda: 29_000)
handler = importlib.import_module({modules!r}).handler
answer = handler(json.loads(sys.argv[1]), Context)
assert (answer or {{}}).get("statusCode", 200) in (200, 302, 307, 308), answer
print(time.process_time() - begun)
"""


def measure(plan: Plan) -> Sequence[Line]:
    """Deploy on this machine and measure; return a hint if there is no bundle."""
    if not BUILD.is_dir():
        return [Line(what="not measured: run make bundle", ours="")]
    with data_folder() as folder, cloud(BUILD, folder, retention_days=0) as deployed:
        schedules = dict.fromkeys(_SCHEDULED, "rate(1 hour)")
        deployment = read_deployment(BUILD, {**deployed.parameters, **schedules})
        subprocess.run(
            (sys.executable, "-m", "cli", "migrate", "--qryn-input"),
            env={"CLICKHOUSE_DSN": deployed.clickhouse.dsn, "PYTHONPATH": ":".join(sys.path)},
            check=True,
            capture_output=True,
        )
        return _lines(deployed, deployment, plan)


def _lines(deployed: Cloud, deployment: Deployment, plan: Plan) -> list[Line]:
    """Measure the CPU time of each function's import and first response, compared with a bare import."""
    functions = {name.removesuffix("Function"): each for name, each in deployment.functions.items()}
    imported: dict[str, float] = {}
    responded: dict[str, float] = {}
    bare = float("inf")
    for _ in range(plan.repeats):
        bare = min(bare, _cpu_ms(deployed, functions["ProfileTypes"], _IMPORTED.format(modules=_BARE)))
        for name, function in functions.items():
            module = function.handler.rpartition(".")[0]
            event = json.dumps(_event(deployed, name))
            for program, least in ((_IMPORTED, imported), (_RESPONSE, responded)):
                taken = _cpu_ms(deployed, function, program.format(modules=module), event)
                least[name] = min(least.get(name, taken), taken)
    return [
        _line(function, bare=bare, imported=imported[name], responded=responded[name])
        for name, function in functions.items()
    ]


def _line(function: Function, *, bare: float, imported: float, responded: float) -> Line:
    budget = budget_of(function.handler.rpartition(".")[0])
    files = (path for layer in function.layers for path in layer.rglob("*"))
    layers_mb = sum(path.stat().st_size for path in files if path.is_file()) / (1 << 20)
    return Line(
        what=function.name,
        ours=f"{responded:.0f} ms, import {imported:.0f} ms, layers {layers_mb:.1f} of {budget.layers_mb} MiB",
        beside=f"{bare:.0f} ms bare import",
        figure=responded / bare,
        at_most=budget.init_ratio,
    )


def _cpu_ms(deployed: Cloud, function: Function, program: str, event: str = "") -> float:
    """Run a program in the function's environment; return the milliseconds that it prints."""
    folders = (function.code, *(layer / "python" for layer in function.layers))
    environ = {
        **deployed.aws.environ(),
        **function.environ,
        "PYTHONPATH": ":".join(str(folder.resolve()) for folder in folders),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = (sys.executable, "-S", "-c", f"import time; begun = time.process_time()\n{program}", event)
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    # The preceding lines are the log and the metrics of the invocation.
    return float(done.stdout.splitlines()[-1]) * 1_000


def _event(deployed: Cloud, name: str) -> Any:  # noqa: ANN401  # JSON
    """Return a small event for a function."""
    if name in _RPCS:
        request = _request("POST", _PREFIX + name, body=_RPCS[name].SerializeToString())
        return event_of(request, f"ANY {_PREFIX}{name}", _AUTHORIZED)
    if name in _PAGES:
        path, query = _PAGES[name]
        return event_of(_request("GET", path, query), f"ANY {path}", _AUTHORIZED)
    if name in _SERVICES:
        return event_of(_request("POST", _SERVICES[name]), f"ANY {_SERVICES[name]}", _AUTHORIZED)
    if name in _SAMPLES:
        return json.loads((_EVENTS / f"{_SAMPLES[name]}.json").read_text())
    return {"identitySource": [f"Bearer {deployed.credential}"], "headers": {}}


def _request(method: str, path: str, query: str = "", body: bytes = b"") -> HttpRequest:
    return HttpRequest(
        method=method,
        path=path,
        query=query,
        headers=[(name.encode(), value.encode()) for name, value in HEADERS.items()],
        body=body,
        client="127.0.0.1",
    )
