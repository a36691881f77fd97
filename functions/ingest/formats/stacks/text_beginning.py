"""Tells formats of text by how they begin."""

import re
from codecs import BOM_UTF8
from typing import Final

_PERF_EVENT: Final = re.compile(
    rb"[^\S\n]*+\S[^\n]{0,255}?[^\S\n]++\d++(?:/\d++)?[^\S\n]++(?:\[\d++\][^\S\n]++)?[\d.]+:[^\S\n]"
)
"""The command, the ids of its process and thread, the CPU, and the time with a colon, which no folded stack ends in."""


def begins_as_perf_script(data: bytes) -> bool:
    """Whether the first line that is no comment and not empty is an event of `perf script`, and not the last line."""
    lines = data.removeprefix(BOM_UTF8).split(b"\n")[:-1]
    first = next((line for line in lines if line.strip() and not line.startswith(b"#")), b"")
    return _PERF_EVENT.match(first) is not None
