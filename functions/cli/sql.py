"""`flamehouse sql`: runs read-only SQL on the documented views of a database (docs/sql.md)."""

import datetime as dt
import sys
from typing import Any, Final
from uuid import UUID

import click
from clickhouse_connect.driver.query import QueryResult

from cli.database import existing_database
from cli.options import json_option
from cli.output import print_json, print_table
from flamehouse.errors import OperatorError
from flamehouse.store.connection.data_folder import STOP_SERVER, locked
from flamehouse.store.connection.errors import exit_on_failure
from flamehouse.store.schema.retention import opened
from flamehouse.store.schema.views import view_definitions

_READ_ONLY: Final = {"readonly": 2}
"""Allows only queries; the level 2 still lets the client set the settings of its format."""
_VIEWS: Final = """
SELECT table AS view, name AS column, type
FROM system.columns
WHERE database = currentDatabase() AND table IN {views:Array(String)}
ORDER BY table, position
"""
_ADVICE: Final = f"{STOP_SERVER}, as only one process at a time may open it"


@click.command()
@click.argument("query", required=False)
@json_option
def sql(*, query: str | None, as_json: bool) -> None:
    """Run a QUERY on ./data, DATA_DIR or CLICKHOUSE_DSN; - reads it from standard input.

    Without QUERY, list the views.
    """
    if query == "-":
        query = sys.stdin.read()
    with exit_on_failure():
        settings = existing_database()
        with locked(settings, _ADVICE), opened(settings) as client:
            if query is None:
                result = client.query(_VIEWS, {"views": [*view_definitions()]}, settings=_READ_ONLY)
            elif not query.strip():
                raise OperatorError("the query is empty")
            else:
                result = client.query(query, settings=_READ_ONLY)
    _print(result, as_json=as_json)


def _print(result: QueryResult, *, as_json: bool) -> None:
    names = list(result.column_names)
    if as_json:
        print_json(
            [
                {name: _plain(value) for name, value in zip(names, row, strict=True)}
                for row in result.result_rows
            ]
        )
        return
    numeric = [name for name, type_ in zip(names, result.column_types, strict=True) if _is_number(type_.name)]
    rows = [[_cell(value) for value in row] for row in result.result_rows]
    print_table(names, rows, right=numeric)


def _is_number(type_: str) -> bool:
    return type_.startswith(("Int", "UInt", "Float", "Decimal"))


def _plain(value: Any) -> object:  # noqa: ANN401  # whatever a column holds
    """Return the value in a form that JSON can represent."""
    match value:
        case dict():
            return {str(key): _plain(one) for key, one in value.items()}
        case list() | tuple():
            return [_plain(one) for one in value]
        case bytes():
            return value.hex()
        case dt.datetime():
            return value.isoformat()
        case None | bool() | int() | float() | str():
            return value
        case _:
            return str(value)


def _cell(value: Any) -> str:  # noqa: ANN401
    match value:
        case list() | tuple():
            return ";".join(map(_cell, value))
        case dict():
            return ", ".join(f"{key}={_cell(one)}" for key, one in value.items())
        case UUID() | dt.datetime():
            return str(value)
        case _:
            return str(_plain(value))
