"""This repository's stand-ins for the gateway and for Lambda follow the platform's rules."""

import base64
import json
from collections.abc import Iterator

import pytest

from tools.gateway.deployment import Deployment, Function
from tools.gateway.environment import MAX_ANSWER_BYTES
from tools.gateway.event import HttpRequest, event_of, response_of
from tools.gateway.lambda_service import FunctionError, LambdaService

CODE = """
import os, sys, time

def handler(event, context):
    match event:
        case "raise": raise RuntimeError("on purpose")
        case "exit": os._exit(3)
        case "hang": time.sleep(60)
        case "large": return "x" * {large}
        case ["import", module]: return __import__(module).__name__
        case ["environ", name]: return os.environ.get(name)
    return {{"pid": os.getpid(), "left_ms": context.get_remaining_time_in_millis()}}
"""


@pytest.fixture(scope="module")
def functions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LambdaService]:
    code = tmp_path_factory.mktemp("code")
    layer = tmp_path_factory.mktemp("layer")
    (code / "app.py").write_text(CODE.format(large=MAX_ANSWER_BYTES))
    (layer / "python").mkdir()
    (layer / "python" / "layered.py").write_text("")
    function = Function(
        name="Tried",
        handler="app.handler",
        code=code,
        layers=(layer,),
        timeout_s=2,
        memory_mb=256,
        environ={"OF_TEMPLATE": "template"},
    )
    deployment = Deployment(functions={"Tried": function}, routes={})
    service = LambdaService(deployment, {"OF_PLATFORM": "platform"}, tmp_path_factory.mktemp("lambda"))
    yield service
    service.close()


def call(functions: LambdaService, event: object) -> object:
    return json.loads(functions.invoke("Tried", json.dumps(event).encode()))


def test_an_environment_is_reused_until_it_is_ended(functions: LambdaService) -> None:
    first, second = (call(functions, "who") for _ in range(2))
    functions.restart()
    third = call(functions, "who")
    pids = [response["pid"] for response in (first, second, third) if isinstance(response, dict)]
    assert pids[0] == pids[1] != pids[2]


def test_the_processes_of_running_environments_are_listed(functions: LambdaService) -> None:
    response = call(functions, "who")
    assert isinstance(response, dict)
    assert functions.processes() == {response["pid"]: "Tried"}
    functions.restart()
    assert functions.processes() == {}


def test_a_function_takes_its_deadline_from_the_context(functions: LambdaService) -> None:
    response = call(functions, "who")
    assert isinstance(response, dict)
    assert 0 < response["left_ms"] <= 2000


@pytest.mark.parametrize("event", ["raise", "exit", "hang", "large"])
def test_an_invocation_after_a_failed_one_succeeds(functions: LambdaService, event: str) -> None:
    with pytest.raises(FunctionError):
        call(functions, event)
    assert isinstance(call(functions, "who"), dict)


def test_a_layer_can_be_imported(functions: LambdaService) -> None:
    assert call(functions, ["import", "layered"]) == "layered"


@pytest.mark.parametrize("module", ["flamehouse", "ingest", "querier", "chdb", "pytest", "tools"])
def test_packages_of_the_host_cannot_be_imported(functions: LambdaService, module: str) -> None:
    with pytest.raises(FunctionError):
        call(functions, ["import", module])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OF_TEMPLATE", "template"),
        ("OF_PLATFORM", "platform"),
        ("TZ", ":UTC"),
        ("HOME", None),
        ("BUNDLE", None),
    ],
)
def test_the_environment_variables_are_those_of_lambda(
    functions: LambdaService, name: str, value: str | None
) -> None:
    assert call(functions, ["environ", name]) == value


def request(body: bytes = b"", **headers: str) -> HttpRequest:
    return HttpRequest(
        method="POST",
        path="/ingest",
        query="name=app%7Ba%3Db%7D&name=second",
        headers=[(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
        body=body,
        client="1.2.3.4",
    )


@pytest.mark.parametrize(
    ("body", "headers", "text"),
    [
        (b'{"a": 1}', {"Content_Type": "application/json"}, True),
        ("é".encode(), {"Content_Type": "text/plain; charset=utf-8"}, True),
        (b"\xff", {"Content_Type": "text/plain"}, False),
        (b"{}", {"Content_Type": "application/json", "Content_Encoding": "gzip"}, False),
        (b"{}", {"Content_Type": "application/proto"}, False),
        (b"{}", {}, False),
    ],
)
def test_a_body_is_base64_unless_it_is_text(body: bytes, headers: dict[str, str], text: bool) -> None:
    event = event_of(request(body, **headers), "ANY /ingest")
    assert event["isBase64Encoded"] is not text
    assert event["body"] == (body.decode() if text else base64.b64encode(body).decode())


def test_an_empty_body_is_omitted() -> None:
    assert "body" not in event_of(request(), "ANY /ingest")


def test_headers_are_lowercased_and_joined_and_cookies_stay_separate() -> None:
    sent = request(X_One="1", x_one="2", Cookie="a=1; b=2")
    event = event_of(sent, "ANY /ingest")
    assert event["headers"] == {"x-one": "1,2"}
    assert event["cookies"] == ["a=1", "b=2"]
    assert event["rawQueryString"] == "name=app%7Ba%3Db%7D&name=second"
    assert event["requestContext"]["http"]["path"] == event["rawPath"] == "/ingest"


def test_a_lambda_result_becomes_the_http_response() -> None:
    body = {
        "statusCode": 429,
        "headers": {"x-one": "1"},
        "body": base64.b64encode(b"\xff\x00").decode(),
        "isBase64Encoded": True,
        "cookies": ["a=1", "b=2"],
    }
    response = response_of(json.dumps(body).encode())
    assert (response.status_code, response.body, response.headers["x-one"]) == (429, b"\xff\x00", "1")
    assert response.headers.getlist("set-cookie") == ["a=1", "b=2"]


@pytest.mark.parametrize(
    ("method", "path", "key"),
    [
        ("POST", "/a", "ANY /a"),
        ("GET", "/b", "GET /b"),
        ("POST", "/b", "$default"),
        ("GET", "/a/", "$default"),
    ],
)
def test_the_most_specific_route_wins(method: str, path: str, key: str) -> None:
    routes = {"ANY /a": "A", "GET /b": "B", "$default": "C"}
    assert Deployment(functions={}, routes=routes).route(method, path) == key


def test_a_default_route_is_optional() -> None:
    assert Deployment(functions={}, routes={"ANY /a": "A"}).route("GET", "/b") is None
