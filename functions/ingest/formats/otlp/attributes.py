"""Converts attributes to label values: strings, integers, and lists of a single string or integer.

Attributes with other values, such as maps and longer lists, make no label and are not inspected.
"""

from collections.abc import Callable, Container, Iterable

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue


def labels_of(
    attributes: Iterable[KeyValue], text_at: Callable[[int], str], dropped: Container[str]
) -> dict[str, str]:
    """Returns the labels from the attributes of a resource or scope, except `dropped` names.

    Of equal names, the first counts. `text_at` returns the text at an index of the request's string table, which may
    contain names and values. Clients cannot set private labels.
    """
    labels: dict[str, str] = {}
    for attribute in attributes:
        name = text_at(attribute.key_strindex) if attribute.key_strindex else attribute.key
        text = _text_of(attribute.value, text_at)
        if text and not name.startswith("__") and name not in dropped:
            labels.setdefault(name, text)
    return labels


def string_of(value: AnyValue, text_at: Callable[[int], str]) -> str:
    """Returns the text of a string value; empty for other values."""
    text = ""
    match value.WhichOneof("value"):
        case "string_value":
            text = value.string_value
        case "string_value_strindex":
            text = text_at(value.string_value_strindex)
    return text


def _text_of(value: AnyValue, text_at: Callable[[int], str]) -> str:
    """Returns the label value; empty for a value that makes no label."""
    kind = value.WhichOneof("value")
    if kind == "array_value" and len(value.array_value.values) == 1:
        value = value.array_value.values[0]
        kind = value.WhichOneof("value")
    return str(value.int_value) if kind == "int_value" else string_of(value, text_at)
