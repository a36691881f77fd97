"""The database for direct reads by tests, which include every upload that the store has acknowledged."""

from collections.abc import Callable, Sequence
from typing import Any

from flamehouse.store.connection.client import ClickHouse, Parameters, ServerSettings


class SettledClickHouse(ClickHouse):
    """Calls `settle` before each statement, as the store does before its own queries."""

    settle: Callable[[], None] = staticmethod(lambda: None)

    def rows(
        self, sql: str, parameters: Parameters | None = None, settings: ServerSettings | None = None
    ) -> Sequence[Sequence[Any]]:
        self.settle()
        return super().rows(sql, parameters, settings)

    def command(
        self, sql: str, parameters: Parameters | None = None, settings: ServerSettings | None = None
    ) -> None:
        self.settle()
        super().command(sql, parameters, settings)

    def columns(
        self,
        sql: str,
        parameters: Parameters | None = None,
        settings: ServerSettings | None = None,
        *,
        text: bool = True,
    ) -> Sequence[Sequence[Any]]:
        self.settle()
        return super().columns(sql, parameters, settings, text=text)
