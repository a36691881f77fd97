"""Checks that the database has this version's schema, deduplication windows, TTLs and grants."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from flamehouse.store.doctor.finding import Examination, Finding, Severity
from flamehouse.store.schema.migrate import OLDEST_VERSION, WINDOWS, version_of
from flamehouse.store.schema.retention import EXPIRIES
from flamehouse.store.schema.roles import grants_of
from flamehouse.store.schema.state import State, as_argument, in_words, latest_number, state_of
from flamehouse.store.schema.views import view_definitions

_TABLES: Final = """
SELECT name, create_table_query, engine
FROM system.tables
WHERE database = currentDatabase()
"""
_NEEDED: Final = ("ingest", *EXPIRIES, "tenant_settings", "migrations")
_FILLED: Final = ("series", "sampled_profiles", "stacktraces", "functions", "locations", "mappings")
"""The tables that a materialized view fills from `ingest`."""
_DEDUPLICATED: Final = frozenset({*EXPIRIES, "tenant_settings"})
_REPLICATED: Final = re.compile(r"Shared|Replicated")
"""Engines whose deduplication windows are the replicated ones."""
_TTL: Final = re.compile(r" TTL (.*?)(?= SETTINGS |$)", re.DOTALL)
_NUMBER: Final = re.compile(r"(?<![\w'])\d+")
_MIGRATE: Final = "run: flamehouse migrate"


def check_version(examination: Examination) -> Iterator[Finding]:
    """Check that this version of ClickHouse stores each upload exactly once."""
    [(version,)] = examination.clickhouse.rows("SELECT version()")
    if version_of(version) < OLDEST_VERSION:
        oldest = ".".join(map(str, OLDEST_VERSION))
        text = f"ClickHouse {version} may store an upload twice"
        yield Finding(
            check="version",
            severity=Severity.FAULT,
            text=text,
            advice=f"upgrade ClickHouse to {oldest} or newer",
        )
        return
    yield Finding(check="version", severity=Severity.OK, text=f"ClickHouse {version}")


def check_schema(examination: Examination) -> Iterator[Finding]:
    """Check that all tables and views exist, at this version's migration."""
    found = _definitions(examination)
    views = (f"{table}_view" for table in _FILLED)
    missing = [name for name in (*_NEEDED, *views, *view_definitions()) if name not in found]
    if missing:
        text = f"missing tables or views: {', '.join(missing)}"
        yield Finding(check="schema", severity=Severity.FAULT, text=text, advice=_MIGRATE)
    if "migrations" in missing:
        return
    number, latest = _state(examination).number, latest_number()
    text = f"the database is at migration {number}"
    if number == latest:
        if not missing:
            yield Finding(check="schema", severity=Severity.OK, text=text)
        return
    older = number < latest
    yield Finding(
        check="schema",
        severity=Severity.FAULT if older else Severity.WARNING,
        text=f"{text}, this version of flamehouse at {latest}",
        advice=_MIGRATE if older else "update flamehouse",
    )


def check_windows(examination: Examination) -> Iterator[Finding]:
    """Check that tables remember the tokens of inserts long enough for retries."""
    narrow = False
    for name, definition, engine in examination.clickhouse.rows(_TABLES):
        if name not in _DEDUPLICATED:
            continue
        for setting, needed in WINDOWS.items():
            value = _setting(definition, setting)
            if setting.startswith("non_replicated") == bool(_REPLICATED.match(engine)) or value >= needed:
                continue
            narrow = True
            yield Finding(
                check="deduplication",
                severity=Severity.FAULT,
                text=f"{name} has {setting} = {value}, so a retried upload may be stored twice",
                advice=f"run: ALTER TABLE {name} MODIFY SETTING {setting} = {needed}",
            )
    if not narrow:
        yield Finding(
            check="deduplication", severity=Severity.OK, text="every table remembers its inserts long enough"
        )


def check_retention(examination: Examination) -> Iterator[Finding]:
    """Check that TTLs agree with the recorded retention."""
    state = _state(examination)
    if state.days is None:
        yield Finding(
            check="retention",
            severity=Severity.FAULT,
            text="the database records no retention",
            advice=_MIGRATE,
        )
        return
    faults = [*_retention_faults(state.days, _definitions(examination), settled=state.settled)]
    again = f"run: flamehouse retention set {as_argument(state.days)}"
    for text in faults:
        yield Finding(check="retention", severity=Severity.FAULT, text=text, advice=again)
    if not faults:
        yield Finding(
            check="retention", severity=Severity.OK, text=f"profiles are retained {in_words(state.days)}"
        )


def _retention_faults(days: int, definitions: Mapping[str, str], *, settled: bool) -> Iterator[str]:
    """The faults of a recorded retention of `days`; `settled` as in `State`."""
    if not settled:
        yield "a change of the retention was interrupted"
    for name, expiry in EXPIRIES.items():
        if name not in definitions:
            continue
        found = _ttl_days(definitions[name])
        if found != (days + expiry.extra_days if days else 0):
            deletes = f"after {found} days" if found else "never"
            yield f"{name} deletes rows {deletes}, but the database records {in_words(days)}"


def check_grants(examination: Examination) -> Iterator[Finding]:
    """Check that the user has the grants of its roles."""
    lacking = False
    for role in examination.roles:
        for grant in grants_of(examination.settings.clickhouse_database, role):
            [(allowed,)] = examination.clickhouse.rows(f"CHECK GRANT {grant}")
            if not allowed:
                lacking = True
                yield Finding(
                    check="grants",
                    severity=Severity.FAULT,
                    text=f"the user lacks {grant}",
                    advice="run the SQL of: flamehouse setup-sql",
                )
    if not lacking:
        roles = " and ".join(examination.roles)
        yield Finding(check="grants", severity=Severity.OK, text=f"the user has the grants of {roles}")


def _definitions(examination: Examination) -> dict[str, str]:
    """The statement that creates each table or view that the user may see."""
    return {name: definition for name, definition, _ in examination.clickhouse.rows(_TABLES)}


def _state(examination: Examination) -> State:
    return state_of(examination.clickhouse.rows)


def _setting(definition: str, name: str) -> int:
    """A setting of a table; 0 if it is not set."""
    found = re.search(rf"\b{name} = (\d+)", definition)
    return int(found[1]) if found else 0


def _ttl_days(definition: str) -> int:
    """The days after which a table's rows expire, counted from their time; 0 means never."""
    found = _TTL.search(definition)
    return sum(map(int, _NUMBER.findall(found[1]))) if found else 0
