"""GetProfileStats: from when to when a tenant has profiles.

Which days have any, the table `series` says, however many there are of them. Of `profiles` only the weeks of the first
and of the last day are read: over all weeks, the times of a month of a large tenant are some hundred megabytes.
"""

from string import Template

from flamehouse.model.time_range import TimeRange
from flamehouse.store.read.reader import Reader

_DAYS = """
SELECT toInt32(min(day)), toInt32(max(day)), count() FROM series WHERE tenant = {tenant:String}
"""

_FIRST_AND_LAST = """
SELECT
    (
        SELECT minOrNull(time)
        FROM profiles
        WHERE tenant = {tenant:String} AND time < toDateTime64((toInt64({first_day:Int32}) + 1) * 86400, 9, 'UTC')
    ) AS first,
    (
        SELECT maxOrNull(time)
        FROM profiles
        WHERE tenant = {tenant:String} AND time >= toDateTime64(toInt64({last_day:Int32}) * 86400, 9, 'UTC')
    ) AS last
"""

_OF_ALL_WEEKS = (
    "SELECT minOrNull(time) AS first, maxOrNull(time) AS last FROM profiles WHERE tenant = {tenant:String}"
)

_IN_MS = Template("SELECT toUnixTimestamp64Milli(first), toUnixTimestamp64Milli(last) FROM ($times)")


def profile_times(reader: Reader, tenant: str) -> TimeRange | None:
    """The times of the tenant's first and last profile, however old; None if it has none."""
    parameters: dict[str, object] = {"tenant": tenant}
    [(first_day, last_day, days)] = reader.rows(_DAYS, parameters)
    if not days:
        return None
    parameters |= {"first_day": first_day, "last_day": last_day}
    for times in (_FIRST_AND_LAST, _OF_ALL_WEEKS):
        [(first, last)] = reader.rows(_IN_MS.substitute(times=times), parameters)
        # Profiles expire before the series of their day do.
        if first is not None and last is not None:
            return TimeRange(start_ms=first, end_ms=last)
    return None
