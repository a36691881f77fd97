"""Detects the format of a file by its extension, or else by its content, and selects the reader for it."""

from collections.abc import Callable
from typing import Final

from adhoc.files.flamebearer import read_flamebearer
from adhoc.files.profile_file import ProfileFile
from adhoc.files.profiles import read_pprof, reader_of
from adhoc.files.text import read_collapsed, read_perf_script
from flamehouse.errors import Code, RpcError, invalid_argument
from flamehouse.settings import Settings
from ingest.formats import FORMATS, format_by_beginning
from ingest.formats.unread import READ, refuse_unread
from ingest.request.body import Limit, beginning, limit_of, unpack

_INGESTED: Final = ("jfr", "speedscope", "cpuprofile", "chrome_trace", "firefox", "austin", "instruments")
"""The formats that are parsed like uploads to /ingest."""
_READERS: Final[dict[str, Callable[[bytes, str, Settings], ProfileFile]]] = {
    "pprof": read_pprof,
    "json": read_flamebearer,
    "collapsed": read_collapsed,
    "perf_script": read_perf_script,
    **{format_: reader_of(format_) for format_ in _INGESTED},
}
_BY_CONTENT: Final = {"groups": "collapsed", "flamebearer": "json"}
"""Formats that content detection names differently."""
_FORMATS: Final = {
    "pprof": "pprof",
    "prof": "pprof",
    "pb": "pprof",
    "jfr": "jfr",
    "cpuprofile": "cpuprofile",
    "collapsed": "collapsed",
    "folded": "collapsed",
    "perf_script": "perf_script",
}
"""Formats by extension. Other extensions, such as txt and json, are ambiguous."""
_AMBIGUOUS_BYTES: Final = 4_096
_NOT_OF_TEXT: Final = frozenset(range(0x20)) - {*b"\t\n\r\f"}
_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")


def largest_file(settings: Settings) -> int:
    """Return the maximum size of a file of any format, in bytes."""
    return max(settings.max_profile_bytes, *(_limit(format_, settings).bytes for format_ in _INGESTED))


def read_file(data: bytes, name: str, settings: Settings) -> ProfileFile:
    """Read an uploaded file, gzipped or not.

    Raises RpcError(INVALID_ARGUMENT) for an unreadable file; the message names the detected and supported formats.
    """
    format_ = _format_of(data, name)
    content = unpack(data, _limit(format_, settings))
    refuse_unread(content)
    try:
        file = _READERS[format_](content, name, settings)
    except RpcError as error:
        if error.code is not Code.INVALID_ARGUMENT:
            raise
        raise _taken_for(format_, error.message) from error
    if not file.types:
        raise _taken_for(format_, "the profile has no sample type")
    return file


def _limit(format_: str, settings: Settings) -> Limit:
    return limit_of(settings, FORMATS[format_].size_setting if format_ in FORMATS else "max_profile_bytes")


def _taken_for(format_: str, reason: str) -> RpcError:
    advice = "" if READ in reason else f" (supported formats: {READ}; also flame graphs in JSON)"
    return invalid_argument(f"the file was read as {format_}: {reason}{advice}")


def _format_of(data: bytes, name: str) -> str:
    extension = name.removesuffix(".gz").rpartition(".")[2].lower()
    if format_ := _FORMATS.get(extension):
        return format_
    found = format_by_beginning(data)
    content = beginning(data, _AMBIGUOUS_BYTES)
    if found == "groups" and content.lstrip().startswith((b"{", b"[")) and extension == "json":
        return "json"
    if found == "groups" and _NOT_OF_TEXT & {*content} and not content.startswith(_UTF16):
        return "pprof"
    return _BY_CONTENT.get(found, found)
