"""Measures the bytes that a browser transfers for the web page's own files."""

import re
from typing import Final
from urllib.parse import urlsplit

from playwright.sync_api import Page, Request

_TIMELINE: Final = re.compile("/plot[.]js|/uPlot[.]")
"""Matches the files of the timeline, which load once the flame graph is drawn."""
MAX_OPENING_BYTES: Final = 36 * 1024
"""The limit for a first visit to the opening page."""
MAX_ADDED_BYTES: Final = 56 * 1024
"""The limit for a click there that leads to a flame graph with its timeline."""
MAX_PICTURE_BYTES: Final = 60 * 1024
"""The limit for a first visit straight to a flame graph, until it is drawn."""
MAX_VISIT_BYTES: Final = 90 * 1024
"""The limit for that visit with its timeline, of which uPlot is 22 KiB."""


class Transfer:
    """Measures the page's files that a tab loads from now on: their headers and compressed bodies."""

    def __init__(self, page: Page) -> None:
        self._requests: list[Request] = []
        page.on("requestfinished", lambda sent: self._requests.append(sent))  # noqa: PLW0108  # Playwright marks its handlers

    def size(self, *, timeline: bool = True) -> int:
        """Return the bytes received so far, with or without the files that only the timeline needs."""
        sizes = [each.sizes() for each in self._files(timeline)]
        return sum(each["responseHeadersSize"] + each["responseBodySize"] for each in sizes)

    def count(self, *, timeline: bool = True) -> int:
        """Return the number of files received so far, selected likewise."""
        return len(self._files(timeline))

    def _files(self, timeline: bool) -> list[Request]:
        own = [each for each in self._requests if _is_file(each.url)]
        return own if timeline else [each for each in own if not _TIMELINE.search(each.url)]


def _is_file(url: str) -> bool:
    path = urlsplit(url).path
    return path == "/" or path.startswith("/ui/")
