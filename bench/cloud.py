"""Measures the build for AWS (make bundle): cold starts, the overhead of the gateway and Lambda, and sizes."""

import base64
import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Mapping, Sequence
from http.client import HTTPConnection
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from starlette.applications import Starlette

from bench.budget import budget_of
from bench.isolated import data_folder
from bench.plan import Plan
from bench.report import Line
from bench.rpc import HEADERS, RpcClient
from bench.timing import time_calls
from flamehouse.pb.querier_pb2 import (
    ProfileTypesRequest,
    SelectMergeStacktracesRequest,
    SelectSeriesRequest,
)
from flamehouse.pb.types_pb2 import LabelNamesRequest, LabelValuesRequest
from flamehouse.services import Services
from flamehouse.settings import Settings
from flamehouse.store import Store
from flamehouse.store.clickhouse_store import open_store
from querier import label_names, label_values, profile_types, select_merge_stacktraces, select_series
from tools.gateway.cloud import Cloud, cloud
from tools.gateway.deployment import Function
from tools.gateway.event import HttpRequest, event_of

BUILD: Final = Path(".aws-sam/build")
_PREFIX: Final = "/querier.v1.QuerierService/"
_CPU: Final = "process_cpu:cpu:nanoseconds:cpu:nanoseconds"
_START: Final = 1_000
_END: Final = 3_600_000
_REQUESTS: Final = {
    "ProfileTypes": ProfileTypesRequest(start=_START, end=_END),
    "LabelNames": LabelNamesRequest(start=_START, end=_END),
    "LabelValues": LabelValuesRequest(name="service_name", start=_START, end=_END),
    "SelectSeries": SelectSeriesRequest(
        profile_typeID=_CPU, label_selector="{}", step=15, start=_START, end=_END
    ),
    "SelectMergeStacktraces": SelectMergeStacktracesRequest(
        profile_typeID=_CPU, label_selector="{}", start=_START, end=_END
    ),
}
"""A small request for each RPC, about a time without profiles."""
_BARE: Final = (
    "starlette.applications, starlette.routing, mangum, clickhouse_connect, google.protobuf.message"
)
_IMPORTED: Final = "import time, {modules}; print(time.process_time() - begun)"
_RESPONSE: Final = """
import importlib, json, sys, time
class Context:
    get_remaining_time_in_millis = staticmethod(lambda: 29_000)
handler = importlib.import_module({module!r}).handler
answer = handler(json.loads(sys.argv[1]), Context)
assert answer["statusCode"] == 200, answer
print(time.process_time() - begun)
"""
_IMPORT_RATIO: Final = 1.5
_WARM: Final = 30
"""Small RPCs are repeated this many times as often as slower measurements."""


def measure(plan: Plan) -> Sequence[Line]:
    """Deploy on this machine and measure; returns a hint if there is no bundle."""
    if not BUILD.is_dir():
        return [Line(what="not measured: run make bundle", ours="")]
    with data_folder() as folder, cloud(BUILD, folder, retention_days=0) as deployed:
        return [*_beginnings(deployed, plan), *_overheads(deployed, plan), *_sizes(deployed)]


def _beginnings(deployed: Cloud, plan: Plan) -> list[Line]:
    """Measure the CPU time of importing each querier, and of its first response, compared with a bare import."""
    lines = []
    for rpc in _REQUESTS:
        function = deployed.deployment.functions[f"{rpc}Function"]
        module = function.handler.rpartition(".")[0]
        event = json.dumps(event_of(_request(deployed, rpc), f"ANY {_PREFIX}{rpc}"))
        programs = {
            "bare": _IMPORTED.format(modules=_BARE),
            "import": _IMPORTED.format(modules=module),
            "answer": _RESPONSE.format(module=module),
        }
        least: dict[str, float] = {}
        for _ in range(plan.repeats):
            for name, program in programs.items():
                taken = _cpu_ms(deployed, function, program, event)
                least[name] = min(least.get(name, taken), taken)
        for name, most in (("import", _IMPORT_RATIO), ("answer", budget_of(module).init_ratio)):
            what = f"{rpc}: import" if name == "import" else f"{rpc}: import and first response"
            figure = least[name] / least["bare"]
            beside = f"{least['bare']:.0f} ms bare import"
            lines.append(
                Line(what=what, ours=f"{least[name]:.0f} ms CPU", beside=beside, figure=figure, at_most=most)
            )
    return lines


