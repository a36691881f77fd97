"""LabelNames and LabelValues, in both encodings."""

import json

import pytest

from flamehouse.model.selector import parse_selector
from flamehouse.pb.types_pb2 import (
    LabelNamesRequest,
    LabelNamesResponse,
    LabelValuesRequest,
    LabelValuesResponse,
)
from tests.support.servers.apps import Querier
from tests.support.servers.doubles import CannedStore

SELECTORS = ('{service_name="shop"}', '{env=~"p.*",zone!=""}')


@pytest.mark.parametrize("proto", [True, False])
def test_names_are_in_the_stores_order_and_include_private_ones(proto: bool) -> None:
    querier = Querier(store=CannedStore(names=("__name__", "env", "zone")))
    request = LabelNamesRequest(matchers=SELECTORS)
    response = querier.call("LabelNames", request, LabelNamesResponse, proto=proto)
    assert list(response.names) == ["__name__", "env", "zone"]


@pytest.mark.parametrize(
    ("accept", "shown"),
    [
        (None, False),
        ("*/*", False),
        ("application/json;allow-utf8-labelnames=false", False),
        ("*/*;allow-utf8-labelnames=true", True),
        ('text/html, application/json; q=0.5; Allow-UTF8-Labelnames="true"', True),
        (";;=,allow-utf8-labelnames", False),
    ],
)
def test_names_beyond_the_legacy_form_are_only_for_clients_that_accept_them(
    accept: str | None, shown: bool
) -> None:
    names = ("9lives", "_ok", "otel.scope.name", "ok2", "größe")
    querier = Querier(store=CannedStore(names=names))
    headers = {"Accept": accept} if accept else None
    response = querier.call("LabelNames", LabelNamesRequest(), LabelNamesResponse, headers=headers)
    assert tuple(response.names) == (names if shown else ("_ok", "ok2"))


@pytest.mark.parametrize("proto", [True, False])
def test_values_are_queried_by_label_name(proto: bool) -> None:
    querier = Querier(store=CannedStore(values=("a", "b")))
    request = LabelValuesRequest(name="otel.scope.name", matchers=SELECTORS)
    response = querier.call("LabelValues", request, LabelValuesResponse, proto=proto)
    assert list(response.names) == ["a", "b"]
    assert querier.store.calls[0][2] == "otel.scope.name"


@pytest.mark.parametrize("body", ["{}", '{"name":""}', '{"name":null,"start":1,"end":2}'])
def test_values_require_a_label_name(body: str) -> None:
    assert Querier().rejection("LabelValues", body) == (400, "invalid_argument", "name is required")


@pytest.mark.parametrize(
    ("rpc", "body"), [("LabelNames", '{"matchers":%s}'), ("LabelValues", '{"name":"x","matchers":%s}')]
)
def test_the_matchers_of_all_selectors_must_match(rpc: str, body: str) -> None:
    querier = Querier()
    assert querier.post(rpc, body % json.dumps(SELECTORS)).status_code == 200
    (matchers,) = (part for part in querier.store.calls[0] if isinstance(part, tuple))
    assert matchers == tuple(matcher for text in SELECTORS for matcher in parse_selector(text))


@pytest.mark.parametrize(
    ("rpc", "body"), [("LabelNames", '{"matchers":%s}'), ("LabelValues", '{"name":"x","matchers":%s}')]
)
@pytest.mark.parametrize("matchers", ['["{"]', '[""]', '["{}","{a=}"]', '["{a=\\"b\\"} extra"]'])
def test_a_bad_selector_is_an_invalid_argument(rpc: str, body: str, matchers: str) -> None:
    status, code, message = Querier().rejection(rpc, body % matchers)
    assert (status, code) == (400, "invalid_argument")
    assert message.startswith("invalid label selector")
