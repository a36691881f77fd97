"""The formats of uploads to /ingest: how a request selects one, and the properties of each.

A format is a module in this package with a function `parse` of the type `Parse`, and a row of FORMATS. Checks and
changes that are common to all formats belong in `ingest.profile`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Final, Protocol, cast

from flamehouse.errors import RpcError, invalid_argument
from flamehouse.settings import Settings
from ingest.formats.json_beginning import json_format
from ingest.formats.stacks.text_beginning import text_format
from ingest.formats.unread import refuse_unread
from ingest.profile.incoming import IncomingProfile
from ingest.request.body import WHOLE_BODY, Limit, beginning, limit_of
from ingest.request.multipart import is_multipart
from ingest.request.query import IngestRequest
from ingest.request.text import utf8_beginning


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """The profiles of an upload. `timed` is False if the time of any of them depends on the time of receipt."""

    profiles: Sequence[IncomingProfile]
    timed: bool


class Parse(Protocol):
    """Parses the parts of an upload, by name. A body that is not a form is the part `profile`.

    Raises RpcError(INVALID_ARGUMENT) for parts that are not in the format, and RefusedProfileError for valid parts
    that do not make a valid profile.
    """

    def __call__(self, request: IngestRequest, parts: Mapping[str, bytes]) -> Parsed: ...


class RefusedProfileError(RpcError):
    """The upload is well-formed but its content is invalid. It is reported like a profile that fails validation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """The properties of a format."""

    module: str
    """The module, imported when the first upload of this format arrives."""
    expected: str
    """What an upload of this format contains, for the error about an upload without samples."""
    parts: Sequence[str] = (WHOLE_BODY,)
    """The parts of a form that `parse` receives, the profile first."""
    size_setting: str = "max_profile_bytes"
    """The setting that limits the decompressed size of a part in bytes."""
    memory_factor: int = 16
    """The maximum bytes of memory that reading one decompressed byte of an upload takes."""
    begins_with_anything: bool = False
    """Whether such an upload may begin with any bytes, so that they do not indicate another format."""
    refused_status: int | None = None
    """The status for an upload with invalid profiles; None for that of the error's code. Uploads that cannot be parsed
    get 422 in every format."""

    def part_limit(self, settings: Settings) -> Limit:
        """Returns the maximum decompressed size of a part, in bytes."""
        return limit_of(settings, self.size_setting)

    def body_limit(self, settings: Settings) -> Limit:
        """Returns the maximum size of a body: that of its decompressed parts, plus a little for the form itself."""
        limit = self.part_limit(settings)
        size = min(limit.bytes * len(self.parts) + _FORM_BYTES, settings.max_body_bytes)
        return (
            replace(limit, bytes=size)
            if size < settings.max_body_bytes
            else limit_of(settings, "max_body_bytes")
        )

    def check_content(self, parts: Mapping[str, bytes]) -> None:
        """Raises RpcError(INVALID_ARGUMENT) if the content is missing, empty, or in a known unsupported format."""
        content = parts.get(self.parts[0], parts.get(WHOLE_BODY))
        if content is None:
            raise invalid_argument(f"missing form part '{self.parts[0]}'")
        if not content:
            raise invalid_argument(f"the upload is empty: expected {self.expected}")
        if not self.begins_with_anything:
            refuse_unread(content)

    def parse(self, request: IngestRequest, parts: Mapping[str, bytes]) -> Parsed:
        """Calls the module's parser."""
        return cast(Parse, import_module(self.module).parse)(request, parts)


UNPROCESSABLE: Final = 422
_FORM_BYTES: Final = 1 << 20
_JSON_FACTOR: Final = 12

