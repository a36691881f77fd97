"""Sends OTLP exports to a server and reads the responses."""

import httpx
from opentelemetry.proto.collector.profiles.v1development.profiles_service_pb2 import (
    ExportProfilesServiceRequest,
)

from flamehouse.pb.status_pb2 import Status
from flamehouse.settings import Settings
from tests.support.uploads.otlp import JSON, PATH, PROTO, Export, partial_success
from tests.support.uploads.uploads import ANY_TIME, Ingest


def sent(
    body: bytes, *, settings: Settings = ANY_TIME, content_type: str = PROTO
) -> tuple[Ingest, httpx.Response]:
    ingest = Ingest(settings=settings)
    return ingest, ingest.send("POST", PATH, body, content_type=content_type)


def outcome(body: bytes, content_type: str = PROTO, *, settings: Settings = ANY_TIME) -> tuple[int, str]:
    """Returns the status and message for a body; checks that a rejection is a client error and stores nothing."""
    ingest, response = sent(body, content_type=content_type, settings=settings)
    if response.status_code == 200:
        return 200, "" if content_type == JSON else partial_success(response.content)[1]
    assert 400 <= response.status_code < 500
    assert ingest.uploads == []
    if content_type == JSON:
        return response.status_code, response.json()["message"]
    return response.status_code, Status.FromString(response.content).message


def rejected(export: Export | ExportProfilesServiceRequest) -> str:
    """Returns the reason for which the only profile of an export is rejected."""
    body = export.body if isinstance(export, Export) else export.SerializeToString()
    status, message = outcome(body)
    place, _, reason = message.partition(": ")
    assert (status, place) == (400, "resource 0, scope 0, profile 0")
    return reason
