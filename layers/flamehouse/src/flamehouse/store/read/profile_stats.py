"""GetProfileStats: the times of a tenant's first and last profile.

The table `series` shows which days have profiles. Only profiles in the weeks of the first and the last day are read:
for a large tenant, the profile times of one month are a few hundred megabytes.
"""

from typing import Final

from flamehouse.identity.tenant import Tenants
from flamehouse.model.time_range import TimeRange
from flamehouse.store.read.reader import Reader
from flamehouse.store.read.tenants import TenantRows
from flamehouse.store.sql import SqlFile

_SQL: Final = SqlFile(__file__)


def profile_times(reader: Reader, tenants: Tenants) -> TimeRange | None:
    """The times of the tenants' first and last profile, however old; None if they have none."""
    rows = TenantRows.of(tenants)
    parameters: dict[str, object] = {**rows.parameters}
    [(first_day, last_day, days)] = reader.rows(_SQL("days", tenants=rows.sql), parameters)
    if not days:
        return None
    parameters |= {"first_day": first_day, "last_day": last_day}
    for part in ("first_and_last", "of_all_weeks"):
        times = _SQL(part, profiles=reader.profiles, tenants=rows.sql)
        [(first, last)] = reader.rows(_SQL("in_ms", times=times), parameters)
        # Profiles expire before their day's series, so these weeks may have none: then read all weeks.
        if first is not None and last is not None:
            return TimeRange(start_ms=first, end_ms=last)
    return None
