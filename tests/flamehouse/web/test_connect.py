"""The Connect protocol on the wire, with a small RPC made for the tests."""

import gzip
import json

import httpx
import pytest
from starlette.applications import Starlette

from flamehouse.deadline import time_left
from flamehouse.errors import Code, RpcError
from flamehouse.pb.querier_pb2 import SelectSeriesRequest
from flamehouse.pb.types_pb2 import LabelPair, Series
from flamehouse.settings import Settings
from flamehouse.web.codec import CODECS
from flamehouse.web.connect import Call, unary
from tests.support.servers.apps import error, request, serve

PATH = "/test.v1.EchoService/Echo"
LIMIT = 64 << 10


def echo(call: Call, query: SelectSeriesRequest) -> Series:
    """Echoes the request, with `label_selector` repeated `limit` times; fails if the selector says so."""
    if query.label_selector == "refuse":
        raise RpcError(Code.NOT_FOUND, "refused: \ud800")
    if query.label_selector == "crash":
        raise KeyError("secret")
    facts = {
        "tenant": call.tenant,
        "waits_10_s": str(time_left(11) <= 10),
        "selector": query.label_selector * query.limit,
        "start": str(query.start),
    }
    return Series(labels=[LabelPair(name=name, value=value) for name, value in facts.items()])


@pytest.fixture(scope="module")
def app() -> Starlette:
    return serve(unary(PATH, SelectSeriesRequest, echo), settings=Settings(max_body_bytes=LIMIT))


def facts(response: httpx.Response) -> dict[str, str]:
    assert response.status_code == 200, response.text
    return {label["name"]: label.get("value", "") for label in response.json()["labels"]}


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "BREW"])
def test_any_method_but_post_is_rejected_with_the_allowed_one(app: Starlette, method: str) -> None:
    response = request(app, PATH, method=method)
    assert (response.status_code, response.headers["Allow"], response.content) == (405, "POST", b"")


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "application/x-protobuf",
        "application/grpc",
        "application/connect+json",
        "application/jsonx",
    ],
)
def test_an_unknown_content_type_is_rejected_with_the_known_ones(app: Starlette, content_type: str) -> None:
    response = request(app, PATH, "{}", content_type=content_type)
    assert (response.status_code, response.content) == (415, b"")
    assert response.headers["Accept-Post"] == "application/json, application/proto"


@pytest.mark.parametrize(
    "content_type", ["application/json", "application/json; charset=utf-8", "Application/JSON;charset=UTF-8"]
)
def test_json_is_accepted_with_and_without_a_charset(app: Starlette, content_type: str) -> None:
    response = request(app, PATH, "{}", content_type=content_type)
    assert facts(response)["start"] == "0"
    assert response.headers["Content-Type"] == "application/json"


def test_a_protobuf_request_gets_a_protobuf_response(app: Starlette) -> None:
    body = SelectSeriesRequest(label_selector="x", limit=2, start=7).SerializeToString()
    response = request(app, PATH, body, content_type="application/proto")
    assert response.headers["Content-Type"] == "application/proto"
    result = {label.name: label.value for label in Series.FromString(response.content).labels}
    assert result["selector"] == "xx"
    assert result["start"] == "7"


def test_an_empty_proto_body_is_an_empty_message(app: Starlette) -> None:
    response = request(app, PATH, b"", content_type="application/proto")
    assert response.status_code == 200
    assert Series.FromString(response.content).labels[-1].value == "0"


@pytest.mark.parametrize(
    ("body", "start"),
    [
        ('{"start":1700000000000}', "1700000000000"),
        ('{"start":"1700000000000"}', "1700000000000"),
        ('{"start":1e3}', "1000"),
        ('{"start":-5}', "-5"),
        ('{"start":null}', "0"),
        ('{"start":3,"unheard_of":{"a":[1,{"b":null}]}}', "3"),
        (' \n{"start":3,"profile_typeID":"a","labelSelector":"b","group_by":["c"]}\n', "3"),
        ('{"start":3,"exemplarType":"EXEMPLAR_TYPE_NONE"}', "3"),
        ('{"start":3,"exemplar_type":1,"aggregation":null}', "3"),
    ],
)
def test_json_is_read_by_the_json_mapping_of_protobuf(app: Starlette, body: str, start: str) -> None:
    assert facts(request(app, PATH, body))["start"] == start


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"null",
        b"[]",
        b'"text"',
        b"{",
        b"{}{}",
        b"\xef\xbb\xbf{}",
        b'{"labelSelector":"\xff"}',
        b'{"labelSelector":"\\ud800"}',
        b'{"labelSelector":7}',
        b'{"start":1,"start":2}',
        b'{"start":1.5}',
        b'{"start":true}',
        b'{"start":"now-1h"}',
        b'{"start":9223372036854775808}',
        b'{"start":1e400}',
        b'{"step":NaN}',
        b'{"step":1e400}',
        b'{"step":1' + b"0" * 400 + b"}",
        b'{"step":1' + b"0" * 10_000 + b"}",
        b'{"groupBy":"name"}',
        b'{"groupBy":[null]}',
        b"[" * (LIMIT - 1),
        b'{"a":' * (LIMIT // 5),
        b'{"start":' + b"[" * (LIMIT // 2) + b"]" * 9 + b"}",
    ],
)
def test_malformed_json_is_an_invalid_argument(app: Starlette, body: bytes) -> None:
    status, code, message = error(request(app, PATH, body))
    assert (status, code) == (400, "invalid_argument")
    assert 0 < len(message) <= 4096


