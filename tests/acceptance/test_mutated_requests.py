"""Mutated valid requests to every route: none causes a server fault, and every error has the endpoint's shape.

A mutation changes a field's value, bytes of the body, a header, a query parameter or the path.
"""

import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import quote

import httpx
import pytest
from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st
from starlette.routing import Route

from all_in_one import create_app
from flamehouse.errors import Code
from flamehouse.services import Services
from flamehouse.settings import Settings
from flamehouse.store import Store
from tests.support.fuzzing import fuzzed
from tests.support.queries.queries import new_tenant, some_monday_ms
from tests.support.queries.rpcs import handled, routes_of
from tests.support.queries.shop_data import CART, SHOP, SPAN, TRACE, Shop, shop
from tests.support.servers.client import Client
from tests.support.uploads.profiles import CPU, pprof_of, sample

ROUTES: Final = tuple(
    route
    for package in ("querier", "console", "adhoc", "ingest")
    for module in handled(package)
    for route in routes_of(module)
)
OTLP: Final = ("/v1development/profiles", "/opentelemetry.proto")
"""Paths whose errors are `Status` messages, with numeric codes."""
STATUSES: Final = {code.wire_name: code.http_status for code in Code}
INGEST: Final = ("/ingest", "/pyroscope/ingest")
INGEST_STATUSES: Final = (400, 405, 413, 415, 422, 429)
"""Pyroscope's own statuses, which do not depend on the code."""

