"""The sums in the store, by tenant."""

from collections import Counter
from collections.abc import Iterable

from flamehouse.settings import Settings
from flamehouse.store.connection.client import ClickHouse
from tools.clickhouse_http.process import ClickHouseServer

type Sums = Counter[tuple[str, str]]
"""Sums by profile type and what is summed: profiles, their totals, their samples. Uploads have no type."""

_SUMS = """
SELECT tenant, profile_type, count() AS profiles, sum(total) AS totals, sum(arraySum(values)) AS samples
FROM sampled_profiles
GROUP BY tenant, profile_type
"""
_UPLOADS = "SELECT tenant, uniqExact(upload_id) FROM uploads GROUP BY tenant"


def sums_by_tenant(server: ClickHouseServer) -> dict[str, Sums]:
    """Returns the sums of each tenant, read from the samples and the ledger."""
    clickhouse = ClickHouse(Settings(clickhouse_dsn=server.dsn))
    try:
        found: dict[str, Sums] = {}
        for tenant, type_, *sums in clickhouse.rows(_SUMS):
            of_tenant = found.setdefault(tenant, Counter())
            for what, value in zip(("profiles", "totals", "samples"), sums, strict=True):
                of_tenant[type_, what] += value
        for tenant, uploads in clickhouse.rows(_UPLOADS):
            found.setdefault(tenant, Counter())["", "uploads"] += uploads
        return found
    finally:
        clickhouse.close()


def added_up(sums: Iterable[Sums]) -> Sums:
    """Returns the sums of uploads together."""
    total: Sums = Counter()
    for each in sums:
        total.update(each)
    return total
