"""Converts protobuf messages to JSON Schema by proto3's JSON mapping: protobuf.dev/programming-guides/json."""

from collections.abc import Iterable
from typing import Any, Final, cast

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

type Schema = dict[str, Any]

REFERENCE: Final = "#/components/schemas/"

_BIG: Final[Schema] = {"type": ["string", "integer"], "pattern": "^-?[0-9]+$"}
"""A 64-bit number: a string in responses, a string or a number in requests."""
_FRACTION: Final[Schema] = {"anyOf": [{"type": "number"}, {"enum": ["NaN", "Infinity", "-Infinity"]}]}
_SIGNED: Final[Schema] = {"type": "integer", "minimum": -(1 << 31), "maximum": (1 << 31) - 1}
_UNSIGNED: Final[Schema] = {"type": "integer", "minimum": 0, "maximum": (1 << 32) - 1}
_SCALARS: Final[dict[int, Schema]] = {
    FieldDescriptor.TYPE_BOOL: {"type": "boolean"},
    FieldDescriptor.TYPE_STRING: {"type": "string"},
    FieldDescriptor.TYPE_BYTES: {"type": "string", "contentEncoding": "base64"},
    FieldDescriptor.TYPE_DOUBLE: _FRACTION,
    FieldDescriptor.TYPE_FLOAT: _FRACTION,
    FieldDescriptor.TYPE_INT32: _SIGNED,
    FieldDescriptor.TYPE_SINT32: _SIGNED,
    FieldDescriptor.TYPE_SFIXED32: _SIGNED,
    FieldDescriptor.TYPE_UINT32: _UNSIGNED,
    FieldDescriptor.TYPE_FIXED32: _UNSIGNED,
    FieldDescriptor.TYPE_INT64: _BIG | {"format": "int64"},
    FieldDescriptor.TYPE_SINT64: _BIG | {"format": "int64"},
    FieldDescriptor.TYPE_SFIXED64: _BIG | {"format": "int64"},
    FieldDescriptor.TYPE_UINT64: _BIG | {"format": "uint64", "pattern": "^[0-9]+$"},
    FieldDescriptor.TYPE_FIXED64: _BIG | {"format": "uint64", "pattern": "^[0-9]+$"},
}
_WELL_KNOWN: Final[dict[str, Schema]] = {
    "google.protobuf.Any": {
        "type": "object",
        "description": "a message of any type, with the URL of its type as `@type`",
    },
}
"""Messages with their own JSON mapping."""


def reference_to(message: Descriptor) -> Schema:
    """Return a reference to the schema of a message."""
    return {"$ref": f"{REFERENCE}{message.full_name}"}


def schemas_of(messages: Iterable[Descriptor]) -> dict[str, Schema]:
    """Return the schemas of the messages and all nested ones, by full name, sorted."""
    schemas: dict[str, Schema] = {}
    pending = [*messages]
    while pending:
        message = pending.pop()
        if message.full_name in schemas:
            continue
        schemas[message.full_name] = _schema_of(message)
        held = (field.message_type for field in message.fields)
        pending += [
            _value_of(type_) if _is_map(type_) else type_
            for type_ in held
            if type_ is not None and _has_schema(type_)
        ]
    return dict(sorted(schemas.items()))


def _schema_of(message: Descriptor) -> Schema:
    return _WELL_KNOWN.get(message.full_name) or {
        "type": "object",
        "properties": {field.json_name: _schema_of_field(field) for field in message.fields},
    }


def _schema_of_field(field: FieldDescriptor) -> Schema:
    if field.message_type is not None and _is_map(field.message_type):
        return {
            "type": "object",
            "additionalProperties": _schema_of_field(field.message_type.fields_by_name["value"]),
        }
    one = _schema_of_one(field)
    return {"type": "array", "items": one} if field.is_repeated else one


def _schema_of_one(field: FieldDescriptor) -> Schema:
    if field.message_type is not None:
        return reference_to(field.message_type)
    if field.enum_type is not None:
        return _schema_of_enum(field.enum_type)
    return _SCALARS[field.type]


def _schema_of_enum(enum: EnumDescriptor) -> Schema:
    return {"type": "string", "enum": [value.name for value in enum.values]}


def _is_map(message: Descriptor) -> bool:
    return bool(message.GetOptions().map_entry)


def _has_schema(message: Descriptor) -> bool:
    """Return whether the message needs its own schema; a map of plain values does not."""
    return not _is_map(message) or message.fields_by_name["value"].message_type is not None


def _value_of(map_entry: Descriptor) -> Descriptor:
    return cast(Descriptor, map_entry.fields_by_name["value"].message_type)