def _cpu_ms(deployed: Cloud, function: Function, program: str, event: str) -> float:
    """Run a program in the function's environment; return the milliseconds that it prints."""
    folders = (function.code, *(layer / "python" for layer in function.layers))
    path = ":".join(str(folder.resolve()) for folder in folders)
    environ = {
        **deployed.aws.environ(),
        **function.environ,
        "PYTHONPATH": path,
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = (sys.executable, "-S", "-c", f"import time; begun = time.process_time()\n{program}", event)
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    # The lines before it are the metrics of the invocation.
    return float(done.stdout.splitlines()[-1]) * 1_000


def _overheads(deployed: Cloud, plan: Plan) -> list[Line]:
    """Measure a small RPC through the gateway, through Lambda only, and in this process, all with the same ClickHouse."""
    rpc = "ProfileTypes"
    request = _request(deployed, rpc)
    event = json.dumps(event_of(request, f"ANY {_PREFIX}{rpc}")).encode()
    headers = {name.decode(): value.decode() for name, value in request.headers}
    connection = HTTPConnection(urlsplit(deployed.url).netloc)

    def through_gateway(_: int) -> None:
        connection.request("POST", request.path, request.body, headers)
        response = connection.getresponse()
        response.read()
        assert response.status == 200  # noqa: S101  # failures have no figure

    store = open_store(Settings(clickhouse_dsn=deployed.clickhouse.dsn))
    here = RpcClient(_app(store))
    times = time_calls(
        {
            "gateway": through_gateway,
            "lambda": lambda _: deployed.functions.invoke(f"{rpc}Function", event),
            "here": lambda _: here.querier(rpc, _REQUESTS[rpc]),
        },
        plan.repeats * _WARM,
    )
    connection.close()
    store.close()
    beside = f"{times['here']} in this process"
    added = {name: times[name].median - times["here"].median for name in ("gateway", "lambda")}
    return [
        Line(
            what="warm, Lambda's bootstrap and Mangum",
            ours=str(times["lambda"]),
            beside=beside,
            figure=added["lambda"],
        ),
        Line(
            what="warm, with the gateway", ours=str(times["gateway"]), beside=beside, figure=added["gateway"]
        ),
    ]


def _app(store: Store) -> Starlette:
    modules = (profile_types, label_names, label_values, select_series, select_merge_stacktraces)
    app = Starlette(routes=[module.route for module in modules])
    services = Services(settings=Settings(), store=store)
    app.state.services = lambda: services
    return app


def _request(deployed: Cloud, rpc: str) -> HttpRequest:
    credential = base64.b64encode(f"flamehouse:{deployed.credential}".encode()).decode()
    headers: Mapping[str, str] = {**HEADERS, "Authorization": f"Basic {credential}"}
    return HttpRequest(
        method="POST",
        path=_PREFIX + rpc,
        query="",
        headers=[(name.encode(), value.encode()) for name, value in headers.items()],
        body=_REQUESTS[rpc].SerializeToString(),
        client="127.0.0.1",
    )


def _sizes(deployed: Cloud) -> list[Line]:
    """Measure the bytes of every function and of the layers, uncompressed and zipped."""
    functions = deployed.deployment.functions.values()
    folders = {function.name: function.code for function in functions}
    folders |= {layer.name: layer for function in functions for layer in function.layers}
    return [
        Line(what=f"size of {name}", ours=_kb(_bytes(folder)), beside=f"{_kb(_zipped_bytes(folder))} zipped")
        for name, folder in folders.items()
    ]


def _kb(size: int) -> str:
    """Return bytes in kB, as functions are small."""
    return f"{size / 1e3:,.0f} kB"


def _bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _zipped_bytes(folder: Path) -> int:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in folder.rglob("*"):
            archive.write(file, file.relative_to(folder))
    return len(packed.getbuffer())
