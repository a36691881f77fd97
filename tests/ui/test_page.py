"""The web page in a browser, with the local server: its use by keyboard and mouse."""

import json
import re
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from playwright.sync_api import Page, Route, expect

from flamehouse.pb.profile_pb2 import Profile
from flamehouse.pb.querier_pb2 import SelectMergeProfileRequest
from tests.ui.profiles import HOSTILE, TYPE, Filled
from tests.ui.steps import SINGLE, flame, parameters, stacks
from tools.page_size import MAX_ADDED_BYTES, MAX_OPENING_BYTES, MAX_PICTURE_BYTES, MAX_VISIT_BYTES, Transfer

SERVE = "github.com/acme/shop/checkout.(*Handler).ServeHTTP"


def selector(region: str = "") -> str:
    return '{service_name="checkout"' + (f', region="{region}"' if region else "") + "}"


def test_services_are_listed_with_types_volume_and_last_upload(page: Page) -> None:
    page.goto("/")
    row = page.get_by_role("row").filter(has_text="checkout")
    expect(row).to_contain_text("process_cpu · cpu")
    expect(row).to_contain_text("ago")
    row.get_by_role("link", name="checkout").click()
    expect(page.get_by_text("functions", exact=False).first).to_be_visible()
    assert parameters(page)["query"] == f"{TYPE}{selector()}"


def test_opening_the_page_transfers_at_most_60_kb(page: Page) -> None:
    transfer = Transfer(page)
    page.goto("/")
    expect(page.get_by_role("row").filter(has_text="checkout")).to_be_visible()
    opening = transfer.size()
    page.get_by_role("link", name="checkout").click()
    flame(page)
    expect(page.locator(".uplot canvas").first).to_be_visible()
    assert 20_000 < opening < MAX_OPENING_BYTES
    assert 20_000 < transfer.size() - opening < MAX_ADDED_BYTES


@pytest.mark.parametrize("way", ["single", "diff"])
def test_a_direct_visit_paints_its_flame_graph_before_it_loads_the_timeline(page: Page, way: str) -> None:
    transfer = Transfer(page)
    timeline: list[Route] = []
    page.route(re.compile(r"/plot\.js$"), lambda route: timeline.append(route))  # noqa: PLW0108  # Playwright marks its handlers
    page.goto(SINGLE.replace("page=single", f"page={way}"))
    flame(page, "Flame graph")
    panel = page.locator(".panel")
    before = panel.bounding_box()
    assert 20_000 < transfer.size() < MAX_PICTURE_BYTES
    for request in timeline:
        request.continue_()
    page.unroute_all()
    expect(page.locator(".uplot canvas").first).to_be_visible()
    assert panel.bounding_box() == before
    assert transfer.size() < MAX_VISIT_BYTES


def test_the_keyboard_alone_leads_from_a_service_to_its_pprof(page: Page, filled: Filled) -> None:
    page.goto("/?page=single")
    keys = page.keyboard
    page.get_by_role("combobox", name="Service").focus()
    keys.type("check")
    expect(page.get_by_role("option", name="checkout")).to_be_visible()
    keys.press("ArrowDown")
    keys.press("Enter")
    page.get_by_role("combobox", name="Profile type").focus()
    keys.press("ArrowDown")
    expect(page.get_by_role("option", name=re.compile("process_cpu"))).to_be_visible()
    keys.press("ArrowDown")
    keys.press("Enter")
    page.locator(".query-bar .time-menu summary").focus()
    keys.press("Enter")
    page.get_by_role("button", name="Last 3 hours").focus()
    keys.press("Enter")
    flame(page)
    keys.press("/")
    keys.type("ServeHTTP")
    # While the search is being typed, more frames match.
    expect(page.locator(".matched")).to_contain_text("matched in 1 frame")
    flame(page)
    keys.press("n")
    keys.press("Enter")
    expect(page.get_by_role("navigation", name="Zoomed to")).to_contain_text("ServeHTTP")
    page.get_by_role("link", name="Diff").focus()
    keys.press("Enter")
    page.get_by_role("combobox", name="Baseline").focus()
    page.get_by_role("combobox", name="Baseline").select_option("hour")
    flame(page, "Flame graph of the difference")
    page.go_back()
    page.go_back()
    flame(page)
    page.locator(".export-menu summary").focus()
    keys.press("Enter")
    page.get_by_role("button", name="Download pprof").focus()
    with page.expect_request(re.compile("/pyroscope/render")) as sent, page.expect_download() as download:
        keys.press("Enter")
    saved = Profile.FromString(download.value.path().read_bytes())
    assert stacks(saved) == stacks(merged_profile(filled, sent.value.url))


