"""AnalyzeQuery: how much data a query covers, in rows and in bytes on disk.

Series, profiles, samples and stacks are counted. Bytes are estimated: the number of rows times the average size of a
row on disk. The estimate assumes that stacks share names and locations evenly.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from flamehouse.identity.tenant import Tenants
from flamehouse.model.analysis import Analysis
from flamehouse.model.selector import Matcher, MatchOp
from flamehouse.model.time_range import TimeRange
from flamehouse.store.read.matchers import COLUMN_OF_LABEL, series_condition
from flamehouse.store.read.reader import Reader
from flamehouse.store.read.selection import clamp_ms, days_of
from flamehouse.store.read.tenants import TenantRows
from flamehouse.store.sql import SqlFile

_SQL: Final = SqlFile(__file__)


def analyze(reader: Reader, tenants: Tenants, matchers: Sequence[Matcher], within: TimeRange) -> Analysis:
    """Counts the data in [start, end) of the series that match all matchers, of any profile type."""
    conditions, parameters = _conditions(reader, tenants, matchers, within)

    def rows_of(part: str) -> Sequence[Any]:
        return reader.rows(_SQL(part, **conditions), parameters)

    [(series, series_rows)] = rows_of("series")
    [(profiles, samples, parts)] = rows_of("profiles") if series else [(0, 0, 0)]
    [(stacks,)] = rows_of("stacks")
    tables = {name: (rows, size) for name, rows, size in rows_of("tables")}
    return Analysis(
        series=series,
        profiles=profiles,
        samples=samples,
        parts=parts,
        index_bytes=_bytes(tables, series_rows, "series"),
        profile_bytes=_bytes(tables, profiles, "sampled_profiles"),
        symbol_bytes=_bytes(tables, stacks, "stacktraces", "functions", "locations", "mappings"),
    )


def _bytes(tables: Mapping[str, tuple[int, int]], rows: int, table: str, *others: str) -> int:
    """The bytes on disk of `rows` rows of a table, plus their share of `others`; `tables` has (rows, bytes) by name."""
    all_rows = tables[table][0] if table in tables else 1
    return round(rows / all_rows * sum(tables[each][1] for each in (table, *others) if each in tables))


def _conditions(
    reader: Reader, tenants: Tenants, matchers: Sequence[Matcher], within: TimeRange
) -> tuple[Mapping[str, str], Mapping[str, object]]:
    """The conditions for the parts of the SQL, and their parameters."""
    condition = series_condition(matchers)
    rows = TenantRows.of(tenants)
    keys = [rows.sql]
    parameters: dict[str, object] = {
        **rows.parameters,
        **days_of(within),
        **condition.parameters,
        "from": clamp_ms(within.start_ms),
        "until": clamp_ms(within.end_ms),
    }
    for index, matcher in enumerate(matchers):
        column = COLUMN_OF_LABEL.get(matcher.name)
        if column is not None and matcher.op is MatchOp.EQUAL:
            keys.append(f"{column} = {{m{index}_value:String}}")
    key = " AND ".join(keys)
    of_series = _SQL("of_series", keys=key, condition=condition.sql)
    split = {"join": condition.split.join, "settings": condition.split.settings}
    names = {"tenants": rows.sql, "series": rows.series}
    return {"keys": key, **names, "of_series": of_series, "profiles": reader.profiles, **split}, parameters
