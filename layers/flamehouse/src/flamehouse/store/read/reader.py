"""What a question reads the database through: whatever it asks is asked with the question's own settings."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from flamehouse.store.connection.client import ClickHouse, Parameters, ServerSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """The database, for one question: `settings` are its limits, and the tag that its queries are stopped by."""

    clickhouse: ClickHouse
    settings: ServerSettings

    def rows(self, sql: str, parameters: Parameters | None = None) -> Sequence[Sequence[Any]]:
        """The rows of the answer, as `ClickHouse.rows`."""
        return self.clickhouse.rows(sql, parameters, self.settings)

    def columns(
        self, sql: str, parameters: Parameters | None = None, *, text: bool = True
    ) -> Sequence[Sequence[Any]]:
        """The columns of the answer, as `ClickHouse.columns`."""
        return self.clickhouse.columns(sql, parameters, self.settings, text=text)

    def with_settings(self, settings: ServerSettings) -> Self:
        """The same, asking with these settings besides, or in the place of its own."""
        return replace(self, settings={**self.settings, **settings})
