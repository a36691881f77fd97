"""SQL conditions for the rows that a query selects, by tenant, profile type and series."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Self

from flamehouse.identity.tenant import Tenants
from flamehouse.model.profile_type import ProfileType
from flamehouse.model.selector import Matcher, MatchOp
from flamehouse.model.time_range import TimeRange
from flamehouse.store.read.matchers import Condition, series_condition
from flamehouse.store.read.tenants import TenantRows
from flamehouse.store.sql import SqlFile
from flamehouse.units import MAX_MS, MS_PER_DAY

_SQL: Final = SqlFile(__file__)

_PARAMETER = re.compile(r"\{(\w+):")

MIN_MS = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Conditions on the tables of samples, profiles and symbols, with their parameters.

    `rows` selects the rows of the series, `symbols` the rows of the symbol tables to which these may refer, and
    `tenants` all rows of the tenants. `series` are the columns that identify a series.
    """

    rows: str
    symbols: str
    tenants: str
    series: str
    parameters: Mapping[str, object]

    def prefixed(self, prefix: str) -> Self:
        """A copy with prefixed parameter names, so that one statement can contain two selections."""
        return replace(
            self,
            rows=prefix_bound(self.rows, prefix),
            symbols=prefix_bound(self.symbols, prefix),
            tenants=prefix_bound(self.tenants, prefix),
            parameters={prefix + name: value for name, value in self.parameters.items()},
        )


def either(one: Selection, other: Selection) -> Selection:
    """The union of two selections of the same tenants, which must have no parameter in common."""
    return replace(
        one,
        rows=f"(({one.rows}) OR ({other.rows}))",
        symbols=f"(({one.symbols}) OR ({other.symbols}))",
        parameters={**one.parameters, **other.parameters},
    )


def prefix_bound(sql: str, prefix: str) -> str:
    """The SQL with the prefix added to each parameter `{name:Type}`."""
    return _PARAMETER.sub(rf"{{{prefix}\1:", sql)


def selection_of(
    tenants: Tenants, profile_type: ProfileType, matchers: Sequence[Matcher], within: TimeRange
) -> Selection:
    """The series of this profile type that all matchers match, with a profile on a day of `within`."""
    of_tenants = TenantRows.of(tenants)
    parameters: dict[str, object] = {
        **of_tenants.parameters,
        "profile_type": profile_type.id,
        **days_of(within),
    }
    rows = [of_tenants.sql, _SQL("of_profile_type")]
    symbols = [of_tenants.sql, _SQL("of_weeks")]
    services = [
        matcher.value for matcher in matchers if (matcher.name, matcher.op) == ("service_name", MatchOp.EQUAL)
    ]
    if services:
        parameters["service"] = services[0]
        rows.append(_SQL("of_service"))
        symbols.append(_SQL("of_service"))
    if len(matchers) > len(services[:1]):
        condition = series_condition(matchers)
        parameters |= condition.parameters
        rows.append(_of_series(of_tenants, condition))
    return Selection(
        rows=" AND ".join(rows),
        symbols=" AND ".join(symbols),
        tenants=of_tenants.sql,
        series=of_tenants.series,
        parameters=parameters,
    )


def _of_series(tenants: TenantRows, condition: Condition) -> str:
    """The condition on rows of profiles for the series of these tenants that `condition` selects."""
    return _SQL(
        "of_series",
        tenants=tenants.sql,
        condition=condition.after_prewhere,
        join=condition.split.join,
        settings=condition.split.settings,
    )


def days_of(within: TimeRange) -> dict[str, object]:
    """The parameters `first_day` and `last_day`: first and last day (UTC) of the range, as day numbers."""
    return {
        "first_day": clamp_ms(within.start_ms) // MS_PER_DAY,
        "last_day": clamp_ms(within.end_ms) // MS_PER_DAY,
    }


def clamp_ms(time_ms: int) -> int:
    """The time, or the nearest time that can be stored."""
    return min(max(time_ms, MIN_MS), MAX_MS)
