"""ClickHouse exceptions, and the HTTP statuses of their responses.

Codes: system.errors. Statuses: exceptionCodeToHTTPStatus in ClickHouse's src/Server/HTTP.
"""

import re
from typing import Final

_STATUSES: Final[dict[int, int]] = {
    **dict.fromkeys((6, 25, 26, 27, 32, 38, 41, 53, 62, 69, 72, 117, 118, 427), 400),
    194: 401,
    **dict.fromkeys((164, 192, 193, 497, 516), 403),
    **dict.fromkeys((46, 47, 50, 56, 60, 73, 81, 115), 404),
    159: 408,
    48: 501,
    **dict.fromkeys((76, 209, 439), 503),
}
_OTHERWISE: Final = 500
_UNKNOWN: Final = 1002
_CODE: Final = re.compile(r"Code: (\d+)")


class ServerError(Exception):
    """A ClickHouse exception: its code in system.errors, a message, and the name of the code."""

    def __init__(self, code: int, message: str, name: str) -> None:
        super().__init__(f"Code: {code}. DB::Exception: {message}. ({name})")


def code_and_status(error: Exception) -> tuple[int, int]:
    """Return ClickHouse's code for a failure, 1002 (unknown) if it has none, and the status of the response."""
    found = _CODE.search(str(error))
    code = int(found[1]) if found else _UNKNOWN
    return code, _STATUSES.get(code, _OTHERWISE)


def in_words(error: Exception, version: str) -> str:
    """Return the body of the response to a failed statement."""
    text = str(error)
    found = _CODE.search(text)
    unknown = f"Code: {_UNKNOWN}. DB::Exception: {text}. (UNKNOWN_EXCEPTION)"
    return f"{text[found.start() :] if found else unknown} (version {version})\n"
