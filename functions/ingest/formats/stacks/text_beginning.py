"""Detects text formats by their beginning."""

import re
from typing import Final

_COLUMNS_OF_INSTRUMENTS: Final = re.compile(rb"\s*+(?:Weight|Running Time|Bytes Used)[ \t]*\t")
_HEADER_OF_AUSTIN: Final = re.compile(rb"\s*+# austin: ")
_PERF_EVENT: Final = re.compile(
    rb"[^\S\n]*+\S[^\n]{0,255}?[^\S\n]++\d++(?:/\d++)?[^\S\n]++(?:\[\d++\][^\S\n]++)?[\d.]+:[^\S\n]"
)
"""The command, the ids of its process and thread, the CPU, and the time with a colon, with which no folded stack ends.
"""


def begins_as_perf_script(data: bytes) -> bool:
    """Returns whether the first line, apart from comments and empty lines, is an event of `perf script`.

    The last line does not count, because it may be truncated.
    """
    lines = data.split(b"\n")[:-1]
    first = next((line for line in lines if line.strip() and not line.startswith(b"#")), b"")
    return _PERF_EVENT.match(first) is not None


def text_format(data: bytes) -> str:
    """Returns the format of UTF-8 text with this beginning; `groups` by default."""
    if _HEADER_OF_AUSTIN.match(data):
        return "austin"
    if _COLUMNS_OF_INSTRUMENTS.match(data):
        return "instruments"
    return "perf_script" if begins_as_perf_script(data) else "groups"
