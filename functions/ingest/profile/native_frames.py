"""Names for frames that have an address and no function: native code without symbols."""

import re
from collections.abc import Collection
from typing import Final

from flamehouse.model.profile import Function, function_of
from flamehouse.settings import NATIVE_FRAMES_BY_MAPPING

UNKNOWN: Final = "[unknown]"
"""The frame of a stack that has none, and of native code whose mapping is unknown."""
_SEPARATOR: Final = re.compile(r"[/\\]")


def frame_name(address: int, filename: str, style: str) -> str:
    """Names a frame after the base name of its mapping's file, by `style` as NATIVE_FRAMES is written.

    By address the name is `libc.so.6!0x7f21`, or `0x7f21` without a file; by mapping it is `[libc.so.6]` or `[unknown]`.
    """
    file = _SEPARATOR.split(filename)[-1] or filename
    if style == NATIVE_FRAMES_BY_MAPPING:
        bracketed = file.startswith("[") and file.endswith("]")
        return file if bracketed else f"[{file}]" if file else UNKNOWN
    return f"{file}!{address:#x}" if file else f"{address:#x}"


class NativeFrames:
    """Names the native frames of one profile; `functions` holds the names given so far, by function id."""

    def __init__(self, style: str) -> None:
        self.functions: dict[int, Function] = {}
        self._style = style

    @property
    def merged_name_ids(self) -> Collection[int]:
        """The names of which consecutive frames are drawn as one: an address that recurs is a recursion, a file is not."""
        if self._style != NATIVE_FRAMES_BY_MAPPING:
            return frozenset()
        return {function.name_id for function in self.functions.values()}

    def name_id(self, address: int, filename: str) -> int:
        """The name id of an address within the mapping of a file, which is empty where the mapping is unknown."""
        return self._named(frame_name(address, filename, self._style))

    def unknown(self) -> int:
        """The name id of the frame of a stack that has none."""
        return self._named(UNKNOWN)

    def _named(self, name: str) -> int:
        function = function_of(name, "", "", 0)
        self.functions[function.id] = function
        return function.name_id
