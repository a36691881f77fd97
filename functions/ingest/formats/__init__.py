"""What uploads to /ingest are written in: how a request says so, and what is particular to each format.

A format is a module here with a function `parse` of the type `Parse`, and a row of FORMATS.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
    """The profiles of an upload; `timed` unless one of them has its time from when the upload came in."""

    profiles: Sequence[IncomingProfile]
    timed: bool


class Parse(Protocol):
    """Reads the parts of an upload, by name; a body that is no form is the part `profile`.

    RpcError invalid_argument for parts that are not of the format, RefusedProfileError for what is of the format and
    makes no profile.
    """

    def __call__(self, request: IngestRequest, parts: Mapping[str, bytes]) -> Parsed: ...


class RefusedProfileError(RpcError):
    """A fault of what was read, not of how it is written: it is answered as a profile that the checks refuse."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """What is particular to a format."""

    module: str
    """Imported when the first upload of its kind comes in."""
    expected: str
    """What an upload of this format has to hold, for the error about one that holds nothing to store."""
    parts: Sequence[str] = (WHOLE_BODY,)
    """The parts of a form that `parse` reads, the one with the profile first; it is given no others."""
    size_setting: str = "max_profile_bytes"
    """The setting that limits the bytes of a part, unpacked."""
    begins_with_anything: bool = False
    """Whether any bytes may begin such an upload, so that nothing can be taken for another format."""
    refused_status: int | None = None
    """The status of an upload with refused profiles; None for that of the error's own code. What cannot be parsed has
    status 422 in every format."""

    def part_limit(self, settings: Settings) -> Limit:
        """The size that a part may have, unpacked."""
        return limit_of(settings, self.size_setting)

    def check_content(self, parts: Mapping[str, bytes]) -> None:
        """RpcError invalid_argument if the content is missing, empty or of a known format that is not read."""
        content = parts.get(self.parts[0], parts.get(WHOLE_BODY))
        if content is None:
            raise invalid_argument(f"the form has no part '{self.parts[0]}'")
        if not content:
            raise invalid_argument(f"the upload is empty: expected {self.expected}")
        if not self.begins_with_anything:
            refuse_unread(content)

    def parse(self, request: IngestRequest, parts: Mapping[str, bytes]) -> Parsed:
        """Call the module's parser."""
        return cast(Parse, import_module(self.module).parse)(request, parts)


UNPROCESSABLE: Final = 422

FORMATS: Final[Mapping[str, Format]] = {
    "pprof": Format(
        module="ingest.formats.pprof",
        expected="a pprof message with samples of values above zero",
        parts=(WHOLE_BODY, "sample_type_config", "prev_profile"),
        refused_status=UNPROCESSABLE,
    ),
    "jfr": Format(
        module="ingest.formats.jfr",
        expected="a recording with events that are samples, such as jdk.ExecutionSample with a stack trace",
        parts=("jfr", "labels"),
        size_setting="max_jfr_bytes",
        refused_status=UNPROCESSABLE,
    ),
    "groups": Format(
        module="ingest.formats.stacks.folded",
        expected="on each line a stack and its count, such as 'main;work 5'",
    ),
    "lines": Format(
        module="ingest.formats.stacks.lines",
        expected="on each line a stack, such as 'main;work'",
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
        expected="what `perf script` prints: events, each with its stack",
        refused_status=UNPROCESSABLE,
    ),
    "austin": Format(
        module="ingest.formats.stacks.austin",
        expected="what austin prints: on each line a stack and its microseconds, such as 'P1;T1;app.py:main:3 100'",
        refused_status=UNPROCESSABLE,
    ),
    "instruments": Format(
        module="ingest.formats.stacks.instruments",
        expected="a call tree that Instruments copied, with values above zero",
        refused_status=UNPROCESSABLE,
    ),
    "cpuprofile": Format(
        module="ingest.formats.stacks.v8_cpuprofile",
        expected="a V8 CPU profile with samples outside (idle)",
        size_setting="max_json_bytes",
        refused_status=UNPROCESSABLE,
    ),
    "chrome_trace": Format(
        module="ingest.formats.stacks.chrome_trace",
        expected="a trace of Chrome with CPU profiles whose samples are outside (idle)",
        size_setting="max_json_bytes",
        refused_status=UNPROCESSABLE,
    ),
    "firefox": Format(
        module="ingest.formats.stacks.firefox",
        expected="a Firefox profile with samples",
        size_setting="max_json_bytes",
        refused_status=UNPROCESSABLE,
    ),
    "speedscope": Format(
        module="ingest.formats.stacks.speedscope",
        expected="profiles with stacks whose weights are above zero",
        size_setting="max_json_bytes",
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
"""Formats in the order they are looked for, by the parameter `format` or by a Content-Type."""

_BEGINNINGS: Final = (
    ("jfr", re.compile(rb"FLR\0")),
    # A field of the message, and close to it a byte that no text has.
    (
        "pprof",
        re.compile(rb"[\x0a\x12\x1a\x22\x2a\x32\x38\x40\x48\x50\x5a\x60\x6a\x70][\s\S]*[\0-\x08\x0e-\x1f]"),
    ),
)
"""What the bytes of a binary format begin with that no text does."""
_BEGINNING_BYTES: Final = 1 << 16
_BINARY_BEGINNING_BYTES: Final = 8_192


def format_of(parameter: str, content_type: str, body: bytes) -> str:
    """The format of an upload with this `format` parameter and Content-Type, as Grafana Pyroscope tells them apart.

    Where neither says anything, a body that is plainly something else is not taken for stacks as text.
    """
    for name, media_type in _NAMES:
        if parameter == name or content_type == media_type:
            return name
    if is_multipart(content_type):
        return "pprof"
    found = "groups" if parameter else format_by_beginning(body)
    return found if found in FORMATS else "groups"


def no_such_format(parameter: str, taken_for: str) -> str:
    """What to add to an error where the `format` parameter names none, and the body was `taken_for` another's."""
    if parameter in {"", "folded", *FORMATS}:
        return ""
    return f'; there is no format "{parameter}", the body was taken for {taken_for} (formats: {", ".join(FORMATS)})'


def format_by_beginning(body: bytes) -> str:
    """The format of a body, gzip or not, by its first bytes; `groups` where they tell nothing.

    `flamebearer`, which uploads cannot have, is a flame graph in JSON.
    """
    data = beginning(body, _BEGINNING_BYTES)
    text = utf8_beginning(data)
    if found := json_format(text):
        return found
    binary = data[:_BINARY_BEGINNING_BYTES] if text is data else b""
    return next((name for name, pattern in _BEGINNINGS if pattern.match(binary)), "") or text_format(text)
