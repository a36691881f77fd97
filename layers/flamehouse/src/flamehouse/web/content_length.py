"""The announced length of a request's body.

A separate module, so that functions that read no body import no decompression.
"""

from typing import Final

from starlette.datastructures import Headers

_MAX_DIGITS: Final = 15


def content_length(headers: Headers) -> int:
    """Return the length in bytes; 0 if the header is missing or invalid."""
    text = headers.get("Content-Length", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS else 0
