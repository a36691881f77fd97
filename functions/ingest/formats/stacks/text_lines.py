"""The lines of a text upload, none of them longer than Pyroscope reads."""

from typing import Final

from flamehouse.errors import invalid_argument

_MAX_LINE_BYTES: Final = (1 << 16) - 1


def split_lines(text: bytes) -> list[bytes]:
    """The lines without the LF or CR LF at their ends; RpcError invalid_argument for one of 64 KiB or more."""
    lines = text.split(b"\n")
    if max(map(len, lines)) > _MAX_LINE_BYTES:
        number = next(number for number, line in enumerate(lines, 1) if len(line) > _MAX_LINE_BYTES)
        raise invalid_argument(f"line {number} is longer than {_MAX_LINE_BYTES} bytes")
    return [line.removesuffix(b"\r") for line in lines] if b"\r" in text else lines
