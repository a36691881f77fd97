"""Detects unsupported file formats by their beginning, so that an error can name them."""

import re
from collections.abc import Mapping
from typing import Final

from flamehouse.errors import RpcError, invalid_argument
from ingest.formats.json_beginning import begins_as_json, json_format
from ingest.request.text import utf8_beginning

READ: Final = (
    "pprof, JFR, speedscope, V8 .cpuprofile, Chrome traces with CPU profiles, Firefox profiles, perf script, austin, "
    "folded stacks and call trees copied from Instruments"
)
"""The supported formats, as listed in errors."""

_LOOKED_AT_BYTES: Final = 512
_JSON_BYTES: Final = 1 << 16

_UNREAD: Final[Mapping[str, re.Pattern[bytes]]] = {
    "a web page (HTML)": re.compile(rb"\s*<(!doctype html|html|head|body)\b", re.IGNORECASE),
    "XML": re.compile(rb"\s*<\?xml"),
    "a file name: to send the file itself, use curl --data-binary @NAME": re.compile(
        rb"\s*@?[\w.~+/\\:-]{1,255}\.(pprof|prof|pb|gz|jfr|json|txt|folded|collapsed|cpuprofile|out|perf|speedscope|svg|log)\s*\Z",
        re.IGNORECASE,
    ),
    "perf.data, a recording of perf: send the output of `perf script`": re.compile(
        rb"PERFILE2|PERFFILE|2ELIFREP"
    ),
    "a binary gperftools CPU profile: convert it with `pprof -proto`": re.compile(
        rb"\0{8}\x03\0{7}\0{8}|\0{8}\0{7}\x03\0{8}|\0{4}\x03\0{3}\0{4}|\0{4}\0{3}\x03\0{4}"
    ),
    "a Go profile as text (debug=1): remove the debug parameter": re.compile(
        rb"(heap|goroutine|threadcreate) profile: +(\d|total)|--- (contention|mutex|block)[: ]|goroutine \d+ \["
    ),
    "a symbolized gperftools profile: convert it with `pprof -proto`": re.compile(rb"--- symbol"),
    "a Go execution trace: convert it with `go tool trace -pprof=TYPE`": re.compile(rb"go 1\.\d+ trace"),
    "a JVM heap dump": re.compile(rb"JAVA PROFILE 1\."),
    "a JVM thread dump": re.compile(rb"Full thread dump "),
    "a .nettrace file: convert it with `dotnet-trace convert --format Speedscope`": re.compile(rb"Nettrace"),
    "the callgrind format": re.compile(rb"(# callgrind format|version: \d+\s+creator: )"),
    "a V8 heap profile or snapshot": re.compile(rb'\s*\{\s*"(head|snapshot)"\s*:\s*\{'),
    "a report of the macOS tool `sample`": re.compile(rb"Analysis of sampling "),
    "a binary Austin file: convert it with `mojo2austin`": re.compile(rb"MOJ[\0-\x1f]"),
    "an SVG image": re.compile(rb"\s*<svg\b"),
    "a ZIP archive": re.compile(rb"PK\x03\x04"),
    "data compressed with zstd: send it uncompressed or gzipped": re.compile(rb"\x28\xb5\x2f\xfd"),
    "data compressed with xz, bzip2 or lz4: send it uncompressed or gzipped": re.compile(
        rb"\xfd7zXZ\0|BZh[1-9]|\x04\x22\x4d\x18"
    ),
    "a program (ELF, Mach-O or PE)": re.compile(rb"\x7fELF|\xcf\xfa\xed\xfe|\xca\xfe\xba\xbe|MZ\x90\0"),
    "an image": re.compile(rb"\x89PNG|\xff\xd8\xff|GIF8"),
    "base64: send the decoded bytes": re.compile(rb"H4sI[A-Za-z0-9+/=\s]+\Z"),
}


def refuse_unread(data: bytes) -> None:
    """Raises RpcError(INVALID_ARGUMENT) if the data begins like a known unsupported format, which the error names."""
    beginning = data[:_LOOKED_AT_BYTES]
    for name, pattern in _UNREAD.items():
        if pattern.match(beginning):
            raise _unread(name)


def refuse_json(data: bytes) -> None:
    """Raises RpcError(INVALID_ARGUMENT) if the data begins like JSON."""
    text = utf8_beginning(data[:_JSON_BYTES])
    if json_format(text) == "flamebearer":
        raise _unread("a flame graph in JSON, which is only supported as an ad hoc profile")
    if begins_as_json(text):
        raise _unread("JSON in an unknown format")


def _unread(name: str) -> RpcError:
    return invalid_argument(f"the content looks like {name} (supported formats: {READ})")
