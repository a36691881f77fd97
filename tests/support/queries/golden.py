"""Golden files: the complete SQL that ClickHouse receives, checked in so that a review shows changes of it."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Final

from tests.support.servers.place import REPO
from tools.clickhouse_http.process import ClickHouseServer, Received

GOLDEN: Final = REPO / "tests" / "flamehouse" / "store" / "golden"
UPDATE: Final = bool(os.environ.get("UPDATE_GOLDEN"))
"""Whether this run writes the files instead of comparing them, as `make golden` does."""

_PARAMETER: Final = re.compile(r"\{(\w+):([^{}]+)\}")
_FORMAT: Final = re.compile(r"\s+FORMAT Native\s*$")
_VARYING: Final = frozenset({"insert_deduplication_token", "log_comment", "max_execution_time"})
"""Settings whose values differ from run to run."""
_OF_CLIENT: Final = frozenset({"cancel_http_readonly_queries_on_client_close"})
"""Settings that clickhouse-connect sends with every statement."""


@dataclass(slots=True, kw_only=True)
class Recording:
    """The statements that a server received while a case ran."""

    statements: Sequence[Received] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Returns the statements as a golden file stores them: names and types of parameters, settings, SQL."""
        counted = ((text, len([*same])) for text, same in groupby(map(_text, self.statements)))
        return "\n".join(f"-- {count} times\n{text}" if count > 1 else text for text, count in counted)


@contextmanager
def recording(server: ClickHouseServer) -> Iterator[Recording]:
    """Records the statements that the server receives in this block."""
    before = len(server.records())
    recorded = Recording()
    yield recorded
    recorded.statements = server.records()[before:]


def compare(name: str, text: str) -> None:
    """Compares the text with the golden file, or writes the file in a run with UPDATE_GOLDEN."""
    file = _file(name)
    if UPDATE:
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    expected = file.read_text() if file.exists() else ""
    assert text == expected, (
        f"{file.name} differs: if that is the change, run `make golden` and commit the files"
    )


def stale_files(names: Sequence[str]) -> list[str]:
    """Returns the golden files without a case; a run with UPDATE_GOLDEN deletes them."""
    stale = sorted(set(GOLDEN.glob("*.sql")) - {_file(name) for name in names})
    if UPDATE:
        for file in stale:
            file.unlink()
        return []
    return [file.name for file in stale]


def _file(name: str) -> Path:
    return GOLDEN / f"{name}.sql"


def _text(statement: Received) -> str:
    sql = _FORMAT.sub("", statement.sql).strip()
    types = dict(_PARAMETER.findall(sql))
    lines = {
        "parameters": ", ".join(f"{name} {type_}" for name, type_ in sorted(types.items())),
        "bound in vain": ", ".join(sorted(set(statement.parameters) - types.keys())),
        "settings": ", ".join(_settings(statement.settings)),
    }
    comments = [f"-- {title}: {line}" for title, line in lines.items() if line]
    return "\n".join([*comments, f"{sql};\n"])


def _settings(settings: Mapping[str, str]) -> Iterator[str]:
    for name, value in sorted(settings.items()):
        if name in _OF_CLIENT:
            continue
        yield name if name in _VARYING else f"{name} = {value}"
