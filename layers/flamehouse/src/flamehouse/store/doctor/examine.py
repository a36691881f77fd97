"""Runs the checks of a database in order, and reports a failing database as a finding."""

from collections.abc import Iterator
from typing import Final

from clickhouse_connect.driver.exceptions import ClickHouseError
from urllib3.exceptions import HTTPError

from flamehouse.aws.secrets import SecretError
from flamehouse.store.connection.errors import in_words
from flamehouse.store.doctor.exactly_once import check_exactly_once
from flamehouse.store.doctor.finding import Checks, Examination, Finding, Severity
from flamehouse.store.doctor.operation import check_clock, check_latency, check_parts, check_rollups
from flamehouse.store.doctor.schema import (
    check_grants,
    check_retention,
    check_schema,
    check_version,
    check_windows,
)

DATABASE_CHECKS: Final[Checks] = {
    "version": check_version,
    "latency": check_latency,
    "clock": check_clock,
    "grants": check_grants,
    "schema": check_schema,
    "deduplication": check_windows,
    "retention": check_retention,
    "exactly once": check_exactly_once,
    "parts": check_parts,
    "rollups": check_rollups,
}
USER_CHECKS: Final[Checks] = {"grants": check_grants}
"""The checks for a function's user. The other checks are about the database, and run once."""


def examine(examination: Examination, checks: Checks = DATABASE_CHECKS) -> Iterator[Finding]:
    """Yield the findings of the checks.

    A database that does not respond yields one finding and is not checked further.
    """
    if (unreachable := _unreachable(examination)) is not None:
        yield unreachable
        return
    for name, check in checks.items():
        try:
            yield from check(examination)
        except (ClickHouseError, HTTPError, OSError) as error:
            reason, advice = in_words(error)
            yield Finding(
                check=name, severity=Severity.FAULT, text=f"the check failed: {reason}", advice=advice
            )


def _unreachable(examination: Examination) -> Finding | None:
    try:
        examination.clickhouse.rows("SELECT 1")
    except (ClickHouseError, HTTPError, OSError, SecretError) as error:
        reason, advice = in_words(error)
        text = f"ClickHouse does not respond: {reason}"
        return Finding(check="connection", severity=Severity.FAULT, text=text, advice=advice)
    return None
