"""The OpenAPI document: committed as served, complete, valid and consistent with protobuf's JSON; and its page."""

import json
import re
from typing import Any, Final

import httpx
import jsonschema_rs
import pytest
import schemathesis
from google.protobuf import json_format
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from starlette.routing import Route

from all_in_one import api_routes, create_app
from flamehouse.identity.credentials import SharedCredential
from flamehouse.services import Services
from flamehouse.settings import Settings
from flamehouse.telemetry.local import Prometheus
from reference.document import document_of, written
from tests.support.queries.valid_requests import BODIES, SERVICE
from tests.support.servers.apps import request
from tests.support.servers.doubles import CannedStore
from tests.support.servers.place import REPO

COMMITTED: Final[dict[str, Any]] = json.loads((REPO / "docs/openapi.json").read_text())
API_ROUTES: Final = api_routes(Prometheus())
PAGE_OF_THE_UI: Final = {"/", "/ui/{path:path}"}
DEPTH: Final = 4


def get(path: str, credential: str = "") -> httpx.Response:
    services = Services(settings=Settings(), store=CannedStore())
    credentials = SharedCredential(credential=credential) if credential else None
    return request(create_app(lambda: services, credentials=credentials), path, method="GET")


def test_the_committed_document_is_the_one_that_is_served() -> None:
    assert (REPO / "docs/openapi.json").read_text() == written(document_of(API_ROUTES)), "make openapi"
    assert get("/openapi.json").json() == COMMITTED


def test_the_document_is_valid_openapi() -> None:
    assert COMMITTED["openapi"] == "3.1.0"
    schemathesis.openapi.from_dict(COMMITTED).validate()


def test_every_endpoint_is_in_the_document() -> None:
    served = {route.path for route in API_ROUTES if isinstance(route, Route)} - PAGE_OF_THE_UI
    assert set(COMMITTED["paths"]) == served
    for path, operations in COMMITTED["paths"].items():
        [method] = operations
        allowed = request(create_app(_services), path, method="TRACE").headers["Allow"]
        assert method.upper() == allowed
        assert operations[method]["summary"]


def _services() -> Services:
    return Services(settings=Settings(), store=CannedStore())


def test_ids_of_operations_are_unique() -> None:
    ids = [operation["operationId"] for each in COMMITTED["paths"].values() for operation in each.values()]
    assert len(ids) == len(set(ids))


ANY: Final = "google.protobuf.Any"
MESSAGES: Final = sorted(name for name in COMMITTED["components"]["schemas"] if "." in name and name != ANY)


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_with_every_field_matches_its_schema(name: str) -> None:
    from google.protobuf.descriptor_pool import Default  # noqa: PLC0415

    message = filled(GetMessageClass(Default().FindMessageTypeByName(name))(), DEPTH)
    validator = validator_of(name)
    content = json_format.MessageToDict(message)
    assert set(content) >= {
        field.json_name for field in message.DESCRIPTOR.fields if not field.containing_oneof
    }
    assert [error.message for error in validator.iter_errors(content)] == []


def validator_of(name: str) -> Any:
    """Returns a validator of a message's schema that also rejects unknown fields."""
    schemas = {key: closed(value) for key, value in COMMITTED["components"]["schemas"].items()}
    root = {"$ref": f"#/components/schemas/{name}", "components": {"schemas": schemas}}
    return jsonschema_rs.validator_for(root)


def closed(schema: dict[str, Any]) -> dict[str, Any]:
    return schema | {"additionalProperties": False} if "properties" in schema else schema


def filled(message: Message, depth: int) -> Message:
    """Returns the message with every field set, down to a limited depth."""
    if isinstance(message, AnyMessage):
        message.Pack(Duration(seconds=1))
        return message
    for field in message.DESCRIPTOR.fields:
        if field.message_type is None:
            value = _SCALARS.get(field.cpp_type, 1)
            if field.is_repeated:
                getattr(message, field.name).extend([value, value])
            else:
                setattr(message, field.name, b"\xff" if field.type == FieldDescriptor.TYPE_BYTES else value)
        elif depth and not field.message_type.GetOptions().map_entry:
            inner = getattr(message, field.name)
            if field.is_repeated:
                inner.add()
                filled(inner[0], depth - 1)
            else:
                inner.SetInParent()
                filled(inner, depth - 1)
        elif field.is_repeated and not field.message_type.GetOptions().map_entry:
            getattr(message, field.name).add()
        else:
            getattr(message, field.name).SetInParent()
    return message


_SCALARS: Final[dict[int, Any]] = {
    FieldDescriptor.CPPTYPE_STRING: "text",
    FieldDescriptor.CPPTYPE_BOOL: True,
    FieldDescriptor.CPPTYPE_DOUBLE: float("nan"),
    FieldDescriptor.CPPTYPE_INT64: -(1 << 63),
    FieldDescriptor.CPPTYPE_UINT64: (1 << 64) - 1,
    FieldDescriptor.CPPTYPE_INT32: -(1 << 31),
    FieldDescriptor.CPPTYPE_UINT32: (1 << 32) - 1,
}


@pytest.mark.parametrize("rpc", BODIES)
def test_a_valid_request_matches_the_document(rpc: str) -> None:
    operation = COMMITTED["paths"][f"{SERVICE}/{rpc}"]["post"]
    query = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    assert validator_of(query).is_valid(dict(BODIES[rpc]))
    assert not validator_of(query).is_valid({"unknownField": 1})


def test_the_page_loads_nothing_from_elsewhere_and_runs_no_inline_script() -> None:
    page = get("/docs")
    assert page.headers["Content-Type"].startswith("text/html")
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "//" not in page.text
    files = re.findall(r'(?:src|href)="(docs/[^"]+)"', page.text)
    assert len(files) == 3
    for file in files:
        served = get(f"/{file}")
        assert served.status_code == 200
        assert served.headers["Content-Security-Policy"] == policy
    assert not re.search(r"<script>|<style|\son\w+=|style=", page.text)


@pytest.mark.parametrize("path", ["/docs/unknown.js", "/docs/../routes.py", "/docs/%2e%2e/routes.py"])
def test_other_files_are_not_served(path: str) -> None:
    assert get(path).status_code == 404


@pytest.mark.parametrize("path", ["/openapi.json", "/docs", "/docs/start.js"])
def test_the_reference_needs_the_credential(path: str) -> None:
    assert get(path, credential="horse").status_code == 401
