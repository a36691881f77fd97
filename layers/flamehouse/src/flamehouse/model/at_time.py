"""Times as query parameters: Unix times, dates, ISO 8601, and Graphite's offsets from now.

Notation: graphite.readthedocs.io/en/latest/render_api.html, section "from / until"; ISO 8601 as Python's
`datetime.fromisoformat` reads it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from flamehouse.errors import RpcError, invalid_argument
from flamehouse.units import MAX_INT64, NS_PER_S

_LAST_YEAR_WITHOUT_DATES: Final = 1900
_MAX_DIGITS: Final = 20
"""More digits than a 64-bit number has, so further ones do not matter: the time is clamped to the latest."""
_FRACTION_DIGITS: Final = 9
_SHOWN_CHARS: Final = 40

_STRIPPED: Final = str.maketrans("", "", "_, \t\r\n\v\f")
_NS_BY_DIGITS: Final = {13: 1_000_000, 16: 1_000, 19: 1}
"""The unit of a Unix time by its number of digits; any other number means seconds."""

_NUMBER: Final = re.compile(r"([0-9]+)(?:\.([0-9]*))?")
_FROM_NOW: Final = re.compile(r"(?:now)?((?:[+-](?:[0-9]+[a-zA-Z]+)+)*)")
_TERM: Final = re.compile(r"([+-]?)([0-9]+)([a-zA-Z]+)")
_ISO_FRACTION: Final = re.compile(r"(?<=:[0-9]{2})[.,]([0-9]+)|(?<=T[0-9]{6})[.,]([0-9]+)")
_UNIT_NAMES: Final = (
    (1, ("s", "sec", "secs", "second", "seconds")),
    (60, ("m", "min", "mins", "minute", "minutes")),
    (3_600, ("h", "hr", "hrs", "hour", "hours")),
    (86_400, ("d", "day", "days")),
    (7 * 86_400, ("w", "week", "weeks")),
    (30 * 86_400, ("M", "mon", "month", "months")),
    (365 * 86_400, ("y", "year", "years")),
)
_UNITS_S: Final[Mapping[str, int]] = {name: seconds for seconds, names in _UNIT_NAMES for name in names}


@dataclass(frozen=True, slots=True, kw_only=True)
class AtTime:
    """A time in nanoseconds since the epoch; `absolute` unless it was computed from now."""

    ns: int
    absolute: bool


def parse_attime(text: str, now_ns: int, parameter: str) -> AtTime:
    """Read the time; an empty text means `now_ns`. Times are clamped to the years 1970 to 2262.

    Raises RpcError(INVALID_ARGUMENT), naming the parameter, if the notation is unknown.
    """
    compact = text.translate(_STRIPPED)
    number = _NUMBER.fullmatch(compact)
    if number is not None:
        return AtTime(ns=_number_ns(number[1], number[2]), absolute=True)
    from_now = _FROM_NOW.fullmatch(compact)
    if from_now is not None:
        return AtTime(ns=_clamped(now_ns + _offset_ns(from_now[1], text, parameter)), absolute=False)
    return AtTime(ns=_clamped(_iso_ns(text.strip(), parameter)), absolute=True)


def _clamped(ns: int) -> int:
    return max(0, min(ns, MAX_INT64))


def _number_ns(digits: str, fraction: str | None) -> int:
    """Return the start of the UTC day for YYYYMMDD, otherwise the Unix time."""
    date_ns = _date_ns(digits) if fraction is None else None
    if date_ns is not None:
        return date_ns
    unit_ns = _NS_BY_DIGITS.get(len(digits), NS_PER_S)
    part_ns = _fraction_ns(fraction or "") * unit_ns // NS_PER_S
    return min(int(digits[:_MAX_DIGITS]) * unit_ns + part_ns, MAX_INT64)


def _fraction_ns(digits: str) -> int:
    return int(digits[:_FRACTION_DIGITS].ljust(_FRACTION_DIGITS, "0"))


def _date_ns(digits: str) -> int | None:
    """Return the start of the UTC day, or None if it is not a date after 1900."""
    if len(digits) != len("YYYYMMDD"):
        return None
    try:
        day = datetime(int(digits[:4]), int(digits[4:6]), int(digits[6:]), tzinfo=UTC)
    except ValueError:
        return None
    return int(day.timestamp()) * NS_PER_S if day.year > _LAST_YEAR_WITHOUT_DATES else None


def _offset_ns(offsets: str, text: str, parameter: str) -> int:
    """Return the sum of offsets such as `-1h30m`, where a sign applies until the next one."""
    total_s, sign = 0, 1
    for mark, digits, unit in _TERM.findall(offsets):
        if unit not in _UNITS_S:
            raise _invalid(text, parameter)
        sign = {"+": 1, "-": -1}.get(mark, sign)
        total_s += sign * int(digits[:_MAX_DIGITS]) * _UNITS_S[unit]
    return total_s * NS_PER_S


def _iso_ns(text: str, parameter: str) -> int:
    """Read a time in ISO 8601, to the nanosecond; in UTC unless it names a zone."""
    fraction = _ISO_FRACTION.search(text)
    whole = text if fraction is None else text[: fraction.start()] + text[fraction.end() :]
    try:
        if not text.isascii() or len(text) > _SHOWN_CHARS:
            raise _invalid(text, parameter)
        time = datetime.fromisoformat(whole)
        seconds = int((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError) as error:
        raise _invalid(text, parameter) from error
    return seconds * NS_PER_S + _fraction_ns((fraction[1] or fraction[2]) if fraction else "")


def _invalid(text: str, parameter: str) -> RpcError:
    shown = text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}..."
    return invalid_argument(
        f"{parameter}: invalid time {shown!r}: use Unix seconds (a fraction is allowed), milliseconds, microseconds or"
        " nanoseconds, YYYYMMDD, ISO 8601 such as 2026-11-28T21:24:48Z, or an offset such as now-1h"
    )
