"""Parses times on the command line: `1h` (ago), `now-2d`, `now`, ISO 8601, Unix seconds or milliseconds."""

import re
from datetime import UTC, datetime
from typing import Final

_AGO: Final = re.compile(r"(?:now-|-)?([0-9]{1,9})(ms|[smhdw])")
_UNITS_MS: Final = {
    "ms": 1,
    "s": 1_000,
    "m": 60_000,
    "h": 3_600_000,
    "d": 86_400_000,
    "w": 7 * 86_400_000,
}
_SECONDS_DIGITS: Final = 10


def time_ms(text: str, now_ms: int) -> int:
    """Return a time in milliseconds since the epoch; a time without a zone is UTC.

    Raises: ValueError for any other text.
    """
    if text == "now":
        return now_ms
    if ago := _AGO.fullmatch(text):
        return now_ms - int(ago[1]) * _UNITS_MS[ago[2]]
    if text.isascii() and text.isdigit():
        return int(text) * (1_000 if len(text) <= _SECONDS_DIGITS else 1)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(
            f"invalid time {text!r}: use 1h (ago), now, 2026-11-29T10:00:00Z or Unix seconds"
        ) from None
    return round(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() * 1_000)


def duration_ms(text: str) -> int:
    """Return a duration such as `15s` in milliseconds.

    Raises: ValueError for any other text, and for zero.
    """
    found = _AGO.fullmatch(text)
    length = int(found[1]) * _UNITS_MS[found[2]] if found and text[0].isdigit() else 0
    if not length:
        raise ValueError(f"invalid duration {text!r}: use 15s, 5m or 1h")
    return length


def clock(ms: int) -> str:
    """Return the time in UTC, to the second."""
    return datetime.fromtimestamp(ms / 1_000, UTC).strftime("%F %T")
