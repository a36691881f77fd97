"""Handles of a chDB. Each runs one statement at a time, with that statement's settings alone, as on a server.

Handles are reused, as opening one and changing its settings takes longer than most statements.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from threading import Condition
from typing import Any, Final

import chdb

from tools.clickhouse_http.failure import ServerError
from tools.clickhouse_http.statement import Statement

_DEFAULT_DATABASE: Final = "default"
_SETTING_NAME: Final = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_WAIT_S: Final = 10

type _Key = tuple[str, frozenset[str]]
"""The database of a handle, and the names of the settings that it has changed."""


class Handles:
    """The handles of the chDB at `place`. Thread-safe."""

    def __init__(self, place: str) -> None:
        self._place = place
        self._free: defaultdict[_Key, list[Any]] = defaultdict(list)
        self._in_use = 0
        self._changed = Condition()

    @contextmanager
    def of(self, statement: Statement) -> Iterator[Any]:
        """Yield a handle with the statement's database and settings, reused only if it changed the same settings.

        Raises ServerError or chdb.ChdbError for invalid settings.
        """
        key = statement.database, frozenset(statement.settings)
        with self._counted():
            handle, ended = self._take(key), False
            try:
                _set(handle, statement.settings)
                if statement.read_only:
                    handle.query("SET readonly = 2", "TabSeparated")
                yield handle
                ended = statement.changes_no_session and not statement.read_only
            finally:
                # After a failure, the handle may still have rows of its statement.
                if ended:
                    self._free[key].append(handle)
                else:
                    handle.close()

    def wait(self) -> None:
        """Wait up to some seconds for running statements to end."""
        with self._changed:
            self._changed.wait_for(lambda: not self._in_use, _WAIT_S)

    @contextmanager
    def _counted(self) -> Iterator[None]:
        with self._changed:
            self._in_use += 1
        try:
            yield
        finally:
            with self._changed:
                self._in_use -= 1
                self._changed.notify_all()

    def _take(self, key: _Key) -> Any:  # noqa: ANN401  # chdb has no types
        with suppress(IndexError):
            return self._free[key].pop()
        handle = chdb.connect(self._place)
        # USE needs a grant, but a server does not check it for its default database.
        if key[0] != _DEFAULT_DATABASE:
            handle.query("USE {name:Identifier}", "TabSeparated", params={"name": key[0]})
        return handle


def quoted(text: str) -> str:
    """Return the text as a ClickHouse string literal."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _set(handle: Any, settings: Mapping[str, str]) -> None:  # noqa: ANN401
    for name in settings:
        if not _SETTING_NAME.fullmatch(name):
            raise ServerError(115, f"Setting {name} is neither a builtin setting", "UNKNOWN_SETTING")
    if settings:
        values = ", ".join(f"{name} = {quoted(value)}" for name, value in settings.items())
        handle.query(f"SET {values}", "TabSeparated")
