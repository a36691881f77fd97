"""Examining a database over HTTP: a new one has no findings, and the tests provoke each finding."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace

import pytest

from flamehouse.settings import Settings
from flamehouse.store.connection.client import ClickHouse
from flamehouse.store.doctor import schema
from flamehouse.store.doctor.exactly_once import PROBE
from flamehouse.store.doctor.examine import DATABASE_CHECKS, examine
from flamehouse.store.doctor.finding import Examination, Finding, Severity, Thresholds
from flamehouse.store.schema import migrate, state
from tests.support.servers.faults import without
from tests.support.servers.scripted import closed_port
from tools.clickhouse_http.process import clickhouse_server

DAYS = 30
AGAIN = "run: flamehouse retention set 30d"
VIEW = "sampled_profiles_view"

type Trouble = Callable[[ClickHouse], AbstractContextManager[None]]


@pytest.fixture(scope="module")
def examined(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Examination]:
    """A new database, and a user with all rights in it."""
    with clickhouse_server(tmp_path_factory.mktemp("clickhouse")) as server:
        settings = Settings(clickhouse_dsn=server.dsn)
        migrate.migrate(settings)
        clickhouse = ClickHouse(settings)
        yield Examination(clickhouse=clickhouse, settings=settings, roles=("migrate",))
        clickhouse.close()


def troubles(findings: Iterator[Finding]) -> list[str]:
    return [str(each) for each in findings if each.severity is not Severity.OK]


def test_a_new_database_passes_every_check_in_one_line_each(examined: Examination) -> None:
    findings = list(examine(examined))
    assert {each.check for each in findings} == {*DATABASE_CHECKS}
    assert len(findings) == len(DATABASE_CHECKS)
    assert {each.severity for each in findings} == {Severity.OK}
    assert all("\n" not in str(each) and not each.advice for each in findings)
    assert "an upload inserted 5 times, 4 of them at once, is stored once" in "".join(map(str, findings))


@contextmanager
def altered(clickhouse: ClickHouse, change: str, back: str) -> Iterator[None]:
    clickhouse.command(change)
    try:
        yield
    finally:
        clickhouse.command(back)


def altering(change: str, back: str) -> Trouble:
    return lambda clickhouse: altered(clickhouse, change, back)


def missing(*names: str) -> Trouble:
    return lambda clickhouse: without(clickhouse, *names)


WINDOW = "ALTER TABLE sampled_profiles MODIFY SETTING non_replicated_deduplication_window = {}"
RECORD = "INSERT INTO migrations SELECT {}, {}, now64(9)"
LATEST = state.latest_number()
UNSETTLED = 2**32 - 1
BACK = RECORD.format(LATEST, DAYS)


@pytest.mark.parametrize(
    ("trouble", "check", "words"),
    [
        (
            missing("mappings"),
            "schema",
            "fault    schema: missing tables or views: mappings; run: flamehouse migrate",
        ),
        (
            missing(VIEW),
            "schema",
            f"fault    schema: missing tables or views: {VIEW}; run: flamehouse migrate",
        ),
        (
            missing("migrations"),
            "schema",
            "fault    schema: missing tables or views: migrations; run: flamehouse migrate",
        ),
        (
            altering(RECORD.format(LATEST - 1, DAYS), BACK),
            "schema",
            (
                f"fault    schema: the database is at migration {LATEST - 1}, this version of flamehouse at {LATEST}; "
                "run: flamehouse migrate"
            ),
        ),
        (
            altering(RECORD.format(LATEST + 1, DAYS), BACK),
            "schema",
            (
                f"warning  schema: the database is at migration {LATEST + 1}, this version of flamehouse at {LATEST}; "
                "update flamehouse"
            ),
        ),
        (
            altering(WINDOW.format(0), WINDOW.format(10_000)),
            "deduplication",
            (
                "fault    deduplication: sampled_profiles has non_replicated_deduplication_window = 0, so a retried upload may "
                "be stored twice; "
                "run: ALTER TABLE sampled_profiles MODIFY SETTING non_replicated_deduplication_window = 10000"
            ),
        ),
        (
            altering(
                "ALTER TABLE rollups MODIFY TTL hour + toIntervalDay(3)",
                "ALTER TABLE rollups MODIFY TTL hour + toIntervalDay(31)",
            ),
            "retention",
            f"fault    retention: rollups deletes rows after 3 days, but the database records for 30 days; {AGAIN}",
        ),
        (
            altering(
                "ALTER TABLE series REMOVE TTL", "ALTER TABLE series MODIFY TTL day + toIntervalDay(31)"
            ),
            "retention",
            f"fault    retention: series deletes rows never, but the database records for 30 days; {AGAIN}",
        ),
        (
            altering(RECORD.format(LATEST, UNSETTLED), BACK),
            "retention",
            f"fault    retention: a change of the retention was interrupted; {AGAIN}",
        ),
        (
            altering(WINDOW.format(0), WINDOW.format(10_000)),
            "exactly once",
            (
                "fault    exactly once: an upload inserted 5 times, 4 of them at once, is stored 5 times, with 1 entries in the "
                "ledger; compare ClickHouse's version and the deduplication windows above; do not send profiles until this passes"
            ),
        ),
        (
            missing("sampled_profiles"),
            "exactly once",
            (
                "fault    exactly once: the check failed: code 60 UNKNOWN_TABLE; "
                "the database does not have this version's schema: run flamehouse migrate"
            ),
        ),
    ],
)
def test_doctor_reports_problems_of_the_schema(
    examined: Examination, trouble: Trouble, check: str, words: str
) -> None:
    checks = {check: DATABASE_CHECKS[check]}
    assert troubles(examine(examined, checks)) == []
    with trouble(examined.clickhouse):
        assert troubles(examine(examined, checks)) == [words]
    assert troubles(examine(examined, checks)) == []


def test_doctor_reports_a_database_without_a_retention(examined: Examination) -> None:
    own = replace(examined.settings, clickhouse_database="unset")
    migrate.migrate(own)
    clickhouse = ClickHouse(own)
    clickhouse.command("TRUNCATE TABLE migrations")
    checks = {"retention": DATABASE_CHECKS["retention"]}
    found = troubles(examine(replace(examined, clickhouse=clickhouse, settings=own), checks))
    clickhouse.command("DROP DATABASE unset")
    clickhouse.close()
    assert found == ["fault    retention: the database records no retention; run: flamehouse migrate"]


def test_doctor_reports_a_clickhouse_that_is_too_old(
    examined: Examination, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "OLDEST_VERSION", (99, 1))
    [found] = troubles(examine(examined, {"version": DATABASE_CHECKS["version"]}))
    assert found.startswith("fault    version: ClickHouse 26.")
    assert found.endswith(" may store an upload twice; upgrade ClickHouse to 99.1 or newer")


@pytest.mark.parametrize(
    ("ahead_s", "words"),
    [
        (
            10,
            "warning  clock: ClickHouse's clock is 10.0 s behind this machine's; synchronize both clocks (NTP)",
        ),
        (-100, "fault    clock: ClickHouse's clock is 100.0 s ahead of this machine's; synchronize both"),
    ],
)
def test_doctor_reports_clocks_that_differ(examined: Examination, ahead_s: float, words: str) -> None:
    clocked = replace(examined, clock=lambda: round(time.time() + ahead_s, 1))
    [found] = troubles(examine(clocked, {"clock": DATABASE_CHECKS["clock"]}))
    assert found.partition(" is ")[0] == words.partition(" is ")[0]
    assert (
        found.partition(" this machine")[0].rpartition(" s ")[2]
        == words.partition(" this machine")[0].rpartition(" s ")[2]
    )


@pytest.mark.parametrize(
    ("check", "thresholds", "words"),
    [
        ("latency", Thresholds(latency_ms=0), "ms; deploy in ClickHouse's region"),
        ("parts", Thresholds(parts_warning=1), "MiB each); inserts come faster than ClickHouse merges"),
        ("parts", Thresholds(parts_fault=1, parts_warning=1), "MiB each); inserts come faster"),
        (
            "rollups",
            Thresholds(hours_without_rollups=0),
            "without roll-ups; run every hour: flamehouse maintain",
        ),
    ],
)
def test_doctor_reports_a_database_that_cannot_keep_up(
    examined: Examination, check: str, thresholds: Thresholds, words: str
) -> None:
    [found] = troubles(examine(replace(examined, thresholds=thresholds), {check: DATABASE_CHECKS[check]}))
    assert words in found
    assert found.startswith("fault" if thresholds.parts_fault == 1 else "warning")


def test_hours_without_roll_ups_are_counted(examined: Examination) -> None:
    examined.clickhouse.command(
        "INSERT INTO sampled_profiles (tenant, service, time)"
        f" SELECT '{PROBE}', 'old', now() - toIntervalHour(arrayJoin([3, 4, 4]))"
    )
    [found] = examine(examined, {"rollups": DATABASE_CHECKS["rollups"]})
    assert str(found) == "ok       rollups: 2 of the last 168 hours have profiles without roll-ups"


def test_a_database_that_does_not_respond_is_one_finding(examined: Examination) -> None:
    with closed_port() as port:
        settings = Settings(clickhouse_dsn=f"http://u:p@127.0.0.1:{port}")
        clickhouse = ClickHouse(settings)
        found = troubles(examine(replace(examined, clickhouse=clickhouse, settings=settings)))
        clickhouse.close()
    assert [each.partition("; ")[0] for each in found] == [
        "fault    connection: ClickHouse does not respond: NewConnectionError"
    ]


def test_the_probe_stores_a_profile_only_for_its_own_tenant(examined: Examination) -> None:
    list(examine(examined, {"exactly once": DATABASE_CHECKS["exactly once"]}))
    tenants = examined.clickhouse.rows("SELECT DISTINCT tenant FROM sampled_profiles")
    assert tenants == [(PROBE,)]