FORMATS: Final[Mapping[str, Format]] = {
    "pprof": Format(
        module="ingest.formats.pprof",
        expected="a pprof message with sample values above zero",
        parts=(WHOLE_BODY, "sample_type_config", "prev_profile"),
        refused_status=UNPROCESSABLE,
    ),
    "jfr": Format(
        module="ingest.formats.jfr",
        expected="a recording with sample events, such as jdk.ExecutionSample with a stack trace",
        parts=("jfr", "labels"),
        size_setting="max_jfr_bytes",
        memory_factor=10,
        refused_status=UNPROCESSABLE,
    ),
    "groups": Format(
        module="ingest.formats.stacks.folded",
        expected="one stack and its count per line, such as 'main;work 5'",
    ),
    "lines": Format(
        module="ingest.formats.stacks.lines",
        expected="one stack per line, such as 'main;work'",
        begins_with_anything=True,
    ),
    "trie": Format(
        module="ingest.formats.stacks.trie",
        expected="a prefix tree with values above zero",
        begins_with_anything=True,
    ),
    "tree": Format(
        module="ingest.formats.stacks.tree",
        expected="a call tree with values above zero below its root",
        begins_with_anything=True,
    ),
    "perf_script": Format(
        module="ingest.formats.stacks.perf_script",
        expected="the output of `perf script`: events, each with its stack",
        refused_status=UNPROCESSABLE,
    ),
    "austin": Format(
        module="ingest.formats.stacks.austin",
        expected="the output of austin: one stack and its microseconds per line, such as 'P1;T1;app.py:main:3 100'",
        refused_status=UNPROCESSABLE,
    ),
    "instruments": Format(
        module="ingest.formats.stacks.instruments",
        expected="a call tree copied from Instruments, with values above zero",
        refused_status=UNPROCESSABLE,
    ),
    "cpuprofile": Format(
        module="ingest.formats.stacks.v8_cpuprofile",
        expected="a V8 CPU profile with samples other than (idle)",
        size_setting="max_json_bytes",
        memory_factor=_JSON_FACTOR,
        refused_status=UNPROCESSABLE,
    ),
    "chrome_trace": Format(
        module="ingest.formats.stacks.chrome_trace",
        expected="a Chrome trace with CPU profiles that have samples other than (idle)",
        size_setting="max_json_bytes",
        memory_factor=_JSON_FACTOR,
        refused_status=UNPROCESSABLE,
    ),
    "firefox": Format(
        module="ingest.formats.stacks.firefox",
        expected="a Firefox profile with samples",
        size_setting="max_json_bytes",
        memory_factor=_JSON_FACTOR,
        refused_status=UNPROCESSABLE,
    ),
    "speedscope": Format(
        module="ingest.formats.stacks.speedscope",
        expected="profiles with stacks that have weights above zero",
        size_setting="max_json_bytes",
        memory_factor=_JSON_FACTOR,
        refused_status=UNPROCESSABLE,
    ),
}

_NAMES: Final = (
    ("trie", "binary/octet-stream+trie"),
    ("tree", "binary/octet-stream+tree"),
    ("lines", None),
    ("jfr", None),
    ("pprof", None),
    *((name, None) for name in ("speedscope", "perf_script", "cpuprofile", "austin", "instruments")),
    *((name, None) for name in ("chrome_trace", "firefox")),
)
"""The formats that the parameter `format` or a Content-Type selects, in order of precedence."""

_BEGINNINGS: Final = (
    ("jfr", re.compile(rb"FLR\0")),
    # A field of the message, closely followed by a byte that no text contains.
    (
        "pprof",
        re.compile(rb"[\x0a\x12\x1a\x22\x2a\x32\x38\x40\x48\x50\x5a\x60\x6a\x70][\s\S]*[\0-\x08\x0e-\x1f]"),
    ),
)
"""The first bytes of binary formats; no text begins with these."""
_BEGINNING_BYTES: Final = 1 << 16
_BINARY_BEGINNING_BYTES: Final = 8_192


def format_of(parameter: str, content_type: str, body: bytes) -> str:
    """Returns the format for a `format` parameter and Content-Type, by the rules of Grafana Pyroscope.

    If neither selects a format, the beginning of the body decides; the default is stacks as text.
    """
    found = _selected(parameter, content_type) or format_by_beginning(body)
    return found if found in FORMATS else "groups"


def body_limit(parameter: str, content_type: str, settings: Settings) -> Limit:
    """Returns the maximum size of a body; if its beginning selects the format, the largest limit of all formats."""
    selected = _selected(parameter, content_type)
    formats = [FORMATS[selected]] if selected else FORMATS.values()
    return max((format_.body_limit(settings) for format_ in formats), key=lambda limit: limit.bytes)


def _selected(parameter: str, content_type: str) -> str:
    """Returns the format that the request selects apart from its body; empty if it does not select any."""
    for name, media_type in _NAMES:
        if parameter == name or content_type == media_type:
            return name
    if is_multipart(content_type):
        return "pprof"
    return "groups" if parameter else ""


def no_such_format(parameter: str, taken_for: str) -> str:
    """Returns what to add to an error if the `format` parameter is unknown and the body was `taken_for` another."""
    if parameter in {"", "folded", *FORMATS}:
        return ""
    return (
        f'; unknown format "{parameter}", so the body was read as {taken_for} (formats: {", ".join(FORMATS)})'
    )


def format_by_beginning(body: bytes) -> str:
    """Returns the format of a body, gzipped or not, by its first bytes; `groups` if they do not identify one.

    May return `flamebearer`, a flame graph in JSON, which uploads do not support.
    """
    data = beginning(body, _BEGINNING_BYTES)
    text = utf8_beginning(data)
    if found := json_format(text):
        return found
    binary = data[:_BINARY_BEGINNING_BYTES] if text is data else b""
    return next((name for name, pattern in _BEGINNINGS if pattern.match(binary)), "") or text_format(text)
