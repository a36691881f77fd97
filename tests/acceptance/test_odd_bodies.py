"""A table of odd bodies and headers, sent to every POST route: each gets a response, and none causes a server fault."""

import gzip
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Final

import pytest
from starlette.routing import Route

from all_in_one import create_app
from flamehouse.services import Services
from flamehouse.settings import Settings
from flamehouse.store import Store
from tests.support.queries.queries import new_tenant
from tests.support.queries.rpcs import handled, routes_of
from tests.support.servers.client import Client

JSON: Final = {"Content-Type": "application/json"}
PROTO: Final = {"Content-Type": "application/proto"}
GZIP: Final = {"Content-Encoding": "gzip"}
PATHS: Final = sorted(
    route.path
    for package in ("querier", "console", "adhoc", "ingest")
    for module in handled(package)
    for route in routes_of(module)
    if isinstance(route, Route) and getattr(route.endpoint, "method", "POST") == "POST"
)
BOMB: Final = "a bomb"
"""A body that is built only once: 128 MiB of zeros, compressed."""
CASES: Final[Mapping[str, tuple[bytes | str, Mapping[str, str]]]] = {
    "no body, JSON": (b"", JSON),
    "no body, protobuf": (b"", PROTO),
    "null": (b"null", JSON),
    "a list": (b"[]", JSON),
    "a string": (b'"x"', JSON),
    "a number": (b"1", JSON),
    "a byte order mark": (b"\xef\xbb\xbf{}", JSON),
    "UTF-16": ("{}".encode("utf-16"), JSON),
    "deeply nested, unclosed": (b'{"a":' * 100_000, JSON),
    "deeply nested, closed": (b'{"a":' * 5_000 + b"1" + b"}" * 5_000, JSON),
    "a deeply nested list": (b'{"matchers":' + b"[" * 100_000 + b"]" * 100_000 + b"}", JSON),
    "an unknown field": (b'{"unknown": 1}', JSON),
    "a repeated field": (b'{"name":"a","name":"b"}', JSON),
    "not UTF-8": (b'{"name": "\xff"}', JSON),
    "a lone surrogate": (
        rb'{"name":"\ud800","labelSelector":"{a=\"\ud800\"}","matchers":["\ud800"],"query":"\ud800"}',
        JSON,
    ),
    "not UTF-8, protobuf": (b"\x0a\x02\xff\xfe", PROTO),
    "truncated, protobuf": (b"\x0a\xff", PROTO),
    "any bytes, protobuf": (bytes(range(256)), PROTO),
    "unterminated groups, protobuf": (b"\x0b" * 1_000, PROTO),
    "a bomb, JSON": (BOMB, {**JSON, **GZIP}),
    "a bomb, protobuf": (BOMB, {**PROTO, **GZIP}),
    "not gzip": (b"{}", {**JSON, **GZIP}),
    "brotli": (b"{}", {**JSON, "Content-Encoding": "br"}),
    "zstd": (b"{}", {**JSON, "Content-Encoding": "zstd"}),
    "text": (b"{}", {"Content-Type": "text/plain"}),
    "no content type": (b"{}", {}),
    "another charset": (b"{}", {"Content-Type": "application/json; charset=utf-16"}),
    "gRPC": (b"\0\0\0\0\0", {"Content-Type": "application/grpc"}),
    "a stream": (b"{}", {"Content-Type": "application/connect+json"}),
    "a URL-encoded form": (b"a=b", {"Content-Type": "application/x-www-form-urlencoded"}),
    "a form without a boundary": (b"x", {"Content-Type": "multipart/form-data"}),
    "times beyond 64 bits": (b'{"start":"99999999999999999999","end":"-99999999999999999999"}', JSON),
    "times that are not numbers": (b'{"start":NaN,"end":Infinity,"step":NaN}', JSON),
    "times that are not integers": (b'{"start":1e400,"end":1.5}', JSON),
    "a hundred thousand digits": (b'{"start":' + b"9" * 100_000 + b"}", JSON),
    "unknown enum numbers": (
        b'{"format":99,"aggregation":99,"exemplarType":99,"queryType":99,"type":-7}',
        JSON,
    ),
    "unknown enum names": (b'{"format":"NOPE","aggregation":"NOPE","exemplarType":"NOPE"}', JSON),
    "negative numbers": (b'{"start":-1,"end":1,"step":-1,"limit":-5,"maxNodes":-7}', JSON),
    "nulls": (
        b'{"name":null,"start":null,"profileTypeID":null,"labelSelector":null,"matchers":[null]}',
        JSON,
    ),
    "fields of the wrong type": (
        b'{"name":[],"start":{},"matchers":{},"profileTypeID":1,"labelSelector":[1],"left":7,"setting":"x"}',
        JSON,
    ),
    "empty selectors": (b'{"profileTypeID":"","labelSelector":"","matchers":["",""],"query":""}', JSON),
    "a timeout that is not a number": (b"{}", {**JSON, "Connect-Timeout-Ms": "soon"}),
    "a timeout of zero": (b"{}", {**JSON, "Connect-Timeout-Ms": "0"}),
    "another version of the protocol": (b"{}", {**JSON, "Connect-Protocol-Version": "9"}),
}


EXPECTED: Final = {"a timeout of zero": 504, "brotli": 501, "zstd": 501}
"""Connect's statuses for deadline_exceeded and for unimplemented request encodings."""


@cache
def content(body: bytes | str) -> bytes:
    return body if isinstance(body, bytes) else gzip.compress(bytes(128 << 20), 1)


@pytest.fixture(scope="module")
def client(store: Store, settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Client:
    folder: Path = tmp_path_factory.mktemp("adhoc")
    services = Services(settings=replace(settings, adhoc_profiles=str(folder)), store=store)
    return Client(server=create_app(lambda: services), tenant=new_tenant())


def test_every_kind_of_route_is_in_the_table() -> None:
    assert len(PATHS) >= 26
    assert {"/ingest", "/v1development/profiles", "/push.v1.PusherService/Push"} < {*PATHS}


@pytest.mark.parametrize("place", ["embedded"], indirect=True, scope="session")
@pytest.mark.parametrize("case", CASES)
def test_an_odd_body_causes_no_server_fault(client: Client, case: str) -> None:
    body, headers = CASES[case]
    for path in PATHS:
        response = client.send("POST", path, content(body), headers)
        status = response.status_code
        assert status < 500 or status == EXPECTED.get(case), f"{path}: {response.text}"