def merged_profile(filled: Filled, exported: str) -> Profile:
    """Returns the result of SelectMergeProfile for the selection of an export's URL."""
    request = {name: values[0] for name, values in parse_qs(urlsplit(exported).query).items()}
    profile_type, _, rest = request["query"].partition("{")
    query = SelectMergeProfileRequest(
        profile_typeID=profile_type,
        label_selector="{" + rest,
        start=int(request["from"]),
        end=int(request["until"]),
    )
    response = httpx.post(
        f"{filled.url}/querier.v1.QuerierService/SelectMergeProfile",
        content=query.SerializeToString(),
        headers={"Content-Type": "application/proto"},
        timeout=30,
    )
    return Profile.FromString(response.content)


def test_a_link_opens_the_same_view(page: Page) -> None:
    page.goto(SINGLE)
    flame(page)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    crumbs = page.get_by_role("navigation", name="Zoomed to")
    expect(crumbs).to_contain_text("net/http.(*conn).serve")
    before = crumbs.inner_text()
    page.reload()
    expect(crumbs).to_have_text(re.compile(r"net/http.\(\*conn\).serve"))
    assert crumbs.inner_text() == before
    page.go_back()
    expect(crumbs).to_be_hidden()


def test_the_table_has_the_numbers_of_the_server(page: Page) -> None:
    page.goto(SINGLE)
    row = page.get_by_role("row").filter(has_text="encoding/json.Marshal")
    expect(row).to_be_visible()
    # 18 times 200 samples and 6 times 400, 10 ms each.
    expect(row.get_by_role("cell")).to_have_text(["1 min", "1 min"])


def test_recursion_counts_once_and_folds(page: Page) -> None:
    page.goto(SINGLE)
    row = page.get_by_role("row").filter(has_text="checkout.fib")
    # 24 uploads of 90 samples, 10 ms each.
    expect(row.get_by_role("cell")).to_have_text(["21.6 s", "21.6 s"])
    expect(page.locator(".summary")).to_contain_text("11 frames")
    page.get_by_role("button", name="Fold recursion").click()
    expect(page.locator(".summary")).to_contain_text("9 frames")


def test_the_diff_has_the_numbers_of_the_diff_rpc(page: Page, filled: Filled) -> None:
    page.goto(SINGLE.replace("page=single", "page=tags") + "&groupBy=region")
    for region in ("eu", "us"):
        page.get_by_role("checkbox", name=f"Compare region {region}").check()
    page.get_by_role("button", name="Compare the two").click()
    expect(page.locator(".summary")).to_contain_text("left")
    with page.expect_response(re.compile("/Diff")) as received:
        page.get_by_role("button", name="Refresh").click()
    request = json.loads(received.value.request.post_data or "{}")
    assert [request[side]["labelSelector"] for side in ("left", "right")] == [selector("eu"), selector("us")]
    response = filled.rpc("Diff", request)
    graph = response["flamegraph"]
    assert isinstance(graph, dict)
    ticks = [int(graph[name]) for name in ("leftTicks", "rightTicks")]
    name = graph["names"].index("encoding/json.Marshal")
    values = [int(value) for level in graph["levels"] for value in level["values"]]
    nodes = [values[at : at + 7] for at in range(0, len(values), 7)]
    [node] = [node for node in nodes if node[6] == name]
    shares = [node[1] / ticks[0], node[4] / ticks[1]]
    row = page.get_by_role("row").filter(has_text="encoding/json.Marshal")
    expect(row.get_by_role("cell").first).to_have_text(f"{shares[0] * 100:.1f} %")
    cells = row.get_by_role("cell").all_inner_texts()
    change = shares[1] - shares[0]
    assert cells[1] == f"{shares[1] * 100:.1f} %"
    assert cells[2].replace("\N{MINUS SIGN}", "-") == f"{change * 100:+.2f} pp"


