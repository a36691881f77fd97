"""Looks up values by id in batches, since a parameter must fit into one form field."""

from collections.abc import Iterable
from itertools import batched
from typing import Any

from flamehouse.store.read.reader import Reader
from flamehouse.store.read.selection import Selection

_MAX_IDS = 4_096
"""The maximum number of ids in a query: a server rejects fields over 128 KiB (http_max_field_value_size)."""


def look_up(reader: Reader, sql: str, ids: Iterable[int], selection: Selection) -> dict[int, Any]:
    """Runs `sql` over ids in batches; rows are (id, value).

    `sql` may use `{ids:Array(UInt64)}` and the parameters of the selection.
    """
    found: dict[int, Any] = {}
    for batch in batched(ids, _MAX_IDS, strict=False):
        columns = reader.columns(sql, {**selection.parameters, "ids": [*batch]})
        if columns:
            found.update(zip(*columns, strict=True))
    return found
