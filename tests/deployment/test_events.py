"""The sample events: each is one that its function answers."""

import base64
import json
from typing import Any

import pytest
from starlette.routing import BaseRoute

from flamehouse.serverless import http_handler as aws
from flamehouse.services import Services
from flamehouse.settings import Settings
from flamehouse.web.http_app import http_app_of
from flamehouse.web.routing import app_of
from ingest.app import routes as ingest
from querier import label_names, profile_types, select_merge_stacktraces
from tests.support.servers.doubles import CannedStore, LambdaContext
from tests.support.servers.place import REPO

EVENTS: dict[str, tuple[list[BaseRoute], str]] = {
    "rpc-empty": ([profile_types.route], "profile_types"),
    "rpc-json": ([label_names.route], "label_names"),
    "rpc-proto": ([select_merge_stacktraces.route], "select_merge_stacktraces"),
    "push-gzip": (ingest, "insert"),
    "ingest-multipart": (ingest, "insert"),
    "otlp-gzip": (ingest, "insert"),
}
"""The routes of the function that each goes to, and what the store is then asked."""


def event(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((REPO / "events" / f"{name}.json").read_text())
    return loaded


@pytest.mark.parametrize("name", EVENTS)
def test_a_sample_event_succeeds(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    routes, query = EVENTS[name]
    store = CannedStore(retention=0)
    settings = Settings()
    monkeypatch.setattr(aws, "_services", lambda: Services(settings=settings, store=store))
    handler = aws.lambda_handler(*routes, app_of=http_app_of if routes is ingest else app_of)
    handled = handler(event(name), LambdaContext())
    assert handled["statusCode"] == 200, handled["body"]
    assert [request[0] for request in store.calls] == [query]


def test_every_sample_event_is_tested() -> None:
    assert {path.stem for path in (REPO / "events").iterdir()} == EVENTS.keys()


@pytest.mark.parametrize("name", EVENTS)
def test_an_event_is_as_the_gateway_sends_it(name: str) -> None:
    sent = event(name)
    body = sent.get("body", "").encode()
    if sent["isBase64Encoded"]:
        body = base64.b64decode(body, validate=True)
    assert sent["version"] == "2.0"
    assert sent["rawPath"] == sent["requestContext"]["http"]["path"]
    assert sent["routeKey"] == sent["requestContext"]["routeKey"] == f"ANY {sent['rawPath']}"
    assert sent["headers"]["content-length"] == str(len(body))
    assert all(header == header.lower() for header in sent["headers"])
