"""Converts recordings of Firefox and of CPython's sampling profiler to the tables that `firefox` reads.

Format: the Gecko profile format, docs-developer/gecko-profile-format.md of github.com/firefox-devtools/profiler. A
table has a `schema`, which gives each field's index in a row, and `data`, the rows. A frame's location is one text.
Other processes are profiles nested in the profile.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from flamehouse.errors import invalid_argument
from ingest.request.json_fields import list_of, number_from, number_of, object_of, objects_of, text_of

_SCRIPT: Final = re.compile(r"(.+) \([^()]+:\d+(?::\d+)?\)")
"""The location of a function in a script: its name, file, line and column."""
_NATIVE: Final = re.compile(r"(.+) \(in [^()]*\)(?: \+ \d+)?")
"""The location of a function in a library: its name and the library's name."""
_ADDRESS: Final = re.compile(r"0x[0-9a-fA-F]{1,16}")

type _Library = tuple[int, int, str]
"""The first address of a library, the address after its last one, and its name."""


def is_recorded(file: Mapping[str, object]) -> bool:
    """Returns whether the file is a recording, whose tables consist of rows instead of columns."""
    return any("schema" in object_of(thread.get("samples"), "samples") for thread in _own_threads(file))


def threads_of(file: Mapping[str, object]) -> Iterator[Mapping[str, object]]:
    """Yields the threads of all processes, with their tables as columns."""
    waiting = [file]
    while waiting:
        process = waiting.pop()
        libraries = [_library(each) for each in objects_of(process, "libs")]
        for thread in _own_threads(process):
            yield _in_columns(thread, libraries)
        waiting += reversed(objects_of(process, "processes"))


def _own_threads(process: Mapping[str, object]) -> Sequence[Mapping[str, object]]:
    return objects_of(process, "threads")


def _in_columns(thread: Mapping[str, object], libraries: Sequence[_Library]) -> Mapping[str, object]:
    strings = [_name(str(text), libraries) for text in list_of(thread, "stringTable")]
    return {
        "name": text_of(thread, "name"),
        "processName": text_of(thread, "processName") or text_of(thread, "processType"),
        "samples": {"stack": _column(thread, "samples", "stack")},
        "stackTable": {
            "prefix": _column(thread, "stackTable", "prefix"),
            "frame": _column(thread, "stackTable", "frame"),
        },
        "frameTable": {"func": _column(thread, "frameTable", "location")},
        "funcTable": {"name": [*range(len(strings))]},
        "stringArray": strings,
    }


def _column(thread: Mapping[str, object], table: str, field: str) -> list[object]:
    """Returns a field of each row, None for a row that is too short. Raises RpcError if the schema lacks the field."""
    content = object_of(thread.get(table), table)
    schema = object_of(content.get("schema"), f"the schema of {table}")
    if field not in schema:
        raise invalid_argument(f"the schema of {table} has no {field}")
    place = int(number_from(schema[field], field))
    rows = list_of(content, "data")
    if place < 0 or not all(isinstance(row, list) for row in rows):
        raise invalid_argument(
            f"the rows of {table} are not lists, or the schema gives {field} a negative index"
        )
    return [row[place] if place < len(row) else None for row in rows if isinstance(row, list)]


def _library(library: Mapping[str, object]) -> _Library:
    name = text_of(library, "name") or text_of(library, "path")
    return int(number_of(library, "start")), int(number_of(library, "end")), name


def _name(location: str, libraries: Sequence[_Library]) -> str:
    """Returns the name of the function at a location; for a bare address, its library and the address in that."""
    found = _SCRIPT.fullmatch(location) or _NATIVE.fullmatch(location)
    if found is not None:
        return found[1]
    if not _ADDRESS.fullmatch(location):
        return location
    address = int(location, 16)
    for start, end, name in libraries:
        if start <= address < end and name:
            return f"{name}!{address - start:#x}"
    return location
