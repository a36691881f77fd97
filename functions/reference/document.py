"""Builds the OpenAPI 3.1 document of a set of routes, from FastAPI's routes and, for RPCs, protobuf descriptors.

As a program, it writes docs/openapi.json: `python -m reference.document docs/openapi.json`.
"""

import json
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, cast

from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from google.protobuf.descriptor import Descriptor, MethodDescriptor
from google.protobuf.descriptor_pool import Default
from opentelemetry.proto.collector.profiles.v1development import profiles_service_pb2 as otlp
from starlette.routing import BaseRoute, Route

from flamehouse import VERSION
from flamehouse.errors import Code
from flamehouse.pb.status_pb2 import Status
from flamehouse.telemetry.local import Prometheus
from reference.messages import reference_to, schemas_of

type Document = dict[str, Any]

_DESCRIPTION: Final = """\
Clients send profiles to /ingest (Pyroscope SDKs), Push (Alloy and newer SDKs) and OTLP; Grafana's Pyroscope data source
queries them with the RPCs of querier.v1.QuerierService. RPCs follow the Connect protocol (connectrpc.com): POST, JSON
or protobuf. 64-bit numbers are strings in JSON responses, field names are also accepted in snake_case, and unknown
fields are ignored. Requests and responses may be gzipped. docs/api.md describes limits and semantics."""

_ERROR: Final[Document] = {
    "type": "object",
    "required": ["code", "message"],
    "properties": {
        "code": {"type": "string", "enum": [code.wire_name for code in Code]},
        "message": {"type": "string"},
    },
}
_ERROR_REFERENCE: Final = {"$ref": "#/components/schemas/Error"}
_ERROR_RESPONSE: Final = {
    "description": "An error: its code, and a message that says what to do",
    "content": {"application/json": {"schema": _ERROR_REFERENCE}},
}
_TENANT: Final = {
    "in": "header",
    "name": "X-Scope-OrgID",
    "required": False,
    "description": "The tenant: up to 150 letters, digits and `!-_.*'()`; without the header, `anonymous`",
    "schema": {"type": "string"},
}
_CONNECT_HEADERS: Final = [
    {
        "in": "header",
        "name": "Connect-Protocol-Version",
        "required": False,
        "schema": {"type": "string", "enum": ["1"]},
    },
    {
        "in": "header",
        "name": "Connect-Timeout-Ms",
        "required": False,
        "description": "How long the client waits; then the response is the error `deadline_exceeded`",
        "schema": {"type": "string", "pattern": "^[0-9]{1,10}$"},
    },
]
_OTLP_MEDIA_TYPES: Final = (
    "application/json",
    "application/x-protobuf",
    "application/protobuf",
    "application/proto",
)
_OTLP_PATHS: Final = (
    "/v1development/profiles",
    "/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export",
)
_OTLP_REQUEST: Final = otlp.ExportProfilesServiceRequest.DESCRIPTOR
_OTLP_RESPONSE: Final = otlp.ExportProfilesServiceResponse.DESCRIPTOR
_STATUS: Final = cast(Descriptor, Status.DESCRIPTOR)
_WITHOUT_TENANT: Final = ("/ready", "/metrics", "/api/v1/status/buildinfo")


def document_of(routes: Sequence[BaseRoute]) -> Document:
    """Return the document of all routes that belong to the interface."""
    rpcs = dict(_rpcs_of(routes))
    http = [route for route in routes if isinstance(route, APIRoute)]
    document = get_openapi(title="flamehouse", version=VERSION, description=_DESCRIPTION, routes=http)
    document["openapi"] = "3.1.0"
    document["info"]["license"] = {"name": "Apache-2.0", "identifier": "Apache-2.0"}
    paths = document["paths"] | {path: {"post": _operation_of(rpc, doc)} for path, (rpc, doc) in rpcs.items()}
    document["paths"] = dict(sorted(paths.items()))
    for path, operations in document["paths"].items():
        for operation in operations.values():
            _complete(path, operation)
    document["components"] = _components_of(document, [rpc for rpc, _ in rpcs.values()])
    document["security"] = [{}, {"basic": []}, {"bearer": []}]
    return document