def test_compared_flame_graphs_zoom_together(page: Page) -> None:
    page.goto(SINGLE.replace("page=single", "page=compare"))
    flame(page, "Flame graph, left")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Reset zoom")).to_be_visible()
    for label in ("left", "right"):
        tree = page.get_by_role("tree", name=re.compile(f"^Flame graph, {label}"))
        expect(tree.locator("[aria-selected=true]")).to_contain_text("main.main")


def test_callers_and_callees_of_a_function_are_shown(page: Page) -> None:
    page.goto(SINGLE)
    page.get_by_role("row").filter(has_text="ServeHTTP").get_by_role("button").click()
    page.get_by_role("button", name="Callers & callees").click()
    assert parameters(page)["sandwich"] == SERVE
    callers = page.get_by_role("tree", name=re.compile("^Callers"))
    callees = page.get_by_role("tree", name=re.compile("^Callees"))
    expect(callers.get_by_role("treeitem").nth(1)).to_contain_text("net/http.(*conn).serve")
    expect(callees.get_by_role("treeitem").filter(has_text="encoding/json.Marshal")).to_be_attached()


def test_labels_are_suggested_and_become_chips(page: Page) -> None:
    page.goto(SINGLE)
    box = page.get_by_role("combobox", name="Labels")
    box.click()
    page.get_by_role("option", name="region").click()
    page.get_by_role("option", name='region="eu"').click()
    expect(page.get_by_role("button", name='Remove region="eu"')).to_be_visible()
    assert parameters(page)["query"] == f"{TYPE}{selector('eu')}"
    page.go_back()
    expect(page.get_by_role("button", name='Remove region="eu"')).to_be_hidden()


@pytest.mark.parametrize(
    ("function", "place", "link"),
    [
        (
            "shop.Pay",
            "github.com/acme/shop/pay.go:12",
            "https://github.com/acme/shop/blob/v1.2/pay.go#L12",
        ),
        ("libc.write", "/usr/lib/libc.so", None),
    ],
)
def test_a_function_links_to_its_line_in_the_repository_named_by_labels(
    page: Page, function: str, place: str, link: str | None
) -> None:
    page.goto(SINGLE.replace("checkout", "sourced"))
    page.get_by_role("row").filter(has_text=function).get_by_role("button").click()
    page.get_by_role("button", name="Source").click()
    expect(page.locator(".place")).to_have_text(place)
    links = page.locator(".place a")
    assert [each.get_attribute("href") for each in links.all()] == ([link] if link else [])


def test_a_function_without_a_file_says_so(page: Page) -> None:
    page.goto(SINGLE)
    page.get_by_role("row").filter(has_text="ServeHTTP").get_by_role("button").click()
    page.get_by_role("button", name="Source").click()
    expect(page.locator(".place")).to_contain_text("does not record where")


def test_untrusted_names_are_shown_as_text(page: Page) -> None:
    page.goto(SINGLE.replace("checkout", "strange"))
    expect(page.get_by_role("row").filter(has_text="onerror")).to_be_visible()
    assert page.locator("img").count() == 0
    assert page.get_by_role("row").filter(has_text="nested.(*Tree).Walk").count() == 1
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.goto(SINGLE.replace("checkout", "strange").replace("page=single", "page=tags") + "&groupBy=html")
    expect(page.get_by_role("row").filter(has_text=HOSTILE.replace("=", ""))).to_be_visible()
    assert page.locator("img").count() == 0


def test_exact_sums_come_from_the_whole_profile(page: Page) -> None:
    page.goto(f"{SINGLE}&maxNodes=3")
    page.get_by_role("button", name="Exact sums").click()
    row = page.get_by_role("row").filter(has_text="encoding/json.Marshal")
    expect(row.get_by_role("cell")).to_have_text(["1 min", "1 min"])


