"""What is known by ids, looked up in as many questions as it takes: a parameter has to fit a field of a form."""

from collections.abc import Iterable
from itertools import batched
from typing import Any

from flamehouse.store.read.reader import Reader
from flamehouse.store.read.selection import Selection

_MAX_ASKED = 4_096
"""Ids in a question: a server takes no field over 128 KiB (http_max_field_value_size)."""


def look_up(reader: Reader, sql: str, ids: Iterable[int], selection: Selection) -> dict[int, Any]:
    """What each id stands for: `sql` answers with an id and that, of `{ids:Array(UInt64)}` and what the selection binds."""
    found: dict[int, Any] = {}
    for asked in batched(ids, _MAX_ASKED, strict=False):
        columns = reader.columns(sql, {**selection.parameters, "ids": [*asked]})
        if columns:
            found.update(zip(*columns, strict=True))
    return found
