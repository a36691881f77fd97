"""The bytes that a browser transfers for the web page's own files."""

from typing import Final
from urllib.parse import urlsplit

from playwright.sync_api import Page, Request

MAX_OPENING_BYTES: Final = 60 * 1024


class Transfer:
    """Counts the files of the page that a tab loads after its construction: headers and compressed bodies."""

    def __init__(self, page: Page) -> None:
        self._requests: list[Request] = []
        page.on("requestfinished", lambda sent: self._requests.append(sent))  # noqa: PLW0108  # Playwright marks its handlers

    def size(self) -> int:
        """Return the bytes received so far."""
        sizes = [each.sizes() for each in self._requests if _is_file(each.url)]
        return sum(each["responseHeadersSize"] + each["responseBodySize"] for each in sizes)


def _is_file(url: str) -> bool:
    path = urlsplit(url).path
    return path == "/" or path.startswith("/ui/")
