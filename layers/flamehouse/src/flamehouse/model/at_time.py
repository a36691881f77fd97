"""Times as Graphite's `at` notation writes them: `20261122`, `1795380200`, `now-1h`.

Graphite's own description: graphite.readthedocs.io/en/stable/render_api.html, section "from / until".
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

_SECOND_NS: Final = 1_000_000_000
_MAX_NS: Final = (1 << 63) - 1
_LAST_YEAR_WITHOUT_DATES: Final = 1900
_MAX_DIGITS: Final = 20
"""More digits than any 64-bit number has change nothing: the time is the latest there is."""

_STRIPPED: Final = str.maketrans("", "", "_, \t\r\n\v\f")
_NS_BY_DIGITS: Final = {13: 1_000_000, 16: 1_000, 19: 1}
"""The unit of a Unix time by its number of digits; any other number means seconds."""

_OFFSET: Final = re.compile(r"([+-])([0-9]*)(.*)", re.DOTALL)
_UNITS_S: Final = (
    ("mon", 30 * 86_400),
    ("min", 60),
    ("M", 30 * 86_400),
    ("s", 1),
    ("m", 60),
    ("h", 3_600),
    ("d", 86_400),
    ("w", 7 * 86_400),
    ("y", 365 * 86_400),
)
"""Seconds by what the unit starts with; the longer beginnings stand first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AtTime:
    """A time in nanoseconds since the epoch; `absolute` unless it was reckoned from now."""

    ns: int
    absolute: bool


def parse_attime(text: str, now_ns: int) -> AtTime:
    """Read any text as a time: what is no date and no number counts from `now_ns`. Times end in the year 2262."""
    text = text.translate(_STRIPPED)
    if text.isascii() and text.isdigit():
        date_ns = _date_ns(text)
        return AtTime(ns=_unix_ns(text) if date_ns is None else date_ns, absolute=True)
    return AtTime(ns=max(0, min(now_ns + _offset_ns(text), _MAX_NS)), absolute=False)


def _date_ns(digits: str) -> int | None:
    """The start of the UTC day that YYYYMMDD names, None if it names none after 1900."""
    if len(digits) != len("YYYYMMDD"):
        return None
    try:
        day = datetime(int(digits[:4]), int(digits[4:6]), int(digits[6:]), tzinfo=UTC)
    except ValueError:
        return None
    return int(day.timestamp()) * _SECOND_NS if day.year > _LAST_YEAR_WITHOUT_DATES else None


def _unix_ns(digits: str) -> int:
    return min(int(digits[:_MAX_DIGITS]) * _NS_BY_DIGITS.get(len(digits), _SECOND_NS), _MAX_NS)


def _offset_ns(text: str) -> int:
    """The one offset of `now-1h`; a `+` anywhere is looked for before a `-`."""
    start = text.find("+") if "+" in text else text.find("-")
    match = _OFFSET.fullmatch(text, start) if start >= 0 else None
    if match is None:
        return 0
    sign, digits, unit = match.groups()
    unit_s = next((seconds for beginning, seconds in _UNITS_S if unit.startswith(beginning)), 0)
    offset = int(digits[:_MAX_DIGITS] or "0") * unit_s * _SECOND_NS
    return offset if sign == "+" else -offset