@pytest.mark.parametrize(
    "body", [b"\xff", b"\x12\x05abc", b"\x12\x01\xff", b"\x43" * 1000, b"\x12\xff\xff\xff\xff\x0f", b"{}"]
)
def test_malformed_protobuf_is_an_invalid_argument(app: Starlette, body: bytes) -> None:
    status, code, _ = error(request(app, PATH, body, content_type="application/proto"))
    assert (status, code) == (400, "invalid_argument")


@pytest.mark.parametrize("encoding", ["gzip", "GZIP"])
@pytest.mark.parametrize(
    "compress",
    [
        gzip.compress,
        lambda body: b"".join(gzip.compress(body[at : at + 3], mtime=0) for at in range(0, len(body), 3)),
        lambda body: gzip.compress(b"", mtime=0) + gzip.compress(body, mtime=0) + gzip.compress(b"", mtime=0),
    ],
    ids=["one member", "many members", "surrounded by empty members"],
)
def test_a_gzip_body_is_inflated(app: Starlette, encoding: str, compress: object) -> None:
    assert callable(compress)
    body = compress(b'{"start": 42, "labelSelector": "abc"}')
    response = facts(request(app, PATH, body, headers={"Content-Encoding": encoding}))
    assert response["start"] == "42"


def test_the_identity_encoding_is_ignored(app: Starlette) -> None:
    assert facts(request(app, PATH, '{"start":1}', headers={"Content-Encoding": "identity"}))["start"] == "1"


def test_an_empty_body_needs_no_gzip_frame(app: Starlette) -> None:
    headers = {"Content-Encoding": "gzip"}
    assert request(app, PATH, b"", content_type="application/proto", headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("encoding", "body", "rejection", "message"),
    [
        (
            "br",
            b"{}",
            (501, "unimplemented"),
            'unknown compression "br": supported encodings are gzip',
        ),
        (
            "gzip, gzip",
            b"{}",
            (501, "unimplemented"),
            'unknown compression "gzip, gzip": supported encodings are gzip',
        ),
        ("gzip", b"{}", (400, "invalid_argument"), "the gzip body is damaged"),
        (
            "gzip",
            gzip.compress(b"{}", mtime=0)[:-1],
            (400, "invalid_argument"),
            "the gzip body is truncated",
        ),
        (
            "gzip",
            gzip.compress(b"{}", mtime=0) + b"tail",
            (400, "invalid_argument"),
            "the gzip body is damaged",
        ),
        (
            "gzip",
            gzip.compress(b"{}", mtime=0)[:-5] + b"\0\0\0\0\0",
            (400, "invalid_argument"),
            "the gzip body is damaged",
        ),
    ],
)
def test_a_body_that_cannot_be_inflated_is_rejected(
    app: Starlette, encoding: str, body: bytes, rejection: tuple[int, str], message: str
) -> None:
    response = error(request(app, PATH, body, headers={"Content-Encoding": encoding}))
    assert response[:2] == rejection
    assert response[2].startswith(message)


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b" " * (LIMIT + 1), {}),
        (gzip.compress(b" " * (LIMIT + 1), mtime=0), {"Content-Encoding": "gzip"}),
        (gzip.compress(b" " * (64 << 20), mtime=0), {"Content-Encoding": "gzip"}),
        (gzip.compress(b" " * (LIMIT // 2), mtime=0) * 3, {"Content-Encoding": "gzip"}),
    ],
    ids=["plain", "just over", "bomb", "many members in total"],
)
def test_a_body_over_the_limit_is_not_retried(app: Starlette, body: bytes, headers: dict[str, str]) -> None:
    assert error(request(app, PATH, body, headers=headers)) == (
        400,
        "invalid_argument",
        f"the request body is larger than the allowed {LIMIT} bytes",
    )


def test_a_body_of_many_empty_gzip_members_is_rejected(app: Starlette) -> None:
    body = gzip.compress(b"", mtime=0) * 2000
    status, code, message = error(request(app, PATH, body, headers={"Content-Encoding": "gzip"}))
    assert (status, code, message) == (400, "invalid_argument", "the gzip body has more than 1024 members")


def test_a_body_at_the_limit_is_read(app: Starlette) -> None:
    assert facts(request(app, PATH, b'{"start": 42}'.ljust(LIMIT)))["start"] == "42"


def test_an_rpc_may_have_a_lower_limit_than_the_settings() -> None:
    app = serve(unary(PATH, SelectSeriesRequest, echo, max_body_bytes=10))
    assert request(app, PATH, b"{}".ljust(10)).status_code == 200
    assert (
        error(request(app, PATH, b"{}".ljust(11)))[2]
        == "the request body is larger than the allowed 10 bytes"
    )


@pytest.mark.parametrize(
    ("accepted", "length", "encoding"),
    [
        ("gzip", 3000, "gzip"),
        ("br, GZIP;q=0.5", 3000, "gzip"),
        ("gzip", 10, None),
        ("gzip;q=0", 3000, None),
        ("br", 3000, None),
        ("identity", 3000, None),
    ],
)
@pytest.mark.parametrize("content_type", ["application/json", "application/proto"])
def test_long_responses_are_gzipped_for_clients_that_accept_gzip(
    app: Starlette, content_type: str, accepted: str, length: int, encoding: str | None
) -> None:
    query = SelectSeriesRequest(label_selector="x", limit=length)
    body = CODECS[content_type].encode(query)
    response = request(app, PATH, body, content_type=content_type, headers={"Accept-Encoding": accepted})
    assert response.headers.get("Content-Encoding") == encoding
    assert b"x" * length in response.content


def test_an_empty_response_is_never_marked_gzip() -> None:
    app = serve(unary(PATH, SelectSeriesRequest, lambda _call, _request: Series()))
    response = request(app, PATH, b"", content_type="application/proto", headers={"Accept-Encoding": "gzip"})
    assert (response.status_code, response.content) == (200, b"")
    assert "Content-Encoding" not in response.headers


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({"Connect-Protocol-Version": "2"}, 'Connect-Protocol-Version must be "1", not "2"'),
        ({"Connect-Protocol-Version": ""}, 'Connect-Protocol-Version must be "1", not ""'),
        ({"Connect-Timeout-Ms": "soon"}, 'Connect-Timeout-Ms must have up to ten digits, not "soon"'),
        ({"Connect-Timeout-Ms": "-1"}, 'Connect-Timeout-Ms must have up to ten digits, not "-1"'),
        (
            {"Connect-Timeout-Ms": "12345678901"},
            'Connect-Timeout-Ms must have up to ten digits, not "12345678901"',
        ),
    ],
)
def test_a_bad_protocol_header_is_an_invalid_argument(
    app: Starlette, headers: dict[str, str], message: str
) -> None:
    assert error(request(app, PATH, "{}", headers=headers)) == (400, "invalid_argument", message)


