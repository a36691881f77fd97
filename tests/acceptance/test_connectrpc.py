"""A third-party client: connectrpc from PyPI, which knows only the server's .proto files."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import pytest
from connectrpc.client import ConnectClientSync
from connectrpc.code import Code
from connectrpc.codec import Codec
from connectrpc.compat import google_protobuf_binary_codec, google_protobuf_json_codec
from connectrpc.errors import ConnectError
from connectrpc.method import IdempotencyLevel, MethodInfo, StreamType
from google.protobuf import json_format, message_factory
from google.protobuf.message import Message

from flamehouse.pb import querier_pb2
from tests.support.queries.shop_data import CART, SHOP, SPAN, Target

SERVICE: Final = querier_pb2.DESCRIPTOR.services_by_name["QuerierService"]
CODECS: Final[Mapping[str, Callable[[], Codec[Message, Any]]]] = {
    "proto": google_protobuf_binary_codec,
    "json": google_protobuf_json_codec,
}


def method_of(name: str) -> MethodInfo[Message, Message]:
    method = SERVICE.methods_by_name[name]
    return MethodInfo(
        name=name,
        service_name=SERVICE.full_name,
        input=message_factory.GetMessageClass(method.input_type),
        output=message_factory.GetMessageClass(method.output_type),
        idempotency_level=IdempotencyLevel.UNKNOWN,
        stream_type=StreamType.UNARY,
    )


def requests(target: Target) -> dict[str, Mapping[str, Any]]:
    """Returns a request to each RPC, in JSON."""
    data, selection = target.data, target.data.selection()
    return {
        "ProfileTypes": data.range,
        "LabelNames": {"matchers": [SHOP], **data.range},
        "LabelValues": {"name": "service_name", **data.range},
        "Series": {"labelNames": ["service_name"], **data.range},
        "SelectMergeStacktraces": selection,
        "SelectMergeSpanProfile": {**selection, "spanSelector": [SPAN]},
        "SelectMergeProfile": selection,
        "SelectSeries": {**selection, "step": 15, "exemplarType": "EXEMPLAR_TYPE_INDIVIDUAL"},
        "SelectHeatmap": {**selection, "step": 60, "queryType": "HEATMAP_QUERY_TYPE_SPAN"},
        "Diff": {"left": selection, "right": data.selection(CART)},
        "GetProfileStats": {},
        "AnalyzeQuery": {"query": SHOP, **data.range},
    }


@pytest.fixture(params=CODECS)
def client(request: pytest.FixtureRequest, target: Target) -> Iterator[ConnectClientSync]:
    with ConnectClientSync(target.url, codec=CODECS[request.param](), timeout_ms=20_000) as client:
        yield client


def headers_of(target: Target) -> dict[str, str]:
    return {"X-Scope-OrgID": target.data.client.tenant, "Authorization": f"Bearer {target.credential}"}


def call(client: ConnectClientSync, target: Target, rpc: str, query: Mapping[str, Any]) -> Message:
    method = method_of(rpc)
    request = json_format.ParseDict(dict(query), method.input())
    return client.execute_unary(request=request, method=method, headers=headers_of(target))


@pytest.mark.parametrize("rpc", [method.name for method in SERVICE.methods])
def test_an_rpc_returns_what_any_other_client_receives(
    client: ConnectClientSync, target: Target, rpc: str
) -> None:
    request = requests(target)[rpc]
    response = call(client, target, rpc, request)
    assert response.ByteSize()
    assert response == json_format.ParseDict(target.data.client.rpc(rpc, request), method_of(rpc).output())


@pytest.mark.parametrize(
    ("rpc", "changes", "code"),
    [
        ("SelectMergeStacktraces", {"labelSelector": "{"}, Code.INVALID_ARGUMENT),
        ("SelectSeries", {"step": 0}, Code.INVALID_ARGUMENT),
        ("SelectSeries", {"stackTraceSelector": {"goPgo": {"keepLocations": 1}}}, Code.UNIMPLEMENTED),
    ],
)
def test_errors_are_understood(
    client: ConnectClientSync, target: Target, rpc: str, changes: Mapping[str, Any], code: Code
) -> None:
    with pytest.raises(ConnectError) as raised:
        call(client, target, rpc, {**requests(target)[rpc], **changes})
    assert raised.value.code is code
    assert raised.value.message


def test_a_client_without_credential_is_unauthenticated(client: ConnectClientSync) -> None:
    method = method_of("GetProfileStats")
    with pytest.raises(ConnectError) as raised:
        client.execute_unary(request=method.input(), method=method)
    assert raised.value.code is Code.UNAUTHENTICATED
