"""The page on other kinds of servers: empty, with a credential, behind a prefix, and on another origin."""

import re
import time
from collections.abc import Iterator
from urllib.parse import quote

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.ui.profiles import STACKS, TYPE, Filled, send, send_with_source
from tools.local_server import local_server

CREDENTIAL = "a horse's staple"
SINGLE = f"?page=single&from=now-3h&query={quote(TYPE + '{service_name="checkout"}')}"


@pytest.fixture(scope="module")
def closed(chromium: str) -> Iterator[Filled]:  # noqa: ARG001  # no server is started without a browser
    """An empty server that requires a credential, behind a prefix."""
    with local_server(API_CREDENTIAL=CREDENTIAL, PATH_PREFIX="profiles") as running:
        yield Filled(url=running.url)


def send_first(url: str) -> None:
    response = httpx.post(
        f"{url}/ingest?name=first-profile", content=b"main;work 1", auth=("", CREDENTIAL), timeout=30
    )
    assert response.status_code == 200


def test_the_first_profile_opens_automatically_after_sign_in(browser: Browser, closed: Filled) -> None:
    page = browser.new_page(base_url=closed.url)
    page.goto("/profiles")
    expect(page).to_have_url(f"{closed.url}/profiles/")
    dialog = page.get_by_role("dialog", name="Sign in")
    expect(dialog).to_be_visible()
    dialog.get_by_label("Password or token").fill(CREDENTIAL)
    dialog.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Send your first profile")).to_be_visible()
    snippet = page.locator(".snippet code")
    expect(snippet).to_contain_text(f"{closed.url}/profiles/ingest?name=first-profile")
    for client in ("Python", "Go", "Java", "Node.js", "Ruby", ".NET", "Rust", "Alloy"):
        page.get_by_role("button", name=client, exact=True).click()
        expect(snippet).to_contain_text(f"{closed.url}/profiles")
    send_first(closed.url)
    expect(page.get_by_role("tree").first).to_be_attached()
    expect(page.get_by_role("row").filter(has_text="work")).to_be_visible()
    kept = page.evaluate("JSON.stringify(localStorage) + document.cookie + location.href")
    assert CREDENTIAL not in kept
    page.close()


def test_a_wrong_credential_opens_the_sign_in_dialog_again(browser: Browser, closed: Filled) -> None:
    page = browser.new_page(base_url=closed.url)
    page.goto(f"/profiles/{SINGLE}")
    for secret in ("wrong", CREDENTIAL):
        dialog = page.get_by_role("dialog", name="Sign in")
        dialog.get_by_label("Password or token").fill(secret)
        with page.expect_response(re.compile("SelectMergeStacktraces")) as response:
            dialog.get_by_role("button", name="Sign in").click()
        assert response.value.status == (200 if secret == CREDENTIAL else 401)
    expect(page.get_by_role("dialog", name="Sign in")).to_be_hidden()
    page.close()


def test_live_refresh_runs_while_the_page_is_visible(browser: Browser, filled: Filled) -> None:
    page = browser.new_page(base_url=filled.url)
    page.clock.install()
    page.goto(f"/{SINGLE}&refresh=5")
    expect(page.get_by_role("tree").first.get_by_role("treeitem").first).to_be_attached()
    with page.expect_request(re.compile("SelectMergeStacktraces")):
        page.clock.run_for(7_000)
    page.clock.fast_forward("11:00")
    page.clock.run_for(2_000)
    expect(page.locator(".paused")).to_have_text("paused: no input for 10 min")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    page.clock.run_for(20_000)
    assert sent == []
    page.mouse.move(300, 300)
    with page.expect_request(re.compile("SelectMergeStacktraces")):
        page.clock.run_for(7_000)
    page.close()


def test_refresh_keeps_zoom_and_focus(browser: Browser, filled: Filled) -> None:
    now = int(time.time())
    send(filled.url, "refreshed", now - 60, STACKS.format(json=200))
    page = browser.new_page(base_url=filled.url)
    page.goto(f"/{SINGLE.replace('checkout', 'refreshed')}")
    tree = page.get_by_role("tree", name=re.compile("^Flame graph"))
    expect(tree.get_by_role("treeitem").first).to_be_attached()
    tree.focus()
    for key in ("ArrowDown", "ArrowDown", "Enter", "ArrowDown"):
        page.keyboard.press(key)
    focused = tree.locator("[aria-selected=true]")
    before = focused.text_content()
    crumbs = page.get_by_role("navigation", name="Zoomed to")
    zoomed = crumbs.inner_text()
    send(filled.url, "refreshed", now - 30, STACKS.format(json=400))
    with page.expect_response(re.compile("SelectMergeStacktraces")):
        page.evaluate("document.querySelector('[aria-label=\"Refresh\"]').click()")
    expect(focused).not_to_have_text(before or "")
    assert (focused.text_content() or "").split(",")[0] == (before or "").split(",")[0]
    assert crumbs.inner_text() == zoomed
    assert page.evaluate("document.activeElement.getAttribute('role')") == "tree"
    page.close()


def test_one_setting_makes_the_page_show_another_server(browser: Browser, filled: Filled) -> None:
    page: Page
    with local_server(UI_API_URL=filled.url) as other:
        # A server on another origin must allow the page's; its responses are patched to do so.
        context = browser.new_context(base_url=other.url)
        page = context.new_page()

        def with_cors(route: object) -> None:
            response = route.fetch() if route.request.method == "POST" else None  # type: ignore[attr-defined]
            allowed = {"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Headers": "*"}
            if response is None:
                route.fulfill(status=204, headers=allowed)  # type: ignore[attr-defined]
            else:
                route.fulfill(response=response, headers={**response.headers, **allowed})  # type: ignore[attr-defined]

        page.route(re.compile(re.escape(filled.url)), with_cors)
        page.goto(f"/{SINGLE}")
        expect(page.get_by_role("row").filter(has_text="encoding/json.Marshal")).to_be_visible()
        context.close()


def test_source_links_lead_to_the_hosts_of_the_setting(browser: Browser) -> None:
    with local_server(UI_SOURCE_HOSTS="git.example.com=gitlab") as running:
        send_with_source(running.url, int(time.time()) - 60, "https://git.example.com/acme/shop")
        page = browser.new_page(base_url=running.url)
        page.goto(f"/{SINGLE.replace('checkout', 'sourced')}")
        page.get_by_role("row").filter(has_text="shop.Pay").get_by_role("button").click()
        page.get_by_role("button", name="Source").click()
        link = page.locator(".place a")
        expect(link).to_have_attribute("href", "https://git.example.com/acme/shop/-/blob/v1.2/pay.go#L12")
        page.close()
