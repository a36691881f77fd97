"""The database as one query sees it: all statements run with the query's own settings."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from flamehouse.store.connection.client import ClickHouse, Parameters, ServerSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """The database for one query: `settings` are its limits and the tag that identifies its statements.

    `profiles` is SQL to read profiles from: the table, or a subquery while older profiles are carried over.
    """

    clickhouse: ClickHouse
    settings: ServerSettings
    profiles: str = "sampled_profiles"

    def rows(self, sql: str, parameters: Parameters | None = None) -> Sequence[Sequence[Any]]:
        """The rows of the result; see `ClickHouse.rows`."""
        return self.clickhouse.rows(sql, parameters, self.settings)

    def columns(
        self, sql: str, parameters: Parameters | None = None, *, text: bool = True
    ) -> Sequence[Sequence[Any]]:
        """The columns of the result; see `ClickHouse.columns`."""
        return self.clickhouse.columns(sql, parameters, self.settings, text=text)

    def with_settings(self, settings: ServerSettings) -> Self:
        """A copy with these settings added; they override existing ones."""
        return replace(self, settings={**self.settings, **settings})
