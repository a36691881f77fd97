"""The text of an upload in UTF-8, whatever encoding it came in."""

from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE

from flamehouse.errors import invalid_argument


def utf8_text(data: bytes) -> bytes:
    """The text in UTF-8 without a byte order mark, from UTF-8 or UTF-16: PowerShell's `>` writes the latter.

    Raises RpcError(INVALID_ARGUMENT) for damaged UTF-16; what follows a mark of UTF-8, or no mark, is not checked.
    """
    if data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        try:
            return data.decode("utf-16").encode()
        except UnicodeError as error:
            raise invalid_argument(
                f"the text is not UTF-16, in spite of its byte order mark: {error}"
            ) from error
    return data.removeprefix(BOM_UTF8)


def utf8_beginning(data: bytes) -> bytes:
    """The beginning of a text as `utf8_text` has the whole: a character that is cut off is dropped."""
    if data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        return data.decode("utf-16", errors="ignore").encode(errors="ignore")
    return data.removeprefix(BOM_UTF8)