def test_protocol_headers_are_optional_and_respected(app: Starlette) -> None:
    assert facts(request(app, PATH, "{}"))["waits_10_s"] == "False"
    headers = {"Connect-Protocol-Version": "1", "Connect-Timeout-Ms": "10000"}
    assert facts(request(app, PATH, "{}", headers=headers))["waits_10_s"] == "True"


def test_an_error_is_json_even_for_a_protobuf_request(app: Starlette) -> None:
    body = SelectSeriesRequest(label_selector="refuse").SerializeToString()
    response = request(app, PATH, body, content_type="application/proto", headers={"Accept-Encoding": "gzip"})
    assert error(response) == (404, "not_found", "refused: \ud800")


def test_an_unexpected_error_is_internal_and_logged_without_reaching_the_client(
    app: Starlette, caplog: pytest.LogCaptureFixture
) -> None:
    response = error(request(app, PATH, '{"labelSelector":"crash"}'))
    assert response == (500, "internal", "internal error")
    assert "secret" in caplog.text


@pytest.mark.parametrize(
    ("header", "tenant"),
    [
        (None, "anonymous"),
        ("", "anonymous"),
        ("team-a", "team-a"),
        ("A1!-_.*'()", "A1!-_.*'()"),
        ("x" * 150, "x" * 150),
    ],
)
def test_the_tenant_comes_from_its_header(app: Starlette, header: str | None, tenant: str) -> None:
    headers = {} if header is None else {"X-Scope-OrgID": header}
    assert facts(request(app, PATH, "{}", headers=headers))["tenant"] == tenant


@pytest.mark.parametrize("header", ["a|", "|", ".", "..", "a b", "a/b", "ä", "x" * 151, "a;drop"])
def test_a_malformed_tenant_is_an_invalid_argument(app: Starlette, header: str) -> None:
    status, code, message = error(request(app, PATH, "{}", headers={"X-Scope-OrgID": header}))
    assert (status, code) == (400, "invalid_argument")
    assert "X-Scope-OrgID" in message


def test_json_omits_defaults_and_writes_64_bit_numbers_as_strings() -> None:
    response = SelectSeriesRequest(
        profile_typeID="a", start=5, step=1.5, group_by=["b"], exemplar_type="EXEMPLAR_TYPE_NONE"
    )
    app = serve(unary(PATH, SelectSeriesRequest, lambda _call, _request: response))
    assert json.loads(request(app, PATH, "{}").content) == {
        "profileTypeID": "a",
        "start": "5",
        "step": 1.5,
        "groupBy": ["b"],
        "exemplarType": "EXEMPLAR_TYPE_NONE",
    }
