"""Converts the text of an upload to UTF-8."""

from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE

from flamehouse.errors import invalid_argument


def utf8_text(data: bytes) -> bytes:
    """Convert UTF-8 or UTF-16, which PowerShell's `>` writes, to UTF-8 without a byte order mark.

    Raises RpcError(INVALID_ARGUMENT) for invalid UTF-16; UTF-8 is not checked.
    """
    if data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        try:
            return data.decode("utf-16").encode()
        except UnicodeError as error:
            raise invalid_argument(
                f"the text has a UTF-16 byte order mark, but is not valid UTF-16: {error}"
            ) from error
    return data.removeprefix(BOM_UTF8)


def utf8_beginning(data: bytes) -> bytes:
    """Like `utf8_text`, for the beginning of a text: drops a truncated character."""
    if data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        return data.decode("utf-16", errors="ignore").encode(errors="ignore")
    return data.removeprefix(BOM_UTF8)
