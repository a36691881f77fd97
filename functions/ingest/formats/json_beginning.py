"""Detects JSON formats by the names of a file's first fields, in any order."""

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
"""Formats in the order of detection, each with fields that must all occur at the beginning."""
_SPEEDSCOPE: Final = b"speedscope"
"""A part of the schema or the exporter, which speedscope.app, py-spy, dotnet-trace and others write first."""


def begins_as_json(text: bytes) -> bool:
    """Returns whether the text begins like an object with fields or a list of objects; `{main};work 5` does not."""
    return _BEGINS_AS_JSON.match(text) is not None


def json_format(text: bytes) -> str:
    """Returns the format of a JSON file with this beginning; empty if it is unknown or not JSON."""
    if not begins_as_json(text):
        return ""
    fields = frozenset(_FIELD.findall(text))
    found = next((name for name, needed in _FIELDS if needed <= fields), "")
    return found or ("speedscope" if _SPEEDSCOPE in text else "")
