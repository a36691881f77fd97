"""axe finds nothing critical or serious on any page, in either theme, narrow or wide."""

import re
from typing import Final
from urllib.parse import quote

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.ui.profiles import TYPE, Filled

QUERY: Final = quote(TYPE + '{service_name="checkout"}')
PAGES: Final = {
    "services": "/",
    "single": f"/?page=single&from=now-3h&query={QUERY}",
    "callers": f"/?page=single&from=now-3h&query={QUERY}&sandwich=encoding/json.Marshal",
    "compare": f"/?page=compare&from=now-3h&query={QUERY}",
    "diff": f"/?page=diff&from=now-2h&query={QUERY}",
    "tags": f"/?page=tags&from=now-3h&query={QUERY}&groupBy=region",
    "empty": f"/?page=single&from=1000&until=2000&query={QUERY}",
}
GRAVE: Final = {"critical", "serious"}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 420, 1440])
def test_no_page_has_a_serious_accessibility_violation(
    browser: Browser, filled: Filled, width: int, scheme: str
) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        base_url=filled.url,
        color_scheme="dark" if scheme == "dark" else "light",
        # axe is injected into the page, which the page's own policy would prevent.
        bypass_csp=True,
    )
    found = {}
    for name, path in PAGES.items():
        page = context.new_page()
        page.goto(path)
        loaded(page)
        violations = Axe().run(page).response["violations"]
        found[name] = [
            (each["id"], [node["html"][:160] for node in each["nodes"][:3]])
            for each in violations
            if each["impact"] in GRAVE
        ]
        # Nothing scrolls sideways, even at 320 px: 1,280 px at a zoom of 400 %.
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, name
        page.close()
    context.close()
    assert {name: faults for name, faults in found.items() if faults} == {}


def loaded(page: Page) -> None:
    """Waits until the page has loaded its data."""
    page.wait_for_load_state("networkidle")
    expect(page.locator("main h2, main [role=tree], main table").first).to_be_attached()


@pytest.mark.parametrize("dialog", ["sign-in", "keys"])
def test_no_dialog_has_a_serious_accessibility_violation(
    browser: Browser, filled: Filled, dialog: str
) -> None:
    context = browser.new_context(base_url=filled.url, bypass_csp=True)
    page = context.new_page()
    page.goto(PAGES["single"])
    loaded(page)
    if dialog == "sign-in":
        page.get_by_role("button", name="Sign in").click()
    else:
        page.get_by_role("tree", name=re.compile("^Flame graph")).focus()
        page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    violations = Axe().run(page).response["violations"]
    context.close()
    assert [each["id"] for each in violations if each["impact"] in GRAVE] == []
