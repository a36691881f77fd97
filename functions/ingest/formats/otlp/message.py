"""The request of an OTLP export, read from protobuf or JSON.

JSON is protobuf's own mapping, but that ids are hexadecimal: opentelemetry.io/docs/specs/otlp, "JSON Protobuf Encoding".
"""

import base64
from collections.abc import Iterator
from typing import Any, Final

from opentelemetry.proto.collector.profiles.v1development.profiles_service_pb2 import (
    ExportProfilesServiceRequest,
)

from flamehouse.web.codec import PROTO, json_object, message_from

_ID_BYTES: Final = (("traceId", 16), ("trace_id", 16), ("spanId", 8), ("span_id", 8))


def from_proto(body: bytes) -> ExportProfilesServiceRequest:
    """RpcError invalid_argument for bytes that are no such message, or one of too many fields."""
    return PROTO.decode(body, ExportProfilesServiceRequest)


def from_json(body: bytes) -> ExportProfilesServiceRequest:
    """As `from_proto`; ids may be hexadecimal or base64, which their lengths tell apart."""
    content = json_object(body)
    for holder, name, length in _ids(content):
        holder[name] = _base64(holder[name], length)
    return message_from(content, ExportProfilesServiceRequest)


def _ids(content: Any) -> Iterator[tuple[dict[str, Any], str, int]]:  # noqa: ANN401  # whatever JSON may hold
    """Each id of the request that JSON writes in hexadecimal: what it is a member of, its name, its length in bytes."""
    for link in _members(_member(content, "dictionary"), "linkTable", "link_table"):
        yield from ((link, name, length) for name, length in _ID_BYTES if name in link)
    for resource in _members(content, "resourceProfiles", "resource_profiles"):
        for scope in _members(resource, "scopeProfiles", "scope_profiles"):
            for profile in _members(scope, "profiles"):
                yield from ((profile, name, 16) for name in ("profileId", "profile_id") if name in profile)


def _member(content: Any, name: str) -> Any:  # noqa: ANN401
    return content.get(name) if isinstance(content, dict) else None


def _members(content: Any, *names: str) -> Iterator[dict[str, Any]]:  # noqa: ANN401
    """The objects of the list under any of the names."""
    for name in names:
        listed = _member(content, name)
        if isinstance(listed, list):
            yield from (each for each in listed if isinstance(each, dict))


def _base64(id_: Any, length: int) -> Any:  # noqa: ANN401
    """A hexadecimal id of so many bytes in base64, anything else as it is."""
    if not isinstance(id_, str) or len(id_) != 2 * length:
        return id_
    try:
        return base64.b64encode(bytes.fromhex(id_)).decode()
    except ValueError:
        return id_
