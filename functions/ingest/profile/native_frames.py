"""Names frames that have an address but no function: native code without symbols."""

import re
from collections.abc import Collection
from typing import Final

from flamehouse.model.profile import function_of
from flamehouse.model.symbols import Function
from flamehouse.settings import NATIVE_FRAMES_BY_MAPPING

UNKNOWN: Final = "[unknown]"
"""The name of the frame drawn for a stack without frames, and for native code with an unknown mapping."""
_SEPARATOR: Final = re.compile(r"[/\\]")


def frame_name(address: int, filename: str, style: str) -> str:
    """Return the name of a frame from the base name of its mapping's file; `style` is a value of NATIVE_FRAMES.

    For `address`, the name is `libc.so.6!0x7f21`, or `0x7f21` without a file; for `mapping`, it is `[libc.so.6]` or
    `[unknown]`.
    """
    file = _SEPARATOR.split(filename)[-1] or filename
    if style == NATIVE_FRAMES_BY_MAPPING:
        bracketed = file.startswith("[") and file.endswith("]")
        return file if bracketed else f"[{file}]" if file else UNKNOWN
    return f"{file}!{address:#x}" if file else f"{address:#x}"


class NativeFrames:
    """Names the native frames of one profile; `functions` has the names so far, by function id."""

    def __init__(self, style: str) -> None:
        self.functions: dict[int, Function] = {}
        self._style = style

    @property
    def merged_name_ids(self) -> Collection[int]:
        """The names whose consecutive frames are merged: a repeated address is recursion, a repeated file is not."""
        if self._style != NATIVE_FRAMES_BY_MAPPING:
            return frozenset()
        return {function.name_id for function in self.functions.values()}

    def name_id(self, address: int, filename: str) -> int:
        """Return the name id of an address in the mapping of a file; `filename` is empty for an unknown mapping."""
        return self._named(frame_name(address, filename, self._style))

    def unknown(self) -> int:
        """Return the name id of the frame drawn for a stack without frames."""
        return self._named(UNKNOWN)

    def _named(self, name: str) -> int:
        function = function_of(name, "", "", 0)
        self.functions[function.id] = function
        return function.name_id
