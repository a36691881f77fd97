"""A server with profiles, and a browser."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.ui.profiles import Filled, fill
from tools.local_server import local_server

_NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
_PATIENCE_MS: Final = 20_000
"""How long tests wait for the page, which may share its cores with other tests."""


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser of the distribution; tests are skipped without one. CHROMIUM names another."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        pytest.skip("needs Chromium: apt-get install chromium, or CHROMIUM=/path/to/it")
    return found


# Module scope instead of session: while Playwright runs, asyncio.run fails in its thread.
@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    expect.set_options(timeout=_PATIENCE_MS)
    with sync_playwright() as playwright:
        # Containers run as root, where Chromium has no sandbox.
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def filled(chromium: str) -> Iterator[Filled]:  # noqa: ARG001  # no server is started without a browser
    """The local server with two services over the last two hours."""
    with local_server(RETENTION_DAYS="0", MAX_LABEL_NAMES="100") as running:
        yield fill(running.url)


@pytest.fixture
def faults() -> list[str]:
    """Faults of the page: errors, blocked content, requests to other hosts."""
    return []


@pytest.fixture
def page(browser: Browser, filled: Filled, faults: list[str], tmp_path: Path) -> Iterator[Page]:
    """A tab that records faults; a test with any of them fails."""
    context = browser.new_context(
        viewport={"width": 1440, "height": 900}, base_url=filled.url, accept_downloads=True
    )
    tab = context.new_page()
    tab.set_default_timeout(_PATIENCE_MS)
    tab.on("pageerror", lambda error: faults.append(f"error: {error}"))
    tab.on("console", lambda line: faults.append(line.text) if line.type in {"error", "warning"} else None)
    tab.on("request", lambda sent: None if _is_own(sent.url, filled.url) else faults.append(sent.url))
    yield tab
    if os.environ.get("UI_SCREENSHOTS"):
        tab.screenshot(path=tmp_path / "page.png")
    context.close()
    assert faults == []


def _is_own(url: str, server: str) -> bool:
    return url.startswith((f"{server}/", "blob:", "data:"))
