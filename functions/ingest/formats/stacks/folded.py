"""groups, also called folded or collapsed: a stack a line, written `root;child;leaf`, and how often it was met.

Format: github.com/brendangregg/FlameGraph, what its stackcollapse programs print.
"""

import re
from collections.abc import Mapping
from typing import Final

from flamehouse.errors import RpcError, invalid_argument
from ingest.formats import Parsed
from ingest.formats.stacks.stack_profile import upload_of_stacks
from ingest.formats.stacks.text_lines import split_lines
from ingest.request.body import WHOLE_BODY
from ingest.request.query import IngestRequest

_WHOLE_NUMBER: Final = re.compile(rb"[+-]?[0-9]{1,19}")
_SURE_DIGITS: Final = 18
_MAX_INT64: Final = (1 << 63) - 1
_MAX_SHOWN: Final = 40


def parse(request: IngestRequest, parts: Mapping[str, bytes]) -> Parsed:
    """One profile. A line without a space counts for nothing."""
    return upload_of_stacks(request, sum_by_stack(parts.get(WHOLE_BODY, b"")))


def sum_by_stack(text: bytes, *, strict: bool = False) -> dict[bytes, int]:
    """How often each stack was met: the number follows the last space of its line.

    RpcError invalid_argument for a number that is none of 64 bits. If `strict`, also for a negative one and for a line
    that has no space and is not empty: in a text that nobody said to be of this format.
    """
    counts: dict[bytes, int] = {}
    for number, line in enumerate(split_lines(text), 1):
        stack, space, digits = line.rpartition(b" ")
        if space:
            sure = digits.isdigit() and len(digits) <= _SURE_DIGITS
            count = int(digits) if sure else _count(digits, number, negative=not strict)
            counts[stack] = counts.get(stack, 0) + count
        elif strict and line:
            raise _no_number(digits, number)
    return counts


def _count(digits: bytes, line_number: int, *, negative: bool) -> int:
    least = -_MAX_INT64 if negative else 0
    if not _WHOLE_NUMBER.fullmatch(digits) or not least <= int(digits) <= _MAX_INT64:
        raise _no_number(digits, line_number)
    return int(digits)


def _no_number(digits: bytes, line_number: int) -> RpcError:
    shown = digits[:_MAX_SHOWN].decode(errors="replace")
    return invalid_argument(f"line {line_number} ends in no whole number of 64 bits: '{shown}'")