def written(document: Document) -> str:
    """Return the text of docs/openapi.json."""
    return json.dumps(document, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def _rpcs_of(routes: Iterable[BaseRoute]) -> Iterator[tuple[str, tuple[MethodDescriptor, str]]]:
    """Return the method and documentation of each RPC, by path."""
    for route in routes:
        if isinstance(route, Route) and not isinstance(route, APIRoute):
            service, _, method = route.path[1:].partition("/")
            rpc = Default().FindServiceByName(service).methods_by_name[method]
            yield route.path, (rpc, getattr(route.endpoint, "documentation", ""))


def _for_clients(documentation: str) -> str:
    """Name the errors of a docstring as clients receive them."""
    return re.sub(
        r"Raises RpcError\((\w+)\)",
        lambda match: f"Responds with the error `{Code[match[1]].wire_name}`",
        documentation,
    )


def _operation_of(rpc: MethodDescriptor, documentation: str) -> Document:
    service = rpc.containing_service
    return {
        "operationId": rpc.full_name,
        "tags": [service.full_name],
        "summary": rpc.name,
        "description": _for_clients(documentation),
        "parameters": [*_CONNECT_HEADERS],
        "requestBody": {"required": True, "content": _both_encodings(rpc.input_type)},
        "responses": {
            "200": {"description": "The response", "content": _both_encodings(rpc.output_type)},
            "405": {"description": "The method is not POST; the body is empty"},
            "415": {"description": "The Content-Type is not supported; the body is empty"},
        },
    }


def _both_encodings(message: Descriptor) -> Document:
    return {
        "application/json": {"schema": reference_to(message)},
        "application/proto": {"schema": {"type": "string", "format": "binary"}},
    }


def _complete(path: str, operation: Document) -> None:
    """Add the parts that all operations share, and remove FastAPI's error response, which is never sent."""
    if path not in _WITHOUT_TENANT:
        operation["parameters"] = [*operation.get("parameters", ()), _TENANT]
    responses = operation["responses"]
    responses.pop("422", None)
    responses["default"] = _ERROR_RESPONSE
    if path in _OTLP_PATHS:
        operation["requestBody"] = {"required": True, "content": _otlp_encodings(reference_to(_OTLP_REQUEST))}
        responses["200"] = {
            "description": "The export is stored; `partialSuccess` counts rejected profiles",
            "content": _otlp_encodings(reference_to(_OTLP_RESPONSE)),
        }
        error = {"anyOf": [reference_to(_STATUS), _ERROR_REFERENCE]}
        responses["default"] = {"description": "A Status", "content": _otlp_encodings(error)}


def _otlp_encodings(schema: Document) -> Document:
    binary = {"schema": {"type": "string", "format": "binary"}}
    return {name: {"schema": schema} if name == "application/json" else binary for name in _OTLP_MEDIA_TYPES}


def _components_of(document: Document, rpcs: Sequence[MethodDescriptor]) -> Document:
    of_http = document.get("components", {}).get("schemas", {})
    messages = [type_ for rpc in rpcs for type_ in (rpc.input_type, rpc.output_type)]
    messages += [_OTLP_REQUEST, _OTLP_RESPONSE, _STATUS]
    used_schemas = {name: schema for name, schema in of_http.items() if "ValidationError" not in name}
    return {
        "schemas": {**used_schemas, "Error": _ERROR, **schemas_of(messages)},
        "securitySchemes": {
            "basic": {
                "type": "http",
                "scheme": "basic",
                "description": "Any user, with the credential as the password",
            },
            "bearer": {"type": "http", "scheme": "bearer", "description": "The credential as the token"},
        },
    }


def main(path: str) -> None:
    """Write the document of the local server."""
    from all_in_one import api_routes  # noqa: PLC0415  # which imports this package

    Path(path).write_text(written(document_of(api_routes(Prometheus()))))


if __name__ == "__main__":
    main(sys.argv[1])
