"""AnalyzeQuery: how much a question is about, counted where that is cheap and estimated where it is not.

Series, profiles and stacks are counted. Samples are counted of the newest 200 profiles, and of more profiles it is
assumed that they have as many each. Bytes are rows times what a row of the table takes on disk on average; names and
locations are taken to be shared among stacks evenly.
"""

from collections.abc import Mapping, Sequence
from string import Template
from typing import Any

from flamehouse.model.queries import Analysis
from flamehouse.model.selector import Matcher, MatchOp
from flamehouse.model.time_range import TimeRange
from flamehouse.store.read.matchers import COLUMN_OF_LABEL, series_condition
from flamehouse.store.read.reader import Reader
from flamehouse.store.read.selection import clamp_ms, days_of

_COUNTED_PROFILES = 200

_OF_SERIES = Template(
    "day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32}) AND $keys AND $condition"
)

_SERIES = Template("SELECT uniqExact(fingerprint), count() FROM series WHERE $series")

_OF_PROFILES = Template("""
    $keys AND fingerprint IN (SELECT fingerprint FROM series WHERE $series)
    AND time < fromUnixTimestamp64Milli({until:Int64}, 'UTC')
""")

_PROFILES = Template("""
SELECT count(), uniqExact(_part), -arrayMax(groupArraySorted($counted)(-toUnixTimestamp64Nano(time)))
FROM profiles
WHERE $profiles AND time >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')
""")

_SAMPLES = Template("""
SELECT count(), (SELECT count() FROM profiles WHERE $profiles AND time >= fromUnixTimestamp64Nano({since:Int64}, 'UTC'))
FROM samples
WHERE $profiles AND time >= fromUnixTimestamp64Nano({since:Int64}, 'UTC')
""")

_STACKS = Template("""
SELECT count()
FROM stacktraces
WHERE tenant = {tenant:String} AND week BETWEEN toMonday(toDate({first_day:Int32})) AND toDate({last_day:Int32})
    AND service IN (SELECT service FROM series WHERE $series)
""")

_TABLES = Template("""
SELECT name, total_rows, total_bytes
FROM system.tables
WHERE database = currentDatabase() AND total_rows > 0
""")


def analyze(reader: Reader, tenant: str, matchers: Sequence[Matcher], within: TimeRange) -> Analysis:
    """What lies in [start, end) of the series that all matchers match, of whatever profile type."""
    conditions, parameters = _conditions(tenant, matchers, within)

    def ask(sql: Template, **more: object) -> Sequence[Any]:
        return reader.rows(sql.substitute(conditions), {**parameters, **more})

    [(series, series_rows)] = ask(_SERIES)
    [(profiles, parts, since)] = ask(_PROFILES) if series else [(0, 0, 0)]
    [(counted_samples, counted)] = ask(_SAMPLES, since=since) if profiles else [(0, 1)]
    samples = round(counted_samples * profiles / counted)
    [(stacks,)] = ask(_STACKS)
    tables = {name: (rows, size) for name, rows, size in ask(_TABLES)}
    return Analysis(
        series=series,
        profiles=profiles,
        samples=samples,
        parts=parts,
        index_bytes=_bytes(tables, series_rows, "series"),
        profile_bytes=_bytes(tables, profiles, "profiles") + _bytes(tables, samples, "samples"),
        symbol_bytes=_bytes(tables, stacks, "stacktraces", "functions", "locations", "mappings"),
    )


def _bytes(tables: Mapping[str, tuple[int, int]], rows: int, table: str, *others: str) -> int:
    """What so many rows of a table take on disk, with their share of others; `tables` holds rows and bytes by name."""
    all_rows = tables[table][0] if table in tables else 1
    return round(rows / all_rows * sum(tables[each][1] for each in (table, *others) if each in tables))


def _conditions(
    tenant: str, matchers: Sequence[Matcher], within: TimeRange
) -> tuple[Mapping[str, str], Mapping[str, object]]:
    """Conditions on the tables by the names they have above, and what they bind."""
    condition = series_condition(matchers)
    keys = ["tenant = {tenant:String}"]
    parameters: dict[str, object] = {
        "tenant": tenant,
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
    series = _OF_SERIES.substitute(keys=key, condition=condition.sql)
    profiles = _OF_PROFILES.substitute(keys=key, series=series)
    return {"series": series, "profiles": profiles, "counted": str(_COUNTED_PROFILES)}, parameters
