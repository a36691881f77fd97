"""Reads groups, also called folded or collapsed: each line has a stack, written `root;child;leaf`, and its count.

Format: github.com/brendangregg/FlameGraph, the output of its stackcollapse programs.
"""

import re
from collections.abc import Mapping
from typing import Final

from flamehouse.errors import RpcError, invalid_argument
from flamehouse.units import MAX_INT64
from ingest.formats import Parsed
from ingest.formats.stacks import austin
from ingest.formats.stacks.stack_profile import upload_of_stacks
from ingest.formats.stacks.text_beginning import text_format
from ingest.formats.stacks.text_lines import is_comment, split_lines
from ingest.formats.unread import refuse_json
from ingest.request.body import WHOLE_BODY
from ingest.request.query import IngestRequest
from ingest.request.text import utf8_beginning

_WHOLE_NUMBER: Final = re.compile(rb"[+-]?[0-9]{1,19}")
_SURE_DIGITS: Final = 18
_HASH: Final = ord("#")
_MAX_SHOWN: Final = 40
_STACK_AND_COUNT: Final = 2
_LOOKED_AT_BYTES: Final = 512


def parse(request: IngestRequest, parts: Mapping[str, bytes]) -> Parsed:
    """Returns one profile. In text with a header of austin, numbers are microseconds."""
    text = parts.get(WHOLE_BODY, b"")
    if text_format(utf8_beginning(text[:_LOOKED_AT_BYTES])) == "austin":
        return austin.parse(request, parts)
    return upload_of_stacks(request, sum_by_stack(text))


def sum_by_stack(text: bytes, *, negative: bool = True) -> dict[bytes, int]:
    """Returns the count of each stack: the number follows the last blanks of its line.

    Empty lines, comments and numbers without a stack are skipped. Raises RpcError(INVALID_ARGUMENT) for any other
    line that does not end in a 64-bit integer and, unless `negative`, for a negative integer.
    """
    counts: dict[bytes, int] = {}
    try:
        _add_lines(text, counts, negative=negative)
    except RpcError:
        refuse_json(text)
        raise
    return counts


def _add_lines(text: bytes, counts: dict[bytes, int], *, negative: bool) -> None:
    for number, line in enumerate(split_lines(text), 1):
        words = line.rsplit(None, 1)
        digits = words[-1] if words else b""
        if len(words) == _STACK_AND_COUNT and digits.isdigit() and len(digits) <= _SURE_DIGITS:
            if line[0] != _HASH or not is_comment(line):
                counts[words[0]] = counts.get(words[0], 0) + int(digits)
        elif words and not is_comment(line):
            count = _count(digits, number, negative=negative)
            if len(words) == _STACK_AND_COUNT:
                counts[words[0]] = counts.get(words[0], 0) + count


def _count(digits: bytes, line_number: int, *, negative: bool) -> int:
    least = -MAX_INT64 if negative else 0
    if not _WHOLE_NUMBER.fullmatch(digits) or not least <= int(digits) <= MAX_INT64:
        raise _no_number(digits, line_number)
    return int(digits)


def _no_number(digits: bytes, line_number: int) -> RpcError:
    shown = digits[:_MAX_SHOWN].decode(errors="replace")
    return invalid_argument(
        f"line {line_number}: expected a stack, a space and a 64-bit integer, but it ends in '{shown}'"
    )