def test_other_opens_as_a_query_for_its_call_site(page: Page) -> None:
    page.goto(f"{SINGLE}&maxNodes=4")
    flame(page)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    with page.expect_request(re.compile("SelectMergeStacktraces")) as sent:
        for _ in range(4):
            if "other" in (page.locator("[role=tree] [aria-selected=true]").first.text_content() or ""):
                break
            page.keyboard.press("ArrowRight")
        page.keyboard.press("Enter")
    assert json.loads(sent.value.post_data or "{}")["stackTraceSelector"]["callSite"][0] == {
        "name": "main.main"
    }
    expect(page.get_by_text("Only stacks through")).to_be_visible()


@pytest.mark.parametrize(
    ("status", "body", "output"),
    [
        (401, '{"code":"unauthenticated","message":"credential missing"}', "Sign in to see profiles"),
        (403, '{"code":"permission_denied","message":"no"}', "cannot read profiles"),
        (503, '{"code":"unavailable","message":"waking"}', "The database is waking up"),
        (
            400,
            '{"code":"invalid_argument","message":"the range exceeds 30 days"}',
            "This time range is too long",
        ),
        (429, '{"code":"resource_exhausted","message":"too large"}', "The response is too large"),
        (500, "<html>oops</html>", "The server failed"),
        (200, "<html>a wifi portal</html>", "The server's response cannot be read"),
        (
            200,
            '{"flamegraph":{"levels":[{"values":["1","2","3"]}]}}',
            "The server's response cannot be shown",
        ),
    ],
)
def test_errors_are_shown_in_plain_words(
    page: Page, faults: list[str], status: int, body: str, output: str
) -> None:
    page.route(re.compile("SelectMergeStacktraces"), lambda route: route.fulfill(status=status, body=body))
    page.goto(SINGLE)
    expect(page.locator(".status")).to_contain_text(output)
    # There is no empty panel below it.
    expect(page.locator(".panel")).to_be_hidden()
    page.wait_for_timeout(50)
    # Chromium itself logs each failed request.
    faults[:] = [fault for fault in faults if "Failed to load resource" not in fault]


@pytest.mark.parametrize("body", ["", "export const Other = 1;"], ids=["missing", "another version"])
def test_a_page_whose_files_cannot_be_loaded_offers_to_reload(
    page: Page, faults: list[str], body: str
) -> None:
    file = re.compile(r"/js/panel\.js$")
    page.goto("/")
    page.route(
        file,
        lambda route: route.fulfill(body=body, content_type="text/javascript") if body else route.abort(),
    )
    page.get_by_role("row").get_by_role("link", name="checkout").click()
    expect(page.locator(".status")).to_contain_text("This page cannot be loaded")
    page.unroute(file)
    page.get_by_role("button", name="Reload").click()
    flame(page)
    faults[:] = [fault for fault in faults if "Failed to load resource" not in fault]


def test_a_part_that_cannot_be_loaded_says_so_and_the_rest_still_works(page: Page, faults: list[str]) -> None:
    page.route(re.compile(r"/js/(plot|export|help)\.js$"), lambda route: route.abort())
    page.goto(SINGLE)
    expect(page.locator(".timeline")).to_have_text("The timeline could not be loaded: reload the page.")
    flame(page)
    page.keyboard.press("?")
    expect(page.locator(".toast")).to_contain_text("This page cannot be loaded")
    page.locator(".export-menu summary").click()
    expect(page.locator(".toast")).to_have_count(2)
    expect(page.locator(".export-menu")).not_to_have_attribute("open", "")
    expect(page.get_by_role("row").filter(has_text="encoding/json.Marshal")).to_be_visible()
    faults[:] = [fault for fault in faults if "Failed to load resource" not in fault]


def test_an_unreachable_server_is_reported_in_plain_words(page: Page, faults: list[str]) -> None:
    page.route(re.compile("SelectSeries"), lambda route: route.abort())
    page.goto(SINGLE)
    expect(page.locator(".status")).to_contain_text("The server cannot be reached")
    page.unroute(re.compile("SelectSeries"))
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".status")).to_be_hidden()
    faults[:] = [fault for fault in faults if "Failed to load resource" not in fault]
