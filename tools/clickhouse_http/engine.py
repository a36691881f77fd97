"""Runs statements on a chDB."""

import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from xml.sax.saxutils import escape

import chdb

from tools.clickhouse_http.handles import Handles, quoted
from tools.clickhouse_http.statement import Statement

_FIRST_WITH_BLOCK_INFO: Final = 51903
"""The first revision in which Native blocks begin with `_BLOCK_INFO`."""
_BLOCK_INFO: Final = b"\x01\x00\x02\xff\xff\xff\xff\x00"
"""is_overflows = 0, bucket_num = -1, end."""
_USERS: Final = """\
<clickhouse>
  <users_config>{file}</users_config>
  <profiles><default>{settings}</default></profiles>
  <quotas><default/></quotas>
  <users>
    <default>
      <password/>
      <networks><ip>::/0</ip></networks>
      <profile>default</profile>
      <quota>default</quota>
      <grants>{grants}</grants>
    </default>
  </users>
</clickhouse>
"""
"""A configuration with a single user, as whom chDB runs every statement, with only these grants and settings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The rows of a result in their format, and the fields of X-ClickHouse-Summary."""

    rows: bytes
    summary: Mapping[str, str]


class Engine:
    """A chDB at `path`; statements may run concurrently.

    Statements may do what `grants` allow (such as `SELECT ON flamehouse.*`), or anything if there are no grants.
    `profile` is a settings profile in SQL: `readonly = 2, max_execution_time = 25 MIN 1 MAX 29`.
    """

    def __init__(self, path: str, grants: Sequence[str] = (), profile: str = "") -> None:
        place = f"{path}?config-file={_configured(path, grants, profile)}" if grants else path
        self._open = chdb.connect(place)
        self._handles = Handles(place)
        self.version = self._open.query("SELECT version()", "TabSeparatedRaw").bytes().decode().strip()

    def run(self, statement: Statement) -> Answer:
        """Run a statement. Raises chdb.ChdbError with ClickHouse's message."""
        with self._handles.of(statement) as handle:
            if statement.data is not None:
                return _insert(handle, statement, statement.data)
            if statement.format == "Native" and statement.protocol_version >= _FIRST_WITH_BLOCK_INFO:
                return Answer(rows=_blocks(handle, statement), summary={})
            result = handle.query(statement.sql, statement.format, params=dict(statement.parameters))
            return Answer(rows=result.bytes() or b"", summary=_summary(result, "read"))

    def wait(self) -> None:
        """Wait up to some seconds for running statements to end."""
        self._handles.wait()


def _configured(path: str, grants: Sequence[str], profile: str) -> Path:
    """Write a file with the grants and the settings profile next to the data folder."""
    file = Path(path).absolute().with_suffix(".users.xml")
    queries = "".join(f"<query>GRANT {escape(grant)}</query>" for grant in grants)
    file.write_text(_USERS.format(file=escape(str(file)), grants=queries, settings=_profile_xml(profile)))
    return file


def _profile_xml(profile: str) -> str:
    """Return the settings of a profile and their bounds as XML elements."""
    values, bounds = "", ""
    for setting in filter(None, profile.split(", ")):
        name, _, value, *limits = setting.split()
        values += f"<{name}>{escape(value)}</{name}>"
        of_setting = "".join(
            f"<{bound.lower()}>{escape(limit)}</{bound.lower()}>"
            for bound, limit in zip(limits[::2], limits[1::2], strict=True)
        )
        bounds += f"<{name}>{of_setting}</{name}>" if of_setting else ""
    return f"{values}<constraints>{bounds}</constraints>"


def _insert(handle: Any, statement: Statement, data: bytes) -> Answer:  # noqa: ANN401  # chdb has no types
    """Run an INSERT with formatted rows, which chDB reads from a file."""
    with tempfile.NamedTemporaryFile(delete=False) as file:
        file.write(data)
    try:
        source = f" FROM INFILE {quoted(file.name)} COMPRESSION 'none' FORMAT {statement.format}"
        result = handle.query(statement.sql + source.encode(), "TabSeparated")
    finally:
        os.unlink(file.name)  # noqa: PTH108  # made by tempfile, whose names are strings
    return Answer(rows=b"", summary=_summary(result, "written"))


def _blocks(handle: Any, statement: Statement) -> bytes:  # noqa: ANN401
    """Return a result in the Native format for newer clients, in which blocks have headers."""
    parameters = dict(statement.parameters)
    if statement.is_select:
        # Results of other statements (DESCRIBE, SHOW) are a single block.
        blocks = handle.send_query(statement.sql, "Native", params=parameters)
        return b"".join(_BLOCK_INFO + block.bytes() for block in blocks)
    block = handle.query(statement.sql, "Native", params=parameters).bytes()
    return _BLOCK_INFO + block if block else b""


def _summary(result: Any, verb: str) -> dict[str, str]:  # noqa: ANN401
    """Return the numbers of rows and bytes; an INSERT from a file reads as many as it writes."""
    return {
        f"{verb}_rows": str(result.rows_read()),
        f"{verb}_bytes": str(result.bytes_read()),
        "elapsed_ns": str(int(result.elapsed() * 1e9)),
    }
