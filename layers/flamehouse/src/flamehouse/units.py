"""Units of time, and the limits of 64-bit numbers."""

from typing import Final

NS_PER_MS: Final = 1_000_000
NS_PER_S: Final = 1_000_000_000
MS_PER_S: Final = 1_000
HOURS_PER_DAY: Final = 24
DAYS_PER_WEEK: Final = 7
S_PER_HOUR: Final = 3_600
S_PER_DAY: Final = 86_400
MS_PER_HOUR: Final = S_PER_HOUR * MS_PER_S
MS_PER_DAY: Final = S_PER_DAY * MS_PER_S
NS_PER_HOUR: Final = S_PER_HOUR * NS_PER_S
NS_PER_DAY: Final = S_PER_DAY * NS_PER_S
FIRST_MONDAY: Final = -3
"""The day number of the Monday of the week of 1970-01-01, a Thursday."""
MAX_MS: Final = 4_102_444_800_000
"""2100-01-01: any time from 1970 until then fits every ClickHouse type that stores times."""

MAX_INT64: Final = (1 << 63) - 1
MAX_UINT64: Final = (1 << 64) - 1