MONDAY: Final = next(time for time in iter(some_monday_ms, 0) if time >= 10**12)
HOUR: Final = 3_600_000
UUID: Final = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
FOLDED: Final = "bWFpbjtzZXJ2ZSA1Cg=="  # main;serve 5
RIGHT: Final[Mapping[str, Any]] = {
    "start": MONDAY,
    "end": MONDAY + HOUR,
    "profile_typeID": CPU,
    "label_selector": SHOP,
    "matchers": [SHOP],
    "query": f"{CPU}{SHOP}",
    "label_names": ["service_name"],
    "group_by": ["service_name"],
    "step": 15,
    "name": "service_name",
    "profile": FOLDED,
    "setting": {"name": "a", "value": "b"},
    "span_selector": [SPAN],
}
"""A valid value of each field."""
LAST: Final = (1 << 63) - 1
ODD_VALUES: Final = st.one_of(
    st.sampled_from(
        [0, -1, 1, 1.5, LAST, -LAST - 1, 1 << 63, 1 << 64, 10**400, 1e308, float("nan"), float("inf")]
    ),
    st.sampled_from(["", "\0", "é", "\ud800", "1e3", "1e99999", "9" * 400, "NaN", "x" * 70_000, "{", "-0"]),
    st.sampled_from(
        [SHOP, '{a=~"(a*)*b"}', '{a=~"("}', '{a="\\xff"}', '{"\\n"=~`\\C`}', "{" + "a='b'," * 101]
    ),
    st.sampled_from([None, True, [], {}, [[]], [{}], [None], ["x"] * 1_001, [""], [SPAN], [TRACE], [UUID]]),
    st.sampled_from(
        [{"callSite": [{"name": "main"}]}, {"callSite": [{}] * 4_001}, {"goPgo": {"keepLocations": 1}}]
    ),
    st.integers(-3, 9),
    st.text(max_size=12),
)
ODD_HEADERS: Final = st.sampled_from(
    [
        ("Content-Type", "application/json"),
        ("Content-Type", "application/x-protobuf"),
        ("Content-Type", "text/plain"),
        ("Content-Type", "application/json; charset=latin-1"),
        ("Content-Type", ""),
        ("Content-Encoding", "gzip"),
        ("Content-Encoding", "br"),
        ("Accept-Encoding", "gzip;q=0, *;q=1,,"),
        ("Accept-Encoding", "gzip"),
        ("Accept", "*/*;allow-utf8-labelnames=true"),
        ("Connect-Protocol-Version", "2"),
        ("Connect-Timeout-Ms", "0"),
        ("Connect-Timeout-Ms", "99999999999"),
        ("Connect-Timeout-Ms", "-1"),
        ("Authorization", "Basic :::"),
        ("Transfer-Encoding", "chunked"),
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A request to mutate."""

    route: Route
    method: str
    target: str
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


@pytest.fixture(scope="module")
def data(store: Store, settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    kept: Path = tmp_path_factory.mktemp("adhoc")
    services = Services(settings=replace(settings, adhoc_profiles=str(kept)), store=store)
    return shop(Client(server=create_app(lambda: services), tenant=new_tenant()), MONDAY)


def right_fields(message: Descriptor) -> dict[str, Any]:
    """Returns a valid request as JSON: with the fields that RIGHT names, in nested messages too."""
    fields: dict[str, Any] = {}
    for field in message.fields:
        if field.name in RIGHT:
            fields[field.name] = RIGHT[field.name]
        elif field.name in ("left", "right") and field.message_type is not None:
            fields[field.name] = right_fields(field.message_type)
    return fields


@st.composite
def changed_fields(draw: st.DrawFn, message: Descriptor) -> dict[str, Any]:
    """Draws the valid request with up to three fields changed, or with an unknown one."""
    fields = right_fields(message)
    names: Sequence[FieldDescriptor] = message.fields
    for _ in range(draw(st.integers(0, 3))):
        name = draw(st.sampled_from([*(field.name for field in names), "no_such_field"]))
        inner = next((field.message_type for field in names if field.name == name), None)
        if name in ("left", "right") and inner is not None and draw(st.booleans()):
            fields[name] = draw(changed_fields(inner))
        else:
            fields[name] = draw(ODD_VALUES)
    return fields


@st.composite
def rpc_requests(draw: st.DrawFn, route: Route) -> Sent:
    """Draws a request to an RPC, in JSON or, if protobuf can express it, in protobuf."""
    request_type: type[Message] = cast(Any, route.endpoint).request_type
    fields = draw(changed_fields(cast(Descriptor, request_type.DESCRIPTOR)))
    content_type, body = "application/json", json.dumps(fields).encode()
    if draw(st.booleans()):
        try:
            message = json_format.Parse(body, request_type(), ignore_unknown_fields=True)
        except json_format.ParseError:
            pass
        else:
            content_type, body = "application/proto", message.SerializeToString()
    headers = (("Content-Type", content_type),)
    return Sent(route=route, method="POST", target=route.path, body=body, headers=headers)


@st.composite
def http_requests(draw: st.DrawFn, route: Route) -> Sent:
    """Draws a request to a path of plain HTTP, with the parameters of all paths, some changed, repeated or omitted."""
    parameters = {
        **dict.fromkeys(("query", "leftQuery"), f"{CPU}{SHOP}"),
        "rightQuery": f"{CPU}{CART}",
        **{name: str(MONDAY) for name in ("from", "leftFrom", "rightFrom")},
        **{name: str(MONDAY + HOUR) for name in ("until", "leftUntil", "rightUntil")},
        "label": "service_name",
        "name": "app",
        "format": "pprof",
    }
    pairs = [(name, quote(value)) for name, value in parameters.items()]
    odd = st.sampled_from(
        ["", "%ff", "%", "%zz", "%00", "-1", "9" * 400, "dot", "now-1h", "now-9999999y", "{}"]
    )
    for _ in range(draw(st.integers(0, 3))):
        names = st.sampled_from(
            [*parameters, "max-nodes", "maxNodes", "groupBy", "aggregation", "sampleRate"]
        )
        pairs.append(
            (draw(names), draw(odd | st.text(max_size=6).map(lambda text: quote(text, errors="ignore"))))
        )
    query = "&".join(f"{name}={value}" for name, value in draw(st.permutations(pairs)))
    method: str = getattr(route.endpoint, "method", "POST")
    body = b"" if method == "GET" else pprof_of([sample("ab", 1)], time_ms=MONDAY).SerializeToString()
    return Sent(route=route, method=method, target=f"{route.path}?{query}", body=body)


@st.composite
def mangled(draw: st.DrawFn, sent: Sent) -> Sent:
    """Draws the request with its body changed or compressed, another header, method or path, or unchanged."""
    body = bytearray(sent.body)
    for _ in range(draw(st.sampled_from([0, 0, 1, 4]))):
        at = draw(st.integers(0, len(body)))
        body[at : at + draw(st.integers(0, 3))] = draw(st.binary(max_size=3))
    packed, headers = bytes(body), [*sent.headers]
    if draw(st.booleans()):
        packed = gzip.compress(packed, mtime=0)[: draw(st.sampled_from([None, None, -1]))]
        headers.append(("Content-Encoding", "gzip"))
    headers += draw(st.lists(ODD_HEADERS, max_size=2))
    target = draw(st.sampled_from([""] * 8 + ["/nowhere"])) + sent.target
    methods = st.sampled_from([sent.method] * 8 + ["GET", "PUT", "OPTIONS"])
    return replace(sent, method=draw(methods), target=target, body=packed, headers=tuple(headers))


def requests_to(route: Route) -> st.SearchStrategy[Sent]:
    right = rpc_requests(route) if hasattr(route.endpoint, "request_type") else http_requests(route)
    return right.flatmap(mangled)


@fuzzed(120)
@given(st.sampled_from(ROUTES).flatmap(requests_to))
def test_no_request_causes_a_server_fault_and_errors_have_the_right_format(data: Shop, sent: Sent) -> None:
    # Of repeated headers, the last one counts, as in a mapping.
    headers = dict(sent.headers)
    response = data.client.send(sent.method, sent.target, sent.body, headers)
    if response.status_code == 200:
        assert response.headers.get("Content-Type", "").partition(";")[0] in (
            "application/json",
            "application/octet-stream",
            "application/proto",
            "application/x-protobuf",
            "text/plain",
            "",
        )
    elif sent.target.startswith(OTLP):
        assert response.status_code in (400, 405, 413, 415, 429), response.text
    else:
        check_error(response, sent.target, waits="Connect-Timeout-Ms" in headers)


def check_error(response: httpx.Response, target: str, *, waits: bool) -> None:
    """Checks that a response is a client error whose code and status match."""
    if response.status_code in (405, 415) and not response.content:
        assert {"Allow", "Accept-Post"} & {*map(str.title, response.headers)}
        return
    assert response.headers["Content-Type"] == "application/json"
    body = response.json()
    assert sorted(body) == ["code", "message"]
    assert body["message"]
    if target.startswith(INGEST):
        assert response.status_code in INGEST_STATUSES
        return
    assert response.status_code in (STATUSES[body["code"]], 405)
    accepted = {"unimplemented", "deadline_exceeded"} if waits else {"unimplemented"}
    assert response.status_code < 500 or body["code"] in accepted, response.text
