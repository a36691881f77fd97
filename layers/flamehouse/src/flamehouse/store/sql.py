"""Loads SQL from `.sql` files: `SqlFile(__file__)` is the file next to a module that has the module's name.

A file is a list of named parts, each after a line `-- part: NAME`. A part is a `string.Template`: `$name` is a
placeholder for other SQL, and `{name:Type}` for a value that ClickHouse binds. Values are never formatted into the
text. Comments are not sent.
"""

import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from string import Template
from typing import Final

_PART: Final = re.compile(r"^-- part: (\w+)\n", re.MULTILINE)
_COMMENT: Final = re.compile(r"^ *--.*\n?", re.MULTILINE)


class SqlFile:
    """The parts of the `.sql` file next to `module_file`, read on first use."""

    def __init__(self, module_file: str) -> None:
        self._path = Path(module_file).with_suffix(".sql")

    def __call__(self, part: str, /, **sql: str) -> str:
        """Return a part, without the line break at its end, with `sql` substituted for its `$names`.

        Raises: KeyError for an unknown part or a missing `$name`.
        """
        return self._parts[part].substitute(sql)

    @cached_property
    def _parts(self) -> Mapping[str, Template]:
        _, *named = _PART.split(self._path.read_text())
        texts = zip(named[::2], named[1::2], strict=True)
        return {name: Template(_COMMENT.sub("", text).strip("\n")) for name, text in texts}
