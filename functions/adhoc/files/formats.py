"""What format a file is of, by the extension of its name, else by its content; and the reader of each."""

from collections.abc import Callable
from typing import Final

from adhoc.files.flamebearer import read_flamebearer
from adhoc.files.pprof import read_pprof
from adhoc.files.profile_file import ProfileFile
from adhoc.files.text import read_collapsed, read_perf_script
from flamehouse.errors import Code, RpcError, invalid_argument
from flamehouse.settings import Settings
from ingest.formats.stacks.text_beginning import begins_as_perf_script
from ingest.request.body import limit_of, unpack

_READERS: Final[dict[str, Callable[[bytes, str, Settings], ProfileFile]]] = {
    "pprof": read_pprof,
    "json": read_flamebearer,
    "collapsed": read_collapsed,
    "perf_script": read_perf_script,
}
_TEXT: Final = "text"
_FORMATS: Final = {
    "pprof": "pprof",
    "prof": "pprof",
    "pb": "pprof",
    "json": "json",
    "collapsed": "collapsed",
    "folded": "collapsed",
    "perf_script": "perf_script",
    "txt": _TEXT,
}
"""By extension; text is of either of two formats."""
_LOOKED_AT_BYTES: Final = 4_096
_NOT_OF_TEXT: Final = frozenset(range(0x20)) - {*b"\t\n\r\f"}


def read_file(data: bytes, name: str, settings: Settings) -> ProfileFile:
    """Read an uploaded file, gzip or not.

    RpcError invalid_argument for one that cannot be read, says what it was taken for.
    """
    content = unpack(data, limit_of(settings, "max_profile_bytes"))
    format_ = _format_of(content, name)
    try:
        file = _READERS[format_](content, name, settings)
    except RpcError as error:
        if error.code is not Code.INVALID_ARGUMENT:
            raise
        raise invalid_argument(f"the file was taken for {format_}: {error.message}") from error
    if not file.types:
        raise invalid_argument(f"the file was taken for {format_}: it has no sample type")
    return file


def _format_of(content: bytes, name: str) -> str:
    extension = name.removesuffix(".gz").rpartition(".")[2].lower()
    format_ = _FORMATS.get(extension) or _looks_like(content)
    if format_ == _TEXT:
        return "perf_script" if begins_as_perf_script(content[:_LOOKED_AT_BYTES]) else "collapsed"
    return format_


def _looks_like(content: bytes) -> str:
    if content.lstrip().startswith(b"{"):
        return "json"
    return "pprof" if _NOT_OF_TEXT & {*content[:_LOOKED_AT_BYTES]} else _TEXT
