"""Tells formats of JSON by the names of the fields that a file begins with, in whatever order they are."""

import re
from typing import Final

_BEGINS_AS_JSON: Final = re.compile(rb'\s*+(?:\{\s*+["}]|\[\s*+[{\]])')
_FIELD: Final = re.compile(rb'"(\$?\w{1,40})"\s{0,8}+:')

_FIELDS: Final = (
    ("chrome_trace", frozenset({b"traceEvents"})),
    ("chrome_trace", frozenset({b"ph", b"pid"})),
    ("firefox", frozenset({b"meta", b"preprocessedProfileVersion"})),
    ("firefox", frozenset({b"meta", b"interval", b"startTime"})),
    ("flamebearer", frozenset({b"flamebearer"})),
    ("cpuprofile", frozenset({b"nodes", b"callFrame"})),
    ("cpuprofile", frozenset({b"startTime", b"endTime"})),
    ("cpuprofile", frozenset({b"timeDeltas"})),
)
"""Formats in the order they are looked for, and fields that all occur at the beginning of one."""
_SPEEDSCOPE: Final = b"speedscope"
"""Its schema or its exporter is in front in what speedscope.app, py-spy, dotnet-trace and others write."""


def begins_as_json(text: bytes) -> bool:
    """Whether the text begins as an object with fields or a list of objects; `{main};work 5` does not."""
    return _BEGINS_AS_JSON.match(text) is not None


def json_format(text: bytes) -> str:
    """The format of JSON with this beginning; empty for an unknown one and for what is not JSON."""
    if not begins_as_json(text):
        return ""
    fields = frozenset(_FIELD.findall(text))
    found = next((name for name, needed in _FIELDS if needed <= fields), "")
    return found or ("speedscope" if _SPEEDSCOPE in text else "")
