"""Reads the request of an OTLP export in JSON, in its layout.

The JSON is protobuf's own mapping, except that ids are hexadecimal: opentelemetry.io/docs/specs/otlp, "JSON Protobuf
Encoding". The names of fields distinguish the layouts; 1.9 and 1.10 have the same names and are read alike.
"""

import base64
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from google.protobuf.message import Message
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope
from opentelemetry.proto.profiles.v1development import profiles_pb2 as otlp
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from flamehouse.errors import invalid_argument
from flamehouse.web.codec import json_object, message_from
from ingest.formats.otlp.layouts import CURRENT, EXPERIMENTAL, UPGRADE, V15, V17, V18, Layout, Request, chosen

_ID_BYTES: Final = (("traceId", 16), ("trace_id", 16), ("spanId", 8), ("span_id", 8))
_RANGES: Final = {"sample", "locationIndices", "timeNanos", "durationNanos"}
_RANGE_SAMPLE: Final = {"locationsStartIndex", "locationsLength", "value"}
_STACK_SAMPLE: Final = {"stackIndex", "values"}
_TABLES: Final = {
    "mappingTable",
    "locationTable",
    "functionTable",
    "linkTable",
    "stringTable",
    "attributeTable",
}
_NAMES: Final[Mapping[Layout, set[str]]] = {
    CURRENT: {"samples", "timeUnixNano", "durationNano", "dictionary.stackTable", *_STACK_SAMPLE},
    V18: {"sample", "timeUnixNano", "durationNano", "dictionary.stackTable", *_STACK_SAMPLE},
    V17: {*_RANGES, *_RANGE_SAMPLE, "dictionary.attributeUnits"},
    V15: {*_RANGES, *_RANGE_SAMPLE, *_TABLES, "attributeUnits"},
    EXPERIMENTAL: {"profile", "startTimeUnixNano", "endTimeUnixNano"},
}
"""The members of profiles, samples and the dictionary that only some layouts have."""
_DICTIONARY: Final = "dictionary"
_KNOWN: Final = set().union(*_NAMES.values())


def read_json(body: bytes) -> Request:
    """Reads a request in its layout. Ids may be hexadecimal or base64, which their length distinguishes.

    Raises:
        RpcError: `invalid_argument` for a body that is not a request or has too many fields, and for an unsupported
        layout.
    """
    content = json_object(body)
    for holder, name, length in _ids(content):
        holder[name] = _base64(holder[name], length)
    layout = _layout_of(content)
    if layout is V18:
        _rename(_profiles(content), "sample", "samples")
        _rename(_members(_member(content, _DICTIONARY), "locationTable", "location_table"), "line", "lines")
        layout = CURRENT
    if layout is not CURRENT:
        _encode_members(content, layout)
    return Request(layout=layout, message=message_from(content, _message_type(layout)))


def _layout_of(content: Any) -> Layout:  # noqa: ANN401  # whatever JSON may hold
    profiles = [*_profiles(content)]
    samples = [sample for profile in profiles for sample in _members(profile, "sample", "samples")]
    dictionary = _member(content, _DICTIONARY)
    found = {
        *_names(profiles),
        *_names(samples),
        *(f"dictionary.{name}" for name in _names([dictionary])),
    } & _KNOWN
    possible = [layout for layout, names in _NAMES.items() if found <= names]
    if V15 in possible and V17 in possible:
        possible.remove(V15 if dictionary else V17)
    return CURRENT if CURRENT in possible else chosen(possible, [layout.name for layout in possible])


def _message_type(layout: Layout) -> type[Message]:
    if layout.message is None:
        raise invalid_argument(f"OTLP profiles {layout.name} are not supported: {UPGRADE}")
    return layout.message


def _encode_members(content: Any, layout: Layout) -> None:  # noqa: ANN401
    """Encodes the objects that the layout's message has as bytes: in base64, as messages of the current layout."""
    resources = [*_members(content, "resourceProfiles", "resource_profiles")]
    _encode(resources, Resource, "resource")
    scopes = [scope for each in resources for scope in _members(each, "scopeProfiles", "scope_profiles")]
    _encode(scopes, InstrumentationScope, "scope")
    holders = [*_profiles(content)] if layout is V15 else [_member(content, _DICTIONARY)]
    for holder in holders:
        for name, type_ in (("mapping", otlp.Mapping), ("function", otlp.Function), ("link", otlp.Link)):
            for key in (f"{name}Table", f"{name}_table"):
                _encode_list(holder, key, type_)
        for location in _members(holder, "locationTable", "location_table"):
            _encode_list(location, "line", otlp.Line)
        _encode(_members(holder, "attributeTable", "attribute_table"), AnyValue, "value")


def _encode(holders: Iterable[dict[str, Any]], type_: type[Message], name: str) -> None:
    for holder in holders:
        if holder.get(name) is not None:
            holder[name] = _encoded(holder[name], type_)


def _encode_list(holder: Any, name: str, type_: type[Message]) -> None:  # noqa: ANN401
    listed = _member(holder, name)
    if isinstance(listed, list):
        holder[name] = [_encoded(each, type_) for each in listed]


def _encoded(content: Any, type_: type[Message]) -> str:  # noqa: ANN401
    if not isinstance(content, dict):
        raise invalid_argument(f"the body is not a valid message: a {type_.__name__} is not a JSON object")
    return base64.b64encode(message_from(content, type_).SerializeToString()).decode()


def _rename(holders: Iterable[dict[str, Any]], old: str, new: str) -> None:
    for holder in holders:
        if old in holder:
            holder[new] = holder.pop(old)


def _names(holders: Iterable[Any]) -> Iterator[str]:
    """Yields the names of all members, in camel case."""
    for name in set().union(*(holder for holder in holders if isinstance(holder, dict))):
        head, *rest = name.split("_")
        yield head + "".join(map(str.capitalize, rest))


def _ids(content: Any) -> Iterator[tuple[dict[str, Any], str, int]]:  # noqa: ANN401
    """Yields each id that JSON writes in hexadecimal: its object, its name and its length in bytes."""
    profiles = [*_profiles(content)]
    for holder in (_member(content, _DICTIONARY), *profiles):
        for link in _members(holder, "linkTable", "link_table"):
            yield from ((link, name, length) for name, length in _ID_BYTES if name in link)
    for profile in profiles:
        yield from ((profile, name, 16) for name in ("profileId", "profile_id") if name in profile)


def _profiles(content: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401
    for resource in _members(content, "resourceProfiles", "resource_profiles"):
        for scope in _members(resource, "scopeProfiles", "scope_profiles"):
            yield from _members(scope, "profiles")


def _member(content: Any, name: str) -> Any:  # noqa: ANN401
    return content.get(name) if isinstance(content, dict) else None


def _members(content: Any, *names: str) -> Iterator[dict[str, Any]]:  # noqa: ANN401
    """Yields the objects in the lists under any of the names."""
    for name in names:
        listed = _member(content, name)
        if isinstance(listed, list):
            yield from (each for each in listed if isinstance(each, dict))


def _base64(id_: Any, length: int) -> Any:  # noqa: ANN401
    """Converts a hexadecimal id of `length` bytes to base64, and returns other values unchanged."""
    if not isinstance(id_, str) or len(id_) != 2 * length:
        return id_
    try:
        return base64.b64encode(bytes.fromhex(id_)).decode()
    except ValueError:
        return id_
