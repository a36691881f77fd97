"""Reads JSON from clients within limits, with typed access to its fields.

A missing or null field reads as an empty object, list or string, or 0.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Final, NoReturn

from flamehouse.errors import RpcError, invalid_argument
from ingest.request.budget import Budget
from ingest.request.text import utf8_text

_MAX_NUMBER: Final = 1 << 64
_MAX_SHOWN: Final = 100
_MAX_VALUES: Final = 1 << 22
_MAX_CONTAINERS: Final = 1 << 20
"""An object or list takes about 200 bytes of memory, even if its encoding has only two."""


def parse_json(data: bytes) -> object:
    """Parse the value.

    Raises:
        RpcError: `invalid_argument` for anything but JSON in UTF-8 or UTF-16, for values nested too deeply, and for too
            many values, which are counted before they are parsed.
    """
    text = utf8_text(data)
    Budget(_MAX_VALUES, "commas").take(text.count(b","))
    Budget(_MAX_CONTAINERS, "objects and lists").take(text.count(b"{") + text.count(b"["))
    try:
        return json.loads(text.decode(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise invalid_argument(f"malformed JSON: {error}") from error


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")


def object_of(value: object, what: str) -> Mapping[str, object]:
    """Return the value as an object."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _is_not(what, "an object")
    return value


def list_of(parent: Mapping[str, object], name: str) -> Sequence[object]:
    """Return a field that is a list."""
    value = parent.get(name)
    if value is None:
        return ()
    if not isinstance(value, list):
        raise _is_not(name, "a list")
    return value


def objects_of(parent: Mapping[str, object], name: str) -> Sequence[Mapping[str, object]]:
    """Return a field that is a list of objects."""
    return [object_of(each, f"an entry of {name}") for each in list_of(parent, name)]


def text_of(parent: Mapping[str, object], name: str) -> str:
    """Return a field that is a string; lone surrogates, which JSON allows, become U+FFFD."""
    value = parent.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _is_not(name, "a string")
    return value if value.isascii() else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def number_of(parent: Mapping[str, object], name: str) -> float:
    """Return a field that is a number."""
    return number_from(parent.get(name), name)


def number_from(value: object, what: str) -> float:
    """Return the value as a number of at most 64 bits; integers stay integers."""
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= _MAX_NUMBER:
        raise _is_not(what, "a 64-bit number")
    return value


def shown(text: str) -> str:
    """Return a text in the form in which messages quote it."""
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}..."


def _is_not(what: str, kind: str) -> RpcError:
    return invalid_argument(f"malformed JSON: {what} is not {kind}")
