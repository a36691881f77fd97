"""Splits the text of an upload, in any encoding and with any line ends, into lines without trailing blanks."""

from typing import Final

from flamehouse.errors import invalid_argument
from ingest.request.text import utf8_text

_MAX_LINE_BYTES: Final = (1 << 16) - 1
_COMMENT: Final = b"#"
_AFTER_COMMENT: Final = frozenset({b"", b" ", b"\t", b"#", b"!", b"="})


def split_lines(text: bytes) -> list[bytes]:
    """Returns the lines of a text in UTF-8 or UTF-16, without trailing blanks and LF or CR LF.

    Raises RpcError(INVALID_ARGUMENT) for a line of 64 KiB or more.
    """
    lines = utf8_text(text).split(b"\n")
    if max(map(len, lines)) > _MAX_LINE_BYTES:
        number = next(number for number, line in enumerate(lines, 1) if len(line) > _MAX_LINE_BYTES)
        raise invalid_argument(f"line {number} is longer than {_MAX_LINE_BYTES} bytes")
    return [*map(bytes.rstrip, lines)]


def is_comment(line: bytes) -> bool:
    """Returns whether a line is a comment or header (`# mode: wall`), not a stack whose first name begins with `#`."""
    return line.startswith(_COMMENT) and line[1:2] in _AFTER_COMMENT
