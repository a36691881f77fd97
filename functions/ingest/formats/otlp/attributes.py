"""What attributes say, as the texts of labels: strings, whole numbers, and lists of one of these.

Everything else an attribute may hold, maps and longer lists among it, makes no label, and is not looked into.
"""

from collections.abc import Callable, Container, Iterable

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue


def labels_of(
    attributes: Iterable[KeyValue], text_at: Callable[[int], str], dropped: Container[str]
) -> dict[str, str]:
    """The labels that the attributes of resources and scopes make, but for those of the `dropped` names.

    Of a name that comes twice the first counts. `text_at` gives the text at an index of the request's string table, which
    may hold names and values. Clients cannot set private labels.
    """
    labels: dict[str, str] = {}
    for attribute in attributes:
        name = text_at(attribute.key_strindex) if attribute.key_strindex else attribute.key
        text = _text_of(attribute.value, text_at)
        if text and not name.startswith("__") and name not in dropped:
            labels.setdefault(name, text)
    return labels


def string_of(value: AnyValue, text_at: Callable[[int], str]) -> str:
    """The text of a string; empty for any other value."""
    text = ""
    match value.WhichOneof("value"):
        case "string_value":
            text = value.string_value
        case "string_value_strindex":
            text = text_at(value.string_value_strindex)
    return text


def _text_of(value: AnyValue, text_at: Callable[[int], str]) -> str:
    """The text of a label; empty for a value that makes none."""
    kind = value.WhichOneof("value")
    if kind == "array_value" and len(value.array_value.values) == 1:
        value = value.array_value.values[0]
        kind = value.WhichOneof("value")
    return str(value.int_value) if kind == "int_value" else string_of(value, text_at)
