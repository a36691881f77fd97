"""JSON that a client sent: read within bounds, and asked for what should be in it.

What is missing or null reads as nothing: an empty object, list or text, or 0.
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
"""Each takes some 200 bytes of memory, however few bytes it is written in."""


def parse_json(data: bytes) -> object:
    """The value.

    Raises:
        RpcError: `invalid_argument` for what is not JSON in UTF-8 or UTF-16, for what is nested too deeply, and for more
            values than there is memory for, before any is made.
    """
    text = utf8_text(data)
    Budget(_MAX_VALUES, "commas").take(text.count(b","))
    Budget(_MAX_CONTAINERS, "objects and lists").take(text.count(b"{") + text.count(b"["))
    try:
        return json.loads(text.decode(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise invalid_argument(f"malformed JSON: {error}") from error


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def object_of(value: object, what: str) -> Mapping[str, object]:
    """The value as an object."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _is_no(what, "object")
    return value


def list_of(parent: Mapping[str, object], name: str) -> Sequence[object]:
    """A field that is a list."""
    value = parent.get(name)
    if value is None:
        return ()
    if not isinstance(value, list):
        raise _is_no(name, "list")
    return value


def objects_of(parent: Mapping[str, object], name: str) -> Sequence[Mapping[str, object]]:
    """A field that is a list of objects."""
    return [object_of(each, f"one of {name}") for each in list_of(parent, name)]


def text_of(parent: Mapping[str, object], name: str) -> str:
    """A field that is a text; halves of characters in it, which JSON can write, become U+FFFD."""
    value = parent.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _is_no(name, "text")
    return value if value.isascii() else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def number_of(parent: Mapping[str, object], name: str) -> float:
    """A field that is a number."""
    return number_from(parent.get(name), name)


def number_from(value: object, what: str) -> float:
    """The value as a number of at most 64 bits; a whole one stays whole."""
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= _MAX_NUMBER:
        raise _is_no(what, "number of 64 bits")
    return value


def shown(text: str) -> str:
    """A text as a message may quote it."""
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}..."


def _is_no(what: str, kind: str) -> RpcError:
    return invalid_argument(f"malformed JSON: {what} is no {kind}")
