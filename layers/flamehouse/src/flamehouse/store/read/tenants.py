"""The tenants of a query, as SQL.

Rows of several tenants have the same fingerprint if their series have the same labels. Counts and comparisons by series
therefore use the tenant and the fingerprint. Ids of stacks, functions and locations are hashes of their content, so
equal ids of two tenants have the same content.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from flamehouse.identity.tenant import Tenants

type Parameters = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantRows:
    """The condition on rows of these tenants, in any table, and its parameter.

    `series` are the columns that identify a series among the rows. With a single tenant, the tenant is not one of them,
    since queries would read it for each profile.
    """

    sql: str
    parameters: Parameters
    series: str

    @classmethod
    def of(cls, tenants: Tenants) -> Self:
        """The rows of one tenant or more."""
        if len(tenants) == 1:
            return cls(
                sql="tenant = {tenant:String}", parameters={"tenant": tenants[0]}, series="fingerprint"
            )
        return cls(
            sql="tenant IN {tenants:Array(String)}",
            parameters={"tenants": list(tenants)},
            series="tenant, fingerprint",
        )
