"""Measures the build for AWS (make bundle): the overhead of the gateway and of Lambda, and sizes."""

import base64
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from http.client import HTTPConnection
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from starlette.applications import Starlette

from bench.isolated import data_folder
from bench.plan import Plan
from bench.report import Line
from bench.rpc import HEADERS, RpcClient
from bench.timing import Times, time_calls
from flamehouse.pb.querier_pb2 import ProfileTypesRequest
from flamehouse.services import Services
from flamehouse.settings import Settings
from flamehouse.store import Store
from flamehouse.store.clickhouse_store import open_store
from querier import profile_types
from tools.gateway.cloud import Cloud, cloud
from tools.gateway.event import HttpRequest, event_of

BUILD: Final = Path(".aws-sam/build")
_PREFIX: Final = "/querier.v1.QuerierService/"
_RPC: Final = "ProfileTypes"
_REQUEST: Final = ProfileTypesRequest(start=1_000, end=3_600_000)
"""A small request for a time without profiles."""
_WARM: Final = 30
"""Small RPCs are repeated this many times more often than slower measurements."""


def measure(plan: Plan) -> Sequence[Line]:
    """Deploy on this machine and measure; return a hint if there is no bundle."""
    if not BUILD.is_dir():
        return [Line(what="not measured: run make bundle", ours="")]
    with data_folder() as folder, cloud(BUILD, folder, retention_days=0) as deployed:
        return [*_overheads(deployed, plan), *_sizes(deployed)]


def _overheads(deployed: Cloud, plan: Plan) -> list[Line]:
    """Return what Lambda and the gateway add to a small RPC."""
    times = _times(deployed, plan)
    beside = f"{times['here']} in this process"
    added = {name: times[name].median - times["here"].median for name in ("gateway", "lambda")}
    return [
        Line(
            what="warm request, Lambda's bootstrap and Mangum",
            ours=str(times["lambda"]),
            beside=beside,
            figure=added["lambda"],
        ),
        Line(
            what="warm request, with the gateway",
            ours=str(times["gateway"]),
            beside=beside,
            figure=added["gateway"],
        ),
    ]


def _times(deployed: Cloud, plan: Plan) -> Mapping[str, Times]:
    """Time a small RPC through the gateway, through Lambda alone and in this process, all with the same ClickHouse."""
    request = _request(deployed)
    event = json.dumps(event_of(request, f"ANY {_PREFIX}{_RPC}")).encode()
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
            "lambda": lambda _: deployed.functions.invoke(f"{_RPC}Function", event),
            "here": lambda _: here.querier(_RPC, _REQUEST),
        },
        plan.repeats * _WARM,
    )
    connection.close()
    store.close()
    return times


def _app(store: Store) -> Starlette:
    app = Starlette(routes=[profile_types.route])
    services = Services(settings=Settings(), store=store)
    app.state.services = lambda: services
    return app


def _request(deployed: Cloud) -> HttpRequest:
    credential = base64.b64encode(f"flamehouse:{deployed.credential}".encode()).decode()
    headers: Mapping[str, str] = {**HEADERS, "Authorization": f"Basic {credential}"}
    return HttpRequest(
        method="POST",
        path=_PREFIX + _RPC,
        query="",
        headers=[(name.encode(), value.encode()) for name, value in headers.items()],
        body=_REQUEST.SerializeToString(),
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
    """Return a number of bytes in kB, as functions are small."""
    return f"{size / 1e3:,.0f} kB"


def _bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _zipped_bytes(folder: Path) -> int:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in folder.rglob("*"):
            archive.write(file, file.relative_to(folder))
    return len(packed.getbuffer())
