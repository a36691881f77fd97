"""groups, also called folded or collapsed: a stack a line, written `root;child;leaf`, and how often it was met.

Format: github.com/brendangregg/FlameGraph, what its stackcollapse programs print.
"""

import re
from collections.abc import Mapping
from typing import Final

from flamehouse.errors import invalid_argument
from ingest.body import WHOLE_BODY
from ingest.formats import Parsed
from ingest.request import IngestRequest
from ingest.stack_profile import upload_of_stacks
from ingest.text_lines import split_lines

_WHOLE_NUMBER: Final = re.compile(rb"[+-]?[0-9]{1,19}")
_SURE_DIGITS: Final = 18
_MAX_INT64: Final = (1 << 63) - 1
_MAX_SHOWN: Final = 40


def parse(request: IngestRequest, parts: Mapping[str, bytes]) -> Parsed:
    """One profile. The number follows the last space of a line; a line without a space counts for nothing."""
    counts: dict[bytes, int] = {}
    for number, line in enumerate(split_lines(parts.get(WHOLE_BODY, b"")), 1):
        stack, space, digits = line.rpartition(b" ")
        if space:
            count = (
                int(digits) if digits.isdigit() and len(digits) <= _SURE_DIGITS else _count(digits, number)
            )
            counts[stack] = counts.get(stack, 0) + count
    return upload_of_stacks(request, counts)


def _count(digits: bytes, line_number: int) -> int:
    if not _WHOLE_NUMBER.fullmatch(digits) or abs(int(digits)) > _MAX_INT64:
        shown = digits[:_MAX_SHOWN].decode(errors="replace")
        raise invalid_argument(f"line {line_number} ends in no whole number of 64 bits: '{shown}'")
    return int(digits)
