"""Reads the wire types of an export request's fields, by kind of message, without knowing the request's layout.

A message parsed as one of the probes in `otlp_layouts.proto` shows its fields of one wire type. Concatenated messages
are one message, so that all profiles or all samples of a request are probed at once.
"""

from collections.abc import Iterable, Mapping
from enum import IntEnum
from typing import Final

from google.protobuf.message import DecodeError, Message

from flamehouse.errors import invalid_argument
from flamehouse.pb.otlp_layouts_pb2 import Fixed32s, Fixed64s, Lengths, Nested, Varints


class Wire(IntEnum):
    """A wire type: protobuf.dev/programming-guides/encoding."""

    VARINT = 0
    FIXED64 = 1
    LENGTH = 2
    FIXED32 = 5


type Fields = frozenset[tuple[int, Wire]]
type Evidence = Mapping[str, Fields]

_PROBES: Final[Mapping[Wire, type[Message]]] = {
    Wire.VARINT: Varints,
    Wire.FIXED64: Fixed64s,
    Wire.LENGTH: Lengths,
    Wire.FIXED32: Fixed32s,
}


def evidence_of(body: bytes) -> Evidence:
    """Returns the fields and wire types of the request, and of its profiles, samples, attributes and stacks.

    Raises:
        RpcError: `invalid_argument` for a body that is not a protobuf message.
    """
    try:
        request = _nested([body])
        resources = _nested(request.f1)
        scopes = _nested(resources.f2)
        profiles = _nested(scopes.f2)
        dictionary = _nested(request.f2)
        resource_attributes = [*_nested(resources.f1).f1, *_nested(scopes.f1).f3]
        found = {
            "request": [body],
            "key-value": resource_attributes,
            "profile": scopes.f2,
            "sample": profiles.f2,
            "attribute": dictionary.f6,
            "stack": dictionary.f7,
        }
        return {kind: _fields_of(b"".join(messages)) for kind, messages in found.items()}
    except DecodeError as error:
        raise invalid_argument(f"the body is not a valid message: {error}") from error


def _nested(messages: Iterable[bytes]) -> Nested:
    return Nested.FromString(b"".join(messages))


def _fields_of(message: bytes) -> Fields:
    return frozenset(
        (field.number, wire)
        for wire, probe in _PROBES.items()
        for field, _ in probe.FromString(message).ListFields()
    )
