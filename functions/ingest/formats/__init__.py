"""What uploads to /ingest are written in: how a request says so, and the parser of each format.

A format is a module here with a function `parse` of the type `Parse`, and a row of PARSERS.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Final, Protocol, cast

from flamehouse.errors import invalid_argument
from flamehouse.incoming import IncomingProfile
from ingest.multipart import is_multipart
from ingest.request import IngestRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """The profiles of an upload; `timed` unless one of them has its time from when the upload came in."""

    profiles: Sequence[IncomingProfile]
    timed: bool


class Parse(Protocol):
    """Reads the parts of an upload, by name; a body that is no form is the part `profile`.

    RpcError invalid_argument for parts that are not of the format.
    """

    def __call__(self, request: IngestRequest, parts: Mapping[str, bytes]) -> Parsed: ...


PARSERS: Final = {
    "pprof": "ingest.formats.pprof",
}
"""The module of each format; imported when the first upload of its kind comes in."""

_FORMATS: Final = (
    ("trie", "binary/octet-stream+trie"),
    ("tree", "binary/octet-stream+tree"),
    ("lines", None),
    ("jfr", None),
    ("pprof", None),
    ("speedscope", None),
)
"""Formats in the order they are looked for, by the parameter `format` or by a Content-Type."""


def format_of(parameter: str, content_type: str) -> str:
    """The format of an upload with this `format` parameter and Content-Type, as Grafana Pyroscope tells them apart."""
    for name, media_type in _FORMATS:
        if parameter == name or content_type == media_type:
            return name
    return "pprof" if is_multipart(content_type) else "groups"


def parser_of(name: str) -> Parse:
    """The parser of a format; RpcError invalid_argument if there is none."""
    module = PARSERS.get(name)
    if module is None:
        raise invalid_argument(f"unsupported format: {name}")
    return cast(Parse, import_module(module).parse)
